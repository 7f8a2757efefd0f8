"""Reading the audit log: what was noted, of whom and by whom. Nothing here changes it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, false, func, or_, select, text

from service.errors import Erased
from service.store.query import Period, among, within
from service.store.schema import ERASED, audit, patient


class Entry(NamedTuple):
    """A row of the log."""

    id: int
    at: datetime
    actor: str
    action: str
    source_id: int | None
    patient_id: int | None
    fhir_id: str | None
    """What the source calls the patient."""
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows. None: any."""

    sources: Collection[int]
    """Only rows about one of these, and about none: sign-ins, accounts and settings of the service."""
    ids: Collection[int] | None = None
    actors: Collection[str] | None = None
    actions: Collection[str] | None = None
    patients: Collection[int] | None = None
    periods: Sequence[Sequence[Period]] = ()
    """Of each of these groups, one must hold."""
    but_actor: str | None = None
    """Only rows of anybody else."""
    of_lists: Collection[str] = ()
    """Beside the rows about `patients`, those of these actions that name no patient: of whole lists."""


def page(
    connection: Connection,
    wanted: Wanted,
    limit: int,
    after: int | None = None,
    *,
    newest_first: bool = False,
) -> list[Entry]:
    """Rows in the order in which they were noted, from the one that follows row `after` on."""
    query = _rows().where(*_conditions(wanted)).limit(limit)
    if after is not None:
        query = query.where(audit.c.id < after if newest_first else audit.c.id > after)
    query = query.order_by(audit.c.id.desc() if newest_first else audit.c.id)
    return [_entry(row) for row in connection.execute(query)]


def count(connection: Connection, wanted: Wanted) -> int:
    """How many rows there are."""
    query = select(func.count()).select_from(audit).where(*_conditions(wanted))
    return connection.execute(query).scalar_one()


def erasure_of(connection: Connection, sources: Collection[int], public_id: UUID) -> Erased | None:
    """Of a patient or an alert that is not there, by the id in addresses: what to answer if it was erased.

    Args:
        connection: in a transaction.
        sources: only what was of one of these.
        public_id: of the patient or alert.
    """
    named = text(ERASED), among(audit.c.source_id, sources), audit.c.detail.contains(str(public_id))
    at = connection.execute(select(audit.c.at).where(*named).limit(1)).scalar_one_or_none()
    if at is None:
        return None
    return Erased(
        f"this record was erased on {at.date()}: its time of retention had ended, and nothing of it is left"
    )


def _rows() -> Select[Any]:
    return select(
        audit.c.id,
        audit.c.at,
        audit.c.actor,
        audit.c.action,
        audit.c.source_id,
        audit.c.patient_id,
        patient.c.fhir_id,
        audit.c.detail,
    ).select_from(audit.join(patient, patient.c.id == audit.c.patient_id, isouter=True))


def _entry(row: Row[Any]) -> Entry:
    return Entry._make((*row[:-1], msgspec.json.decode(row.detail)))


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        or_(audit.c.source_id.is_(None), among(audit.c.source_id, wanted.sources))
    ]
    for column, values in (
        (audit.c.id, wanted.ids),
        (audit.c.actor, wanted.actors),
        (audit.c.action, wanted.actions),
    ):
        if values is not None:
            conditions.append(among(column, values))
    if wanted.patients is not None:
        about = among(audit.c.patient_id, wanted.patients)
        of_nobody = and_(audit.c.patient_id.is_(None), among(audit.c.action, wanted.of_lists))
        conditions.append(or_(about, of_nobody) if wanted.of_lists else about)
    if wanted.but_actor is not None:
        conditions.append(audit.c.actor != wanted.but_actor)
    conditions += [or_(false(), *(within(audit.c.at, each) for each in group)) for group in wanted.periods]
    return conditions
