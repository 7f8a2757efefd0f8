"""Databases and shared data for the suite. What takes `database_url` or `engine` runs on both databases."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import settings
from sqlalchemy import URL, Engine
from sqlalchemy.exc import SQLAlchemyError

from tests.postgres import OwnPostgres, Postgres, own_postgres, shared_postgres

if TYPE_CHECKING:
    from tests.commands import Run

BACKENDS = ("sqlite", "postgresql")

# CI tries the same examples each time: a change passes or fails by what it changes; chance plays elsewhere.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("exploring", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "exploring")


def _without_postgres(why: Exception) -> NoReturn:
    """Skip visibly; in CI, where both databases must be tried, fail."""
    what = f"PostgreSQL cannot be started: {why}"
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def _migrate(url: str) -> None:
    from service.store.migrate import migrate
    from service.store.session import open_engine

    engine = open_engine(url, durable=False)
    try:
        migrate(engine)
    finally:
        engine.dispose()


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL server that tests make their databases on."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(shared_postgres())
        except (ImportError, OSError, RuntimeError, SQLAlchemyError, subprocess.SubprocessError) as error:
            _without_postgres(error)
        yield server


@pytest.fixture
def stoppable_postgres() -> Iterator[OwnPostgres]:
    """A PostgreSQL server of this test's own, which it may stop and start; its database is empty."""
    if os.environ.get("LIVERWATCH_TEST_POSTGRES"):
        pytest.skip("a server given by LIVERWATCH_TEST_POSTGRES is not ours to stop")
    with own_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def _migrated_postgres(postgres: Postgres) -> Iterator[URL]:
    with postgres.database() as template:
        _migrate(_text(template))
        yield template


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "liverwatch.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=BACKENDS)
def blank_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test's own without any table, for tests of the migrations."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'blank.db'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    with postgres.database() as url:
        yield _text(url)


@pytest.fixture
def sqlite_url(tmp_path: Path, _migrated_sqlite: Path) -> str:
    """A migrated, empty SQLite database of this test's own."""
    path = tmp_path / "liverwatch.db"
    shutil.copyfile(_migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: Postgres, _migrated_postgres: URL) -> Iterator[str]:
    """A migrated, empty PostgreSQL database of this test's own."""
    with postgres.database(_migrated_postgres) as url:
        yield _text(url)


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of this test's own, on each kind of database in turn."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on `database_url`; commits are not forced to the disk."""
    from service.store.session import open_engine

    engine = open_engine(database_url, durable=False)
    yield engine
    engine.dispose()


@pytest.fixture
def fresh(tmp_path: Path, _migrated_sqlite: Path) -> Iterator[Engine]:
    """Another database, with nothing in it."""
    from service.store.session import open_engine

    path = tmp_path / "fresh.db"
    shutil.copyfile(_migrated_sqlite, path)
    engine = open_engine(f"sqlite:///{path}", durable=False)
    yield engine
    engine.dispose()


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Run":
    """Run `liverwatch` with these arguments on a database of its own, as of the data's own time."""
    from tests.commands import runner

    monkeypatch.setenv("LIVERWATCH_DATABASE_URL", database_url)
    monkeypatch.setenv("LIVERWATCH_CLOCK", "data")
    return runner(capsys)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real results, from LIVERWATCH_SHARED_DATA or beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("LIVERWATCH_SHARED_DATA") or default)
    if not path.is_dir():
        pytest.skip("no shared data: set LIVERWATCH_SHARED_DATA to its folder")
    return path


@pytest.fixture(scope="session")
def peer_directory() -> Path:
    """The folder where the strict FHIR server in Node is installed, from LIVERWATCH_TEST_PEER."""
    path = os.environ.get("LIVERWATCH_TEST_PEER")
    if not path or shutil.which("node") is None:
        pytest.skip("no FHIR peer: set LIVERWATCH_TEST_PEER to its folder, with its packages installed")
    return Path(path)
