"""What the EHR is written of rechecks and monitoring dates that were missed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from service.alerts.alert import Action, Alert, State
from service.alerts.follow_up import with_follow_up
from service.clinical.episodes import Episode, Family, Plan, Tier
from service.clinical.recommendations import steps_of
from service.fhir.encode import Addresses, encode_issue
from service.fhir.encode_requests import encode_requests
from service.fhir.outgoing import validate_outgoing
from tests.alerts.making import decision, drug_cause, episode, moment, ordered, recheck
from tests.clinical.records import ALP, ALT, GGT, When, judged, man, missed, multiples
from tests.fhir.alert_examples import ALERT_ID, NOW

TO = Addresses("Patient/p", "DetectedIssue/i", "Device/d", "lab", "https://liverwatch.example")


def alert(of: Episode, state: State = State.OPEN) -> Alert:
    assert of.tier is not None
    advised = frozenset(step.name for step in steps_of(of))
    return Alert(ALERT_ID, 1, of.family, state, of.tier, NOW, of, advised=advised)


def requests(of: Episode, state: State = State.OPEN) -> dict[str, Any]:
    made = encode_requests(alert(of, state), TO)
    for each in made.values():
        validate_outgoing(each)
    return made


def issue(of: Episode, state: State = State.OPEN) -> Any:
    made = encode_issue(alert(of, state), TO)
    validate_outgoing(made)
    return made


def late(multiple: str, *, repeat: int | None = None, of: Any = ALT, on: int = 100) -> Episode:
    """A recheck of a result of day 0 that is overdue on day `on`, or came then."""
    values: dict[When, object] = {0: multiple} if repeat is None else {0: multiple, repeat: "0.5"}
    (one,) = missed(judged(man(multiples(of, values)), at=on))
    return one


def texts(of: Sequence[Any]) -> list[str]:
    return [each["code"]["text"] for each in of]


def test_a_missed_recheck_is_named_so_with_the_result_that_asks_for_it() -> None:
    made = issue(late("1.5"))
    assert made["code"]["coding"][0]["code"] == "recheck-overdue"
    assert made["code"]["text"] == "Recheck overdue: ALT"
    assert (made["severity"], made["identifiedDateTime"]) == ("low", "2020-04-01")
    assert made["detail"].startswith("ALT: Recheck overdue, overdue since 2020-04-01. ALT 1.5 × ULN")
    assert made["reference"].endswith("/rules/recheck-overdue")
    assert len(made["implicated"]) == 1


@pytest.mark.parametrize(
    ("multiple", "severity"), [("1.5", "low"), ("3", "low"), ("6", "moderate"), ("16", "high")]
)
def test_its_severity_follows_the_level_that_was_not_repeated(multiple: str, severity: str) -> None:
    assert issue(late(multiple))["severity"] == severity


def test_once_it_came_the_issue_says_so_and_its_period_ends() -> None:
    closed = late("1.5", repeat=95)
    made = issue(closed, State.RESOLVED)
    assert made["detail"].startswith("Resolved on 2020-04-05: nothing of it is overdue any more.")
    assert made["identifiedPeriod"] == {"start": "2020-04-01", "end": "2020-04-05"}
    revoked = requests(closed, State.RESOLVED)
    assert set(revoked) == {"overdue-recheck-after-rest", "recheck-education"}
    assert {request["status"] for request in revoked.values()} == {"revoked"}


@pytest.mark.parametrize(
    ("multiple", "step", "due"),
    [
        ("1.5", "overdue-recheck-after-rest", "2020-01-15"),
        ("4.9", "overdue-recheck-after-rest", "2020-01-15"),
        ("5", "overdue-recheck", "2020-01-08"),
        ("16", "overdue-recheck", "2020-01-02"),
    ],
)
def test_the_panel_is_proposed_for_the_day_it_was_due_after_rest_where_the_elevation_is_slight(
    multiple: str, step: str, due: str
) -> None:
    made = requests(late(multiple))
    assert set(made) == {step, "recheck-education"}
    assert made[step]["occurrenceDateTime"] == due
    assert made[step]["code"]["coding"][0]["code"] == "24325-3"
    assert ("one to two weeks of rest" in made[step]["note"][0]["text"]) is ("rest" in step)
    assert ("alcohol" in made[step]["note"][0]["text"]) is ("rest" in step)
    assert made[step]["instantiatesCanonical"][0].endswith("/recheck-overdue")


def test_of_several_the_first_that_is_still_missing_says_when_it_was_due() -> None:
    came, missing = recheck(1, since=10, resolved=25), recheck(5, since=20, analyte=ALP, tier=Tier.SOON)
    (both,) = with_follow_up([came, missing], [], moment(30))
    request, education = requests(both).values()
    assert request["occurrenceDateTime"] == "2026-01-20"
    assert education["occurrenceDateTime"] == "2026-01-21"
    for each in (request, education):
        assert each["reasonReference"] == [{"reference": "Observation/obs-5"}]
    assert "was due by January 20, 2026." in education["payload"][0]["contentString"]


def test_staff_read_which_tests_are_overdue_and_since_when() -> None:
    both = with_follow_up([recheck(1, since=10), recheck(5, since=20, analyte=ALP)], [], moment(30))
    made = requests(replace(both[0], plan=Plan((drug_cause(),))))
    alt = "Overdue since 2026-01-11: ALT, elevated on 2026-01-02, to be repeated by 2026-01-10."
    alp = "Overdue since 2026-01-21: ALP, elevated on 2026-01-06, to be repeated by 2026-01-20."
    panel = made["overdue-recheck-after-rest"]
    assert texts_of_notes(panel)[1:] == [alt, alp]
    assert alt in panel["text"]["div"]
    told = made["overdue-on-drugs"]["payload"][0]["contentString"].split("\n\n")
    assert told[1:] == [alt, alp, "In question: Isoniazid: begun 2026-01-01, still taken."]
    assert made["overdue-on-drugs"]["category"][0] == {"text": "Advice to the prescriber"}
    assert "Isoniazid" not in str(made["recheck-education"])


def texts_of_notes(request: Any) -> list[str]:
    return [note["text"] for note in request["note"]]


def test_an_alert_whose_panel_is_ordered_says_so_and_still_speaks_to_the_patient() -> None:
    waiting = replace(recheck(1, since=10), plan=Plan(done=(ordered(11),)))
    assert set(requests(waiting)) == {"recheck-education"}
    assert "Ordered already: Repeat the hepatic panel" in issue(waiting)["detail"]


def test_ggt_alone_asks_for_nothing() -> None:
    assert steps_of(late("2", of=GGT)) == ()


def test_a_monitoring_date_that_passed_is_named_so_and_asks_for_the_panel() -> None:
    made = decision(1, Action.KNOWN_CAUSE, 1, 2, at=3, until=30)
    (overdue,) = [
        one
        for one in with_follow_up([episode(1, 2, tier=Tier.ROUTINE)], [made], moment(31))
        if one.family is Family.FOLLOW_UP
    ]
    written = issue(overdue)
    assert written["code"]["coding"][0]["code"] == "monitoring-overdue"
    assert "to be tested again by 2026-01-31" in written["detail"]
    request, education = requests(overdue).values()
    assert education["category"][1]["coding"][0]["code"] == "recheck-education"
    assert request["occurrenceDateTime"] == "2026-01-31"
    assert texts([request]) == [
        "Repeat the hepatic panel (ALT, AST, ALP, GGT, bilirubin, albumin): it is overdue"
    ]


def test_both_at_once_are_headed_by_the_graver_one() -> None:
    made = decision(1, Action.KNOWN_CAUSE, 1, 2, at=3, until=30)
    asked = recheck(5, since=20, tier=Tier.ROUTINE)
    given = [episode(1, 2, tier=Tier.SOON), asked]
    joined = with_follow_up(given, [replace(made, tier=Tier.SOON)], moment(31))
    (both,) = (one for one in joined if one.family is Family.FOLLOW_UP)
    assert issue(both)["code"]["coding"][0]["code"] == "monitoring-overdue"
    assert both.alerts_from == date(2026, 1, 21)
