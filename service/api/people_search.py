"""From what a search calls a patient to the records meant, within the sources a reader may see."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select

from service.api.alert_search import Scope
from service.store.query import among
from service.store.schema import patient

_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Person:
    """One person: every record that the source has merged, under the one that survives."""

    id: int
    """Store's number of the survivor."""
    public_id: UUID
    source_id: int


def people_named(
    connection: Connection, scope: Scope, terms: Iterable[Collection[str]], own_base: str
) -> list[Person]:
    """The people that every one of `terms` names by one of its alternatives.

    Args:
        connection: an open transaction.
        scope: what the reader may see.
        terms: ids, `Patient/id` or URLs of Patients at their source, or our own public ids.
        own_base: this service's own FHIR base URL.
    """
    found: dict[int, Person] | None = None
    for alternatives in terms:
        named = {
            each.id: each
            for each in _people(
                connection, scope, or_(false(), *(_named(scope, t, own_base) for t in alternatives))
            )
        }
        found = named if found is None else {key: found[key] for key in found.keys() & named.keys()}
    return list((found or {}).values())


def people_of(connection: Connection, scope: Scope, public_ids: Collection[UUID]) -> list[Person]:
    """The people of those public ids (of any of their records)."""
    return _people(connection, scope, among(patient.c.public_id, public_ids))


def records_of(connection: Connection, people: Collection[Person]) -> set[int]:
    """Store's numbers of all records of those people."""
    ids = [each.id for each in people]
    query = select(patient.c.id).where(or_(among(patient.c.id, ids), among(patient.c.survivor_id, ids)))
    return set(connection.execute(query).scalars())


def _people(connection: Connection, scope: Scope, condition: ColumnElement[bool]) -> list[Person]:
    named = select(patient.c.id, patient.c.survivor_id).where(patient.c.source_id.in_(list(scope)), condition)
    survivors = {row.survivor_id or row.id for row in connection.execute(named)}
    query = select(patient.c.id, patient.c.public_id, patient.c.source_id)
    return [Person(*row) for row in connection.execute(query.where(among(patient.c.id, survivors)))]


def _named(scope: Scope, term: str, own_base: str) -> ColumnElement[bool]:
    """The records that one alternative names."""
    base, slash, identity = term.rpartition("/")
    if slash:
        base, _, kind = base.rpartition("/")
        if kind != "Patient":
            return false()
    if not identity or len(identity) > _LONGEST_ID or not identity.isprintable():
        return false()
    ours = patient.c.public_id == public if (public := _uuid(identity)) else false()
    if not base:
        return or_(patient.c.fhir_id == identity, ours)
    if base == own_base:
        return ours
    there = [key for key, each in scope.items() if (each.settings.fhir_base_url or "").rstrip("/") == base]
    return and_(patient.c.source_id.in_(there), patient.c.fhir_id == identity)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
