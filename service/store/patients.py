"""Patients of each source: locking them, what is known of them, and which records are one person's."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, and_, bindparam, or_, select

from service.clinical.results import Sex
from service.store.query import Query, among
from service.store.rows import insert_rows, update_rows
from service.store.schema import alert, patient, to_act_on


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
    ethnicity: str | None
    language: str | None
    course: str | None
    peaks: str | None
    """As `store.peaks` encodes them."""
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


COLUMNS = (
    *("id", "source_id", "fhir_id", "revision", "judged_revision", "read_digest", "survivor_id"),
    *("sex", "birth_date", "deceased", "review_on", "ethnicity", "language", "course", "peaks"),
)
"""What :func:`row_of` reads, in that order."""
_CHANGING = COLUMNS[3:]
_NEW = (
    *("source_id", "fhir_id", "public_id", "revision", "judged_revision", "read_digest", "deceased"),
    "past_due",
)
NOT_ALL_ALIKE = ""
"""`read_digest` of a record that nothing was read of, or whose parts were read under different rules."""
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


def row_of(row: Sequence[Any]) -> PatientRow:
    """A patient from its COLUMNS."""
    number, source_id, fhir_id, revision, judged, digest, survivor, sex, *rest = row
    known_sex = Sex(sex) if sex else None
    return PatientRow(number, source_id, fhir_id, revision, judged, digest, survivor, known_sex, *rest)


class Vanished(Exception):
    """Another transaction has just erased a patient: the caller must roll back and try again."""


class Seen(NamedTuple):
    """A patient as read without a lock: it may have changed since."""

    id: int
    fhir_id: str
    revision: int
    survivor_id: int | None


_seen = select(*(patient.c[name] for name in Seen._fields))
_seen_by_name = Query(_seen.where(patient.c.source_id == bindparam("of_source")), each=patient.c.fhir_id)
_seen_by_id = Query(_seen, each=patient.c.id)
_locked = Query(
    select(*(patient.c[name] for name in COLUMNS))
    .where(or_(among(patient.c.id, "ids"), among(patient.c.survivor_id, "ids")))
    .order_by(patient.c.id)
    .with_for_update()
)


def named(connection: Connection, source_id: int, fhir_ids: Collection[str]) -> dict[str, Seen]:
    """Patients of the source by their ids there; those not known yet are created."""
    if not fhir_ids:
        return {}
    found = known(connection, source_id, fhir_ids)
    missing = sorted(set(fhir_ids) - found.keys())
    if missing:
        rows = [(source_id, fhir_id, uuid4(), 0, 0, NOT_ALL_ALIKE, False, _AT_ONCE) for fhir_id in missing]
        insert_rows(connection, patient, _NEW, rows)
        found |= known(connection, source_id, missing)
    return found


def known(connection: Connection, source_id: int, fhir_ids: Collection[str]) -> dict[str, Seen]:
    """Patients of the source by their ids there, of those that are known."""
    rows = _seen_by_name.rows(connection, of_source=source_id, each=fhir_ids)
    return {row[1]: Seen(*row) for row in rows}


def lock(connection: Connection, ids: Collection[int], seen: Collection[Seen] = ()) -> dict[int, PatientRow]:
    """Lock patients and everyone merged with them, in order of id, and read them.

    Locking in one order everywhere is what keeps two processes from deadlocking. On SQLite the transaction
    holds the only write lock already.

    Args:
        connection: in a transaction that may write.
        ids: whom to lock.
        seen: those of them that the transaction has read already.

    Returns:
        By id; without those that have been erased.

    Raises:
        Vanished: one was erased just now.
    """
    if not ids:
        return {}
    known = {each.id: each for each in seen}
    unknown = [each for each in ids if each not in known]
    if unknown:
        known |= {row[0]: Seen(*row) for row in _seen_by_id.rows(connection, each=unknown)}
    survivors = {each.survivor_id for each in known.values() if each.survivor_id is not None}
    wanted = {*ids, *survivors}
    locked = {row[0]: row_of(row) for row in _locked.rows(connection, ids=wanted)}
    if connection.dialect.name == "sqlite":
        return locked
    if not known.keys() <= locked.keys():
        raise Vanished
    # Whoever held a lock before us may have merged somebody, which counts as a change of both: if nothing
    # changed since it was read, the locks are complete; else look again until they are.
    while survivors or any(locked[each.id].revision != each.revision for each in known.values()):
        missing = {row.person for row in locked.values()} - wanted
        wanted |= missing
        again = {row[0]: row_of(row) for row in _locked.rows(connection, ids=wanted)}
        if again.keys() == locked.keys() and not missing:
            return again
        locked = again
    return locked


def numbers(connection: Connection, after: int, limit: int) -> list[int]:
    """The numbers of all patients, in order: at most `limit`, above `after`."""
    query = select(patient.c.id).where(patient.c.id > after).order_by(patient.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def still_there(connection: Connection, numbers: Collection[int]) -> set[int]:
    """Those of these patients who have not been erased, and are not until the transaction ends."""
    query = select(patient.c.id).where(among(patient.c.id, numbers)).order_by(patient.c.id)
    return set(connection.execute(query.with_for_update(read=True, key_share=True)).scalars())


def keep_there(connection: Connection, number: int) -> None:
    """Keep a patient from being erased until the transaction ends, for whoever adds to the record unlocked.

    Raises:
        Vanished: they have been erased just now.
    """
    if not still_there(connection, [number]):
        raise Vanished


def source_of(connection: Connection, number: int) -> int:
    """The source that a patient is of."""
    return int(connection.execute(select(patient.c.source_id).where(patient.c.id == number)).scalar_one())


def save(connection: Connection, rows: Iterable[PatientRow]) -> None:
    """Write back locked patients that changed."""
    changed = sorted(rows, key=lambda each: each.id)
    values = [(*(getattr(row, name) for name in _CHANGING), row.id) for row in changed]
    update_rows(connection, patient, ("id",), _CHANGING, values)


def unjudged(connection: Connection, limit: int, after: int = 0) -> list[int]:
    """Patients whose record is ahead of its last judgement: at most `limit`, with ids above `after`."""
    query = select(patient.c.id).where(patient.c.id > after, patient.c.revision != patient.c.judged_revision)
    return list(connection.execute(query.order_by(patient.c.id).limit(limit)).scalars())


def outdated(
    connection: Connection, digests: Mapping[int, str | None], limit: int, after: int = 0
) -> list[int]:
    """Patients judged under other rules or source settings than those of now.

    Args:
        connection: an open transaction.
        digests: what each source's patients should have been judged under, by source id; None for a source
            all of whose patients count as outdated.
        limit: at most so many.
        after: only ids above this one, so that a caller can page.
    """
    stale = [
        (patient.c.source_id == key) & patient.c.read_digest.is_distinct_from(value)
        for key, value in digests.items()
    ]
    query = select(patient.c.id).where(patient.c.id > after, patient.c.revision > 0, or_(False, *stale))
    return list(connection.execute(query.order_by(patient.c.id).limit(limit)).scalars())


def due(connection: Connection, today: date, limit: int, after: int = 0) -> list[int]:
    """Patients whose record reads differently from today on although nothing arrived.

    At most `limit`, with ids above `after`.
    """
    query = select(patient.c.id).where(patient.c.id > after, patient.c.review_on <= today)
    return list(connection.execute(query.order_by(patient.c.id).limit(limit)).scalars())


def read_digests(connection: Connection) -> set[str]:
    """What the records that hold anything were read under, each once."""
    query = (
        select(patient.c.read_digest)
        .where(patient.c.revision > 0, patient.c.read_digest != NOT_ALL_ALIKE)
        .distinct()
    )
    return set(connection.execute(query).scalars())


def claim_without_past(
    connection: Connection, source_id: int, now: datetime, again: datetime, limit: int
) -> list[tuple[int, str]]:
    """Patients whose past the EHR has not been asked for, as (number, id in the source); the newest first.

    They are not given out anew before `again`, so that one asker has them, and what fails is asked later.
    """
    query = (
        select(patient.c.id, patient.c.fhir_id)
        .where(patient.c.source_id == source_id, patient.c.past_due <= now)
        .order_by(patient.c.past_due, patient.c.id.desc())
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = [(row[0], row[1]) for row in connection.execute(query)]
    if found:
        taken = among(patient.c.id, [number for number, _ in found])
        connection.execute(patient.update().where(taken).values(past_due=again))
    return found


def past_is_known(connection: Connection, number: int) -> None:
    """The EHR has been asked for the past of this one."""
    connection.execute(patient.update().where(patient.c.id == number).values(past_due=None))


def pasts_are_known(connection: Connection, source_id: int) -> None:
    """All there is of everybody in a source has been read: nobody's past need be asked for."""
    waiting = and_(patient.c.source_id == source_id, patient.c.past_due.is_not(None))
    connection.execute(patient.update().where(waiting).values(past_due=None))


def under_watch(connection: Connection, source_id: int, after: int, limit: int) -> list[tuple[int, str]]:
    """Patients with an alert that somebody has to act on, or with a day to be judged again.

    As (number, id in the source): at most `limit`, in order of number, above `after`.
    """
    open_alert = select(alert.c.id).where(alert.c.patient_id == patient.c.id, to_act_on).exists()
    query = (
        select(patient.c.id, patient.c.fhir_id)
        .where(
            patient.c.source_id == source_id,
            patient.c.id > after,
            or_(patient.c.review_on.is_not(None), open_alert),
        )
        .order_by(patient.c.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in connection.execute(query)]
