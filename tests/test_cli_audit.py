"""`liverwatch audit who`, as a person at the keyboard meets it."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from service.clinical.rulebook import load_rulebook
from service.store import glass, patients, sources, users
from service.store.decisions import write_audit
from service.store.glass import Reason
from service.store.schema import audit
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from service.store.users import Account, Role
from tests.commands import Run

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _looked_at(engine: Engine) -> None:
    """A patient at whom a nurse looked through the glass, and a program by right; and two of another id."""
    with writing(engine) as connection:
        clinic = sources.add(connection, "clinic", SourceSettings(), "secret", NOW).id
        annex = sources.add(connection, "annex", SourceSettings(), "secret", NOW).id
        number = patients.named(connection, clinic, ["p1"])["p1"].id
        patients.named(connection, clinic, ["p2"])
        patients.named(connection, annex, ["p2"])
        bell = Account("bell", "Bell", frozenset({Role.NURSE}), frozenset(), None, False, None, active=True)
        users.add(connection, bell, NOW)
        until = NOW + timedelta(hours=1)
        glass.open_record(connection, "bell", number, Reason.COVER, '=on call, "tonight"', NOW, until)
        for actor, action, detail in (
            ("user:bell", "read-patient", {"found": True, "glass": True}),
            ("reader:ward", "read", {"resource": "DetectedIssue", "count": 1}),
        ):
            write_audit(
                connection,
                at=NOW + timedelta(minutes=1),
                actor=actor,
                action=action,
                source_id=clinic,
                patient_id=number,
                detail=detail,
            )


def test_who_looked_is_told_with_the_reason_as_json_and_csv(run: Run) -> None:
    told: list[dict[str, Any]] = run("audit", "who", "--patient", "p1", "--json").json
    mine, ward, bell = told
    assert mine["what"] == "Read who looked at this record"
    assert (ward["actor"], ward["reason"]) == ("reader:ward", "")
    assert (bell["name"], bell["reason"], bell["words"]) == ("Bell", "cover", '=on call, "tonight"')
    assert (bell["at"], bell["whole_list"]) == ("2026-03-02T08:01:00+00:00", False)
    rows = list(csv.DictReader(io.StringIO(run("audit", "who", "--patient", "p1", "--csv").out)))
    assert [row["actor"] for row in rows][2:] == ["reader:ward", "user:bell"]
    assert rows[-1]["words"] == '\'=on call, "tonight"'
    assert "Bell" in run("audit", "who", "--patient", "p1").out


def test_a_patient_is_named_by_one_source_and_by_one_id(run: Run) -> None:
    assert run("audit", "who", "--patient", "p2").code == 1
    assert run("audit", "who", "--patient", "p2", "--source", "annex").code == 0
    assert run("audit", "who", "--patient", "p9").code == 1
    assert run("audit", "who", "--patient", "p1", "--source", "nowhere").code == 1
    assert run("audit", "who", "--patient", "p1", "--json", "--csv").code == 2


def test_what_was_listed_of_one_patient_is_told_of_them_and_of_all_of_everybody(run: Run) -> None:
    run("alerts", "--patient", "p1")
    run("episodes", "--patient", "p2")
    run("alerts")
    told = run("audit", "who", "--patient", "p1", "--json").json
    lists = [(each["what"], each["whole_list"]) for each in told if "Listed" in each["what"]]
    assert lists == [
        ("Listed alerts on the command line", True),
        ("Listed alerts on the command line", False),
    ]


def test_loading_and_judging_again_are_noted_with_what_was_judged_by(
    run: Run, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "one.ndjson").write_text("")
    run("load", tmp_path / "one.ndjson", "--source", "clinic")
    run("rejudge", "--all")
    run("sweep")
    with reading(engine) as connection:
        rows = connection.execute(select(audit.c.action, audit.c.detail).order_by(audit.c.id)).all()
    noted = {row.action: json.loads(row.detail) for row in rows}
    assert noted["load"] == {"files": 1}
    for action in ("rejudge", "sweep"):
        assert (noted[action]["rulebook"], noted[action]["clock"]) == (load_rulebook().digest, "data")
    assert noted["rejudge"]["everyone"] is True
