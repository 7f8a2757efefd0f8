"""What a candidate rulebook in the shadow comes to so far, in the sources that somebody sees."""

from collections.abc import Collection, Iterator
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select

from service.alerts.comparing import Outcome
from service.store import changed_alerts
from service.store.changed_alerts import ChangedAlert, Listed
from service.store.patients import COLUMNS, PatientRow, row_of
from service.store.query import among
from service.store.schema import patient, shadow_alert, shadow_person
from service.store.shadows import Shadow


class Count(NamedTuple):
    """The people of a source whom both have judged."""

    source_id: int
    people: int
    failed: int
    day: date
    """The latest as of which one was judged."""


def counts(connection: Connection, of: Shadow, sources: Collection[int]) -> list[Count]:
    """How many people there are in each of these sources, of those that have any."""
    column = shadow_person.c
    failed = func.sum(case((column.failed, 1), else_=0))
    query = (
        select(column.source_id, func.count(), failed, func.max(column.day))
        .where(column.shadow_id == of.id, among(column.source_id, sources))
        .group_by(column.source_id)
    )
    return [Count(*row) for row in connection.execute(query)]


def raised(connection: Connection, of: Shadow, sources: Collection[int]) -> Iterator[tuple[int, str]]:
    """Source and days of everybody of these sources who has an alert by either."""
    column = shadow_person.c
    query = select(column.source_id, column.raised).where(
        column.shadow_id == of.id, column.raised.is_not(None), among(column.source_id, sources)
    )
    return ((row.source_id, row.raised) for row in connection.execute(query))


def standing(
    connection: Connection, of: Shadow, sources: Collection[int]
) -> Iterator[tuple[PatientRow, ChangedAlert]]:
    """Every alert of these sources that either raises, with whom it concerns."""
    whom = [patient.c[name] for name in COLUMNS]
    what = [shadow_alert.c[name].label(f"of_{name}") for name in ChangedAlert._fields]
    query = (
        select(*whom, *what)
        .join_from(shadow_alert, patient, patient.c.id == shadow_alert.c.patient_id)
        .where(
            shadow_alert.c.shadow_id == of.id,
            shadow_alert.c.until.is_(None),
            among(shadow_alert.c.source_id, sources),
        )
    )
    for row in connection.execute(query):
        yield row_of(row[: len(whom)]), changed_alerts.of_row(row[len(whom) :])


def alerts_of(
    connection: Connection,
    of: Shadow,
    sources: Collection[int],
    outcome: Outcome,
    *,
    after: int = 0,
    limit: int,
) -> list[Listed]:
    """The alerts of these sources that would become so: at most `limit` with numbers above `after`."""
    column = shadow_alert.c
    conditions = (column.shadow_id == of.id, column.outcome == outcome.value, column.until.is_(None))
    return changed_alerts.listed(connection, shadow_alert, sources, *conditions, after=after, limit=limit)


def passed(connection: Connection, of: Shadow, sources: Collection[int]) -> int:
    """How many differences in these sources were there for a while and are no more."""
    column = shadow_alert.c
    query = select(func.count()).where(
        column.shadow_id == of.id,
        column.outcome != Outcome.UNCHANGED.value,
        column.until.is_not(None),
        among(column.source_id, sources),
    )
    return int(connection.execute(query).scalar_one())
