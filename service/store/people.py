"""People as stored, read without locking anybody: for lists and reports."""

from typing import Any

from sqlalchemy import Connection, Select, or_, select

from service.store.patients import COLUMNS, PatientRow, row_of
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


def person_of(connection: Connection, number: int) -> list[PatientRow]:
    """The patient of that number, and everybody who was merged into it."""
    return _with_merged(connection, _rows().where(patient.c.id == number))[number]


def _with_merged(connection: Connection, survivors: Select[Any]) -> dict[int, list[PatientRow]]:
    found = {row.id: [row_of(row)] for row in connection.execute(survivors)}
    if found:
        others = _rows().where(patient.c.survivor_id.in_(list(found))).order_by(patient.c.id)
        for row in connection.execute(others):
            found[row.survivor_id].append(row_of(row))
    return found
