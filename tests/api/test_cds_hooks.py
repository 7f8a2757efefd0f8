"""What an EHR's user sees on opening a record."""

from typing import Any
from uuid import uuid4

import pytest
from fhir.resources.R4B import get_fhir_model_class
from sqlalchemy import select
from starlette.testclient import TestClient

from service.alerts.alert import Action, OverrideReason, State
from service.fhir import names
from service.review import dispose
from service.store.schema import patient
from service.store.session import reading
from tests.api.cds_room import (
    ANNEX_ISSUER,
    NOW,
    PUBLIC_URL,
    RULES,
    SERVICE,
    CdsRoom,
    call,
    cards,
    post,
    token,
)
from tests.liver_files import persistent, result


def decide(cds: CdsRoom, action: Action, **more: Any) -> None:
    (alert,) = cds.alerts()
    dispose(cds.engine, alert.id, action, by="nurse Adams", rules=RULES, now=NOW, **more)


def test_discovery_names_the_one_service_to_anybody(ehr: TestClient) -> None:
    answer = ehr.get("/cds-services")
    assert answer.status_code == 200
    (service,) = answer.json()["services"]
    assert (service["id"], service["hook"]) == ("liverwatch-patient-view", "patient-view")
    assert {"title", "description", "usageRequirements"} <= service.keys()


def test_an_open_alert_is_a_card_that_says_why_and_proposes_orders(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    assert card["summary"].startswith("Persistent elevation: ALT")
    assert len(card["summary"]) < 140
    assert card["indicator"] == "info"
    assert "**Why**" in card["detail"]
    assert "80 U/L" in card["detail"]
    assert card["source"]["url"] == f"{PUBLIC_URL}/rules/persistent-elevation"
    assert {link["type"] for link in card["links"]} == {"absolute"}
    assert card["selectionBehavior"] == "any"
    assert [each["code"] for each in card["overrideReasons"]] == list(OverrideReason)
    assert all(each["display"] for each in card["overrideReasons"])


def test_each_suggestion_creates_a_valid_proposal_for_the_patient_at_the_ehr(
    cds: CdsRoom, ehr: TestClient
) -> None:
    cds.feed(persistent("p1"))
    (alert,) = cds.alerts()
    (card,) = cards(ehr)
    assert card["suggestions"]
    for suggestion in card["suggestions"]:
        (action,) = suggestion["actions"]
        order = action["resource"]
        assert action["type"] == "create"
        get_fhir_model_class("ServiceRequest").model_validate(order)
        assert (order["intent"], order["subject"]) == ("proposal", {"reference": "Patient/p1"})
        assert order["supportingInfo"][0]["identifier"] == {"system": names.ALERT, "value": str(alert.id)}
    assert any(each["isRecommended"] for each in card["suggestions"])


def test_an_accepted_order_is_not_taken_for_our_own_proposal(cds: CdsRoom, ehr: TestClient) -> None:
    """What carries our identifier in the EHR is updated and revoked by us; an order is the clinician's."""
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    for suggestion in card["suggestions"]:
        order = suggestion["actions"][0]["resource"]
        assert "identifier" not in order
        assert order["basedOn"][0]["identifier"]["system"] == names.STEP


def test_a_card_keeps_its_id_until_its_alert_changes(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    (before,) = cards(ehr)
    (again,) = cards(ehr)
    assert before == again
    cds.feed([result("more", "p1", "2024-09-08", 85)])
    (after,) = cards(ehr)
    assert after["uuid"] != before["uuid"]


def test_the_most_urgent_alert_comes_first_and_is_critical(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed([*persistent("p1"), result("high", "p1", "2024-09-08", 1284)])
    assert cards(ehr)[0]["indicator"] == "critical"


def test_nobody_else_s_patient_and_no_patient_without_alerts_has_cards(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed([*persistent("p1"), result("normal", "well", "2024-09-08", 20)])
    cds.feed(persistent("theirs"), "annex")
    assert cards(ehr, "well") == cards(ehr, "unknown") == cards(ehr, "theirs") == []
    answer = post(ehr, SERVICE, call("p1"), token(iss=ANNEX_ISSUER))
    assert (answer.status_code, answer.json()) == (200, {"cards": []})
    answer = post(ehr, SERVICE, call("theirs"), token(iss=ANNEX_ISSUER))
    assert len(answer.json()["cards"]) == 1


def test_an_id_of_another_server_is_refused_rather_than_mistaken(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    assert len(cards(ehr, fhirServer="https://ehr.clinic.test/r4/")) == 1
    answer = post(ehr, SERVICE, call(fhirServer="https://elsewhere.test/r4"))
    assert answer.status_code == 400
    assert "Place: fhirServer." in answer.text


@pytest.mark.parametrize(
    ("action", "more"),
    [
        (Action.SNOOZE, {"until_next_result": True}),
        (Action.KNOWN_CAUSE, {}),
        (Action.OVERRIDE, {"reason": "already-managed"}),
    ],
)
def test_what_sleeps_or_was_overridden_interrupts_nobody(
    cds: CdsRoom, ehr: TestClient, action: Action, more: dict[str, Any]
) -> None:
    cds.feed(persistent("p1"))
    decide(cds, action, **more)
    assert cards(ehr) == []


def test_a_card_says_who_has_taken_the_alert_on(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    decide(cds, Action.TAKE)
    (card,) = cards(ehr)
    assert card["detail"].startswith("Taken on by nurse Adams.")
    assert cds.alerts()[0].state is State.TAKEN


def test_what_is_written_for_staff_is_not_shown_to_patients(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    for user in ("Patient/p1", "RelatedPerson/r1"):
        assert cards(ehr, context={"userId": user, "patientId": "p1"}) == []


def test_every_call_is_audited_with_its_user_whether_there_were_cards_or_not(
    cds: CdsRoom, ehr: TestClient
) -> None:
    cds.feed(persistent("p1"))
    cards(ehr)
    cards(ehr, "unknown")
    with reading(cds.engine) as connection:
        row = connection.execute(select(patient.c.id, patient.c.source_id)).one()
    first, second = cds.audited("cds-cards")
    assert first[:3] == ("cds:Practitioner/dr-bo", row.source_id, row.id)
    assert second[:3] == ("cds:Practitioner/dr-bo", row.source_id, None)
    assert [each[3]["count"] for each in (first, second)] == [1, 0]
    assert first[3]["request"] != second[3]["request"]


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"hook": "order-sign"}, "hook"),
        ({"hookInstance": "not-a-uuid"}, "hookInstance"),
        ({"hookInstance": f"{{{uuid4()}}}"}, "hookInstance"),
        ({"context": {"userId": "Practitioner/x", "patientId": "a/b"}}, "context.patientId"),
        ({"context": {"userId": "somebody", "patientId": "p1"}}, "context.userId"),
        ({"context": {"patientId": "p1"}}, "context"),
    ],
)
def test_a_call_that_is_none_is_refused_and_the_field_named(
    ehr: TestClient, changed: dict[str, Any], where: str
) -> None:
    answer = post(ehr, SERVICE, call(**changed))
    assert answer.status_code == 400
    assert f"Place: {where}." in answer.text


def test_a_service_that_is_not_there_is_not_found(ehr: TestClient) -> None:
    assert post(ehr, "/cds-services/other", call()).status_code == 404
