"""`liverwatch patient export`: a person's whole record in one file."""

import json
from pathlib import Path
from typing import Any

import fhirkit
import pytest
from sqlalchemy import Engine

from service.fhir.outgoing import validate_outgoing
from tests.commands import Run, audited
from tests.fhir.balp import broken
from tests.liver_files import persistent, person, write_lines


@pytest.fixture
def exported(run: Run, tmp_path: Path) -> Any:
    """The entries of a record with an alert, one corrected result, and another patient beside it."""
    results = persistent("p1")
    corrected = {**results[0], "meta": {"versionId": "2"}, "status": "corrected"}
    given = [person("p1"), *results, corrected, person("p2"), *persistent("p2")]
    run("load", write_lines(tmp_path / "given.ndjson", given), "--source", "clinic")
    run("alerts", "--patient", "p1")
    assert run("patient", "export", "p1", "--to", tmp_path / "p1.json").code == 0
    bundle = json.loads((tmp_path / "p1.json").read_bytes())
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    return bundle["entry"]


def of_kind(entries: Any, kind: str) -> list[Any]:
    return [each["resource"] for each in entries if each["resource"]["resourceType"] == kind]


def test_everything_of_the_patient_is_in_it_and_nothing_of_others(exported: Any) -> None:
    assert [each["id"] for each in of_kind(exported, "Patient")] == ["p1"]
    assert len(of_kind(exported, "Observation")) == len(persistent("p1")) + 1
    for kind in ("DetectedIssue", "ServiceRequest", "Provenance"):
        assert of_kind(exported, kind)
        for each in of_kind(exported, kind):
            validate_outgoing(each)
            assert [str(one) for one in fhirkit.validate(json.dumps(each))] == []
    text = json.dumps(exported)
    assert "Patient/p2" not in text
    urls = [each["fullUrl"] for each in exported if "fullUrl" in each]
    assert len(urls) == len(set(urls)) == len(exported) - 1  # all but the superseded version


def test_who_looked_is_in_it_the_export_too(exported: Any) -> None:
    events = of_kind(exported, "AuditEvent")
    own = [each["subtype"][-1]["code"] for each in events]
    assert own == ["read-alerts", "patient-export"]
    for each in events:
        validate_outgoing(each)
        assert broken(each) == []


def test_what_was_received_is_in_it_digit_for_digit(run: Run, tmp_path: Path) -> None:
    line = json.dumps(persistent("p1")[0])
    value = json.loads(line)["valueQuantity"]["value"]
    line = line.replace(f'"value": {value}', f'"value": {value}.500', 1)
    (tmp_path / "one.ndjson").write_text(line)
    run("load", tmp_path / "one.ndjson")
    run("patient", "export", "p1", "--to", tmp_path / "p1.json")
    assert line.encode() in (tmp_path / "p1.json").read_bytes()


def test_the_file_is_new_and_for_its_owner_alone(run: Run, engine: Engine, tmp_path: Path) -> None:
    run("load", write_lines(tmp_path / "given.ndjson", [person("p1"), *persistent("p1")]))
    target = tmp_path / "p1.json"
    target.write_text("mine")
    assert run("patient", "export", "p1", "--to", target).code == 1
    assert target.read_text() == "mine"
    assert run("patient", "export", "p1", "--to", tmp_path / "new.json").code == 0
    assert (tmp_path / "new.json").stat().st_mode & 0o777 == 0o600
    assert run("patient", "export", "p9", "--to", tmp_path / "none.json").code == 1
    assert not (tmp_path / "none.json").exists()
    assert audited(engine).count("patient-export") == 2  # the record was read, whatever became of the file
