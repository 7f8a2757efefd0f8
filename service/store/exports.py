"""Exports in bulk that are under way: one a source, and which of its files have been read.

They are remembered so that what breaks off goes on with the same export, and forgotten once all is read.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, and_, func, select

from service.store.rows import insert_rows
from service.store.schema import bulk_export, bulk_file

FORGOTTEN: Final = timedelta(hours=1)
"""After so long without a look at it, nobody is thought to work on an export."""


class Asked(msgspec.Struct, frozen=True):
    """What a person asked to be exported."""

    types: tuple[str, ...] = ()
    """Empty: all that are read."""
    since: datetime | None = None
    group: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it is all there is of everybody, of every type."""
        return self == Asked()


@dataclass(frozen=True, slots=True)
class Export:
    """One that is under way."""

    source_id: int
    asked: Asked
    types: tuple[str, ...]
    """What the server was asked for."""
    status_url: str
    """Where the server tells how far it is."""
    begun: datetime


@dataclass(frozen=True, slots=True)
class Read:
    """What has been read of an export."""

    digests: frozenset[str]
    """Of the files."""
    rejected: int
    """Lines in them that are no resource."""


def under_way(connection: Connection, source_id: int) -> Export | None:
    """The export of a source that is under way; None where none is."""
    query = select(bulk_export).where(bulk_export.c.source_id == source_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    asked = msgspec.json.decode(row.asked, type=Asked)
    return Export(row.source_id, asked, tuple(row.types.split(",")), row.status_url, row.begun)


def brings_pasts(connection: Connection, source_id: int, now: datetime) -> bool:
    """Whether somebody is at reading all there is of everybody: no past need be asked for one by one."""
    query = select(bulk_export.c.asked).where(
        bulk_export.c.source_id == source_id, bulk_export.c.seen > now - FORGOTTEN
    )
    asked = connection.execute(query).scalar_one_or_none()
    return asked is not None and msgspec.json.decode(asked, type=Asked).is_everything


def begin(connection: Connection, begun: Export) -> None:
    """Remember one that the server has taken on, in place of any before."""
    forget(connection, begun.source_id)
    connection.execute(
        bulk_export.insert().values(
            source_id=begun.source_id,
            asked=msgspec.json.encode(begun.asked).decode(),
            types=",".join(begun.types),
            status_url=begun.status_url,
            begun=begun.begun,
            seen=begun.begun,
        )
    )


def seen(connection: Connection, source_id: int, now: datetime) -> None:
    """Somebody works on it."""
    connection.execute(bulk_export.update().where(bulk_export.c.source_id == source_id).values(seen=now))


def file_is_read(connection: Connection, export: Export, digest: str, rejected: int, now: datetime) -> None:
    """A file has been read to its end, and what it brought is stored. Nothing where the export is over."""
    mine = and_(bulk_export.c.source_id == export.source_id, bulk_export.c.status_url == export.status_url)
    if connection.execute(bulk_export.update().where(mine).values(seen=now)).rowcount:
        columns = ("source_id", "digest", "rejected")
        insert_rows(connection, bulk_file, columns, [(export.source_id, digest, rejected)], keep=True)


def read(connection: Connection, source_id: int) -> Read:
    """What has been read of the export of a source."""
    rows = connection.execute(select(bulk_file).where(bulk_file.c.source_id == source_id)).all()
    return Read(frozenset(each.digest for each in rows), sum(each.rejected for each in rows))


def count_read(connection: Connection, source_id: int) -> int:
    """How many of its files have been read."""
    query = select(func.count()).where(bulk_file.c.source_id == source_id)
    return connection.execute(query).scalar_one()


def forget(connection: Connection, source_id: int) -> None:
    """It is over."""
    connection.execute(bulk_file.delete().where(bulk_file.c.source_id == source_id))
    connection.execute(bulk_export.delete().where(bulk_export.c.source_id == source_id))
