"""Handing out a letter: whoever asks for one, the audit says so before they have it."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Engine

from service.ingest import Rules
from service.languages import ENGLISH
from service.letters.case import read_case
from service.letters.letter import Letter, Recipient
from service.letters.writing import print_letter, write_letter
from service.store.decisions import write_audit
from service.store.session import snapshot, writing


class Order(NamedTuple):
    """A letter that somebody asks for."""

    alert_id: UUID
    recipient: Recipient
    language: str | None = None
    """One of `LOCALES`; None for English to the specialist, the source's own to the patient."""


def issue(
    engine: Engine,
    order: Order,
    rules: Rules,
    *,
    by: str,
    now: datetime,
    form: Callable[[Letter], bytes] = print_letter,
) -> bytes:
    """A letter about an alert as it stands now.

    Args:
        engine: the database.
        order: which letter.
        rules: what the record is read by.
        by: who asks for it, as the audit names them.
        now: the moment, aware.
        form: makes a file of it: a PDF, unless said otherwise.

    Raises:
        NotFound: there is no such alert.
        Conflict: it was withdrawn or merged into another, or there is nothing to tell the patient.
        ConfigurationError: what letters are made with is not installed; it names what is.
    """
    with snapshot(engine) as connection:
        case = read_case(connection, order.alert_id, rules, now)
    its_own = case.source.settings.language if order.recipient is Recipient.PATIENT else ENGLISH
    spoken = order.language or its_own
    made = form(write_letter(case, order.recipient, spoken))
    with writing(engine) as connection:
        write_audit(
            connection,
            at=now,
            actor=by,
            action="write-letter",
            source_id=case.source.id,
            patient_id=case.alert.subject,
            detail={"alert": str(order.alert_id), "to": order.recipient.value, "language": spoken},
        )
    return made
