"""Records opened by people whose sources they are not of: why, and for how long."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, select

from service.store.query import among
from service.store.schema import account, break_glass, patient, source


class Reason(StrEnum):
    """Why somebody opens a record that is not of their sources."""

    EMERGENCY = "emergency"
    COVER = "cover"
    REFERRED = "referred"
    ASKED = "asked"
    OTHER = "other"


class Opened(NamedTuple):
    """One record, opened."""

    by: str
    """Id of the account."""
    shown: str
    """The name that others see."""
    patient: UUID
    source: str
    reason: Reason
    words: str
    at: datetime
    until: datetime


class Whose(NamedTuple):
    """A patient by the id that stands in addresses."""

    id: int
    source_id: int
    source: str


def whose(connection: Connection, public_id: UUID) -> Whose | None:
    """The patient of an id, and the source of the record; None where there is none."""
    row = connection.execute(
        select(patient.c.id, source.c.id, source.c.name)
        .join(source, source.c.id == patient.c.source_id)
        .where(patient.c.public_id == public_id)
    ).one_or_none()
    return None if row is None else Whose(*row)


def open_record(
    connection: Connection,
    account_id: str,
    patient_id: int,
    reason: Reason,
    words: str,
    now: datetime,
    until: datetime,
) -> None:
    """Let somebody see a record until then."""
    connection.execute(
        break_glass.insert().values(
            account_id=account_id,
            patient_id=patient_id,
            reason=reason.value,
            words=words,
            opened=now,
            until=until,
        )
    )


def open_until(connection: Connection, account_id: str, patient_id: int, now: datetime) -> datetime | None:
    """For how long somebody may still see a record; None where they may not."""
    latest = connection.execute(
        select(break_glass.c.until)
        .where(
            break_glass.c.account_id == account_id,
            break_glass.c.patient_id == patient_id,
            break_glass.c.until > now,
        )
        .order_by(break_glass.c.until.desc())
        .limit(1)
    )
    return latest.scalar_one_or_none()


def opened(connection: Connection, sources: Collection[str], limit: int) -> list[Opened]:
    """What was opened of those sources, the latest first."""
    return _rows(connection, limit, among(source.c.name, sources))


def opened_by(connection: Connection, account_id: str, now: datetime) -> list[Opened]:
    """What somebody may see just now by a reason they gave."""
    mine = (break_glass.c.account_id == account_id) & (break_glass.c.until > now)
    return _rows(connection, None, mine)


def opened_of(connection: Connection, patients: Collection[int]) -> list[Opened]:
    """When these records were opened, and why, the latest first."""
    return _rows(connection, None, among(break_glass.c.patient_id, patients))


def _rows(connection: Connection, limit: int | None, *conditions: ColumnElement[bool]) -> list[Opened]:
    query = (
        select(
            account.c.id,
            account.c.shown,
            patient.c.public_id,
            source.c.name,
            break_glass.c.reason,
            break_glass.c.words,
            break_glass.c.opened,
            break_glass.c.until,
        )
        .join(account, account.c.id == break_glass.c.account_id)
        .join(patient, patient.c.id == break_glass.c.patient_id)
        .join(source, source.c.id == patient.c.source_id)
        .where(*conditions)
        .order_by(break_glass.c.opened.desc(), break_glass.c.id.desc())
        .limit(limit)
    )
    return [Opened(*row[:4], Reason(row[4]), *row[5:]) for row in connection.execute(query)]


def public_id(connection: Connection, source_id: int, fhir_id: str) -> UUID | None:
    """The id in addresses of a patient that a source calls `fhir_id`; None where nothing of them has come."""
    return connection.execute(
        select(patient.c.public_id).where(patient.c.source_id == source_id, patient.c.fhir_id == fhir_id)
    ).scalar_one_or_none()
