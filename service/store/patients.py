"""Patients of each source: locking them, what is known of them, and which records are one person's."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, Select, bindparam, or_, select, update

from service.clinical.results import Sex
from service.store.rows import among, insert_rows
from service.store.schema import patient


@dataclass(slots=True)
class PatientRow:
    """A patient as locked by the current transaction; changed here, then written by :func:`save`."""

    id: int
    source_id: int
    fhir_id: str
    revision: int
    judged_revision: int
    read_digest: str
    survivor_id: int | None
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
    *("id", "source_id", "fhir_id", "revision", "judged_revision", "read_digest", "survivor_id"),
    *("sex", "birth_date", "deceased", "review_on"),
)


def _row(row: Row[tuple[object, ...]]) -> PatientRow:
    return PatientRow(
        row.id,
        row.source_id,
        row.fhir_id,
        row.revision,
        row.judged_revision,
        row.read_digest,
        row.survivor_id,
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
            "read_digest",
            "deceased",
        )
        rows = [(source_id, fhir_id, uuid4(), 0, 0, "", False) for fhir_id in missing]
        insert_rows(connection, patient, columns, rows)
        found = {row.fhir_id: row.id for row in connection.execute(query)}
    return found


def lock(connection: Connection, ids: Collection[int]) -> dict[int, PatientRow]:
    """Lock patients and everyone merged with them, in order of id, and read them.

    Locking in one order everywhere is what keeps two processes from deadlocking. On SQLite the transaction
    holds the only write lock already.
    """
    locked: dict[int, PatientRow] = {}
    wanted = _merged_with(connection, ids) if ids else set()
    while wanted - locked.keys():
        query = _query().where(among(connection, patient.c.id, wanted)).order_by(patient.c.id)
        locked |= {row.id: _row(row) for row in connection.execute(query.with_for_update())}
        # Whoever held a lock before us may have merged somebody: look again now that it cannot change.
        wanted = wanted if connection.dialect.name == "sqlite" else _merged_with(connection, locked)
    return locked


def _merged_with(connection: Connection, ids: Collection[int]) -> set[int]:
    """These patients, the records they were merged into, and everyone else merged into those."""
    survivors = select(patient.c.survivor_id).where(
        among(connection, patient.c.id, ids), patient.c.survivor_id.is_not(None)
    )
    people = {*ids, *connection.execute(survivors).scalars()}
    merged = select(patient.c.id).where(among(connection, patient.c.survivor_id, people))
    return people | set(connection.execute(merged).scalars())


def save(connection: Connection, rows: Iterable[PatientRow]) -> None:
    """Write back locked patients that changed."""
    changed = [
        {
            "of_id": row.id,
            "revision": row.revision,
            "judged_revision": row.judged_revision,
            "read_digest": row.read_digest,
            "survivor_id": row.survivor_id,
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
        (patient.c.source_id == key) & (patient.c.read_digest != value) for key, value in digests.items()
    ]
    query = select(patient.c.id).where(patient.c.id > after, patient.c.revision > 0, or_(False, *stale))
    return list(connection.execute(query.order_by(patient.c.id).limit(limit)).scalars())


def due(connection: Connection, today: date, limit: int, after: int = 0) -> list[int]:
    """Patients whose record reads differently from today on although nothing arrived.

    At most `limit`, with ids above `after`.
    """
    query = select(patient.c.id).where(patient.c.id > after, patient.c.review_on <= today)
    return list(connection.execute(query.order_by(patient.c.id).limit(limit)).scalars())
