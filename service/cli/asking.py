"""`source catchup`: asking an EHR for what its feed did not bring."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import Json, counted, note, say, say_json
from service.cli.opening import actor, database, now, rules_of, settings_of

if TYPE_CHECKING:
    from service.catchup import Asked, Asker

Name = Annotated[str, typer.Argument(help="The source.")]


def catchup(
    name: Name,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            help="Read again what the server changed since then (UTC where it names no offset), and look "
            "there for everything that came since then. Without it: what is due now.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask a source's server for what its feed did not bring, beside a running service too.

    What was read stays read, whenever it is stopped; a running service goes on from there.
    """
    from service.catchup import Asker, ask, ask_since
    from service.ehr import Connections
    from service.errors import Conflict, RemoteError
    from service.store import decisions, sources
    from service.store.session import writing

    settings = settings_of()
    start = since if since is None or since.tzinfo else since.replace(tzinfo=UTC)
    with database(settings) as engine:
        rules = rules_of(settings, engine)
        with writing(engine) as connection:
            source = sources.by_name(connection, name)
            if not source.active:
                raise Conflict(f"source {name!r} has been removed")
            detail = {"since": None if start is None else start.isoformat()}
            decisions.write_audit(
                connection,
                at=now(),
                actor=actor(),
                action="source-catchup",
                source_id=source.id,
                detail=detail,
            )
        with Connections(settings_of().keys_directory).open(source, 30.0) as client:
            asker = Asker(engine, source, rules, client, now)
            try:
                asked = ask(asker, whole=True) if start is None else ask_since(asker, start)
            except RemoteError as error:
                _say(asker, None, as_json=as_json)
                note(f"the server of {name} does not answer: {error.message}")
                raise typer.Exit(1) from None
    _say(asker, asked, as_json=as_json)
    for type_, why in sorted(asked.problems.items()):
        note(f"{type_}: {why}")
    if asked.problems:
        raise typer.Exit(1)


def _say(asker: "Asker", asked: "Asked | None", *, as_json: bool) -> None:
    counts = dict(sorted(asker.receipt.counts.items()))
    if as_json:
        say_json(
            {
                "found": asker.found,
                "gone": asker.gone,
                "patients": len(asker.receipt.patients),
                "counts": counts,
                "read": sorted(asked.read) if asked else [],
                "problems": asked.problems if asked else {},
                "complete": asked is not None and not asked.problems,
            }
        )
        return
    say(f"found {asker.found} resources ({counted(counts)}), {asker.gone} of those known are gone")
    say(f"changed the records of {len(asker.receipt.patients)} patients")
