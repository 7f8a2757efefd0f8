"""What is in nobody's record and grows: what came of nobody known, closed quarantine, simulations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Table, and_, func, or_, select, true

from service.store import holds
from service.store.erasing import drop_messages, messages_of, overwrite_what_is_deleted
from service.store.past import RECEIVED
from service.store.query import among
from service.store.schema import (
    patient,
    patient_identifier,
    quarantine,
    resource,
    simulation,
    simulation_alert,
    simulation_source,
    superseded,
)

_VERSIONS = (resource.alias("other_version"), superseded.alias("older_version"))
_QUARANTINED = quarantine.alias("other_item")


class Leftovers(NamedTuple):
    """Rows of one table that may go."""

    table: Table
    kind: ColumnElement[bool]
    """What they are, whatever their age."""
    expired: ColumnElement[bool]
    """What they are too, so that they may go."""
    at_once: int = 500
    """So many are erased in one transaction."""

    @property
    def condition(self) -> ColumnElement[bool]:
        """Which they are."""
        return and_(self.kind, self.expired)


def nobodys(before: datetime) -> Sequence[Leftovers]:
    """What was received before then, and is of no patient; what is, or once was, goes with the record."""
    return [
        Leftovers(
            table,
            table.c.patient_id.is_(None),
            and_(table.c.received < before, ~_is_somebodys(table), ~_is_held(table)),
        )
        for table in RECEIVED
    ]


def closed(before: datetime) -> Sequence[Leftovers]:
    """Items of quarantine that were closed before then, but of those whose records are held."""
    is_closed = quarantine.c.resolved.is_not(None)
    return [Leftovers(quarantine, is_closed, and_(quarantine.c.resolved < before, ~_is_held(quarantine)))]


def simulations(before: datetime) -> Sequence[Leftovers]:
    """Simulations that were run before then, and name nobody whose record is held."""
    named = simulation_alert.c.simulation_id == simulation.c.id
    held = select(simulation_alert.c.id).where(
        named, simulation_alert.c.patient_id.in_(holds.everybody_held())
    )
    # One may have as many alerts as there are patients.
    return [Leftovers(simulation, true(), and_(simulation.c.at < before, ~held.exists()), at_once=1)]


def count(connection: Connection, left: Leftovers) -> int:
    """How many rows may go."""
    return _count(connection, left.table, left.condition)


def count_all(connection: Connection, left: Leftovers) -> int:
    """How many rows of the kind there are, whatever their age."""
    return _count(connection, left.table, left.kind)


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one())


def erase(connection: Connection, left: Leftovers) -> int:
    """Erase as many rows as go in one transaction, with what hangs on them; how many there were."""
    overwrite_what_is_deleted(connection)
    if left.table is simulation:
        return _erase_simulations(connection, left.condition, left.at_once)
    return _erase_received(connection, left.table, left.condition, left.at_once)


def _erase_simulations(connection: Connection, condition: ColumnElement[bool], limit: int) -> int:
    chosen = connection.execute(select(simulation.c.id).where(condition).limit(limit)).scalars().all()
    for part in (simulation_alert, simulation_source):
        connection.execute(part.delete().where(part.c.simulation_id.in_(chosen)))
    connection.execute(simulation.delete().where(simulation.c.id.in_(chosen)))
    return len(chosen)


def _erase_received(connection: Connection, table: Table, condition: ColumnElement[bool], limit: int) -> int:
    key = table.primary_key.columns.values()[-1]
    by_source: dict[int, list[Any]] = {}
    for row in connection.execute(select(table.c.source_id, key).where(condition).limit(limit)):
        by_source.setdefault(row[0], []).append(row[1])
    # Asked again in the deletion: what was found to be somebody's meanwhile stays.
    chosen = and_(
        condition,
        or_(
            False, *(and_(table.c.source_id == number, among(key, own)) for number, own in by_source.items())
        ),
    )
    messages = messages_of(connection, table, chosen)
    connection.execute(table.delete().where(chosen))
    drop_messages(connection, messages)
    return sum(map(len, by_source.values()))


def _is_somebodys(table: Table) -> ColumnElement[bool]:
    """The condition that a row's resource is a patient that there is, or some version of it is of one."""
    own = select(patient.c.id).where(_is_patient(table))
    return or_(own.exists(), *(_versions(table, each, each.c.patient_id.is_not(None)) for each in _VERSIONS))


def _is_held(table: Table) -> ColumnElement[bool]:
    """The condition that a row is of somebody whose record must be kept.

    Be it by its `Type/id` alone, or as what waits for a Patient of an identifier that they carry: it may be
    theirs.
    """
    held = holds.everybody_held()
    own = select(patient.c.id).where(
        patient.c.id.in_(held), or_(patient.c.id == table.c.patient_id, _is_patient(table))
    )
    theirs = [_versions(table, each, each.c.patient_id.in_(held)) for each in (*_VERSIONS, _QUARANTINED)]
    carried = select(patient_identifier.c.identifier).where(
        patient_identifier.c.patient_id.in_(held), patient_identifier.c.source_id == table.c.source_id
    )
    waiting = [_versions(table, each, each.c.named_by.in_(carried)) for each in _VERSIONS]
    return or_(own.exists(), *theirs, *waiting)


def _is_patient(table: Table) -> ColumnElement[bool]:
    """The condition that a row's `Type/id` is that of a patient of its source."""
    prefix = "Patient/"
    named = patient.c.fhir_id == func.substr(table.c.key, len(prefix) + 1)  # an index finds them so
    return and_(table.c.key.startswith(prefix), patient.c.source_id == table.c.source_id, named)


def _versions(table: Table, of: FromClause, what: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition that among what was received of a row's resource is such a thing."""
    same = and_(of.c.source_id == table.c.source_id, of.c.key == table.c.key)
    return select(of.c.key).where(same, what).exists()
