"""What commands work on: the settings, the database, the rules, and who is at the keyboard."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import note

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from service.ingest import Rules
    from service.settings import Settings


class Clock(StrEnum):
    """As of when records are judged."""

    SYSTEM = "system"
    DATA = "data"


AsOf = Annotated[
    Clock | None,
    typer.Option(
        "--clock",
        help="As of when to judge: now (system), or each patient's own newest result (data), for old data. "
        "Default: the setting LIVERWATCH_CLOCK.",
        show_default=False,
    ),
]


def settings_of(clock: Clock | None = None, **overrides: Any) -> "Settings":
    """The settings from the environment, with what the command line says instead.

    Raises:
        ConfigurationError: one of them cannot be used.
    """
    from service.settings import load_settings

    chosen = {name: value for name, value in overrides.items() if value is not None}
    if clock is not None:
        chosen["clock"] = clock.value
    return load_settings(**chosen)


@contextmanager
def database(settings: "Settings") -> "Iterator[Engine]":
    """The database, created and brought up to date where need be.

    Raises:
        ConfigurationError: it was made by a newer release, or its URL cannot be used.
    """
    from sqlalchemy.exc import ArgumentError

    from service.errors import ConfigurationError
    from service.store.migrate import migrate
    from service.store.session import open_engine

    try:
        engine = open_engine(settings.database_url)
        migrate(engine)
    except (ArgumentError, ImportError, RuntimeError) as error:
        raise ConfigurationError(f"LIVERWATCH_DATABASE_URL: {error}") from error
    try:
        if settings.sources:
            from service.app import seed_sources

            seed_sources(engine, settings)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def database_as_it_is(settings: "Settings") -> "Iterator[Engine]":
    """The database, neither created nor brought up to date.

    Raises:
        ConfigurationError: there is none, or its URL cannot be used.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    from service.errors import ConfigurationError
    from service.store.session import open_engine

    try:
        url = make_url(settings.database_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            raise ConfigurationError("LIVERWATCH_DATABASE_URL: there is no database yet")
        engine = open_engine(settings.database_url)
    except (ArgumentError, ImportError) as error:
        raise ConfigurationError(f"LIVERWATCH_DATABASE_URL: {error}") from error
    try:
        yield engine
    finally:
        engine.dispose()


def rules_of(settings: "Settings", engine: "Engine") -> "Rules":
    """What records are judged by: the rulebook in force in the database, else the one of the settings."""
    from service.clinical.rulebook import load_rulebook
    from service.ingest import Rules, rules_in_force
    from service.store.session import reading

    chosen = Rules.of(settings, load_rulebook(settings.rulebook))
    with reading(engine) as connection:
        return rules_in_force(connection, chosen, now())


def say_change(engine: "Engine", rules: "Rules", what: str) -> None:
    """Say, before it is done, that records are judged by another rulebook or clock than until now.

    `what` is what is judged so, in words that `by rulebook ...` can follow.
    """
    from service.ingest.agreement import basis_of, other_bases
    from service.store.session import reading

    with reading(engine) as connection:
        others = [each for each in other_bases(connection, rules) if each is not None]
    if others:
        note(f"until now records were judged {' and '.join(map(str, others))}; {what} {basis_of(rules)}")


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


def actor() -> str:
    """Who is at the keyboard, as the audit log names them."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # a container user without a name
        return "cli"
