"""Turn what a person decides about an alert into a disposition, or say why it cannot be."""

from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

from service.alerts.alert import Action, Alert, Disposition, OverrideReason
from service.alerts.states import day_of, permitted, urgent_criteria
from service.errors import Conflict, InvalidDecision


def dispose(  # noqa: PLR0913 - one argument for each thing a person says
    alert: Alert,
    action: Action,
    by: str,
    at: datetime,
    *,
    until: date | None = None,
    until_next_result: bool = False,
    reason: str | None = None,
    note: str = "",
    to: str | None = None,
    new_id: Callable[[], UUID],
) -> Disposition:
    """The decision `by` made `at` that moment, on the alert as it stands.

    Args:
        alert: as it stands now: its evidence, results, tier and urgent findings are what it is made on.
        action: what is decided.
        by: who decides; not blank.
        at: when, aware.
        until: the day a snooze wakes, or the monitoring date of a known cause (the rulebook's default is the
            caller's to fill in); after the UTC day of `at`.
        until_next_result: a snooze wakes with the next result of the episode.
        reason: an `OverrideReason` for an override; free text otherwise.
        note: free text.
        to: whom it is assigned to; of nothing else.
        new_id: mints the disposition's identifier.

    Raises:
        Conflict: the state does not permit the action; the message names what it permits.
        InvalidDecision: nobody named, a date missing, not allowed or not in the future, no coded reason.
        ValueError: `at` has no time zone.
    """
    allowed = permitted(alert.state)
    if action not in allowed:
        instead = ", ".join(allowed) or "nothing"
        raise Conflict(f"{action} is not possible while the alert is {alert.state}; possible: {instead}")
    if not by.strip():
        raise InvalidDecision("a decision needs the name of the person who made it", where="by")
    _check_sleep(action, day_of(at), until, until_next_result)
    to = (to or "").strip() or None
    if (action is Action.ASSIGN) != (to is not None):
        raise InvalidDecision("assign, and nothing else, needs the name of whom it goes to", where="to")
    if action is Action.OVERRIDE:
        reason = _coded(reason)
    return Disposition(
        id=new_id(),
        family=alert.family,
        action=action,
        by=by.strip(),
        at=at,
        tier=alert.tier,
        evidence=alert.episode.evidence,
        urgent=urgent_criteria(alert.episode),
        results=alert.episode.results,
        until=until,
        until_next_result=until_next_result,
        reason=reason,
        note=note,
        to=to,
    )


def _check_sleep(action: Action, today: date, until: date | None, until_next_result: bool) -> None:
    """The dates that go with the action are there, and no others."""
    if until is not None and action not in (Action.SNOOZE, Action.KNOWN_CAUSE):
        raise InvalidDecision(f"{action} takes no date; only snooze and known-cause do", where="until")
    if until_next_result and action is not Action.SNOOZE:
        raise InvalidDecision(f"{action} does not wait for the next result; only snooze does", where="until")
    if action is Action.SNOOZE and until is None and not until_next_result:
        raise InvalidDecision("snooze needs a date, the next result, or both", where="until")
    if action is Action.KNOWN_CAUSE and until is None:
        raise InvalidDecision("known-cause needs a monitoring date", where="until")
    if until is not None and until <= today:
        raise InvalidDecision("the date must be after the day of the decision", where="until")


def _coded(reason: str | None) -> str:
    """The code of an override's reason."""
    try:
        return OverrideReason(reason or "").value
    except ValueError:
        codes = ", ".join(OverrideReason)
        raise InvalidDecision(f"override needs one of these reasons: {codes}", where="reason") from None
