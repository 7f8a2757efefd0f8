"""Events that a source's server counted and its notifications did not bring, of each Subscription made here.

Servers count in their own ways: some begin anew when they are started, some count within a notification
alone. So a number is a hint and never more: what seems to be missing is asked for, and nothing is left out
because its number has been seen.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, select

from service.store import catch_up
from service.store.heard import Heard
from service.store.schema import subscription

LATE: Final = timedelta(seconds=10)
"""How long what seems to be missing may yet come by itself: some notifications overtake others."""
_COUNTING: Final = frozenset({"handshake", "heartbeat", "query-status"})
"""Kinds that tell how many events there were; after one that tells of an event others may be on their way."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What one Subscription is missing."""

    fhir_id: str
    first: int
    last: int
    since: datetime
    noticed: int
    """Gaps of this Subscription so far, this one included."""


def of_source(connection: Connection, source_id: int) -> list[Gap]:
    """The gaps of a source, by Subscription."""
    columns = (
        *(subscription.c.fhir_id, subscription.c.missing_from, subscription.c.missing_to),
        *(subscription.c.missing_since, subscription.c.gaps),
    )
    query = (
        select(*columns)
        .where(subscription.c.source_id == source_id, subscription.c.missing_from.is_not(None))
        .order_by(subscription.c.fhir_id)
    )
    return [Gap(*row) for row in connection.execute(query)]


def count(connection: Connection, source_id: int) -> dict[str, int]:
    """How many gaps were noticed so far, by Subscription; those without any are left out."""
    query = select(subscription.c.fhir_id, subscription.c.gaps).where(
        subscription.c.source_id == source_id, subscription.c.gaps > 0
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def note(connection: Connection, source_id: int, said: Heard, at: datetime) -> None:
    """Notice whether something is missing before what a notification told of; it is asked for soon."""
    mine = _of(source_id, said.subscription)
    row = connection.execute(select(subscription).where(mine).with_for_update()).one_or_none()
    if row is None or row.events is None:
        return
    total = said.events if said.kind in _COUNTING else None
    if total is not None and total < row.events:  # it began to count anew
        connection.execute(subscription.update().where(mine).values(events=total, **_NOTHING))
        return
    passed_over = list(_passed_over(row.events, said.numbers, total))
    left = _left(row.missing_from, row.missing_to, said.numbers)
    values: dict[str, Any] = {"events": max((row.events, *said.numbers, total or 0)), **_NOTHING}
    if missing := [*left, *passed_over]:
        values["missing_from"] = min(first for first, _ in missing)
        values["missing_to"] = max(last for _, last in missing)
        values["missing_since"] = row.missing_since or at
    if passed_over:
        values["gaps"] = row.gaps + 1
        catch_up.hurry(connection, source_id, at + LATE, types=("Subscription",))
    connection.execute(subscription.update().where(mine).values(**values))


def filled(connection: Connection, source_id: int, gap: Gap) -> None:
    """What was missing has been asked for; it is not missing any more, unless there is more by now."""
    unchanged = and_(subscription.c.missing_from == gap.first, subscription.c.missing_to == gap.last)
    connection.execute(subscription.update().where(_of(source_id, gap.fhir_id), unchanged).values(**_NOTHING))


_NOTHING: Final[dict[str, Any]] = {"missing_from": None, "missing_to": None, "missing_since": None}


def _passed_over(known: int, numbers: Iterable[int], total: int | None) -> Iterator[tuple[int, int]]:
    """First and last of each run of numbers beyond those known that did not come."""
    expected = known + 1
    for number in sorted(set(numbers)):
        if number > expected:
            yield expected, number - 1
        expected = max(expected, number + 1)
    if total is not None and total >= expected:
        yield expected, total


def _left(first: int | None, last: int | None, came: Iterable[int]) -> list[tuple[int, int]]:
    """What is left of a gap after some of it came late."""
    if first is None or last is None:
        return []
    there = set(came)
    while first <= last and first in there:
        first += 1
    while first <= last and last in there:
        last -= 1
    return [(first, last)] if first <= last else []


def _of(source_id: int, fhir_id: str) -> ColumnElement[bool]:
    return and_(subscription.c.source_id == source_id, subscription.c.fhir_id == fhir_id)
