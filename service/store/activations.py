"""Rulebooks that were proposed, confirmed by somebody else, and put in force from a moment on.

The one in force is the one whose moment came last. It follows from the table and the time alone, so that
every process knows it, and nobody has to be there when the moment comes.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, bindparam, func, or_, select

from service.errors import NotFound
from service.store.query import Query
from service.store.schema import activation


class State(StrEnum):
    """How far an activation has come."""

    PROPOSED = "proposed"
    """Somebody else has yet to confirm it."""
    CONFIRMED = "confirmed"
    """Its moment lies ahead."""
    IN_FORCE = "in-force"
    """Its moment came; a later one may have come since."""
    WITHDRAWN = "withdrawn"
    """It will never be in force."""


class Activation(NamedTuple):
    """One rulebook on its way to being in force. People are named as the audit log names them."""

    id: UUID
    digest: str
    proposed_by: str
    proposed_at: datetime
    wanted_from: datetime | None
    """From when it should be in force; None: as soon as it is confirmed."""
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    in_force_from: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    begun_at: datetime | None = None
    """When it was begun to judge everybody by it: from then on it is in force by anybody's clock."""
    rejudged_at: datetime | None = None
    """When everybody had been judged by it; or, once withdrawn after its moment, by what counts instead."""
    replaces: str | None = None
    """Digest of the rulebook in force before, whose text is kept; None where it is not confirmed."""

    def state(self, now: datetime) -> State:
        """How far it has come."""
        if self.withdrawn_at is not None:
            return State.WITHDRAWN
        if self.in_force_from is None:
            return State.PROPOSED
        ahead = now < self.in_force_from and self.begun_at is None
        return State.CONFIRMED if ahead else State.IN_FORCE


_column = activation.c
_every = select(*(_column[name] for name in Activation._fields))


def _came(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """The condition that a moment has come: by that clock, or by one that was ahead of it."""
    return and_(
        _column.withdrawn_at.is_(None), or_(_column.in_force_from <= now, _column.begun_at.is_not(None))
    )


_in_force = Query(
    select(_column.digest).where(_came(bindparam("now"))).order_by(_column.in_force_from.desc()).limit(1)
)


def in_force(connection: Connection, now: datetime) -> str | None:
    """The digest of the rulebook that two people have put in force; None where no moment has come yet."""
    rows = _in_force.rows(connection, now=now)
    return rows[0][0] if rows else None


def pending(connection: Connection, now: datetime) -> Activation | None:
    """The one that is proposed, or confirmed for a moment that lies ahead: there is one at most."""
    ahead = or_(_column.in_force_from.is_(None), _column.in_force_from > now)
    return _one(connection, and_(ahead, _column.begun_at.is_(None), _column.withdrawn_at.is_(None)))


def latest_in_force(connection: Connection, now: datetime) -> Activation | None:
    """The activation of the rulebook that is in force; None where no moment has come yet."""
    query = _every.where(_came(now)).order_by(_column.in_force_from.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else Activation(*row)


def latest_change(connection: Connection, now: datetime) -> Activation | None:
    """Which came into force last, or was withdrawn last after its moment; None where none ever came."""
    was_in_force = or_(_column.in_force_from <= _column.withdrawn_at, _column.begun_at.is_not(None))
    withdrawn = and_(_column.withdrawn_at.is_not(None), was_in_force)
    since = func.coalesce(_column.withdrawn_at, _column.in_force_from)
    row = connection.execute(_every.where(or_(_came(now), withdrawn)).order_by(since.desc()).limit(1))
    found = row.one_or_none()
    return None if found is None else Activation(*found)


def by_id(connection: Connection, activation_id: UUID) -> Activation:
    """The activation of that id.

    Raises:
        NotFound: there is none.
    """
    found = _one(connection, _column.id == activation_id)
    if found is None:
        raise NotFound("there is no such proposal")
    return found


def every(connection: Connection) -> list[Activation]:
    """All there ever were, the latest proposal first."""
    query = _every.order_by(_column.proposed_at.desc(), _column.id)
    return [Activation(*row) for row in connection.execute(query)]


def add(connection: Connection, proposed: Activation) -> None:
    """Keep a proposal."""
    connection.execute(activation.insert().values(proposed._asdict()))


def change(connection: Connection, activation_id: UUID, **values: Any) -> None:
    """Write down that it was confirmed, withdrawn, or carried out."""
    connection.execute(activation.update().where(_column.id == activation_id).values(**values))


def _one(connection: Connection, condition: ColumnElement[bool]) -> Activation | None:
    row = connection.execute(_every.where(condition)).one_or_none()
    return None if row is None else Activation(*row)
