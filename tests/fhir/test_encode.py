"""What an alert says in FHIR."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from service.alerts.alert import Action, Alert, State
from service.clinical.causes.cause import Cause, CauseName, Evidence
from service.clinical.episodes import Kind, Plan, Tier
from service.clinical.recommendations import LONGEST_NAME, orderables
from service.fhir.encode import Addresses, encode_issue, referred
from service.fhir.encode_origin import Origin, encode_device, encode_provenance
from service.fhir.encode_requests import encode_requests, request_statuses
from service.fhir.outgoing import InvalidOutgoing, to_bytes, validate_outgoing
from tests.fhir.alert_examples import (
    ALERT_ID,
    AUGUST,
    NOW,
    OTHER_ID,
    alert,
    disposition,
    episode,
    finding,
    key,
    urgent,
    went_on,
)

TO = Addresses(
    patient="Patient/p1",
    issue=f"urn:uuid:{ALERT_ID}",
    author="Device/d1",
    source="clinic",
    public_url="https://watch.clinic.test/",
)


def issue_of(given: Alert, to: Addresses = TO, **more: Any) -> dict[str, Any]:
    issue = encode_issue(given, to, **more)
    validate_outgoing(issue)
    return issue


def requests_of(given: Alert, to: Addresses = TO) -> dict[str, dict[str, Any]]:
    requests = encode_requests(given, to)
    for request in requests.values():
        validate_outgoing(request)
    return requests


def test_an_alert_says_what_was_found_in_whom_and_why() -> None:
    issue = issue_of(alert())
    assert issue["identifier"] == [
        {"system": "https://liverwatch.example/fhir/NamingSystem/alert", "value": str(ALERT_ID)}
    ]
    assert issue["code"]["coding"][0]["code"] == "persistent-elevation"
    assert issue["code"]["text"] == "Persistent elevation: ALT"
    assert issue["severity"] == "low"
    assert issue["patient"] == {"reference": "Patient/p1"}
    assert issue["author"] == {"reference": "Device/d1"}
    assert issue["identifiedDateTime"] == "2024-08-20"
    assert issue["reference"] == "https://watch.clinic.test/rules/persistent-elevation"
    assert "2 results above the limit over 223 days" in issue["detail"]
    assert "82.5 U/L on 2024-08-20, 2.5 × the upper limit of 33 (laboratory)" in issue["detail"]
    assert "Sex is not known" in issue["detail"]
    assert "id" not in issue
    assert issue_of(alert(), with_id=True)["id"] == str(ALERT_ID)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (alert(), "preliminary"),
        (alert(state=State.TAKEN, seen=True), "final"),
        (alert(episode(resolved=date(2024, 9, 1)), state=State.RESOLVED), "final"),
        (
            replace(alert(state=State.ENTERED_IN_ERROR), withdrawn="a result was corrected"),
            "entered-in-error",
        ),
        (replace(alert(state=State.MERGED), merged_into=OTHER_ID), "entered-in-error"),
    ],
)
def test_the_status_follows_the_life_of_the_alert(given: Alert, status: str) -> None:
    assert issue_of(given)["status"] == status


def test_a_withdrawn_alert_says_why_and_a_merged_one_names_its_survivor() -> None:
    withdrawn = replace(alert(state=State.ENTERED_IN_ERROR), withdrawn="a result was corrected")
    assert issue_of(withdrawn)["detail"].startswith("Entered in error: a result was corrected.")
    whole_sentence = replace(withdrawn, withdrawn="None of the results stands any more: moved elsewhere.")
    assert ".." not in issue_of(whole_sentence)["detail"]
    merged = replace(alert(state=State.MERGED), merged_into=OTHER_ID)
    assert str(OTHER_ID) in issue_of(merged)["detail"]


def test_a_resolved_alert_has_a_period_with_its_end() -> None:
    issue = issue_of(alert(episode(resolved=date(2024, 9, 1)), state=State.RESOLVED))
    assert issue["identifiedPeriod"] == {"start": "2024-08-20", "end": "2024-09-01"}
    assert "identifiedDateTime" not in issue


def test_each_observation_is_referred_to_once_and_a_component_by_its_observation() -> None:
    two = finding(evidence=(key("panel", "alt"), key("panel", "ast"), key("alt-2")))
    references = [each["reference"] for each in issue_of(alert(episode(two)))["implicated"]]
    assert references == ["Observation/panel", "Observation/alt-2"]


def test_what_another_server_holds_or_has_deleted_is_named_in_words() -> None:
    given = alert(episode(finding(evidence=(key("alt-1"), key("x", source="laboratory"), key("alt-2")))))
    implicated = issue_of(given, replace(TO, gone=frozenset({"alt-1"})))["implicated"]
    assert implicated == [
        {"display": "A result that has since been retracted or deleted"},
        {"display": "A result in laboratory"},
        {"reference": "Observation/alt-2"},
    ]


def test_what_speaks_for_a_cause_is_evidence_results_first_and_each_once() -> None:
    iron = Evidence("Ferritin 900.", results=(key("ferritin"), key("alt-1")))
    told = Evidence("Recorded.", results=(key("alt-1"),), resources=("Condition/c1", "Condition/c2"))
    for_it = Cause(CauseName.HAEMOCHROMATOSIS, speaks_for=(iron, told))
    against = Cause(CauseName.WILSON, speaks_against=(told,), unknown=(told,), notes=(told,))
    without = Cause(CauseName.ALCOHOL, speaks_for=(Evidence("He says so."),))
    given = alert(replace(episode(), plan=Plan(causes=(for_it, against, without))))
    _finding, iron_overload, alcohol = issue_of(given)["evidence"]
    assert iron_overload["code"][0]["coding"][0] == {
        "system": "https://liverwatch.example/fhir/CodeSystem/cause",
        "code": "haemochromatosis",
        "display": "Haemochromatosis",
    }
    assert iron_overload["code"][0]["text"] == "Possible cause: Haemochromatosis"
    held = ["Observation/ferritin", "Observation/alt-1", "Condition/c1", "Condition/c2"]
    assert [each["reference"] for each in iron_overload["detail"]] == held
    assert alcohol["code"][0]["text"] == "Possible cause: Alcohol"
    assert "detail" not in alcohol


def test_evidence_that_is_gone_is_named_in_words_and_what_is_there_by_its_server() -> None:
    told = Evidence("Recorded.", results=(key("ferritin"),), resources=("Condition/c1", "Condition/c2"))
    given = alert(replace(episode(), plan=Plan(causes=(Cause(CauseName.HEPATITIS_C, speaks_for=(told,)),))))
    to = replace(TO, gone=frozenset({"ferritin", "Condition/c1"}), observation_base="https://ehr.test/")
    assert issue_of(given, to)["evidence"][-1]["detail"] == [
        {"display": "A result that has since been retracted or deleted"},
        {"display": "A part of the record that has since been retracted or deleted"},
        {"reference": "https://ehr.test/Condition/c2"},
    ]


def test_all_that_an_alert_rests_on_in_a_source_is_known_by_what_gone_calls_it() -> None:
    told = Evidence(
        "Recorded.", results=(key("ferritin"), key("x", source="laboratory")), resources=("Condition/c1",)
    )
    doubt = Evidence("Not so.", results=(key("ck"),), resources=("Condition/c9",))
    cause = Cause(CauseName.HEPATITIS_C, speaks_for=(told,), speaks_against=(doubt,))
    assert referred(alert(replace(episode(), plan=Plan(causes=(cause,)))), "clinic") == {
        "Observation/alt-1": "alt-1",
        "Observation/alt-2": "alt-2",
        "Observation/ferritin": "ferritin",
        "Condition/c1": "Condition/c1",
    }


def test_a_finding_for_the_panel_only_is_not_what_the_alert_is_about() -> None:
    panel_only = finding(Kind.WORSENING, tier=Tier.SOON, evidence=(key("ggt"),), alerting=False)
    issue = issue_of(alert(episode(panel_only, finding())))
    assert issue["code"]["coding"][0]["code"] == "persistent-elevation"
    assert {"reference": "Observation/ggt"} not in issue["implicated"]


def test_the_gravest_finding_names_an_urgent_alert() -> None:
    issue = issue_of(urgent())
    assert issue["code"]["coding"][0]["code"] == "hys-law"
    assert issue["severity"] == "high"


def test_only_decisions_that_do_something_become_mitigations_with_their_author() -> None:
    made = [
        disposition(Action.SNOOZE, number=1),
        disposition(Action.ESCALATE, number=2, note="Dr <On Call>\x0b"),
        disposition(Action.REOPEN, number=3),
    ]
    mitigation = issue_of(alert(seen=True), dispositions=made)["mitigation"]
    assert mitigation == [
        {
            "action": {
                "coding": [
                    {"system": "https://liverwatch.example/fhir/CodeSystem/disposition", "code": "escalate"}
                ],
                "text": "Escalated to a physician. Dr <On Call>",
            },
            "date": "2024-08-20T12:00:00.000Z",
            "author": {"type": "Practitioner", "display": "N. Nurse"},
        }
    ]
    assert "mitigation" not in issue_of(alert())


def test_markup_and_control_characters_do_not_get_into_the_narrative() -> None:
    note = replace(episode(), notes=("<script>alert(1)</script>\x00",))
    assert "<script>" not in issue_of(alert(note))["text"]["div"]


def test_the_same_alert_gives_the_same_bytes_whatever_the_order_of_decisions() -> None:
    made = [disposition(Action.TAKE, number=1), disposition(Action.REFER, number=2)]
    assert to_bytes(issue_of(alert(), dispositions=made)) == to_bytes(
        issue_of(alert(), dispositions=made[::-1])
    )


def test_persistence_asks_for_a_panel_and_an_ultrasound() -> None:
    requests = requests_of(alert())
    assert list(requests) == ["liver-ultrasound", "repeat-hepatic-panel"]
    panel = requests["repeat-hepatic-panel"]
    assert panel["code"]["coding"][0]["code"] == "24325-3"
    assert (panel["intent"], panel["status"], panel["priority"]) == ("proposal", "active", "routine")
    assert panel["identifier"][0]["value"] == f"{ALERT_ID}:repeat-hepatic-panel"
    assert panel["supportingInfo"] == [{"reference": f"urn:uuid:{ALERT_ID}"}]
    assert panel["occurrenceDateTime"] == "2024-11-12"
    assert panel["reasonReference"][0] == {"reference": "Observation/alt-1"}
    assert "coding" not in requests["liver-ultrasound"]["code"]


def test_an_urgent_alert_asks_for_an_assessment_on_the_same_day() -> None:
    requests = requests_of(urgent())
    assert next(iter(requests)) == "same-day-assessment"
    assert requests["same-day-assessment"]["occurrenceDateTime"] == AUGUST.isoformat()
    assert requests["repeat-hepatic-panel"]["occurrenceDateTime"] == "2024-08-21"
    assert requests["same-day-assessment"]["priority"] == "asap"


def test_nothing_is_recommended_without_an_alerting_finding() -> None:
    assert alert(replace(episode(), plan=Plan())).steps == ()


@pytest.mark.parametrize("state", [State.RESOLVED, State.ENTERED_IN_ERROR, State.MERGED, State.OVERRIDDEN])
def test_the_steps_of_an_alert_that_is_over_are_revoked(state: State) -> None:
    requests = requests_of(alert(state=state)).values()
    assert {request["status"] for request in requests} == {"revoked"}
    assert all("<b>No longer advised: " in request["text"]["div"] for request in requests)


def test_a_step_no_longer_advised_is_a_revoked_request_after_those_that_are() -> None:
    calmer = went_on(urgent(), alert())
    requests = requests_of(calmer)
    assert list(requests) == ["liver-ultrasound", "repeat-hepatic-panel", "same-day-assessment"]
    past = requests["same-day-assessment"]
    assert (past["status"], past["code"]) == ("revoked", requests_of(urgent())["same-day-assessment"]["code"])
    assert past["note"] == [{"text": "No longer advised by Liverwatch."}]
    assert past["identifier"][0]["value"] == f"{ALERT_ID}:same-day-assessment"
    assert requests_of(went_on(calmer, urgent()))["same-day-assessment"]["status"] == "active"


def test_a_step_that_no_catalogue_knows_any_more_stays_as_a_revoked_request() -> None:
    past = requests_of(replace(alert(), no_longer_advised=frozenset({"liver-leeches"})))["liver-leeches"]
    assert (past["status"], past["code"]) == ("revoked", {"text": "Liver leeches"})


@pytest.mark.parametrize(
    "given", [alert(), urgent(), alert(state=State.OVERRIDDEN), went_on(urgent(), alert())]
)
def test_the_statuses_told_are_those_of_the_requests(given: Alert) -> None:
    told = {name: request["status"] for name, request in encode_requests(given, TO).items()}
    assert request_statuses(given) == told


def test_every_step_in_the_catalogue_fits_into_an_id() -> None:
    assert all(len(name) <= LONGEST_NAME and order.text for name, order in orderables().items())


def test_provenance_names_the_software_the_rulebook_and_the_versions_read() -> None:
    origin = Origin("1.2.3", "ab" * 32, {"alt-2": "7"})
    provenance = encode_provenance(alert(), TO, ["DetectedIssue/i1", "ServiceRequest/s1"], origin, NOW)
    validate_outgoing(provenance)
    assert provenance["meta"]["tag"][0]["code"] == f"{ALERT_ID}.1"
    assert [each["reference"] for each in provenance["target"]] == ["DetectedIssue/i1", "ServiceRequest/s1"]
    assert [each["what"]["reference"] for each in provenance["entity"]] == [
        "Observation/alt-1",
        "Observation/alt-2/_history/7",
    ]
    device = provenance["contained"][0]
    assert [each["value"] for each in device["version"]] == ["1.2.3", "ab" * 32]
    assert device["parent"] == {"reference": "Device/d1"}


def test_our_device_is_valid() -> None:
    validate_outgoing(encode_device())


@pytest.mark.parametrize(
    ("element", "value"),
    [("status", "bogus"), ("severity", "critical"), ("identified", "2024"), ("patient", "Smith")],
)
def test_a_resource_that_is_not_valid_does_not_leave_and_the_refusal_shows_no_content(
    element: str, value: str
) -> None:
    with pytest.raises(InvalidOutgoing) as refused:
        validate_outgoing({**encode_issue(alert(), TO), element: value})
    assert element in refused.value.message
    assert value not in refused.value.message


def test_a_wrong_code_is_found_in_a_bundle_and_in_a_contained_resource() -> None:
    wrong = {**encode_issue(alert(), TO), "severity": "severe"}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": wrong}]}
    with pytest.raises(InvalidOutgoing, match=r"DetectedIssue\.severity"):
        validate_outgoing(bundle)
    device = {**encode_device(), "status": "working"}
    with pytest.raises(InvalidOutgoing, match=r"Device\.status"):
        validate_outgoing({**encode_issue(alert(), TO), "contained": [device]})


def test_only_types_with_a_table_of_required_codes_are_sent() -> None:
    with pytest.raises(InvalidOutgoing):
        validate_outgoing({"resourceType": "Patient"})
