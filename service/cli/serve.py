"""`serve`, `migrate`, `version`."""

from typing import Annotated

import typer

from service.cli.console import say
from service.cli.opening import database, settings_of


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default=False)] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on.", show_default=False)
    ] = None,
) -> None:
    """Run the service: feed, judging, delivery, API. Defaults: LIVERWATCH_HOST, LIVERWATCH_PORT."""
    from service.app import serve as run

    run(settings_of(host=host, port=port))


def migrate() -> None:
    """Create the database, or bring it to this release's tables (every command does so by itself)."""
    from service.store.migrate import head

    with database(settings_of()):
        say(f"the database is at revision {head()}")


def version() -> None:
    """Say which release and which rulebook this is."""
    from service.clinical.rulebook import load_rulebook
    from service.settings import code_version

    rulebook = load_rulebook(settings_of().rulebook)
    say(f"liverwatch {code_version()}, rulebook {rulebook.version} ({rulebook.digest[:12]})")
