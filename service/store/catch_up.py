"""How far each type of each source's resources has been asked for: one row each, asked by one at a time.

A mark only ever moves forward, unless a person sets it back. Whoever asks has the row until its time is up;
should two ask nevertheless, what both find is stored once.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, literal, or_, select, tuple_

from service.store.rows import insert_rows
from service.store.schema import Instant, catch_up, is_live, patient, pending_fetch, resource
from service.store.ways import Way

LONGEST_PROBLEM: Final = 300
"""Characters kept of what went wrong."""


class Known(NamedTuple):
    """A resource that is not known to be gone."""

    received: datetime
    """When its current version came."""
    key: str
    """`Type/id`."""

    @property
    def id(self) -> str:
        """Its id in the source."""
        return self.key.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to ask one source for what changed in one type of its resources."""

    source_id: int
    type: str
    mark: datetime | None
    """What the server changed before then has been read; None: it has never been asked."""
    read: datetime | None
    """When it was last read to its end."""
    compared: Known | None
    """What came up to here has been looked for there again; None: begin anew."""
    next_at: datetime
    failures: int = 0
    """Since it last worked."""
    problem: str | None = None
    told: datetime | None = None
    """The feed said then that something changed, and not what; None: it has been asked since."""

    def way_of(self, stored: datetime | None) -> Way:
        """By which comes what is found and was stored there then: by the feed, where it told of it.

        It told of nothing that had been read before it told, though some of that is read again.
        """
        new = self.mark is None or (stored is not None and stored > self.mark)
        return "feed" if new and self.told is not None else "catch-up"


def states(connection: Connection, source_id: int) -> list[Turn]:
    """What is known of each type of a source, by type."""
    query = select(catch_up).where(catch_up.c.source_id == source_id).order_by(catch_up.c.type)
    return [_turn(row) for row in connection.execute(query)]


def begin(connection: Connection, source_id: int, types: Iterable[str], now: datetime) -> None:
    """See to it that these types of a source are asked for, from now on where they were not until now."""
    rows = [(source_id, type_, now, 0) for type_ in sorted(types)]
    insert_rows(connection, catch_up, ("source_id", "type", "next_at", "failures"), rows, keep=True)


def due(connection: Connection, source_id: int, now: datetime) -> bool:
    """Whether a turn, a fetch or a patient's past of a source is due; takes no lock."""
    return any(
        connection.execute(select(*table.primary_key).where(condition).limit(1)).first() is not None
        for table, condition in (
            (catch_up, and_(catch_up.c.source_id == source_id, catch_up.c.next_at <= now)),
            (pending_fetch, and_(pending_fetch.c.source_id == source_id, pending_fetch.c.not_before <= now)),
            (patient, and_(patient.c.source_id == source_id, patient.c.past_due <= now)),
        )
    )


