"""Patients of each source: locking them, what is known of them, and which records are one person's."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, Row, Select, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.clinical.results import Sex
from service.store.rows import among, insert_rows
from service.store.schema import patient, patient_identifier


@dataclass(slots=True)
class PatientRow:
    """A patient as locked by the current transaction; changed here, then written by :func:`save`."""

    id: int
    source_id: int
    fhir_id: str
    revision: int
    judged_revision: int
    judged_digest: str
    survivor_id: int | None
    replaced_by: str | None
    replaces: tuple[str, ...]
    sex: Sex | None
    birth_date: date | None
    deceased: bool
    review_on: date | None
    touched: bool = field(default=False, compare=False)
    """Its record changed in this transaction; `revision` is already the new one."""

    @property
    def person(self) -> int:
        """The id of the record it is judged under: its own, or that of the record it was merged into."""
        return self.survivor_id or self.id

    def touch(self) -> int:
        """Count one change of the record in this transaction; the new revision."""
        if not self.touched:
            self.touched = True
            self.revision += 1
        return self.revision


_COLUMNS = (
    *("id", "source_id", "fhir_id", "revision", "judged_revision", "judged_digest", "survivor_id"),
    *("replaced_by", "replaces", "sex", "birth_date", "deceased", "review_on"),
)


def _row(row: Row[tuple[object, ...]]) -> PatientRow:
    return PatientRow(
        row.id,
        row.source_id,
        row.fhir_id,
        row.revision,
        row.judged_revision,
        row.judged_digest,
        row.survivor_id,
        row.replaced_by,
        tuple(msgspec.json.decode(row.replaces)) if row.replaces else (),
        Sex(row.sex) if row.sex else None,
        row.birth_date,
        row.deceased,
        row.review_on,
    )


def _query() -> Select[tuple[object, ...]]:
    return select(*(patient.c[name] for name in _COLUMNS))


def ids_of(connection: Connection, source_id: int, fhir_ids: Collection[str]) -> dict[str, int]:
    """The store's number of each patient of the source; those not known yet are created."""
    if not fhir_ids:
        return {}
    query = select(patient.c.fhir_id, patient.c.id).where(
        patient.c.source_id == source_id, among(connection, patient.c.fhir_id, fhir_ids)
    )
    found: dict[str, int] = {row.fhir_id: row.id for row in connection.execute(query)}
    missing = sorted(set(fhir_ids) - found.keys())
    if missing:
        columns = (
            "source_id",
            "fhir_id",
            "public_id",
            "revision",
            "judged_revision",
            "judged_digest",
            "deceased",
        )
        rows = [(source_id, fhir_id, uuid4(), 0, 0, "", False) for fhir_id in missing]
        insert_rows(connection, patient, columns, rows)
        found = {row.fhir_id: row.id for row in connection.execute(query)}
    return found


def lock(connection: Connection, ids: Collection[int]) -> dict[int, PatientRow]:
    """Lock patients and everyone merged with them, in order of id, and read them.

    Locking in one order everywhere is what keeps two processes from deadlocking. On SQLite the
    transaction already holds the only write lock.
    """
    if not ids:
        return {}
    wanted = set(ids)
    while True:
        survivors = select(patient.c.survivor_id).where(
            among(connection, patient.c.id, wanted), patient.c.survivor_id.is_not(None)
        )
        people = wanted | set(connection.execute(survivors).scalars())
        query = _query().where(
            or_(among(connection, patient.c.id, people), among(connection, patient.c.survivor_id, people))
        )
        rows = connection.execute(query.order_by(patient.c.id).with_for_update())
        locked = {row.id: _row(row) for row in rows}
        beyond = {row.person for row in locked.values()} - locked.keys()
        if not beyond:
            return locked
        wanted |= beyond  # merged by someone else between the two reads


