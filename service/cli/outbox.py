"""`outbox`: what waits to be written to the EHRs."""

import typer

from service.cli.console import Json, counted, say, say_json
from service.cli.opening import database, settings_of

app = typer.Typer(help="What waits to be written to the EHRs.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """What waits to be written to the EHRs."""


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """Count what waits, what has been written, and what was refused for good."""
    from sqlalchemy import case, func, select

    from service.store.schema import outbox
    from service.store.session import reading

    standing = case(
        (outbox.c.dead, "dead"), (outbox.c.wanted_revision > outbox.c.sent_revision, "waiting"), else_="sent"
    )
    with database(settings_of()) as engine, reading(engine) as connection:
        rows = connection.execute(select(standing, func.count()).group_by(standing))
        found = {row[0]: row[1] for row in rows}
    counts = {name: found.get(name, 0) for name in ("waiting", "dead", "sent")}
    if as_json:
        say_json(counts)
    else:
        say(counted(counts))
