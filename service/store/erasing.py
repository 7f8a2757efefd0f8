"""Erasing: every row of a record in every table but the audit log, and bytes that nothing else needs."""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, select, text

from service.store.past import RECEIVED, Past
from service.store.query import among
from service.store.schema import (
    alert,
    audit,
    audit_seal,
    decision,
    disposition,
    is_deleted,
    metadata,
    outcome,
    patient,
    patient_link,
    pending_fetch,
    quarantine,
    raw_message,
    resource,
    source,
    superseded,
)

KEPT: Final = (audit, audit_seal)
"""What an erasure leaves: who did what to which record, by numbers and ids of ours alone."""


LOCK_TIMEOUT_MILLISECONDS: Final = 2_000
"""Whoever wants to file something queues behind an erasure that waits: it soon gives up."""


def erase(connection: Connection, past: Past) -> None:
    """Erase records that share a past, all of them; the transaction has locked them."""
    overwrite_what_is_deleted(connection)
    messages = {each for table in RECEIVED for each in messages_of(connection, table, past.received(table))}
    decided = select(decision.c.outcome_digest).where(among(decision.c.patient_id, past.numbers))
    outcomes = set(connection.execute(decided.distinct()).scalars())
    for table in reversed(metadata.sorted_tables):
        condition = belonging(table, past)
        if condition is not None:
            connection.execute(table.delete().where(condition))
    drop_messages(connection, messages)
    _drop_outcomes(connection, outcomes)


def belonging(table: Table, past: Past) -> ColumnElement[bool] | None:
    """The condition that a row of a table is of these records; None for a table that holds nobody's.

    A table with a column that names a patient, an alert or a decision of a person is one of theirs, so that
    a new one is not forgotten.
    """
    if table in KEPT:
        return None
    if table in RECEIVED:
        return past.received(table)
    if table is pending_fetch:
        return past.fetched
    if table is patient_link:
        return past.stated
    if table is patient:
        return among(patient.c.id, past.numbers)
    if "patient_id" in table.c:
        return among(table.c.patient_id, past.numbers)
    for name, owner in (("alert_id", alert), ("disposition_id", disposition)):
        if name in table.c:
            return table.c[name].in_(select(owner.c.id).where(among(owner.c.patient_id, past.numbers)))
    return None


Messages = set[tuple[str | None, bytes]]
"""`Type/id`, None where it has none, and SHA-256 of the bytes."""


def messages_of(connection: Connection, table: Table, condition: ColumnElement[bool]) -> Messages:
    """What rows of one of the tables of what was received refer to."""
    query = select(table.c.key, table.c.digest).where(condition, table.c.digest.is_not(None))
    return {(row.key, row.digest) for row in connection.execute(query)}


def drop_messages(connection: Connection, messages: Messages) -> None:
    """Drop bytes that nothing refers to any more.

    Bytes say which resource they are of, so that whatever else refers to them has the same `Type/id`, or none
    too; only those of a deletion may say nothing at all.
    """
    if not messages:
        return
    _let_nobody_file(connection, raw_message)
    digests = {digest for _, digest in messages}
    keys = {key for key, _ in messages if key is not None}
    sources = connection.execute(select(source.c.id)).scalars().all()
    of_any = among(quarantine.c.source_id, sources)
    others: list[tuple[Table, Any]] = [
        *((table, and_(among(table.c.source_id, sources), among(table.c.key, keys))) for table in RECEIVED),
        (quarantine, and_(of_any, quarantine.c.key.is_(None))),
        *((table, is_deleted) for table in (resource, superseded)),
    ]
    for table, condition in others:
        query = select(table.c.digest).where(condition, among(table.c.digest, digests))
        digests -= set(connection.execute(query).scalars())
    connection.execute(raw_message.delete().where(among(raw_message.c.digest, digests)))


def _drop_outcomes(connection: Connection, digests: Collection[str]) -> None:
    """Drop outcomes that no other decision came to."""
    _let_nobody_file(connection, outcome)
    query = select(decision.c.outcome_digest).where(among(decision.c.outcome_digest, digests)).distinct()
    needed = set(connection.execute(query).scalars())
    connection.execute(outcome.delete().where(among(outcome.c.digest, set(digests) - needed)))


def _let_nobody_file(connection: Connection, table: Table) -> None:
    """Wait for whoever is filing something, and keep others from it until this transaction ends.

    What is filed twice is stored once: somebody could find it there just before it is dropped.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}"))
        connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


def overwrite_what_is_deleted(connection: Connection) -> None:
    """On SQLite, where it would stay readable in the file; PostgreSQL does so as it vacuums."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA secure_delete = ON"))
