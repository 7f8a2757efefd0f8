"""Which decision takes another one back, where the states allow it."""

from collections.abc import Collection
from typing import NamedTuple

from service.alerts.alert import Action, Alert, State
from service.alerts.states import TRANSITIONS

_AGAIN = {State.ESCALATED: Action.ESCALATE, State.REFERRED: Action.REFER}
"""States that a decision without any more words leads to."""


class Undoing(NamedTuple):
    """A decision that puts an alert back where it stood."""

    action: Action
    to: str | None = None
    """Whom it is given back to."""


def undoing(before: Alert, after: Alert, names: Collection[str]) -> Undoing | None:
    """What puts `after` back to the state and owner of `before`; None where no decision does.

    A sleep is not put back: the date and the results it was decided on are those of another decision.

    Args:
        before: as the alert stood.
        after: as it stands since a person decided about it.
        names: those of the person, who would take the decision back.
    """
    back: Undoing | None = None
    if before.state is State.OPEN:
        back = Undoing(Action.REOPEN)
    elif before.state is State.TAKEN and before.owner in names:
        back = Undoing(Action.TAKE)
    elif before.state is State.TAKEN and before.owner:
        back = Undoing(Action.ASSIGN, before.owner)
    elif before.state in _AGAIN and before.owner == after.owner:
        back = Undoing(_AGAIN[before.state])
    if back is None or TRANSITIONS[after.state].get(back.action) is not before.state:
        return None
    return back
