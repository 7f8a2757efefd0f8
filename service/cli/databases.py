"""`database`: who may do what with it, and what is erased from it."""

from typing import Annotated

import typer

from service.cli.console import Json, complain, counted, note, say, say_json
from service.cli.opening import actor, database, now, settings_of

app = typer.Typer(help="The database itself: its roles, and what has expired in it.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The database itself: its roles, and what has expired in it."""


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


@app.command()
def erase_expired(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what would be erased, and what stands against it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Erase now what the settings LIVERWATCH_RETENTION_* say is kept no longer, as the service does daily."""
    from service.errors import ConfigurationError
    from service.retention import Retention, erase_expired, rehearse

    settings = settings_of()
    kept = Retention.of(settings)
    if not kept.limited:
        raise ConfigurationError("everything is kept for ever: set LIVERWATCH_RETENTION_YEARS, say")
    with database(settings) as engine:
        done = rehearse(engine, kept, now()) if dry_run else erase_expired(engine, kept, now(), by=actor())
    records = {standing.value: count for standing, count in sorted(done.records.items())}
    if as_json:
        left = dict(done.leftovers)
        say_json({"erased": not dry_run, "records": records, "leftovers": left, "failed": done.failed})
    else:
        due = records.pop("due", 0)
        say(f"{due} records {'would be' if dry_run else 'were'} erased")
        if records:
            note(f"old too, and kept: {counted(records)}")
        if done.leftovers.total():
            say(f"{'would go' if dry_run else 'went'} as well: {counted(done.leftovers)}")
    if done.failed:
        complain(f"{done.failed} failed and stayed; run it again, the log says by what they failed")
        raise typer.Exit(1)
