"""What happened to a person's alerts, in one line of time: events, decisions and what people said."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.alerts.alert import Disposition, Remark, RemarkKind
from service.alerts.events import EventKind
from service.dashboard.words import DONE
from service.store.alerts import Happened

_EVENTS: Mapping[EventKind, str] = {
    EventKind.RAISED: "Raised",
    EventKind.UPDATED: "Updated",
    EventKind.TIER_RAISED: "More urgent",
    EventKind.TIER_LOWERED: "Less urgent",
    EventKind.STATE_CHANGED: "State",
    EventKind.WOKEN: "Awake again",
    EventKind.RESOLVED: "Resolved",
    EventKind.REOPENED: "Open again",
    EventKind.DORMANT: "Lost to follow-up",
    EventKind.AWAKENED: "No longer lost to follow-up",
    EventKind.WITHDRAWN: "Withdrawn",
    EventKind.REINSTATED: "Reinstated",
    EventKind.MERGED: "Merged",
    EventKind.SPLIT: "Split",
    EventKind.MOVED: "Moved",
    EventKind.PASSED_ON: "Passed on",
    EventKind.NEEDS_REVIEW: "Needs review",
    EventKind.REVIEWED: "Reviewed",
}
_REMARKS: Mapping[RemarkKind, str] = {
    RemarkKind.COMMENT: "Comment",
    RemarkKind.USEFUL: "Found useful",
    RemarkKind.NOT_USEFUL: "Found not useful",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One line."""

    at: datetime
    alert: str
    """What it is about."""
    what: str
    detail: str
    by: str
    """Empty where it happened by itself."""


def story(
    titles: Mapping[UUID, str],
    happened: Iterable[Happened],
    decided: Iterable[tuple[UUID, Disposition]],
    said: Iterable[Remark],
) -> list[Moment]:
    """Everything, the latest first.

    Args:
        titles: what each alert is about.
        happened: events; that somebody decided is told by the decision itself.
        decided: decisions, each with the alert it stands on.
        said: remarks.
    """
    made = list(decided)
    told = {(alert, one.at) for alert, one in made}
    moments = [
        Moment(one.at, titles.get(alert, ""), DONE[one.action], _detail(one), one.by) for alert, one in made
    ]
    moments += [
        Moment(each.at, titles.get(each.alert_id, ""), _EVENTS[each.kind], each.detail, "")
        for each in happened
        if each.kind is not EventKind.DECIDED
        and not (each.kind is EventKind.STATE_CHANGED and (each.alert_id, each.at) in told)
    ]
    moments += [
        Moment(one.at, titles.get(one.alert_id, ""), _REMARKS[one.kind], one.text, one.by) for one in said
    ]
    return sorted(moments, key=lambda one: one.at, reverse=True)


def _detail(made: Disposition) -> str:
    parts = []
    if made.to:
        parts.append(f"to {made.to}")
    if made.until:
        parts.append(f"until {made.until}")
    if made.until_next_result:
        parts.append("until the next result")
    if made.reason:
        parts.append(made.reason.replace("-", " "))
    if made.note:
        parts.append(made.note)
    return "; ".join(parts)
