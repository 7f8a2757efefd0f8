"""Bringing a database to the release's tables, on every start, under a lock."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

import service
from service.store.session import writing

_NOT_ALLOWED = "42501"
_LOCK = 0x6C697665  # any constant: the advisory lock that migrations of this service share


def migrations_directory() -> Path:
    """Beside the package in a checkout, inside it in an installed wheel."""
    package = Path(service.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_directory()))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The revision this release expects."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def current(connection: Connection) -> str | None:
    """The revision the database is at; None when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(engine: Engine, revision: str = "head") -> None:
    """Upgrade (or downgrade) to `revision`; does nothing when already there.

    One process migrates at a time: a second waits for the first, at most the engine's lock timeout. All of
    it is one transaction, so an interrupted migration leaves the database as it was.

    Raises:
        RuntimeError: a newer release has made the database, or the role may not change its tables.
    """
    try:
        _migrate(engine, revision)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NOT_ALLOWED:
            raise
        raise RuntimeError(
            "the tables are not those of this release, and this role may not change them: run `liverwatch "
            "migrate` and `liverwatch database grant-role` as their owner"
        ) from None


def _migrate(engine: Engine, revision: str) -> None:
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = _config(connection)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        at = current(connection)
        if at is not None and at not in known:
            raise RuntimeError(
                f"the database is at revision {at}, which this release does not know: it was made by a newer "
                "release; start that one, or restore a backup"
            )
        if revision == "head" and at == head():
            return  # whoever may not change the tables needs nothing of them changed
        if revision == "base" or (revision != "head" and at is not None and revision != at):
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)
