"""What a person may decide, and what a decision must say."""

from dataclasses import replace
from typing import Any

import pytest

from service.alerts.alert import Action, Alert, OverrideReason, State
from service.alerts.decide import dispose
from service.alerts.states import permitted
from service.clinical.episodes import Tier
from service.errors import Conflict, InvalidDecision
from tests.alerts.making import Clinic, day, episode, ids, keys, moment

NEEDS: dict[Action, dict[str, Any]] = {
    Action.ASSIGN: {"to": "Bo"},
    Action.SNOOZE: {"until": day(9)},
    Action.KNOWN_CAUSE: {"until": day(9)},
    Action.OVERRIDE: {"reason": OverrideReason.DUPLICATE},
}


@pytest.fixture
def alert() -> Alert:
    clinic = Clinic()
    clinic.judge(episode(1, 2, normal=(3,), tier=Tier.ROUTINE))
    return clinic.only()


def test_a_decision_is_tied_to_the_evidence_and_the_tier_it_was_made_on(alert: Alert) -> None:
    made = dispose(alert, Action.TAKE, " Ada ", moment(2), note="called", new_id=ids(7))
    assert (made.evidence, made.results) == (keys(1, 2), keys(1, 2, 3))
    assert (made.tier, made.family, made.by, made.note) == (Tier.ROUTINE, alert.family, "Ada", "called")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_an_action_is_refused_exactly_where_the_state_does_not_permit_it(
    alert: Alert, state: State, action: Action
) -> None:
    alert = replace(alert, state=state)
    if action in permitted(state):
        assert (
            dispose(alert, action, "Ada", moment(2), new_id=ids(), **NEEDS.get(action, {})).action is action
        )
        return
    with pytest.raises(Conflict) as refused:
        dispose(alert, action, "Ada", moment(2), new_id=ids(), **NEEDS.get(action, {}))
    named = refused.value.message.split("possible: ")[-1]
    assert named == (", ".join(permitted(state)) or "nothing")


@pytest.mark.parametrize(
    ("action", "said", "where"),
    [
        (Action.SNOOZE, {}, "until"),
        (Action.SNOOZE, {"until": day(2)}, "until"),
        (Action.KNOWN_CAUSE, {}, "until"),
        (Action.KNOWN_CAUSE, {"until": day(1)}, "until"),
        (Action.KNOWN_CAUSE, {"until": day(9), "until_next_result": True}, "until"),
        (Action.TAKE, {"until": day(9)}, "until"),
        (Action.TAKE, {"to": "Bo"}, "to"),
        (Action.ASSIGN, {}, "to"),
        (Action.ASSIGN, {"to": "  "}, "to"),
        (Action.OVERRIDE, {}, "reason"),
        (Action.OVERRIDE, {"reason": "because"}, "reason"),
    ],
)
def test_a_decision_that_says_too_little_or_too_much_is_refused(
    alert: Alert, action: Action, said: dict[str, Any], where: str
) -> None:
    with pytest.raises(InvalidDecision) as refused:
        dispose(alert, action, "Ada", moment(2), new_id=ids(), **said)
    assert refused.value.where == where
    assert "because" not in refused.value.message


def test_a_snooze_may_wait_for_the_next_result_alone(alert: Alert) -> None:
    made = dispose(alert, Action.SNOOZE, "Ada", moment(2), until_next_result=True, new_id=ids())
    assert (made.until, made.until_next_result) == (None, True)


def test_nobody_decides_anonymously(alert: Alert) -> None:
    with pytest.raises(InvalidDecision, match="name"):
        dispose(alert, Action.TAKE, "  ", moment(2), new_id=ids())
