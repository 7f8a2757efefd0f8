"""What people and metrics see of the outbox, and what a person may do there."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select, true

from service.store.outbox import LONGEST_ERROR, Want, want
from service.store.schema import alert, outbox, to_act_on


class Standing(StrEnum):
    """How far a row has come."""

    WAITING = "waiting"
    """To be sent, and not tried yet."""
    FAILING = "failing"
    """Tried, and to be tried again."""
    DEAD = "dead"
    """Refused for good: a dead letter."""
    CANCELLED = "cancelled"
    """A person has stopped it."""
    SENT = "sent"
    """The EHR holds what it should."""


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
    """What went wrong last; of a cancelled one, why it was cancelled."""
    cancelled_by: str | None = None
    lease_until: datetime | None = None
    """Until when a sender has it, where one has taken it up."""

    @property
    def pending(self) -> bool:
        """Whether the EHR is behind."""
        return self.wanted_revision > self.sent_revision

    @property
    def standing(self) -> Standing:
        """How far it has come."""
        if not self.pending:
            return Standing.SENT
        if self.dead:
            return Standing.DEAD if self.cancelled_by is None else Standing.CANCELLED
        return Standing.FAILING if self.attempts else Standing.WAITING


@dataclass(frozen=True, slots=True)
class Counts:
    """For metrics: rows of each kind, and since when the oldest one that is due has waited."""

    pending: int
    failing: int
    """Pending rows that have failed at least once."""
    dead: int
    cancelled: int
    sent: int
    oldest_due: datetime | None


_BEHIND = outbox.c.wanted_revision > outbox.c.sent_revision
_REFUSED = and_(_BEHIND, outbox.c.dead, outbox.c.cancelled_by.is_(None))


def revive(connection: Connection, alert_id: UUID, now: datetime) -> bool:
    """A person wants one to be tried now: refused, cancelled or waiting; False if there is none such."""
    done = connection.execute(
        outbox.update()
        .where(outbox.c.alert_id == alert_id, _BEHIND)
        .values(dead=False, cancelled_by=None, attempts=0, not_before=now)
    )
    return done.rowcount == 1


def stop(connection: Connection, alert_id: UUID, reason: str, *, by: str) -> bool:
    """A person stops what is waiting, so that this revision is not sent; False if nothing is waiting.

    A later revision is wanted anyway: otherwise the EHR would never learn that the alert has ended. A sender
    that has it just now may still finish.
    """
    done = connection.execute(
        outbox.update()
        .where(outbox.c.alert_id == alert_id, _BEHIND)
        .values(dead=True, cancelled_by=by, last_error=reason[:LONGEST_ERROR], lease_token=_nobodys())
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
        cancelled_by=None,
        last_error=None,
        lease_token=None,
        lease_until=None,
    )
    if source_id is not None:
        query = query.where(outbox.c.source_id == source_id)
    return connection.execute(query).rowcount


def want_standing(connection: Connection, source_id: int, now: datetime) -> int:
    """What stands of a source is to be in its EHR: for one that until now was not written to.

    Returns:
        How many alerts: all but those that nobody has to act on.
    """
    query = select(alert.c.id, alert.c.revision).where(alert.c.source_id == source_id, to_act_on)
    wanted = [Want(row.id, source_id, row.revision, now) for row in connection.execute(query)]
    want(connection, wanted)
    return len(wanted)


def rewrite(connection: Connection, source_id: int, now: datetime) -> int:
    """Send every row of a source that was sent, for the way it is written has changed; what was learnt stays.

    One that is being sent, as it was until now, is sent again too, once its sender's lease has ended.

    Returns:
        How many rows.
    """
    sent = and_(outbox.c.source_id == source_id, outbox.c.sent_revision > 0)
    query = outbox.update().where(sent).values(sent_revision=0, not_before=now, lease_token=_nobodys())
    return connection.execute(query).rowcount


def _nobodys() -> ColumnElement[UUID]:
    """A lease token that no sender holds, where one did.

    The word of a sender that has the row just now counts no longer, and what it wrote is recognised later.
    Its lease runs on: until it ends nobody else sends the alert, for the slower could overwrite the newer.
    """
    return case((outbox.c.lease_token.is_not(None), uuid4()))


def lines(
    connection: Connection, *, only_dead: bool = False, source_id: int | None = None, limit: int = 100
) -> list[Line]:
    """Rows where the EHR is behind, longest waiting first; `only_dead`: what was refused for good.

    What a person has cancelled is no dead letter.
    """
    query = select(outbox).where(_REFUSED if only_dead else _BEHIND)
    if source_id is not None:
        query = query.where(outbox.c.source_id == source_id)
    rows = connection.execute(query.order_by(outbox.c.not_before, outbox.c.alert_id).limit(limit))
    return [_line(row) for row in rows]


def line(connection: Connection, alert_id: UUID) -> Line | None:
    """The row of one alert, or None."""
    row = connection.execute(select(outbox).where(outbox.c.alert_id == alert_id)).one_or_none()
    return None if row is None else _line(row)


def counts(connection: Connection, source_id: int | None = None) -> Counts:
    """How much is waiting, failing, dead, cancelled and sent."""
    alive = and_(_BEHIND, outbox.c.dead.is_(False))
    kinds = {
        "pending": alive,
        "failing": and_(alive, outbox.c.attempts > 0),
        "dead": _REFUSED,
        "cancelled": and_(_BEHIND, outbox.c.dead, outbox.c.cancelled_by.is_not(None)),
        "sent": outbox.c.wanted_revision <= outbox.c.sent_revision,
    }
    concerned = true() if source_id is None else outbox.c.source_id == source_id
    query = select(*(func.count(case((kind, 1))).label(name) for name, kind in kinds.items()))
    row = connection.execute(query.where(concerned)).one()
    oldest = connection.execute(
        select(outbox.c.not_before).where(alive, concerned).order_by(outbox.c.not_before).limit(1)
    ).scalar_one_or_none()
    return Counts(**row._asdict(), oldest_due=oldest)


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
        cancelled_by=row.cancelled_by,
        lease_until=row.lease_until,
    )
