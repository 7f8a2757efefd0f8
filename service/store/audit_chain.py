"""The chain over the audit log: each row's hash rests on the one before, so none can be changed unseen.

Rows are written without it, so that nobody waits; they are chained afterwards, by one at a time. The order of
the chain is the order in which rows were chained, not that of their numbers: a row with a lower number may be
committed later.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    and_,
    cast,
    func,
    select,
    text,
)

from service.store.rows import insert_rows
from service.store.schema import Instant, audit, audit_seal

BEGINNING: Final = "0" * 64
"""What stands in for the hash before the first."""
LONGEST_TRANSACTION: Final = timedelta(hours=1)
"""No row is committed so long after it got its number: statements are ended long before."""

_LOCK: Final = 0x6C697661  # any constant: the advisory lock that sealers share
_PAGE: Final = 2000
_JOINED: Final = audit.join(audit_seal, audit_seal.c.audit_id == audit.c.id, isouter=True)
_encode = msgspec.json.Encoder(order="deterministic").encode


class Head(NamedTuple):
    """A place in the chain: that many rows, and the hash of the last."""

    position: int
    hash: str


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain as it is stored, with the hash that what stands there really has."""

    position: int
    audit_id: int
    stored: str
    found: str | None
    """None where the audit row is gone."""


def head(connection: Connection) -> Head:
    """The end of the chain; position 0 where nothing is chained yet."""
    query = select(audit_seal.c.position, audit_seal.c.hash).order_by(audit_seal.c.position.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return Head(0, BEGINNING) if row is None else Head(row.position, row.hash)


def has_unchained(connection: Connection, after: int) -> bool:
    """Whether a row with a number above `after` is not in the chain yet."""
    query = select(audit.c.id).select_from(_JOINED).where(_missing(after)).limit(1)
    return connection.execute(query).first() is not None


def quiet_below(connection: Connection, now: datetime) -> int:
    """A row's number up to which nothing can come any more: chained before the longest transaction."""
    query = (
        select(audit_seal.c.audit_id)
        .where(audit_seal.c.sealed < now - LONGEST_TRANSACTION)
        .order_by(audit_seal.c.position.desc())
        .limit(1)
    )
    return connection.execute(query).scalar() or 0


def extend(connection: Connection, now: datetime, after: int, limit: int = _PAGE) -> int:
    """Chain up to `limit` rows with numbers above `after`; how many. 0 too where another is at it."""
    if connection.dialect.name == "postgresql":
        locked = text("SELECT pg_try_advisory_xact_lock(:lock)")
        if not connection.execute(locked, {"lock": _LOCK}).scalar_one():
            return 0
    position, before = head(connection)
    seals = []
    rows = _as_stored(connection, audit).select_from(_JOINED).where(_missing(after)).order_by(audit.c.id)
    for row in connection.execute(rows.limit(limit)):
        position += 1
        before = _hash(before, position, now, row)
        seals.append((position, row.id, now, before))
    insert_rows(connection, audit_seal, ("position", "audit_id", "sealed", "hash"), seals)
    return len(seals)


def links(connection: Connection) -> Iterator[Link]:
    """The whole chain in order, each place with the hash recomputed from what stands in the log."""
    at, before = 0, BEGINNING
    while True:
        query = (
            _as_stored(connection, audit_seal, audit)
            .select_from(audit_seal)
            .join(audit, audit.c.id == audit_seal.c.audit_id, isouter=True)
            .where(audit_seal.c.position > at)
            .order_by(audit_seal.c.position)
            .limit(_PAGE)
        )
        rows = connection.execute(query).all()
        for row in rows:
            found = None if row.id is None else _hash(before, row.position, row.sealed, row)
            yield Link(row.position, row.audit_id, row.hash, found)
            at, before = row.position, row.hash
        if len(rows) < _PAGE:
            return


def unchained(connection: Connection) -> tuple[int, datetime | None]:
    """How many rows are not in the chain yet, and since when the first of them stands there."""
    query = select(func.count(), func.min(audit.c.at)).select_from(_JOINED).where(_missing(0))
    row = connection.execute(query).one()
    return row[0], row[1]


def _missing(after: int) -> ColumnElement[bool]:
    return and_(audit.c.id > after, audit_seal.c.audit_id.is_(None))


def _as_stored(connection: Connection, *tables: Table) -> Select[Any]:
    """Their columns without a look at what they hold: whatever a hand has put there is read, and told."""
    if connection.dialect.name != "sqlite":
        return select(*tables)
    # SQLite keeps text as it is given, be it no time at all, or no UTF-8.
    return select(
        *(
            cast(column, LargeBinary).label(column.name)
            if isinstance(column.type, String | Instant) and column.name != "hash"
            else column
            for table in tables
            for column in table.c
        )
    )


def _hash(before: str, position: int, sealed: object, row: Row[Any]) -> str:
    """SHA-256 of the hash before and all that stands in a row and its seal, as one canonical JSON array."""
    held = (row.id, row.at, row.actor, row.action, row.source_id, row.patient_id, row.detail)
    content = (before, position, _canonical(sealed), *map(_canonical, held))
    return hashlib.sha256(_encode(content)).hexdigest()


def _canonical(value: object) -> object:
    """The same for what either database holds; what is no text is its own bytes, and like no text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return [value.hex()]
    return value
