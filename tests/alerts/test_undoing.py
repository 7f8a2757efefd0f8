"""Taking a decision back: offered exactly where one more decision restores what stood before it."""

from dataclasses import replace

import pytest

from service.alerts.alert import Action, Alert, State
from service.alerts.undoing import Undoing, undoing
from tests.fhir.alert_examples import alert


def stands(state: State, owner: str | None = None) -> Alert:
    return replace(alert(), state=state, owner=owner)


@pytest.mark.parametrize(
    ("before", "after", "back"),
    [
        (stands(State.OPEN), stands(State.TAKEN, "Ada"), Undoing(Action.REOPEN)),
        (stands(State.OPEN), stands(State.SNOOZED), Undoing(Action.REOPEN)),
        (stands(State.OPEN), stands(State.OVERRIDDEN), Undoing(Action.REOPEN)),
        (stands(State.TAKEN, "Ada"), stands(State.SNOOZED, "Ada"), Undoing(Action.TAKE)),
        (stands(State.TAKEN, "Ada"), stands(State.OPEN), Undoing(Action.TAKE)),
        (stands(State.TAKEN, "Ada Before"), stands(State.OPEN), Undoing(Action.TAKE)),
        (stands(State.TAKEN, "Bo"), stands(State.TAKEN, "Ada"), Undoing(Action.ASSIGN, "Bo")),
        (stands(State.ESCALATED), stands(State.REFERRED), Undoing(Action.ESCALATE)),
        (stands(State.ESCALATED, "Bo"), stands(State.OPEN), None),  # whose it was would be lost
        (stands(State.SNOOZED), stands(State.TAKEN, "Ada"), None),
        (stands(State.OPEN), stands(State.RESOLVED), None),
    ],
)
def test_it_is_the_decision_that_restores_state_and_owner(
    before: Alert, after: Alert, back: Undoing | None
) -> None:
    assert undoing(before, after, {"Ada", "Ada Before"}) == back
