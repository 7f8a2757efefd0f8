"""`audit`: whether the audit log is what it was."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import Json, complain, say, say_json
from service.cli.opening import database, settings_of

app = typer.Typer(help="The audit log.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The audit log."""


@app.command()
def verify(
    anchor: Annotated[
        list[Path] | None,
        typer.Option(help="File of heads kept outside, or a log that holds them; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Walk the chain over the audit log, and name the first record that is not what it was."""
    from service.quality import read_anchors, verify
    from service.store.session import reading

    anchors = {head for path in anchor or () for head in read_anchors(path)}
    with database(settings_of()) as engine, reading(engine) as connection:
        found = verify(connection, anchors)
    problem = found.problem
    if as_json:
        wrong = problem and {"position": problem.position, "record": problem.audit_id, "what": problem.what}
        say_json(
            {
                "sound": found.head.position,
                "hash": found.head.hash,
                "anchors": len(anchors),
                "unsealed": found.unchained,
                "unsealed_since": found.unchained_since,
                "problem": wrong,
            }
        )
    else:
        say(f"{found.head.position} records are sealed and sound; the hash of the last is {found.head.hash}")
        if anchors:
            say(f"held to {len(anchors)} heads kept outside")
        if found.unchained:
            say(f"{found.unchained} records are not sealed yet; a running service does so within seconds")
    if problem is not None:
        complain(f"place {problem.position}: {problem.what}")
        raise typer.Exit(1)
