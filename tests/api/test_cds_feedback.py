"""What users did with cards becomes decisions about alerts."""

from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from service.alerts.alert import Action, State
from service.fhir import names
from service.review import dispose
from tests.api.cds_room import (
    ANNEX_ISSUER,
    FEEDBACK,
    NOW,
    PUBLIC_URL,
    RULES,
    SERVICE,
    CdsRoom,
    Json,
    cards,
    post,
    token,
)
from tests.liver_files import in_mg_per_dl, persistent, result


def overridden(card: str, code: str | None = "already-managed", at: str = "10:00", **more: Any) -> Json:
    reason = {"reason": {"code": code, "system": names.OVERRIDE_REASON}} if code else {}
    return {
        "card": card,
        "outcome": "overridden",
        "overrideReason": {**reason, **more},
        "outcomeTimestamp": f"2024-09-10T{at}:00Z",
    }


def accepted(card: Json, at: str = "10:00") -> Json:
    return {
        "card": card["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": each["uuid"]} for each in card["suggestions"][:1]],
        "outcomeTimestamp": f"2024-09-10T{at}:00Z",
    }


def told(client: TestClient, *entries: Json, **claims: Any) -> Any:
    of = token(aud=f"{PUBLIC_URL}{FEEDBACK}", **claims)
    return post(client, FEEDBACK, {"feedback": list(entries)}, of)


