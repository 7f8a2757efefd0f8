"""`reader`: tokens that may read alerts over HTTP."""

from typing import Annotated

import typer

from service.cli.console import Json, note, say, say_json, say_json_list, table
from service.cli.opening import actor, database, now, settings_of

app = typer.Typer(
    help="Tokens that may read alerts over HTTP, each of some sources only.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="Whom or what the token stands for.")]


@app.command()
def add(
    name: Name,
    source: Annotated[list[str], typer.Option(help="A source it may read; may be given more than once.")],
    audit: Annotated[
        bool, typer.Option("--audit", help="It reads the audit log of those sources, and no alerts.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a reader token; it is shown this once."""
    from service.store import decisions, readers, sources
    from service.store.session import writing

    token = sources.new_secret()
    with database(settings_of()) as engine, writing(engine) as connection:
        readers.add(connection, name, source, token, now(), audits=audit)
        detail = {"reader": name, "sources": sorted(set(source)), "audits": audit}
        decisions.write_audit(connection, at=now(), actor=actor(), action="reader-add", detail=detail)
    if as_json:
        say_json({"name": name, "sources": sorted(set(source)), "token": token})
    else:
        say(token)
        note(f"the token of {name}: it is not shown again. Send it as `Authorization: Bearer ...`")


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the readers."""
    from service.store import readers
    from service.store.session import reading

    with database(settings_of()) as engine, reading(engine) as connection:
        found = [
            (reader.name, valid, reader.audits, sorted(reader.sources))
            for reader, valid in readers.every(connection)
        ]
    columns = ("name", "valid", "audits", "sources")
    if as_json:
        say_json_list(dict(zip(columns, each, strict=True)) for each in found)
    else:
        table(columns, ((*each, ", ".join(seen)) for *each, seen in found))


@app.command()
def revoke(name: Name) -> None:
    """End a reader's token."""
    from service.store import decisions, readers
    from service.store.session import writing

    with database(settings_of()) as engine, writing(engine) as connection:
        readers.revoke(connection, name, now())
        detail = {"reader": name}
        decisions.write_audit(connection, at=now(), actor=actor(), action="reader-revoke", detail=detail)
    say(f"the token of {name} is valid no more")
