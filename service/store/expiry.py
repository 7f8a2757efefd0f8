"""Which records are old enough to be erased, and what stands against it."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select

from service.store import holds
from service.store.past import RECEIVED, Past
from service.store.query import among
from service.store.schema import (
    alert,
    disposition,
    lab_result,
    outbox,
    patient,
    patient_identifier,
    pending_fetch,
    remark,
    resource,
    to_act_on,
)


class Standing(StrEnum):
    """What becomes of a record that looks old."""

    DUE = "due"
    """Its time of retention is over, and nothing stands against erasing it."""
    ACTIVE = "active"
    """Something of it, or of a record it shares a past with, is not old enough."""
    HELD = "held"
    """It is under a legal hold."""
    OPEN = "open"
    """Somebody has to act on an alert of it, or it waits to be judged."""
    UNSENT = "unsent"
    """The EHR does not hold yet what it should of an alert of it."""


def quiet(connection: Connection, numbers: Collection[int], since: datetime) -> list[int]:
    """Those of these patients of whom something was received, and nothing since then; in order.

    A quick look without a lock, at each alone: :func:`standing` has the last word.
    """
    known: set[int] = set()
    active: set[int] = set()
    for table in RECEIVED:
        received = select(table.c.patient_id).where(among(table.c.patient_id, numbers)).distinct()
        known |= set(connection.execute(received).scalars())
        active |= set(connection.execute(received.where(table.c.received >= since)).scalars())
    return sorted(known - active)


def standing(connection: Connection, past: Past, since: datetime) -> Standing:
    """What stands against erasing records that share a past, if anything does.

    Args:
        connection: in a transaction; where it is to erase, it holds the patients' locks and those of `lock`.
        past: the records.
        since: what happened then or later keeps them.
    """

    def is_any(query: Select[Any]) -> bool:
        return connection.execute(query.limit(1)).first() is not None

    alerts = among(alert.c.patient_id, past.numbers)
    unjudged = and_(among(patient.c.id, past.numbers), patient.c.revision != patient.c.judged_revision)
    if holds.held(connection, past.numbers):
        return Standing.HELD
    if any(map(is_any, _recent(past, since))):
        return Standing.ACTIVE
    if is_any(select(alert.c.id).where(alerts, to_act_on)) or is_any(select(patient.c.id).where(unjudged)):
        return Standing.OPEN
    # What a person has stopped is waited for by nobody; a dead letter waits for a person.
    behind = and_(outbox.c.wanted_revision > outbox.c.sent_revision, outbox.c.cancelled_by.is_(None))
    if is_any(_outbox(past).where(or_(behind, outbox.c.lease_token.is_not(None)))):
        return Standing.UNSENT
    return Standing.DUE


def lock(connection: Connection, past: Past) -> None:
    """Keep others from saying anything of these records' alerts, or having any sent.

    The patients themselves are locked already, by `patients.lock`.
    """
    if connection.dialect.name != "sqlite":  # there the transaction is the only writer anyway
        alerts = select(alert.c.id).where(among(alert.c.patient_id, past.numbers))
        connection.execute(alerts.order_by(alert.c.id).with_for_update())
        connection.execute(_outbox(past).order_by(outbox.c.alert_id).with_for_update(of=outbox))


def _outbox(past: Past) -> Select[Any]:
    of_alerts = select(outbox.c.alert_id).join(alert, alert.c.id == outbox.c.alert_id)
    return of_alerts.where(among(alert.c.patient_id, past.numbers))


def _recent(past: Past, since: datetime) -> list[Select[Any]]:
    """Queries of which each finds one kind of activity since then: results, decisions, messages."""
    # What waits for a Patient of an identifier that one of these carries may be theirs.
    theirs = and_(
        patient_identifier.c.source_id == resource.c.source_id,
        patient_identifier.c.identifier == resource.c.named_by,
    )
    waiting = select(resource.c.key).join(patient_identifier, theirs)
    said = select(remark.c.id).join(alert, alert.c.id == remark.c.alert_id)
    return [
        *(
            select(table.c.source_id).where(past.received(table), table.c.received >= since)
            for table in RECEIVED
        ),
        select(pending_fetch.c.key).where(past.fetched, pending_fetch.c.asked >= since),
        waiting.where(among(patient_identifier.c.patient_id, past.numbers), resource.c.patient_id.is_(None)),
        select(lab_result.c.day).where(
            among(lab_result.c.patient_id, past.numbers), lab_result.c.effective >= since
        ),
        select(disposition.c.id).where(
            among(disposition.c.patient_id, past.numbers), disposition.c.at >= since
        ),
        said.where(among(alert.c.patient_id, past.numbers), remark.c.at >= since),
    ]
