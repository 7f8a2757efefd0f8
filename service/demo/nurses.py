"""What invented nurses have decided about the clinic's alerts before anybody looks: every state is seen."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import cycle
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Engine, select

from service.alerts.alert import Action, OverrideReason
from service.clinical.episodes import Family, Tier
from service.ingest import Rules
from service.review import dispose
from service.store.schema import alert, to_act_on
from service.store.session import reading
from service.store.sources import Source

NURSES: Final = ("nurse Ida Fenmere", "nurse Omar Larkfield", "nurse Mei Tansygate")


class _Decision(NamedTuple):
    """What is said of one alert."""

    action: Action
    note: str = ""
    days: int | None = None
    """From today, where the action takes a date."""
    next_result: bool = False
    reason: str | None = None


_LEFT: Final = None
"""Nobody has looked yet."""
_TAKEN: Final = _Decision(Action.TAKE, "Rang the patient; bloods booked for next week.")
_TAKEN_SILENTLY: Final = _Decision(Action.TAKE)
_SNOOZED: Final = _Decision(Action.SNOOZE, "Away until the end of the month.", days=17)
_NEXT_RESULT: Final = _Decision(Action.SNOOZE, "Blood taken this morning.", next_result=True)
_ESCALATED: Final = _Decision(Action.ESCALATE, "Please look at this today.")
_REFERRED: Final = _Decision(Action.REFER, "Letter to hepatology sent.")
_KNOWN: Final = _Decision(Action.KNOWN_CAUSE, "Fatty liver, stable; repeat at the annual review.", days=180)


def _overridden(reason: OverrideReason, note: str) -> _Decision:
    return _Decision(Action.OVERRIDE, note, reason=reason.value)


_MANAGED: Final = _overridden(
    OverrideReason.ALREADY_MANAGED, "Seen in the hepatology clinic every six months."
)
_DECLINED: Final = _overridden(
    OverrideReason.PATIENT_DECLINED, "Does not want further tests; told of the risks."
)
_URGENT: Final = (_TAKEN_SILENTLY, _LEFT, _ESCALATED, _LEFT, _TAKEN, _LEFT, _LEFT)
_SOON: Final = (
    _LEFT,
    _TAKEN,
    _LEFT,
    _REFERRED,
    _LEFT,
    _NEXT_RESULT,
    _LEFT,
    _LEFT,
    _MANAGED,
    _LEFT,
    _ESCALATED,
)
_ROUTINE: Final = (
    _LEFT,
    _LEFT,
    _KNOWN,
    _LEFT,
    _TAKEN,
    _LEFT,
    _SNOOZED,
    _LEFT,
    _LEFT,
    _MANAGED,
    _LEFT,
    _REFERRED,
)
_FOLLOW_UP: Final = (_LEFT, _LEFT, _TAKEN, _LEFT, _SNOOZED, _LEFT, _DECLINED)


def decide(engine: Engine, source: Source, rules: Rules, since: datetime, now: datetime) -> None:
    """Let them work through the list, one decision after the other.

    Args:
        engine: the database.
        source: whose alerts.
        rules: what records are judged by.
        since: when the alerts were raised.
        now: when the last decision is made at the latest.
    """
    made = list(_made(_list(engine, source)))
    step = (now - since) / (len(made) + 1)
    for place, (alert_id, decision) in enumerate(made, start=1):
        until = None if decision.days is None else (now + timedelta(days=decision.days)).date()
        dispose(
            engine,
            alert_id,
            decision.action,
            by=NURSES[place % len(NURSES)],
            rules=rules,
            now=since + place * step,
            until=until,
            until_next_result=decision.next_result,
            reason=decision.reason,
            note=decision.note,
        )


def _list(engine: Engine, source: Source) -> list[tuple[UUID, Tier, Family]]:
    """What somebody has to act on; in an order that does not depend on the alerts' random ids."""
    query = (
        select(alert.c.id, alert.c.tier, alert.c.family)
        .where(alert.c.source_id == source.id, to_act_on)
        .order_by(alert.c.tier.desc(), alert.c.patient_id, alert.c.family)
    )
    with reading(engine) as connection:
        return [(row.id, Tier(row.tier), Family(row.family)) for row in connection.execute(query)]


def _made(listed: Sequence[tuple[UUID, Tier, Family]]) -> Iterator[tuple[UUID, _Decision]]:
    """A decision for some of them, in turn through each tier's usual ones."""
    by_tier: Mapping[Tier, Iterator[_Decision | None]] = {
        Tier.URGENT: cycle(_URGENT),
        Tier.SOON: cycle(_SOON),
        Tier.ROUTINE: cycle(_ROUTINE),
    }
    missing = cycle(_FOLLOW_UP)
    for alert_id, tier, family in listed:
        turn = missing if family is Family.FOLLOW_UP and tier < Tier.URGENT else by_tier[tier]
        decision = next(turn)
        if decision is not None:
            yield alert_id, decision
