"""Records that share a past: erasing one alone would take away what another's decisions were made on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, or_, select

from service.store import decisions, identities
from service.store.query import among
from service.store.schema import (
    alert,
    disposition,
    patient,
    patient_link,
    pending_fetch,
    quarantine,
    resource,
    superseded,
)

RECEIVED: Final = (resource, superseded, quarantine)
"""Tables of what was received, each row with the digest of its bytes."""

_Named = Mapping[int, Collection[str]]
"""By source."""


@dataclass(frozen=True, slots=True)
class Past:
    """Records that share a past, all of one source, and what they are known by."""

    numbers: frozenset[int]
    """The store's own, of patients."""
    names: _Named
    """Ids of their Patients in the source."""
    keys: _Named
    """`Type/id` of all that is, or ever was, theirs; of their Patients too where none has come yet."""

    def received(self, table: Table) -> ColumnElement[bool]:
        """The condition that a row of one of RECEIVED is theirs, be it of a version that names nobody."""
        nobodys = and_(table.c.patient_id.is_(None), _in(table.c.source_id, table.c.key, self.keys))
        return or_(among(table.c.patient_id, self.numbers), nobodys)

    @property
    def fetched(self) -> ColumnElement[bool]:
        """The condition that a pending fetch is of something of theirs."""
        return _in(pending_fetch.c.source_id, pending_fetch.c.key, self.keys)

    @property
    def stated(self) -> ColumnElement[bool]:
        """The condition that one of their Patients states a link."""
        return _in(patient_link.c.source_id, patient_link.c.said_by, self.names)


def past_of(connection: Connection, numbers: Collection[int]) -> Past:
    """These patients of one source and all that share a past with them, directly or not.

    Merged with them now or when something was decided, linked without being merged, once the owner of a
    result that is theirs now, or decided about on their alert.
    """
    known: set[int] = set()
    keys: dict[int, set[str]] = {}
    frontier = set(numbers)
    while frontier:
        known |= frontier
        own = _keys(connection, frontier)
        for source_id, theirs in own.items():
            keys.setdefault(source_id, set()).update(theirs)
        found = _merged(connection, frontier) | _owners(connection, own)
        frontier = (found | _decided_together(connection, frontier)) - known
    names: dict[int, set[str]] = {}
    rows = select(patient.c.source_id, patient.c.fhir_id).where(among(patient.c.id, known))
    for row in connection.execute(rows):
        names.setdefault(row.source_id, set()).add(row.fhir_id)
        keys.setdefault(row.source_id, set()).add(f"Patient/{row.fhir_id}")
    return Past(frozenset(known), names, keys)


def _keys(connection: Connection, numbers: Collection[int]) -> dict[int, set[str]]:
    keys: dict[int, set[str]] = {}
    for table in RECEIVED:
        query = select(table.c.source_id, table.c.key).where(
            among(table.c.patient_id, numbers), table.c.key.is_not(None)
        )
        for row in connection.execute(query):
            keys.setdefault(row.source_id, set()).add(row.key)
    return keys


def _merged(connection: Connection, numbers: Collection[int]) -> set[int]:
    rows = connection.execute(
        select(patient.c.id, patient.c.source_id, patient.c.fhir_id, patient.c.survivor_id).where(
            or_(among(patient.c.id, numbers), among(patient.c.survivor_id, numbers))
        )
    ).all()
    found = {row.id for row in rows} | {row.survivor_id for row in rows if row.survivor_id is not None}
    for source_id in {row.source_id for row in rows}:
        own = {row.fhir_id for row in rows if row.source_id == source_id}
        linked = identities.linked_with(connection, source_id, own)
        query = select(patient.c.id).where(patient.c.source_id == source_id, among(patient.c.fhir_id, linked))
        found |= set(connection.execute(query).scalars())
    return found


def _owners(connection: Connection, keys: _Named) -> set[int]:
    found: set[int] = set()
    for table in RECEIVED:
        query = select(table.c.patient_id).where(
            _in(table.c.source_id, table.c.key, keys), table.c.patient_id.is_not(None)
        )
        found |= set(connection.execute(query.distinct()).scalars())
    return found


def _decided_together(connection: Connection, numbers: Collection[int]) -> set[int]:
    found = {each for made in decisions.of_records(connection, numbers) for each in made.inputs}
    query = (
        select(disposition.c.patient_id, alert.c.patient_id)
        .join(alert, alert.c.id == disposition.c.alert_id)
        .where(or_(among(disposition.c.patient_id, numbers), among(alert.c.patient_id, numbers)))
    )
    return found | {number for row in connection.execute(query) for number in row}


def _in(source_id: Column[int], column: Column[str], named: _Named) -> ColumnElement[bool]:
    return or_(False, *(and_(source_id == source, among(column, own)) for source, own in named.items()))
