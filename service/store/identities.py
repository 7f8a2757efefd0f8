"""What Patients say of who they are: which records were merged, and which identifiers each carries."""

from collections.abc import Collection, Mapping

from sqlalchemy import ARRAY, Connection, Text, bindparam, delete, or_, select, text

from service.store.query import among
from service.store.rows import insert_rows
from service.store.schema import patient, patient_identifier, patient_link


def linked_with(connection: Connection, source_id: int, fhir_ids: Collection[str]) -> set[str]:
    """These patients of a source, and all that stated merges connect with them, directly or not."""
    known: set[str] = set()
    frontier = set(fhir_ids)
    while frontier:
        known |= frontier
        frontier = {name for pair in merges_among(connection, source_id, frontier) for name in pair} - known
    return known


def merges_among(connection: Connection, source_id: int, fhir_ids: Collection[str]) -> set[tuple[str, str]]:
    """The stated merges that any of these patients is part of: (replaced, survivor) pairs."""
    link = patient_link.c
    touching = or_(among(link.replaced, fhir_ids), among(link.survivor, fhir_ids))
    query = select(link.replaced, link.survivor).where(link.source_id == source_id, touching)
    return {(row.replaced, row.survivor) for row in connection.execute(query)}


def state_merges(
    connection: Connection, source_id: int, said: Mapping[str, Collection[tuple[str, str]]]
) -> bool:
    """Put what these patients say of merges, (replaced, survivor) pairs, in place of what they said before.

    Returns:
        Whether anything changed.
    """
    link = patient_link.c
    query = select(link.said_by, link.replaced, link.survivor).where(
        link.source_id == source_id, among(link.said_by, said)
    )
    before = {tuple(row) for row in connection.execute(query)}
    after = {(by, *pair) for by, pairs in said.items() for pair in pairs}
    if before == after:
        return False
    connection.execute(delete(patient_link).where(link.source_id == source_id, among(link.said_by, said)))
    rows = [(source_id, *row) for row in sorted(after)]
    insert_rows(connection, patient_link, ("source_id", "said_by", "replaced", "survivor"), rows)
    return True


def state_identifiers(
    connection: Connection, source_id: int, said: Mapping[int, Collection[str]]
) -> set[str]:
    """Put these patients' identifiers (`system|value`) in place of those they had before.

    Returns:
        The identifiers that now have other holders.
    """
    column = patient_identifier.c
    query = select(column.patient_id, column.identifier).where(among(column.patient_id, said))
    before = {(row.patient_id, row.identifier) for row in connection.execute(query)}
    after = {(number, identifier) for number, identifiers in said.items() for identifier in identifiers}
    for number, identifier in before - after:
        connection.execute(
            delete(patient_identifier).where(column.patient_id == number, column.identifier == identifier)
        )
    rows = [(source_id, identifier, number) for number, identifier in sorted(after - before)]
    insert_rows(connection, patient_identifier, ("source_id", "identifier", "patient_id"), rows)
    return {identifier for _, identifier in before ^ after}


def identifiers_of(connection: Connection, source_id: int, fhir_ids: Collection[str]) -> set[str]:
    """The identifiers that these patients of a source carry."""
    query = (
        select(patient_identifier.c.identifier)
        .join(patient, patient.c.id == patient_identifier.c.patient_id)
        .where(patient.c.source_id == source_id, among(patient.c.fhir_id, fhir_ids))
    )
    return set(connection.execute(query).scalars())


def guard(connection: Connection, source_id: int, identifiers: Collection[str]) -> None:
    """Wait until nobody else asks for or states these identifiers, and keep it so until the transaction ends.

    On SQLite the transaction is the only writer anyway.
    """
    if connection.dialect.name == "postgresql":
        names = sorted(f"{source_id} {identifier}" for identifier in identifiers)
        locks = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(:names) AS name"
        connection.execute(text(locks).bindparams(bindparam("names", names, type_=ARRAY(Text))))


def holders(connection: Connection, source_id: int, identifiers: Collection[str]) -> dict[str, set[str]]:
    """The patients of a source that carry each of these identifiers, by their ids there."""
    column = patient_identifier.c
    query = (
        select(column.identifier, patient.c.fhir_id)
        .join(patient, patient.c.id == column.patient_id)
        .where(column.source_id == source_id, among(column.identifier, identifiers))
    )
    found: dict[str, set[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.identifier, set()).add(row.fhir_id)
    return found
