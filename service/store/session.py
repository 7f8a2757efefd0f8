"""Opening a database and running one transaction on it."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

log = logging.getLogger(__name__)

SAFE_SQLITE = (3, 51, 3)
"""Older SQLite libraries can corrupt a WAL database under two writers (sqlite.org)."""

IDLE_SECONDS = 1.0
"""A connection that lay idle for so long is tried out before it is used."""
PLANS_SECONDS = 5.0
"""A connection plans its statements anew after so long: some milliseconds of work."""
BUSY_TIMEOUT_SECONDS = 30
STATEMENT_TIMEOUT_MILLISECONDS = 60_000
LOCK_TIMEOUT_MILLISECONDS = 30_000

_LOST_RACE = frozenset({"40001", "40P01"})
_AWAY_CLASSES = frozenset({"08", "53", "57", "58"})
"""Connection, resources, intervention of an operator, trouble of the system."""
_HELD_UP = "55P03"
_AWAY_STATES = frozenset({_HELD_UP, "25P03", "25006"})
"""A lock nobody gives back, a transaction the server gave up, a server that only reads (a standby)."""
_CANCELLED = "57014"
"""A statement over its time: that is about the statement, and would be so again."""
_BUSY_ON_SQLITE = ("database is locked", "database table is locked", "database schema is locked")
_AWAY_ON_SQLITE = (
    "unable to open database",
    "disk I/O error",
    "database or disk is full",
    "attempt to write a readonly database",
)
_DRIVERS = {"psycopg": "postgresql", "sqlite3": "sqlite", "pysqlite3": "sqlite"}


_NOTICE_A_LOST_SERVER = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""Seconds, and milliseconds for the last: a server that is silently gone is noticed within a minute."""


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
        f"-c statement_timeout={STATEMENT_TIMEOUT_MILLISECONDS} -c lock_timeout={LOCK_TIMEOUT_MILLISECONDS} "
        "-c datestyle=ISO -c timezone=UTC"  # whatever the server's own are
    )
    if not durable:
        options += " -c synchronous_commit=off"
    engine = create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=BUSY_TIMEOUT_SECONDS,
        hide_parameters=True,  # they are patient data, and errors print them
        connect_args={"options": options, "connect_timeout": 5, **_NOTICE_A_LOST_SERVER},
    )
    _try_out_what_lay_idle(engine)
    _plan_anew_now_and_then(engine)
    return engine


def _plan_anew_now_and_then(engine: Engine) -> None:
    """Let no connection keep to plans for tables as they were long ago.

    PostgreSQL plans a prepared statement once until its tables are analysed, at best a minute later, while a
    feed or a load may fill a table that was all but empty. A new plan goes by its size of now.
    """

    @event.listens_for(engine, "checkout")
    def forget_plans(connection: Any, record: Any, _proxy: Any) -> None:
        now = time.monotonic()
        if now - record.info.setdefault("planned", now) >= PLANS_SECONDS:
            record.info["planned"] = now
            connection.execute("DISCARD PLANS")
            connection.rollback()  # it stands all the same


def _try_out_what_lay_idle(engine: Engine) -> None:
    """Give out no connection that broke while nobody used it: a server may have been restarted since.

    One that was used a moment ago is not asked: that would take as long as a statement of the transaction.
    Should it have broken since, the transaction fails as any does whose server goes away.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def try_out(connection: Any, record: Any, _proxy: Any) -> None:
        now = time.monotonic()
        if now - record.info.get("idle_since", now) >= IDLE_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError from error  # the pool opens new ones in the stead of all it has


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
    if url.database and url.database != ":memory:" and not Path(url.database).exists():
        with suppress(OSError):  # connecting says what is wrong
            Path(url.database).touch(mode=0o600)  # it holds patient data: for its owner alone
    engine = create_engine(
        url,
        module=sqlite_module(),
        hide_parameters=True,  # they are patient data, and errors print them
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
    )

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


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads, and sees one state of the database from its beginning to its end."""
    with reading(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield connection


def write_alone(connection: Connection, table: Table) -> None:
    """Let nobody else write to a table until the transaction ends; on SQLite nobody else writes at all."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


@contextmanager
def alone(engine: Engine, lock: int) -> Iterator[bool]:
    """Whether no other process does the same long work meanwhile: True for one of all that ask at a time.

    SQLite has no such lock, and one service; what two do at once there has to come to the same.

    Args:
        engine: the database.
        lock: names the work, among all that are locked so.
    """
    if engine.dialect.name != "postgresql":
        yield True
        return
    # Outside of any transaction: a server may end one that stays open and idle for long.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        held = connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": lock}).scalar_one()
        try:
            yield bool(held)
        finally:
            if held:
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": lock})


def is_conflict(error: BaseException) -> bool:
    """Whether the transaction lost a race and the same work may simply be done again (40001, 40P01, busy).

    Like `is_away` it knows errors of SQLAlchemy and those that a driver's own cursor raises.
    """
    driver, origin, _ = _from_driver(error)
    if driver == "postgresql":
        return _state(origin) in _LOST_RACE
    return driver == "sqlite" and str(origin).startswith(_BUSY_ON_SQLITE)


def is_away(error: BaseException) -> bool:
    """Whether the database cannot be reached or refuses work, so that the sender should try again."""
    if isinstance(error, NoConnectionFree) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        return True
    driver, origin, kinds = _from_driver(error)
    if driver == "sqlite":
        return str(origin).startswith(_AWAY_ON_SQLITE)
    if driver != "postgresql":
        return False
    state = _state(origin)
    if not state:  # the driver's own words: no connection, or one that broke
        return bool(kinds & {"InterfaceError", "OperationalError"})
    return state in _AWAY_STATES or (state[:2] in _AWAY_CLASSES and state != _CANCELLED)


def is_held_up(error: BaseException) -> bool:
    """Whether somebody else held a lock for longer than the transaction waits for it (PostgreSQL's 55P03)."""
    driver, origin, _ = _from_driver(error)
    return driver == "postgresql" and _state(origin) == _HELD_UP


def is_drivers(error: BaseException) -> bool:
    """Whether a driver's own cursor raised it, so that no wrapping hides the values in its text."""
    return _from_driver(error)[0] is not None and not isinstance(error, DBAPIError)


def _from_driver(error: BaseException) -> tuple[str | None, BaseException, frozenset[str]]:
    """The database whose driver raised an error, bare or wrapped; what it raised; names of its kinds."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    driver = _DRIVERS.get(type(origin).__module__.partition(".")[0])
    return driver, origin, frozenset(each.__name__ for each in type(origin).__mro__)


def _state(origin: BaseException) -> str:
    return str(getattr(origin, "sqlstate", None) or "")
