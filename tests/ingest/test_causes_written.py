"""What speaks for a cause stands in what the EHR is written, as long as the EHR holds it."""

from typing import Any

from service.alerts.alert import Alert, State
from service.deliver.letters import read_letter
from service.fhir import names
from service.fhir.changes import Known
from service.fhir.outgoing import validate_outgoing
from service.store.session import reading
from tests.ingest.feeding import Feed, Resource, persistent, statin

STATIN = {"reference": "MedicationRequest/s1"}
VIRUS = {"reference": "Condition/c1"}
NOT_THERE = {"display": "A part of the record that has since been retracted or deleted"}


def hepatitis_b(version: int = 1, verification: str = "confirmed") -> Resource:
    return {
        "resourceType": "Condition",
        "id": "c1",
        "meta": {"versionId": str(version)},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": verification}]},
        "code": {"text": "Chronic hepatitis B"},
        "subject": {"reference": "Patient/p1"},
        "recordedDate": "2019-01-01",
    }


def grounds(feed: Feed, alert: Alert) -> dict[str, list[Any]]:
    """Of each possible cause that the written DetectedIssue names: what it refers to."""
    with reading(feed.engine) as connection:
        letter = read_letter(connection, alert.id, software="1", rulebook_digest="ab" * 32)
    wanted = letter.wanted("Device/1", "https://watch.test", "2026.1", Known())
    issue, *_rest = wanted.referring({names.ISSUE: "1"})
    validate_outgoing(issue)
    codes = ((each["code"][0]["coding"][0], each.get("detail", [])) for each in issue["evidence"])
    return {coding["code"]: details for coding, details in codes if coding["system"] == names.CAUSE}


def test_the_conditions_and_drugs_that_speak_for_a_cause_are_its_evidence(feed: Feed) -> None:
    feed.send(*persistent(), statin("s1", "p1"), hepatitis_b())
    written = grounds(feed, feed.alert())
    assert written["hepatitis-b"] == [VIRUS]
    assert written["drug-injury"] == [STATIN]


def test_a_condition_and_a_drug_that_are_gone_are_evidence_no_more(feed: Feed) -> None:
    feed.send(*persistent(), statin("s1", "p1"), hepatitis_b())
    feed.send_each(hepatitis_b(2, "entered-in-error"))
    feed.delete("MedicationRequest", "s1")
    written = grounds(feed, feed.alert())
    assert not {"hepatitis-b", "drug-injury"} & written.keys()


def test_what_is_gone_is_not_referred_to_by_an_alert_that_tells_how_it_once_was(feed: Feed) -> None:
    results = persistent()
    feed.send(*results, statin("s1", "p1"), hepatitis_b())
    alert = feed.alert()
    for each in results:
        feed.delete("Observation", each["id"])
    (withdrawn,) = feed.alerts(gone=True)
    assert withdrawn.state is State.ENTERED_IN_ERROR
    assert (grounds(feed, alert)["hepatitis-b"], grounds(feed, alert)["drug-injury"]) == ([VIRUS], [STATIN])
    feed.delete("Condition", "c1")
    feed.delete("MedicationRequest", "s1")
    written = grounds(feed, alert)
    assert (written["hepatitis-b"], written["drug-injury"]) == ([NOT_THERE], [NOT_THERE])
