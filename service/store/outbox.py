"""What the EHR should hold and does not yet: one row an alert, claimed under a lease, settled after success.

`wanted_revision` is what should be there, `sent_revision` what is. A sender holds a row by its lease token:
once another sender has taken the row over, the first one's word about it no longer counts.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.schema import alert, outbox

LONGEST_ERROR = 500
"""Characters kept of a failure's message."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that one sender may send now."""

    alert_id: UUID
    source_id: int
    wanted_revision: int
    sent_revision: int
    token: UUID
    attempts: int
    """Failures so far of this revision."""
    claimed_before: bool
    """It has been claimed before without success: something may have reached the EHR."""
    remote: str | None
    """JSON: what was learnt from the EHR."""
    unsettled: bool = False
    """A sender has had it and never said what became of it: the EHR may hold more than `remote` tells."""


class Want(NamedTuple):
    """A revision of an alert that the EHR should hold."""

    alert_id: UUID
    source_id: int
    wanted_revision: int
    not_before: datetime


def want(connection: Connection, wanted: Sequence[Want]) -> None:
    """The EHR should hold these revisions of alerts, written no earlier than each one's `not_before`.

    A row that is waiting already keeps its time if that is earlier, so that changes coalesce and none waits
    for ever; give the present for an urgent one. A new revision is tried afresh, dead letter or not. An older
    or equal one changes nothing.
    """
    if not wanted:
        return
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(outbox)
    waiting = and_(outbox.c.wanted_revision > outbox.c.sent_revision, outbox.c.dead.is_(False))
    keeps = and_(waiting, outbox.c.not_before < insert.excluded.not_before)
    statement = insert.on_conflict_do_update(
        index_elements=[outbox.c.alert_id],
        set_={
            "source_id": insert.excluded.source_id,
            "wanted_revision": insert.excluded.wanted_revision,
            "not_before": case((keeps, outbox.c.not_before), else_=insert.excluded.not_before),
            "attempts": 0,
            "dead": False,
            "cancelled_by": None,
            "last_error": None,
        },
        where=outbox.c.wanted_revision < insert.excluded.wanted_revision,
    )
    rows = [{**each._asdict(), "sent_revision": 0, "attempts": 0, "dead": False} for each in wanted]
    connection.execute(statement, rows)


def forget(connection: Connection, alert_id: UUID) -> bool:
    """Drop the row of an alert that vanished before any sender took it up.

    Returns:
        False where a sender has had it: something may be in the EHR, so its end must be wanted instead.
    """
    untouched = and_(outbox.c.sent_revision == 0, outbox.c.lease_token.is_(None), outbox.c.remote.is_(None))
    connection.execute(outbox.delete().where(outbox.c.alert_id == alert_id, untouched))
    return connection.execute(select(outbox.c.alert_id).where(outbox.c.alert_id == alert_id)).first() is None


def remote_of(connection: Connection, alert_id: UUID) -> str | None:
    """JSON: what was learnt from the EHR about an alert."""
    query = select(outbox.c.remote).where(outbox.c.alert_id == alert_id)
    return connection.execute(query).scalar_one_or_none()


def due(connection: Connection, *, now: datetime, sources: Collection[int]) -> list[int]:
    """Those of the sources that there is anything to claim for, the longest due first; takes no lock."""
    query = select(outbox.c.source_id).where(_claimable(now, sources)).group_by(outbox.c.source_id)
    return list(connection.execute(query.order_by(func.min(outbox.c.not_before))).scalars())


def claim(
    connection: Connection, *, now: datetime, limit: int, lease: timedelta, sources: Collection[int]
) -> list[Claim]:
    """Take up to `limit` rows that are due: most urgent first, then longest waiting.

    They are nobody else's until the lease ends.

    Args:
        connection: in a transaction that may write.
        now: the present (aware).
        limit: rows at most.
        lease: how long the sender may take over all of them.
        sources: only rows of these.
    """
    query = (
        select(outbox)
        .join(alert, alert.c.id == outbox.c.alert_id)
        .where(_claimable(now, sources))
        .order_by(alert.c.tier.desc(), outbox.c.not_before, outbox.c.alert_id)
    )
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(
            of=outbox, skip_locked=True
        )  # on SQLite the transaction is the only writer anyway
    claims = []
    for row in connection.execute(query.limit(limit)).all():
        token = uuid4()
        connection.execute(
            outbox.update()
            .where(outbox.c.alert_id == row.alert_id)
            .values(lease_until=now + lease, lease_token=token, remote=row.remote or "{}")
        )
        claims.append(_claim(row, token))
    return claims


def settle(connection: Connection, taken: Claim, sent_revision: int, remote: str) -> bool:
    """The EHR holds `sent_revision` now.

    Returns:
        False if the lease was lost to another sender: then nothing is recorded, the other one will find out.
    """
    return _record(
        connection,
        taken,
        sent_revision=sent_revision,
        remote=remote,
        attempts=0,
        last_error=None,
    )


def postpone(
    connection: Connection, taken: Claim, not_before: datetime, error: str, *, remote: str | None = None
) -> bool:
    """It failed and may work later; `remote` keeps what was learnt nevertheless.

    Returns:
        False if the lease was lost to another sender.
    """
    return _record(
        connection,
        taken,
        attempts=outbox.c.attempts + 1,
        not_before=not_before,
        last_error=error[:LONGEST_ERROR],
        **({} if remote is None else {"remote": remote}),
    )


def bury(connection: Connection, taken: Claim, error: str, *, remote: str | None = None) -> bool:
    """It failed for good: a dead letter, until a person revives it or a new revision is wanted.

    A revision wanted while this one was being sent is not buried with it.

    Returns:
        False if the lease was lost to another sender.
    """
    return _record(
        connection,
        taken,
        dead=outbox.c.wanted_revision == taken.wanted_revision,
        attempts=outbox.c.attempts + 1,
        last_error=error[:LONGEST_ERROR],
        **({} if remote is None else {"remote": remote}),
    )


def release(connection: Connection, taken: Claim, not_before: datetime) -> bool:
    """Give a row back untried, to be sent no earlier than `not_before`."""
    unknown = {} if taken.claimed_before else {"remote": None}
    token = taken.token if taken.unsettled else None  # the one before has still not said what became of it
    return _record(connection, taken, not_before=not_before, lease_token=token, **unknown)


def _claimable(now: datetime, sources: Collection[int]) -> ColumnElement[bool]:
    return and_(
        outbox.c.source_id.in_(sources),
        outbox.c.wanted_revision > outbox.c.sent_revision,
        outbox.c.dead.is_(False),
        outbox.c.not_before <= now,
        or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= now),
    )


def _record(connection: Connection, taken: Claim, **values: Any) -> bool:
    done = connection.execute(
        outbox.update()
        .where(outbox.c.alert_id == taken.alert_id, outbox.c.lease_token == taken.token)
        .values({"lease_until": None, "lease_token": None} | values)
    )
    return done.rowcount == 1


def _claim(row: Row[Any], token: UUID) -> Claim:
    return Claim(
        alert_id=row.alert_id,
        source_id=row.source_id,
        wanted_revision=row.wanted_revision,
        sent_revision=row.sent_revision,
        token=token,
        attempts=row.attempts,
        claimed_before=row.remote is not None,
        remote=row.remote,
        unsettled=row.lease_token is not None,
    )
