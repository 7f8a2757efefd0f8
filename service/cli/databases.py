"""`database`: who may do what with it."""

from typing import Annotated

import typer

from service.cli.console import note, say
from service.cli.opening import actor, database, now, settings_of

app = typer.Typer(help="The database's own roles (PostgreSQL).", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The database's own roles (PostgreSQL)."""


@app.command()
def grant_role(
    role: Annotated[str, typer.Argument(metavar="NAME", help="A role of the PostgreSQL server.")],
) -> None:
    """Let a role run the service on tables that it does not own: it can only add to the audit log.

    Run it as the owner, again after each release that brings tables.
    """
    from service.store import decisions, privileges
    from service.store.session import writing

    with database(settings_of()) as engine, writing(engine) as connection:
        privileges.grant(connection, role)
        decisions.write_audit(
            connection, at=now(), actor=actor(), action="database-grant-role", detail={"role": role}
        )
    say(f"{role} may run the service")
    note("Give the service a LIVERWATCH_DATABASE_URL with this role; migrate as the owner before it starts.")