def test_a_dismissed_card_overrides_its_alert_with_reason_and_comment(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    assert told(ehr, overridden(card["uuid"], userComment="known"), sub="Dr Bo").status_code == 200
    (made,) = cds.dispositions()
    assert (made.action, made.reason, made.note, made.by) == (
        Action.OVERRIDE,
        "already-managed",
        "known",
        "Dr Bo",
    )
    assert cds.alerts()[0].state is State.OVERRIDDEN
    assert [each[0] for each in cds.audited("dispose-override")] == ["Dr Bo"]
    assert cards(ehr) == []


def test_an_accepted_suggestion_takes_the_alert_on_and_says_what_was_accepted(
    cds: CdsRoom, ehr: TestClient
) -> None:
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    assert told(ehr, accepted(card), sub="Dr Bo").status_code == 200
    (made,) = cds.dispositions()
    assert (made.action, made.note) == (Action.TAKE, f"Accepted: {card['suggestions'][0]['label']}")
    assert (cds.alerts()[0].state, cds.alerts()[0].owner) == (State.TAKEN, "Dr Bo")


def test_where_the_token_names_nobody_its_issuer_stands_for_the_user(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    told(ehr, overridden(card["uuid"]))
    assert cds.dispositions()[0].by == "https://ehr.clinic.test/"


@pytest.mark.parametrize(
    ("entry", "note"),
    [
        ({"outcome": "overridden"}, ""),
        ({"outcome": "overridden", "overrideReason": {"userComment": "later"}}, "later"),
        (
            {
                "outcome": "overridden",
                "overrideReason": {
                    "reason": {"code": "x1", "system": "https://ehr.test", "display": "Not now"},
                    "userComment": "busy",
                },
            },
            "Not now: busy",
        ),
    ],
)
def test_no_reason_or_one_of_the_client_s_own_is_kept_as_other(
    cds: CdsRoom, ehr: TestClient, entry: Json, note: str
) -> None:
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    answer = told(ehr, {"card": card["uuid"], "outcomeTimestamp": "2024-09-10T10:00:00+02:00", **entry})
    assert answer.status_code == 200
    (made,) = cds.dispositions()
    assert (made.reason, made.note) == ("other", note)


def test_the_same_feedback_again_changes_nothing(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    entry = overridden(card["uuid"])
    assert [told(ehr, entry).status_code for _ in range(3)] == [200] * 3
    assert told(ehr, entry, entry).status_code == 200
    assert len(cds.dispositions()) == 1


def test_two_suggestions_accepted_in_the_same_moment_are_both_kept(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    first, second = (
        {**accepted(card), "acceptedSuggestions": [{"id": each["uuid"]}]} for each in card["suggestions"][:2]
    )
    assert told(ehr, first, second).status_code == 200
    assert {each.note for each in cds.dispositions()} == {
        f"Accepted: {each['label']}" for each in card["suggestions"][:2]
    }


def test_feedback_about_several_cards_is_kept_together_or_not_at_all(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed([*persistent("p1"), *persistent("p2")])
    (first,), (second,) = cards(ehr, "p1"), cards(ehr, "p2")
    answer = told(ehr, overridden(first["uuid"], at="11:00"), overridden(str(uuid4())))
    assert answer.status_code == 404
    assert "Place: feedback[1].card." in answer.text
    dispose(
        cds.engine,
        cds.alerts()[1].id,
        Action.OVERRIDE,
        by="nurse",
        rules=RULES,
        now=NOW,
        reason="duplicate",
    )
    assert told(ehr, overridden(first["uuid"]), overridden(second["uuid"])).status_code == 409
    assert [each.by for each in cds.dispositions()] == ["nurse"]
    assert told(ehr, overridden(first["uuid"]), accepted(second)).status_code == 200
    assert [each.state for each in cds.alerts()] == [State.OVERRIDDEN, State.TAKEN]


def test_what_was_done_to_one_card_counts_in_the_order_it_was_done(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    assert told(ehr, overridden(card["uuid"], at="10:05"), accepted(card, at="10:00")).status_code == 200
    assert cds.alerts()[0].state is State.OVERRIDDEN


def test_a_card_seen_before_the_alert_became_more_urgent_decides_nothing(
    cds: CdsRoom, ehr: TestClient
) -> None:
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    cds.feed([result("high", "p1", "2024-09-08", 1284)])
    assert told(ehr, overridden(card["uuid"])).status_code == 409
    assert cds.dispositions() == []


def test_a_card_seen_before_another_urgent_finding_decides_nothing(cds: CdsRoom, ehr: TestClient) -> None:
    severe = result("severe", "p1", "2024-09-08", 1284)
    cds.feed([severe])
    (card,) = cards(ehr)
    bilirubin = result("b", "p1", "2024-09-09", analyte="bilirubin", **in_mg_per_dl(5, 1.2))
    cds.feed([result("a", "p1", "2024-09-09", 1284), bilirubin, result("alp", "p1", "2024-09-09", 35, "ALP")])
    assert told(ehr, overridden(card["uuid"])).status_code == 409
    assert cds.dispositions() == []


def test_a_card_of_another_source_is_not_found(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    assert told(ehr, overridden(card["uuid"]), iss=ANNEX_ISSUER).status_code == 404
    assert cds.dispositions() == []


def test_a_suggestion_of_another_card_is_refused(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed([*persistent("p1"), *persistent("p2")])
    (first,), (second,) = cards(ehr, "p1"), cards(ehr, "p2")
    mixed = {**accepted(second), "card": first["uuid"]}
    assert told(ehr, mixed).status_code == 400
    assert cds.dispositions() == []


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"outcome": "ignored"}, "feedback[0].outcome"),
        ({"outcome": "accepted"}, "feedback[0].acceptedSuggestions"),
        ({"outcomeTimestamp": "2024-09-10T10:00:00"}, "feedback[0].outcomeTimestamp"),
        ({"outcomeTimestamp": "yesterday"}, "feedback[0].outcomeTimestamp"),
        ({"overrideReason": {"userComment": "x" * 2001}}, "feedback[0].overrideReason.userComment"),
    ],
)
def test_feedback_that_is_none_is_refused_and_the_field_named(
    ehr: TestClient, changed: Json, where: str
) -> None:
    answer = told(ehr, {**overridden(str(uuid4())), **changed})
    assert answer.status_code == 400
    assert f"Place: {where}." in answer.text


def test_a_token_for_the_service_itself_is_good_for_its_feedback(cds: CdsRoom, ehr: TestClient) -> None:
    cds.feed(persistent("p1"))
    (card,) = cards(ehr)
    answer = post(
        ehr, FEEDBACK, {"feedback": [overridden(card["uuid"])]}, token(aud=f"{PUBLIC_URL}{SERVICE}")
    )
    assert answer.status_code == 200
