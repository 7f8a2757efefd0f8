"""Alerts that two rulebooks were compared by: what becomes of each, and whose it is."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Table, null, select

from service.alerts.comparing import Outcome
from service.clinical.episodes import Family, Tier
from service.store.query import among
from service.store.schema import patient, patient_name


class ChangedAlert(NamedTuple):
    """An alert that a candidate would add, take away, move to another tier, or leave as it is."""

    source_id: int
    patient_id: int
    outcome: Outcome
    family: Family
    tier_before: Tier | None
    """None where the rulebook in force raises none."""
    tier_after: Tier | None
    """None where the candidate raises none."""
    day: date
    """The first day on which it would have been raised, had each result come on its day."""
    open: bool
    """Somebody would have to act on it now; of one that is lost: has to."""


class Listed(NamedTuple):
    """One of those, and whose it is."""

    number: int
    """In the order of the list."""
    alert: ChangedAlert
    public_id: UUID
    name: str
    """Empty where no Patient states one."""
    since: datetime | None
    """When it was first found so, where that is told."""


def listed(
    connection: Connection,
    table: Table,
    sources: Collection[int],
    *conditions: ColumnElement[bool],
    after: int,
    limit: int,
) -> list[Listed]:
    """Those of a table that meet conditions and are of these sources: at most `limit` above `after`."""
    column = table.c
    query = (
        select(
            *(column[name] for name in ("id", *ChangedAlert._fields)),
            patient.c.public_id,
            patient_name.c.shown,
            (column.since if "since" in column else null()).label("since"),
        )
        .join(patient, patient.c.id == column.patient_id)
        .outerjoin(patient_name, patient_name.c.patient_id == column.patient_id)
        .where(*conditions, column.id > after, among(column.source_id, sources))
        .order_by(column.id)
        .limit(limit)
    )
    return [
        Listed(row.id, of_row(row[1:9]), row.public_id, row.shown or "", row.since)
        for row in connection.execute(query)
    ]


def plain(changed: ChangedAlert) -> tuple[Any, ...]:
    """What of it stands in its columns."""
    source_id, patient_id, outcome, family, before, after, day, is_open = changed
    tiers = (None if before is None else int(before), None if after is None else int(after))
    return (source_id, patient_id, outcome.value, family.value, *tiers, day, is_open)


def of_row(row: Any) -> ChangedAlert:
    """One of what stands in its columns."""
    source_id, patient_id, outcome, family, before, after, day, is_open = row
    tiers = [None if each is None else Tier(each) for each in (before, after)]
    return ChangedAlert(
        source_id, patient_id, Outcome(outcome), Family(family), tiers[0], tiers[1], day, bool(is_open)
    )