def take_turn(connection: Connection, source_id: int, now: datetime, lease: timedelta) -> Turn | None:
    """The type of a source that has been due longest; nobody else's while the lease lasts. None: none is."""
    query = (
        select(catch_up)
        .where(catch_up.c.source_id == source_id, catch_up.c.next_at <= now)
        .order_by(catch_up.c.next_at, catch_up.c.type)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    turn = _turn(row)
    connection.execute(catch_up.update().where(_of(turn)).values(next_at=now + lease))
    return turn


def advance(connection: Connection, turn: Turn, mark: datetime, until: datetime) -> None:
    """Everything changed before `mark` has been read; the turn goes on until `until`."""
    forward = or_(catch_up.c.mark.is_(None), catch_up.c.mark < mark)
    connection.execute(catch_up.update().where(_of(turn), forward).values(mark=mark))
    connection.execute(catch_up.update().where(_of(turn)).values(next_at=until))


def reached(
    connection: Connection, source_id: int, types: Iterable[str], since: datetime | None, mark: datetime
) -> list[str]:
    """What a source changed before `mark` has been read otherwise, from `since` on (None: all there was).

    Returns:
        The types that are asked for from there on; others have a mark that is later, or before `since`.
    """
    later = or_(catch_up.c.mark.is_(None), catch_up.c.mark < mark)
    moves = later if since is None else and_(catch_up.c.mark >= since, catch_up.c.mark < mark)
    moved = []
    for type_ in sorted(types):
        where = and_(catch_up.c.source_id == source_id, catch_up.c.type == type_, moves)
        if connection.execute(catch_up.update().where(where).values(mark=mark)).rowcount:
            moved.append(type_)
    return moved


def finish(
    connection: Connection, turn: Turn, *, read: datetime | None, next_at: datetime, compared: Known | None
) -> None:
    """It has been read to its end, and what is known of it looked for there up to `compared`."""
    at, key = compared or (None, None)
    connection.execute(
        catch_up.update()
        .where(_of(turn))
        .values(read=read, next_at=next_at, failures=0, problem=None, compared=at, compared_key=key)
    )


def answered(connection: Connection, turn: Turn) -> None:
    """What the feed told of has been asked for to its end, unless it told anew meanwhile."""
    if turn.told is not None:
        same = catch_up.c.told == turn.told
        connection.execute(catch_up.update().where(_of(turn), same).values(told=None))


def fail(connection: Connection, turn: Turn, problem: str, next_at: datetime) -> None:
    """It could not be read; `problem` in words without patient data."""
    connection.execute(
        catch_up.update()
        .where(_of(turn))
        .values(next_at=next_at, failures=catch_up.c.failures + 1, problem=problem[:LONGEST_PROBLEM])
    )


def set_back(connection: Connection, source_id: int, since: datetime, now: datetime) -> None:
    """Everything a source changed since then is read again, and what came since then is looked for there."""
    connection.execute(
        catch_up.update()
        .where(catch_up.c.source_id == source_id)
        .values(mark=since, next_at=now, compared=since, compared_key="", failures=0, problem=None)
    )


def hurry(connection: Connection, source_id: int, now: datetime, types: Collection[str] = ()) -> None:
    """Ask for these types of a source no later than then; unless any are named, for every type."""
    later = and_(catch_up.c.source_id == source_id, catch_up.c.next_at > now)
    if types:
        later = and_(later, catch_up.c.type.in_(types))
    connection.execute(catch_up.update().where(later).values(next_at=now))


def tell(connection: Connection, source_id: int, now: datetime) -> None:
    """The feed says that something changed, and not what: every type is asked for, on its behalf."""
    hurry(connection, source_id, now)
    connection.execute(catch_up.update().where(catch_up.c.source_id == source_id).values(told=now))


def known(
    connection: Connection, source_id: int, type_: str, after: Known, until: datetime, limit: int
) -> list[Known]:
    """The resources of a type that are not known to be gone, in order of receipt, beyond `after`."""
    here = tuple_(resource.c.received, resource.c.key)
    query = (
        select(resource.c.received, resource.c.key)
        .where(
            resource.c.source_id == source_id,
            resource.c.key.startswith(f"{type_}/", autoescape=True),
            is_live,
            resource.c.received <= until,
            resource.c.received >= after.received,  # the index is found by this alone on every database
            here > tuple_(literal(after.received, Instant), literal(after.key)),
        )
        .order_by(resource.c.received, resource.c.key)
        .limit(limit)
    )
    return [Known(*row) for row in connection.execute(query)]


def _of(turn: Turn) -> ColumnElement[bool]:
    return and_(catch_up.c.source_id == turn.source_id, catch_up.c.type == turn.type)


def _turn(row: Row[Any]) -> Turn:
    compared = None if row.compared is None else Known(row.compared, row.compared_key or "")
    asked = (row.source_id, row.type, row.mark, row.read, compared, row.next_at)
    return Turn(*asked, row.failures, row.problem, row.told)
