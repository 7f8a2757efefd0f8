"""People as stored, read without locking anybody: for lists and reports."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, false, func, or_, select

from service.store.patients import COLUMNS, PatientRow, row_of
from service.store.query import among
from service.store.schema import patient


def _rows() -> Select[Any]:
    return select(*(patient.c[name] for name in COLUMNS))


def people(
    connection: Connection,
    *,
    after: int,
    limit: int,
    source_id: int | None = None,
    fhir_id: str | None = None,
) -> dict[int, list[PatientRow]]:
    """Patients by person, the survivor of merges first: at most `limit` people with ids above `after`.

    Args:
        connection: an open transaction.
        after: a person's id; 0 for the first page.
        limit: people a page.
        source_id: only patients of this source.
        fhir_id: only people who have a record of this id in their source.
    """
    survivors = _rows().where(patient.c.survivor_id.is_(None), patient.c.id > after)
    if source_id is not None:
        survivors = survivors.where(patient.c.source_id == source_id)
    if fhir_id is not None:
        merged = patient.alias()
        of_merged = merged.select().with_only_columns(merged.c.survivor_id).where(merged.c.fhir_id == fhir_id)
        survivors = survivors.where(or_(patient.c.fhir_id == fhir_id, patient.c.id.in_(of_merged)))
    return _with_merged(connection, survivors.order_by(patient.c.id).limit(limit))


def called(connection: Connection, fhir_id: str, source_id: int | None = None) -> dict[int, list[PatientRow]]:
    """The people of that id in the source, or in any, or in addresses; each with every record of theirs."""
    public = _uuid(fhir_id)
    conditions = [or_(patient.c.fhir_id == fhir_id, patient.c.public_id == public if public else false())]
    if source_id is not None:
        conditions.append(patient.c.source_id == source_id)
    query = select(patient.c.id, patient.c.survivor_id).where(*conditions)
    return by_number(connection, {row.survivor_id or row.id for row in connection.execute(query)})


def numbered(connection: Connection, sources: Collection[int], public_id: UUID) -> int | None:
    """The number of the person who has a record of that public id in one of these sources."""
    query = select(patient.c.id, patient.c.survivor_id).where(
        patient.c.public_id == public_id, among(patient.c.source_id, sources)
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else found.survivor_id or found.id


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def public_id_of(connection: Connection, number: int) -> UUID:
    """The id by which pages and endpoints name a patient."""
    found: UUID = connection.execute(select(patient.c.public_id).where(patient.c.id == number)).scalar_one()
    return found


def public_ids(connection: Connection, numbers: Collection[int]) -> dict[int, UUID]:
    """The ids by which pages and endpoints name patients, of those that are there."""
    query = select(patient.c.id, patient.c.public_id).where(among(patient.c.id, numbers))
    return {row.id: row.public_id for row in connection.execute(query)}


def count(connection: Connection, sources: Collection[int]) -> int:
    """How many people there are in these sources, those whose records were merged counted once."""
    mine = among(patient.c.source_id, sources), patient.c.survivor_id.is_(None)
    return int(connection.execute(select(func.count()).select_from(patient).where(*mine)).scalar_one())


def by_number(connection: Connection, numbers: Collection[int]) -> dict[int, list[PatientRow]]:
    """The people of these numbers, each with every record merged into theirs; the survivor's first."""
    return _with_merged(connection, _rows().where(among(patient.c.id, numbers)).order_by(patient.c.id))


def _with_merged(connection: Connection, survivors: Select[Any]) -> dict[int, list[PatientRow]]:
    found = {row.id: [row_of(row)] for row in connection.execute(survivors)}
    if found:
        others = _rows().where(among(patient.c.survivor_id, found)).order_by(patient.c.id)
        for row in connection.execute(others):
            found[row.survivor_id].append(row_of(row))
    return found
