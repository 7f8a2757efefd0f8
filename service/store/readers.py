"""Reader tokens: programs that read, and the sources they may see."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from service.errors import Conflict, NotFound
from service.store.schema import reader_token
from service.store.sources import by_name, secret_digest


@dataclass(frozen=True, slots=True)
class Reader:
    """Who a reader token stands for, and the sources it may see."""

    name: str
    sources: frozenset[str]
    audits: bool = False
    """Whether it reads what the audit log says of them, and nothing else of patients."""


def add(
    connection: Connection,
    name: str,
    sources: Iterable[str],
    token: str,
    now: datetime,
    *,
    audits: bool = False,
) -> None:
    """Create a reader token that sees only `sources`: their alerts, or (`audits`) what was done with them.

    Raises:
        Conflict: there is a reader of that name.
        NotFound: one of the sources does not exist.
    """
    names = sorted({by_name(connection, each).name for each in sources})
    if connection.execute(select(reader_token.c.id).where(reader_token.c.name == name)).first():
        raise Conflict(f"there is already a reader {name!r}")
    connection.execute(
        reader_token.insert().values(
            name=name,
            digest=secret_digest(token),
            sources=msgspec.json.encode(names).decode(),
            audits=audits,
            created=now,
        )
    )


def revoke(connection: Connection, name: str, now: datetime) -> None:
    """End a reader token.

    Raises:
        NotFound: no such reader.
    """
    done = connection.execute(reader_token.update().where(reader_token.c.name == name).values(revoked=now))
    if done.rowcount == 0:
        raise NotFound(f"there is no reader {name!r}")


def every(connection: Connection) -> list[tuple[Reader, bool]]:
    """Every reader with whether it is still valid, by name."""
    rows = connection.execute(select(reader_token).order_by(reader_token.c.name))
    return [(_reader(row), row.revoked is None) for row in rows]


def reader_of(connection: Connection, token: str) -> Reader | None:
    """Whom a token stands for; None for an unknown or revoked one."""
    row = connection.execute(
        select(reader_token).where(
            reader_token.c.digest == secret_digest(token), reader_token.c.revoked.is_(None)
        )
    ).one_or_none()
    return None if row is None else _reader(row)


def _reader(row: Row[Any]) -> Reader:
    return Reader(row.name, frozenset(msgspec.json.decode(row.sources)), row.audits)
