"""Legal holds: a person's record is kept, whatever its age, until somebody entitled releases it."""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from service.errors import Conflict, InvalidDecision, NotFound
from service.ingest.receiving import in_transaction
from service.store import decisions, holds, patients
from service.store.holds import Hold
from service.store.patients import PatientRow

LONGEST_REASON: Final = 1000
"""Characters."""


def hold(engine: Engine, number: int, reason: str, *, by: str, now: datetime) -> UUID:
    """Hold every record of a person; others that it is held for already go on beside it.

    Args:
        engine: the database.
        number: of any of the person's records.
        reason: in the words of who places it.
        by: who places it, as the audit log names them.
        now: the moment, aware.

    Returns:
        The hold's id.

    Raises:
        InvalidDecision: there is no reason, or it is too long.
        NotFound: the record has been erased.
        Overloaded: another process kept the record busy for too long; nothing was recorded.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= LONGEST_REASON:
        raise InvalidDecision(f"a hold needs a reason of 1 to {LONGEST_REASON} characters", where="reason")
    made = Hold(uuid4(), reason, by, now)

    def work(connection: Connection) -> None:
        records = _locked(connection, number)
        holds.place(connection, made, [each.id for each in records])
        _audit(connection, "hold", records[0], made.id, by, now)

    in_transaction(engine, work)
    return made.id


def release(engine: Engine, number: int, hold_id: UUID | None, *, by: str, now: datetime) -> None:
    """Release a person's record from a hold, and with it what has been split from it since.

    Args:
        engine: the database.
        number: of any of the person's records.
        hold_id: from which; None where there is but one.
        by: who releases it, as the audit log names them.
        now: the moment, aware.

    Raises:
        NotFound: they are not held, or not by that one.
        Conflict: they are held by several, and none is named.
        Overloaded: another process kept the record busy for too long; nothing was recorded.
    """

    def work(connection: Connection) -> None:
        records = _locked(connection, number)
        found = holds.of_records(connection, [each.id for each in records])
        standing = [each for each in found if each.released is None and hold_id in (None, each.id)]
        if not standing:
            raise NotFound("the record is under no such hold; it may have been released")
        if len(standing) > 1:
            raise Conflict("the record is under several holds: say which is released")
        holds.release(connection, standing[0].id, by, now)
        _audit(connection, "hold-release", records[0], standing[0].id, by, now)

    in_transaction(engine, work)


def _locked(connection: Connection, number: int) -> list[PatientRow]:
    """Every record of the person, locked against being erased; the one that others were merged into first."""
    locked = patients.lock(connection, [number])
    if number not in locked:
        raise NotFound("there is no such patient")
    person = locked[number].person
    others = [row for row in locked.values() if row.survivor_id == person]
    return [locked[person], *others]


def _audit(
    connection: Connection, action: str, record: PatientRow, hold_id: UUID, by: str, now: datetime
) -> None:
    decisions.write_audit(
        connection,
        at=now,
        actor=by,
        action=action,
        source_id=record.source_id,
        patient_id=record.id,
        detail={"hold": str(hold_id)},
    )
