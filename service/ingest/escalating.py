"""Urgent alerts that nobody takes in time: each goes on to its source's next contact, once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine

from service.alerts.escalation import pass_on
from service.ingest.rules import Rules
from service.ingest.receiving import in_transaction
from service.store import alerts, patients, sources
from service.store.session import reading
from service.store.sources import Source

CHUNK = 100
"""Alerts passed on in one transaction."""


def escalate(engine: Engine, rules: Rules, now: datetime) -> int:
    """Pass on what is due; how many alerts were. Several processes may do it at once.

    Raises:
        Overloaded: another process kept the records busy for too long.
    """
    patience = timedelta(hours=rules.rulebook.rules.escalation.untaken_hours)
    with reading(engine) as connection:
        every = sources.every(connection)
    return sum(_of_source(engine, source, patience, now) for source in every)


def _of_source(engine: Engine, source: Source, patience: timedelta, now: datetime) -> int:
    after, passed = UUID(int=0), 0
    while True:
        with reading(engine) as connection:
            chunk = alerts.untaken(connection, source.id, now - patience, CHUNK, after)
        if not chunk:
            return passed
        after = max(chunk)

        def work(connection: Connection, chunk: Mapping[UUID, int] = chunk) -> int:
            # Whoever judges these patients or decides about them holds the same locks: what is read is so.
            patients.lock(connection, sorted(set(chunk.values())))
            known = [each for each in alerts.of_patients(connection, chunk.values()) if each.id in chunk]
            changes = [pass_on(each, source.settings.contacts, patience, now) for each in known]
            due = [change for change in changes if change is not None]
            alerts.save(connection, due, source.id, now)
            return len(due)

        passed += in_transaction(engine, work)
