"""What a notification pointed at and did not bring: one row each until it is here.

Asking for a row anew while it is being fetched is not lost: it has another generation then, and stays.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.schema import pending_fetch
from service.store.ways import Way

WHATEVER: Final = ""
"""The key of what names nothing: something changed."""
LONGEST_PROBLEM: Final = 300


@dataclass(frozen=True, slots=True)
class Fetch:
    """A row that one fetcher has for a while."""

    source_id: int
    key: str
    """`Type/id`, or WHATEVER."""
    way: Way
    """By which what is fetched comes: `feed`, unless only what the feed passed over pointed at it."""
    attempts: int
    """How often it was tried in vain."""
    generation: int
    token: UUID


def ask(connection: Connection, source_id: int, keys: Collection[str], way: Way, now: datetime) -> None:
    """These are to be fetched, at once."""
    if not keys:
        return
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(pending_fetch)
    statement = insert.on_conflict_do_update(
        index_elements=[pending_fetch.c.source_id, pending_fetch.c.key],
        set_={
            "generation": pending_fetch.c.generation + 1,
            "attempts": 0,
            "not_before": now,
            "way": case((pending_fetch.c.way == "feed", "feed"), else_=insert.excluded.way),
        },
    )
    new = {
        "source_id": source_id,
        "way": way,
        "asked": now,
        "not_before": now,
        "generation": 0,
        "attempts": 0,
    }
    connection.execute(statement, [{**new, "key": key} for key in sorted(set(keys))])


def claim(
    connection: Connection, now: datetime, limit: int, lease: timedelta, sources: Collection[int]
) -> list[Fetch]:
    """Rows that are due, the longest waiting first; nobody else's while the lease lasts."""
    query = (
        select(pending_fetch)
        .where(
            pending_fetch.c.source_id.in_(sources),
            pending_fetch.c.not_before <= now,
            or_(pending_fetch.c.lease_until.is_(None), pending_fetch.c.lease_until <= now),
        )
        .order_by(pending_fetch.c.not_before, pending_fetch.c.key)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = []
    for row in connection.execute(query).all():
        one = Fetch(row.source_id, row.key, row.way, row.attempts, row.generation, uuid4())
        connection.execute(
            pending_fetch.update()
            .where(pending_fetch.c.source_id == one.source_id, pending_fetch.c.key == one.key)
            .values(lease_until=now + lease, lease_token=one.token)
        )
        found.append(one)
    return found


def settle(connection: Connection, one: Fetch) -> None:
    """It is here; asked for anew meanwhile, it is due again."""
    mine = _mine(one)
    unchanged = pending_fetch.c.generation == one.generation
    if connection.execute(pending_fetch.delete().where(mine, unchanged)).rowcount == 0:
        connection.execute(pending_fetch.update().where(mine).values(lease_until=None, lease_token=None))


def postpone(connection: Connection, one: Fetch, not_before: datetime, problem: str) -> None:
    """It could not be fetched, and is tried again then; `problem` in words without patient data."""
    unchanged = pending_fetch.c.generation == one.generation
    connection.execute(
        pending_fetch.update()
        .where(_mine(one), unchanged)
        .values(
            attempts=pending_fetch.c.attempts + 1, not_before=not_before, problem=problem[:LONGEST_PROBLEM]
        )
    )
    connection.execute(pending_fetch.update().where(_mine(one)).values(lease_until=None, lease_token=None))


def waiting(connection: Connection, source_id: int) -> tuple[int, datetime | None]:
    """How many rows of a source wait, and since when the longest does."""
    query = select(func.count(), func.min(pending_fetch.c.asked)).where(
        pending_fetch.c.source_id == source_id
    )
    count, since = connection.execute(query).one()
    return count, since


def _mine(one: Fetch) -> ColumnElement[bool]:
    return and_(
        pending_fetch.c.source_id == one.source_id,
        pending_fetch.c.key == one.key,
        pending_fetch.c.lease_token == one.token,
    )
