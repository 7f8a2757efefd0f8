"""What was decided or said last, what takes it back, and what has changed since somebody looked."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from service.alerts.alert import Action, Alert, Disposition, RemarkKind
from service.alerts.events import EventKind
from service.alerts.states import day_of, state_of
from service.alerts.undoing import Undoing, undoing
from service.dashboard.alert_views import Notice
from service.dashboard.words import DONE, instant
from service.fhir.wording import headline
from service.store import alerts, remarks

_KEPT: Final[Mapping[RemarkKind, str]] = {
    RemarkKind.COMMENT: "Your comment is kept",
    RemarkKind.USEFUL: "Noted: useful",
    RemarkKind.NOT_USEFUL: "Noted: not useful",
}
_WORDS = {
    EventKind.TIER_RAISED: "it has become more urgent",
    EventKind.TIER_LOWERED: "it has become less urgent",
    EventKind.RESOLVED: "it has been resolved",
    EventKind.WITHDRAWN: "its grounds are gone",
    EventKind.MERGED: "it is part of another alert now",
    EventKind.WOKEN: "it is awake again",
}


def done(connection: Connection, alert: Alert, names: Collection[str]) -> Notice | None:
    """The last decision on an alert and what takes it back, or what the person of these names has said since.

    None where nobody has decided, and this person has said nothing.
    """
    made = _decisions(connection, alert)
    said = [each for each in remarks.of_alerts(connection, [alert.id]) if each.by in names]
    if said and (not made or said[-1].at > made[-1].at):
        return Notice(_KEPT[said[-1].kind])
    if not made:
        return None
    last = made[-1]
    return Notice(_said(last, names), _undo(alert, made, names) if last.by in names else None)


def changed(connection: Connection, alert: Alert, seen_revision: int, zone: str | None) -> Notice:
    """Why what somebody decided on an older state of the alert was not recorded; times in their zone."""
    happened = [each for each in alerts.events_of(connection, [alert.id]) if each.revision > seen_revision]
    since = {each.at for each in happened}
    words = [
        f"{_said(made)} at {instant(made.at, zone)}"
        for made in _decisions(connection, alert)
        if made.at in since
    ]
    words += [_WORDS[each.kind] for each in happened if each.kind in _WORDS]
    if not words:
        words = ["its results have changed"]
    told = "; ".join(dict.fromkeys(words))
    return Notice(
        f"This alert has changed since you saw it: {told}. Nothing of yours was recorded. "
        "It stands now as shown here.",
        refused=True,
    )


def title(alert: Alert) -> str:
    """What an alert is about, in a few words."""
    return headline(alert)[1]


def _decisions(connection: Connection, alert: Alert) -> list[Disposition]:
    known = alerts.dispositions_of(connection, alert.dispositions)
    return sorted(known, key=lambda made: (made.at, made.id))


def _undo(alert: Alert, made: list[Disposition], names: Collection[str]) -> Undoing | None:
    """What stood before the last decision follows from those before it."""
    stood = state_of(alert.episode, made[:-1], made[-1].at)
    before = replace(alert, state=stood.state, owner=stood.owner)
    return undoing(before, alert, names)


def _said(made: Disposition, names: Collection[str] = ()) -> str:
    words = DONE[made.action]
    if made.to:
        words += f" to {made.to}"
    if made.until:
        words += f" until {made.until}"
    if made.until_next_result:
        words += " or until the next result" if made.until else " until the next result"
    if made.action is Action.SNOOZE and made.until and made.until <= day_of(made.at):
        words += " (over)"
    return f"{words} by {'you' if made.by in names else made.by}"
