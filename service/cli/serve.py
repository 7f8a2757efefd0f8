"""`serve`, `migrate`, `version`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import note, say
from service.cli.opening import actor, database, database_as_it_is, now, settings_of

if TYPE_CHECKING:
    from service.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default=False)] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on.", show_default=False)
    ] = None,
) -> None:
    """Run the service: feed, judging, delivery, API. Defaults: LIVERWATCH_HOST, LIVERWATCH_PORT."""
    from service.app import serve as run

    settings = settings_of(host=host, port=port)
    _first_account(settings)
    run(settings)


def _first_account(settings: "Settings") -> None:
    """Where nobody has an account and somebody is looking, make one; its password never enters a log."""
    from service import accounts, passwords
    from service.store import users
    from service.store.session import writing

    if not sys.stderr.isatty() or settings.oidc_issuer is not None:
        return
    password = passwords.made()
    with database(settings) as engine, writing(engine) as connection:
        if users.are_there_any(connection):
            return
        accounts.add(connection, users.first(passwords.digest(password)), by=actor(), now=now())
    note(
        f"Sign in at {settings.public_url} as {users.FIRST} with this password, good for one time "
        f"and not shown again:\n\n    {password}\n"
    )


def migrate() -> None:
    """Create the database, or bring it to this release's tables (every command does so by itself)."""
    from service.store.migrate import head

    with database(settings_of()):
        say(f"the database is at revision {head()}")


def version() -> None:
    """Say which release this is and which rulebook it judges by, and which the settings name if another."""
    from service.clinical.rulebook import load_rulebook
    from service.settings import code_version

    settings = settings_of()
    named = load_rulebook(settings.rulebook)
    release, by_settings = f"liverwatch {code_version()}", f"{named.version} ({named.digest[:12]})"
    found = _put_in_force(settings)
    if found is None:
        say(f"{release}, rulebook {by_settings} of the settings: the database cannot be asked for another")
    elif found in ("", by_settings):
        say(f"{release}, rulebook {by_settings}")
    else:
        say(f"{release}, rulebook {found}, put in force by two people; the settings name {by_settings}")


def _put_in_force(settings: "Settings") -> str | None:
    """The rulebook that two people put in force, empty where they did not; None where nobody can be asked."""
    from sqlalchemy.exc import SQLAlchemyError

    from service.errors import ConfigurationError, Damaged
    from service.store import activations
    from service.store.rulebooks import stored_rulebook
    from service.store.session import reading

    try:
        with database_as_it_is(settings) as engine, reading(engine) as connection:
            made = activations.latest_in_force(connection, now())
            if made is None:
                return ""
            try:
                version = stored_rulebook(connection, made.digest).version
            except Damaged:
                version = "that this release cannot read"
    except (ConfigurationError, SQLAlchemyError):
        return None
    return f"{version} ({made.digest[:12]})"
