"""What people and metrics see of the outbox, and what a person may do there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, and_, case, func, select

from service.store.outbox import LONGEST_ERROR
from service.store.schema import outbox


@dataclass(frozen=True, slots=True)
class Line:
    """A row as a person looks at it."""

    alert_id: UUID
    source_id: int
    wanted_revision: int
    sent_revision: int
    not_before: datetime
    attempts: int
    dead: bool
    last_error: str | None

    @property
    def pending(self) -> bool:
        """Whether the EHR is behind."""
        return self.wanted_revision > self.sent_revision


@dataclass(frozen=True, slots=True)
class Counts:
    """For metrics: rows of each kind, and since when the oldest one that is due has waited."""

    pending: int
    failing: int
    """Pending rows that have failed at least once."""
    dead: int
    oldest_due: datetime | None


def revive(connection: Connection, alert_id: UUID, now: datetime) -> bool:
    """A person wants a dead letter, or what is waiting, to be tried now; False if there is none such."""
    done = connection.execute(
        outbox.update()
        .where(outbox.c.alert_id == alert_id, outbox.c.wanted_revision > outbox.c.sent_revision)
        .values(dead=False, attempts=0, not_before=now)
    )
    return done.rowcount == 1


def stop(connection: Connection, alert_id: UUID, reason: str) -> bool:
    """A person stops the retries of what is waiting: a dead letter; False if nothing is waiting."""
    done = connection.execute(
        outbox.update()
        .where(outbox.c.alert_id == alert_id, outbox.c.wanted_revision > outbox.c.sent_revision)
        .values(dead=True, lease_token=None, lease_until=None, last_error=reason[:LONGEST_ERROR])
    )
    return done.rowcount == 1


def replay(connection: Connection, now: datetime, source_id: int | None = None) -> int:
    """Forget everything learnt and send every row again; what the EHR holds already is recognised there.

    Returns:
        How many rows.
    """
    query = outbox.update().values(
        sent_revision=0,
        remote="{}",
        not_before=now,
        attempts=0,
        dead=False,
        last_error=None,
        lease_token=None,
        lease_until=None,
    )
    if source_id is not None:
        query = query.where(outbox.c.source_id == source_id)
    return connection.execute(query).rowcount


def lines(connection: Connection, *, only_dead: bool = False, limit: int = 100) -> list[Line]:
    """Rows where the EHR is behind, longest waiting first."""
    query = select(outbox).where(outbox.c.wanted_revision > outbox.c.sent_revision)
    if only_dead:
        query = query.where(outbox.c.dead)
    rows = connection.execute(query.order_by(outbox.c.not_before, outbox.c.alert_id).limit(limit))
    return [_line(row) for row in rows]


def line(connection: Connection, alert_id: UUID) -> Line | None:
    """The row of one alert, or None."""
    row = connection.execute(select(outbox).where(outbox.c.alert_id == alert_id)).one_or_none()
    return None if row is None else _line(row)


def counts(connection: Connection) -> Counts:
    """How much is waiting, failing and dead."""
    behind = outbox.c.wanted_revision > outbox.c.sent_revision
    alive = and_(behind, outbox.c.dead.is_(False))
    failing = and_(alive, outbox.c.attempts > 0)
    row = connection.execute(
        select(
            func.count(case((alive, 1))),
            func.count(case((failing, 1))),
            func.count(case((and_(behind, outbox.c.dead), 1))),
        )
    ).one()
    oldest = connection.execute(
        select(outbox.c.not_before).where(alive).order_by(outbox.c.not_before).limit(1)
    ).scalar_one_or_none()
    return Counts(*row, oldest)


def _line(row: Row[Any]) -> Line:
    return Line(
        alert_id=row.alert_id,
        source_id=row.source_id,
        wanted_revision=row.wanted_revision,
        sent_revision=row.sent_revision,
        not_before=row.not_before,
        attempts=row.attempts,
        dead=row.dead,
        last_error=row.last_error,
    )
