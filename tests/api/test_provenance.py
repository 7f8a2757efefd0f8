"""What an alert was decided with and from, over FHIR."""

import json

import fhirkit
import pytest
from starlette.testclient import TestClient

from service.clinical.rulebook import load_rulebook
from service.fhir import names
from service.settings import code_version
from service.store import decisions
from service.store.decisions import Decision, Outcome
from service.store.session import writing
from tests.api.reading_room import BASE, EHR, ReadingRoom, matches, number
from tests.fhir.alert_examples import advising, alert


def test_a_provenance_names_what_was_written_and_what_it_was_decided_with(
    room: ReadingRoom, client: TestClient
) -> None:
    stored = room.put(1, advising(alert(), "patient-education"))
    with writing(room.engine) as connection:
        judged = Decision(stored.subject, room.now, room.now, "[]", "[]", "ab" * 32, "cd" * 32, "1.2.3", "")
        decisions.record(connection, [(judged, Outcome("ef" * 32, b"{}"))])
    made = client.get(f"/fhir/Provenance/{number(1)}").json()
    assert [str(each) for each in fhirkit.validate(json.dumps(made))] == []
    for each in made["target"]:
        assert client.get(f"/fhir/{each['reference']}").status_code == 200
    assert made["target"][0]["reference"] == f"DetectedIssue/{number(1)}"
    assert {each["reference"].partition("/")[0] for each in made["target"]} == {
        *("DetectedIssue", "ServiceRequest", "CommunicationRequest", "Task")
    }
    (software,) = made["contained"]
    assert [each["value"] for each in software["version"]] == ["1.2.3", "ab" * 32]
    assert made["entity"][0]["what"]["reference"].startswith(f"{EHR}/Observation/")
    tags = {each["system"]: each["code"] for each in made["meta"]["tag"]}
    assert tags[names.REVISION] == names.revision_code(stored.id, stored.revision)


def test_an_alert_that_nothing_says_more_of_was_decided_by_this_release(
    room: ReadingRoom, client: TestClient
) -> None:
    room.put(1)
    (software,) = client.get(f"/fhir/Provenance/{number(1)}").json()["contained"]
    assert [each["value"] for each in software["version"]] == [code_version(), load_rulebook().digest]


@pytest.mark.parametrize(
    "target",
    [
        *(f"DetectedIssue/{number(1)}", str(number(1)), f"{BASE}/DetectedIssue/{number(1)}"),
        *(f"ServiceRequest/{number(1)}-repeat-hepatic-panel", f"Task/{number(1)}-repeat-hepatic-panel"),
    ],
)
def test_a_provenance_is_found_by_what_it_is_about(
    room: ReadingRoom, client: TestClient, target: str
) -> None:
    room.put(1)
    room.put(2)
    strict = {"Prefer": "handling=strict"}
    found = client.get("/fhir/Provenance", params={"target": target}, headers=strict)
    assert matches(found.json()) == [str(number(1))]
    assert matches(client.get("/fhir/Provenance?target=Patient/p1").json()) == []


def test_a_provenance_is_found_by_when_and_has_no_status(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    before = room.now
    room.put(2, later=60)
    found = client.get("/fhir/Provenance", params={"recorded": f"gt{before.isoformat()}"})
    assert matches(found.json()) == [str(number(2))]
    strict = {"Prefer": "handling=strict"}
    assert client.get("/fhir/Provenance?status=final", headers=strict).status_code == 400
    assert client.get("/fhir/Provenance?recorded=soon").status_code == 400
