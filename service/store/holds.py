"""Legal holds: records that are kept whatever their age, for a court, say."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Select, func, or_, select

from service.store.query import among
from service.store.rows import insert_rows
from service.store.schema import legal_hold, patient, patient_name, source

_COLUMNS = ("id", "patient_id", "reason", "by", "placed")


class Hold(NamedTuple):
    """One hold on one person."""

    id: UUID
    reason: str
    """In the person's own words."""
    by: str
    """Who placed it, as the audit log names them."""
    placed: datetime
    released_by: str | None = None
    released: datetime | None = None
    """None while it holds."""


class HeldRecord(NamedTuple):
    """A record that is held, on a list."""

    hold: Hold
    number: int
    public_id: UUID
    source_id: int
    source: str
    name: str
    """Empty where no Patient states one."""


def place(connection: Connection, made: Hold, numbers: Collection[int]) -> None:
    """Hold every record of a person; the transaction has locked them."""
    rows = [(made.id, number, made.reason, made.by, made.placed) for number in sorted(numbers)]
    insert_rows(connection, legal_hold, _COLUMNS, rows)


def release(connection: Connection, hold_id: UUID, by: str, now: datetime) -> None:
    """End a hold on every record that it is on."""
    standing = (legal_hold.c.id == hold_id) & legal_hold.c.released.is_(None)
    connection.execute(legal_hold.update().where(standing).values(released_by=by, released=now))


def of_records(connection: Connection, numbers: Collection[int]) -> list[Hold]:
    """Every hold that any of these records is or was under, the latest first."""
    query = (
        select(*(legal_hold.c[name] for name in Hold._fields))
        .where(among(legal_hold.c.patient_id, numbers))
        .distinct()
        .order_by(legal_hold.c.placed.desc(), legal_hold.c.id)
    )
    return [Hold(*row) for row in connection.execute(query)]


def held(connection: Connection, numbers: Collection[int]) -> bool:
    """Whether any of these records must be kept."""
    query = select(legal_hold.c.id).where(
        among(legal_hold.c.patient_id, numbers), legal_hold.c.released.is_(None)
    )
    return connection.execute(query.limit(1)).first() is not None


def everybody_held() -> Select[tuple[int]]:
    """The numbers of all records that must be kept, of each person whatever was merged since it was held."""
    held, own = patient.alias(), patient.alias()
    person = (
        select(func.coalesce(held.c.survivor_id, held.c.id))
        .join(legal_hold, legal_hold.c.patient_id == held.c.id)
        .where(legal_hold.c.released.is_(None))
    )
    return select(own.c.id).where(or_(own.c.id.in_(person), own.c.survivor_id.in_(person)))


def standing(connection: Connection, sources: Collection[int]) -> list[HeldRecord]:
    """The holds of people in these sources that have not been released, the latest first.

    Each stands once for a person, under the record that their others were merged into.
    """
    person = func.coalesce(patient.c.survivor_id, patient.c.id)
    held_people = (
        select(*(legal_hold.c[name] for name in Hold._fields), person.label("person"))
        .join(patient, patient.c.id == legal_hold.c.patient_id)
        .where(legal_hold.c.released.is_(None))
        .distinct()
        .subquery()
    )
    query = (
        select(
            *(held_people.c[name] for name in Hold._fields),
            patient.c.id,
            patient.c.public_id,
            source.c.id,
            source.c.name,
            func.coalesce(patient_name.c.shown, ""),
        )
        .select_from(held_people.join(patient, patient.c.id == held_people.c.person))
        .join(source, source.c.id == patient.c.source_id)
        .outerjoin(patient_name, patient_name.c.patient_id == patient.c.id)
        .where(among(patient.c.source_id, sources))
        .order_by(held_people.c.placed.desc(), held_people.c.id, patient.c.id)
    )
    width = len(Hold._fields)
    return [HeldRecord(Hold(*row[:width]), *row[width:]) for row in connection.execute(query)]
