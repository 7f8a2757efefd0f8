"""How tiers, states, times and names are said on the pages."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context

from service.alerts.alert import Action, OverrideReason, State
from service.clinical.episodes import Family, Tier
from service.fhir.wording import printable

TIERS: Final[Mapping[Tier, tuple[str, str]]] = {
    Tier.URGENT: ("Urgent", "same day"),
    Tier.SOON: ("Soon", "within 2 weeks"),
    Tier.ROUTINE: ("Routine", "within 12 weeks"),
}
"""Each tier's name, and by when somebody must look."""

FAMILIES: Final[Mapping[Family, str]] = {
    Family.TRANSAMINASE: "Transaminases (ALT, AST)",
    Family.CHOLESTATIC: "Cholestatic (ALP, GGT)",
    Family.BILIRUBIN: "Bilirubin",
    Family.FOLLOW_UP: "Follow-up missed",
}

STATES: Final[Mapping[State, str]] = {
    State.OPEN: "Open",
    State.TAKEN: "Taken",
    State.SNOOZED: "Snoozed",
    State.MONITORING: "Known cause, monitored",
    State.ESCALATED: "Escalated to a physician",
    State.REFERRED: "Referred",
    State.OVERRIDDEN: "Overridden",
    State.RESOLVED: "Resolved",
    State.DORMANT: "Lost to follow-up",
    State.ENTERED_IN_ERROR: "Withdrawn",
    State.MERGED: "Merged",
}

DONE: Final[Mapping[Action, str]] = {
    Action.TAKE: "Taken",
    Action.ASSIGN: "Assigned",
    Action.SNOOZE: "Snoozed",
    Action.KNOWN_CAUSE: "Known cause noted",
    Action.ESCALATE: "Escalated",
    Action.REFER: "Referred",
    Action.OVERRIDE: "Overridden",
    Action.REOPEN: "Reopened",
}
"""What a decision is called once it has been made."""

REASONS: Final[Mapping[OverrideReason, str]] = {
    reason: reason.value.replace("-", " ").capitalize() for reason in OverrideReason
}

_FEW_DAYS = 60
_DAYS_A_MONTH = 30.44


def span(first: date, last: date) -> str:
    """How long it is from one day to another: days while they are few, then months."""
    days = (last - first).days
    if days <= _FEW_DAYS:
        return "1 day" if days == 1 else f"{days} days"
    return f"{round(days / _DAYS_A_MONTH)} months"


def plain(text: Any) -> str:
    """Text from a record without what no reader sees: control characters, marks that turn its direction."""
    return printable(str(text))


def dated(text: str) -> list[str]:
    """The text in pieces, every second of which is a day that no line should break."""
    return _DAY.split(text)


_DAY = re.compile(r"(\d{4}-\d\d-\d\d)")


def instant(moment: datetime, zone: str | None = None) -> str:
    """`2025-03-01 14:05 UTC`; in the zone of that name where one is given."""
    return f"{moment.astimezone(_zone(zone)):%Y-%m-%d %H:%M %Z}"


def _zone(name: str | None) -> tzinfo:
    return ZoneInfo(name) if name else UTC


def _of_reader(context: Context) -> str | None:
    """The zone of whoever reads the page that is being made."""
    user = context.get("user")
    return user.zone if user else None


@pass_context
def _instant(context: Context, moment: datetime) -> str:
    return instant(moment, _of_reader(context))


@pass_context
def _clock(context: Context, moment: datetime) -> str:
    return f"{moment.astimezone(_zone(_of_reader(context))):%H:%M %Z}"


def filters() -> dict[str, Callable[..., Any]]:
    """What templates call these."""
    return {
        "plain": plain,
        "dated": dated,
        "instant": _instant,
        "clock": _clock,
        "iso": lambda moment: moment.astimezone(UTC).isoformat(timespec="seconds"),
        "precisely": datetime.isoformat,
        "state": lambda state: STATES[state],
        "tier": lambda tier: TIERS[tier][0],
        "within": lambda tier: TIERS[tier][1],
        "family": lambda family: FAMILIES[family],
    }