def save(connection: Connection, rows: Iterable[PatientRow]) -> None:
    """Write back locked patients that changed."""
    changed = [
        {
            "of_id": row.id,
            "revision": row.revision,
            "judged_revision": row.judged_revision,
            "judged_digest": row.judged_digest,
            "survivor_id": row.survivor_id,
            "replaced_by": row.replaced_by,
            "replaces": msgspec.json.encode(row.replaces).decode() if row.replaces else None,
            "sex": row.sex,
            "birth_date": row.birth_date,
            "deceased": row.deceased,
            "review_on": row.review_on,
        }
        for row in sorted(rows, key=lambda each: each.id)
    ]
    if changed:
        values: dict[str, Any] = {name: bindparam(name) for name in changed[0] if name != "of_id"}
        connection.execute(update(patient).where(patient.c.id == bindparam("of_id")).values(values), changed)


def linked_with(connection: Connection, source_id: int, fhir_ids: Collection[str]) -> set[str]:
    """Every patient id of the source that merge links connect, directly or not, with one of `fhir_ids`."""
    known: set[str] = set()
    frontier = set(fhir_ids)
    while frontier:
        known |= frontier
        query = select(patient.c.fhir_id, patient.c.replaced_by, patient.c.replaces).where(
            patient.c.source_id == source_id,
            or_(
                patient.c.fhir_id.in_(frontier),
                patient.c.replaced_by.in_(frontier),
                *(patient.c.replaces.contains(f'"{each}"', autoescape=True) for each in frontier),
            ),
        )
        reached: set[str] = set()
        for row in connection.execute(query):
            reached |= {row.fhir_id, *([row.replaced_by] if row.replaced_by else [])}
            reached |= set(msgspec.json.decode(row.replaces)) if row.replaces else set()
        frontier = reached - known
    return known


def keep_identifiers(
    connection: Connection, source_id: int, patient_id: int, identifiers: Sequence[tuple[str, str]]
) -> None:
    """Remember a patient's identifiers, so that results that name only those can be placed."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = [
        {"source_id": source_id, "system": system, "value": value, "patient_id": patient_id}
        for system, value in dict.fromkeys(identifiers)
    ]
    connection.execute(dialect.insert(patient_identifier).values(rows).on_conflict_do_nothing())


def by_identifier(connection: Connection, source_id: int, system: str, value: str) -> str | None:
    """The patient of the source that carries an identifier."""
    query = (
        select(patient.c.fhir_id)
        .join(patient_identifier, patient_identifier.c.patient_id == patient.c.id)
        .where(
            patient_identifier.c.source_id == source_id,
            patient_identifier.c.system == system,
            patient_identifier.c.value == value,
        )
    )
    return connection.execute(query).scalar_one_or_none()


def unjudged(connection: Connection, limit: int, after: int = 0) -> list[int]:
    """Patients whose record is ahead of its last judgement: at most `limit`, with ids above `after`."""
    query = select(patient.c.id).where(patient.c.id > after, patient.c.revision != patient.c.judged_revision)
    return list(connection.execute(query.order_by(patient.c.id).limit(limit)).scalars())


def outdated(connection: Connection, digests: dict[int, str], limit: int, after: int = 0) -> list[int]:
    """Patients judged under other rules or source settings than those of now.

    Args:
        connection: an open transaction.
        digests: what each source's patients should have been judged under, by source id.
        limit: at most so many.
        after: only ids above this one, so that a caller can page.
    """
    stale = [
        (patient.c.source_id == key) & (patient.c.judged_digest != value) for key, value in digests.items()
    ]
    query = select(patient.c.id).where(patient.c.id > after, patient.c.revision > 0, or_(False, *stale))
    return list(connection.execute(query.order_by(patient.c.id).limit(limit)).scalars())


def due(connection: Connection, today: date, limit: int) -> list[int]:
    """Patients whose record reads differently from today on although nothing arrived."""
    query = select(patient.c.id).where(patient.c.review_on <= today).order_by(patient.c.id).limit(limit)
    return list(connection.execute(query).scalars())
