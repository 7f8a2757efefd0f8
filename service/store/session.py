"""Opening a database and running one transaction on it."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

log = logging.getLogger(__name__)

SAFE_SQLITE = (3, 51, 3)
"""Older SQLite libraries can corrupt a WAL database under two writers (sqlite.org)."""

BUSY_TIMEOUT_SECONDS = 30
STATEMENT_TIMEOUT_MILLISECONDS = 60_000
LOCK_TIMEOUT_MILLISECONDS = 30_000


def open_engine(url: str, *, durable: bool = True, pool_size: int = 5) -> Engine:
    """Open the database at `url`: `sqlite:///path`, or `postgresql://...` (psycopg 3 is the driver).

    Args:
        url: where the database is.
        durable: False switches commit durability off, for throw-away databases only.
        pool_size: connections kept open.
    """
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, durable=durable)
    options = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_MILLISECONDS} -c lock_timeout={LOCK_TIMEOUT_MILLISECONDS}"
    )
    if not durable:
        options += " -c synchronous_commit=off"
    return create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=BUSY_TIMEOUT_SECONDS,
        connect_args={"options": options, "connect_timeout": 5},
    )


def sqlite_module() -> Any:
    """The SQLite binding to use: the one shipped with the package where the system's library is too old."""
    if sqlite3.sqlite_version_info >= SAFE_SQLITE:
        return sqlite3
    try:
        import pysqlite3  # noqa: PLC0415 - only where the system's library is too old
    except ImportError:
        log.warning(
            "SQLite %s is older than 3.51.3 and can corrupt a database that two processes write to; "
            "install the pysqlite3 package or use PostgreSQL",
            sqlite3.sqlite_version,
        )
        return sqlite3
    return pysqlite3


def _open_sqlite(url: Any, *, durable: bool) -> Engine:
    engine = create_engine(url, module=sqlite_module(), connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN IMMEDIATE ourselves
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {'FULL' if durable else 'OFF'}",
            "foreign_keys = ON",
            "cache_size = -65536",
            f"busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that may write: committed when the block ends, rolled back when it raises."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One read-only transaction; on SQLite it takes no write lock, so it never waits for a writer."""
    with engine.connect().execution_options(reading=True) as connection, connection.begin():
        yield connection


def is_conflict(error: BaseException) -> bool:
    """Whether the transaction lost a race and the same work may simply be done again (40001, 40P01, busy)."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return state in ("40001", "40P01") or "database is locked" in str(error.orig)


def is_away(error: BaseException) -> bool:
    """Whether the database cannot be reached or refuses work, so that the sender should try again."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, InterfaceError):
        return True
    state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    if state:
        return state[:2] in ("08", "53", "57", "58") or state == "55P03"
    return isinstance(error, OperationalError)
