"""`source export`: all there is at an EHR, in bulk."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import Json, counted, note, progress, say, say_json
from service.cli.load import Teller, as_object, until_interrupted
from service.cli.opening import AsOf, actor, database, now, rules_of, say_change, settings_of
from service.garbage import collected_seldom

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from service.exporting import Exported, Exporter
    from service.loading import Loader, Summary
    from service.store.exports import Asked
    from service.store.sources import Source


def export(  # noqa: PLR0913, PLR0917 - one option for each thing that can be said
    name: Annotated[str, typer.Argument(help="The source.")],
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            help="What was changed since then (UTC where it names no offset); unless given, everything.",
            show_default=False,
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Of the members of that Group; unless given, of everybody.", show_default=False
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="Resource type; give several. Unless given, all that are read and the server has.",
            show_default=False,
        ),
    ] = None,
    files_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Also fetch files that are at that https address, not the server's own; without token.",
            show_default=False,
        ),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Give up the export that is under way, and begin another.")
    ] = False,
    as_json: Json = False,
    clock: AsOf = None,
) -> None:
    """Export all there is at a source's server (Bulk Data $export) and load it, beside a running service too.

    Whatever it breaks off by (Ctrl-C, the network, the machine), the same command goes on with the same
    export and the files that are not read yet. Reading a file again changes nothing.
    """
    from service.ehr import Connections
    from service.errors import RemoteError
    from service.exporting import Exporter
    from service.loading import Limits, Loader
    from service.store.exports import Asked

    settings = settings_of(clock)
    start = since if since is None or since.tzinfo else since.replace(tzinfo=UTC)
    asked = Asked(tuple(sorted(set(types or ()))), start, group)
    with database(settings) as engine, until_interrupted() as stop, collected_seldom():
        source = _source(engine, name, asked)
        rules = rules_of(settings, engine)
        say_change(engine, rules, "what this export changes is judged")
        loader = Loader(engine, source, rules, Limits(settings.max_bundle_bytes, depth=settings.max_depth))
        loader.stop, loader.on_rejected = stop.is_set, Teller()
        with Connections(settings.keys_directory).open(source, 60.0) as client:
            exporter = Exporter(
                engine, source, rules, client, loader, now, stop.wait, tuple(files_from or ())
            )
            try:
                _run(exporter, asked, restart=restart)
            except RemoteError as error:
                note(f"{error.message}; what was read is stored; the same command goes on (or --restart)")
                raise typer.Exit(1) from None
    _report(exporter.exported, loader.summary, name, as_json=as_json)
    _explain(exporter.exported, loader.summary, asked)


def _source(engine: "Engine", name: str, asked: "Asked") -> "Source":
    """The source, audited as exported from."""
    from service.errors import Conflict
    from service.store import decisions, sources
    from service.store.session import writing

    with writing(engine) as connection:
        source = sources.by_name(connection, name)
        if not source.active:
            raise Conflict(f"source {name!r} has been removed")
        since = None if asked.since is None else asked.since.isoformat()
        detail = {"since": since, "group": asked.group, "types": list(asked.types)}
        decisions.write_audit(
            connection, at=now(), actor=actor(), action="source-export", source_id=source.id, detail=detail
        )
    return source


def _run(exporter: "Exporter", asked: "Asked", *, restart: bool) -> None:
    """Export, and show how far it is."""
    from service.exporting import run

    with progress("{task.fields[done]}") as display:
        task = display.add_task("asking for the export", total=None, done="")
        exporter.loader.on_read = _shown(exporter.loader, lambda text: display.update(task, done=text))
        exporter.tell = lambda text: display.update(task, description=text)
        run(exporter, asked, restart=restart)


def _shown(loader: "Loader", show: Callable[[str], None]) -> Callable[[int], None]:
    size = 0

    def read(more: int) -> None:
        nonlocal size
        size += more
        show(f"{loader.summary.read} resources, {size / 1e6:.1f} MB")

    return read


def _report(exported: "Exported", summary: "Summary", name: str, *, as_json: bool) -> None:
    if as_json:
        at = exported.transaction_time
        said = {
            "transaction_time": None if at is None else at.isoformat(),
            "files": exported.files,
            "files_before": exported.before,
            "files_left_out": exported.left_out,
            "gone": exported.gone,
            "troubles": dict(sorted(exported.troubles.items())),
            "catch_up_from_there": exported.moved,
            "complete": exported.complete,
        }
        say_json({**as_object(summary), **said, "stopped": exported.stopped})
        return
    before = f", {exported.before} had been read before" if exported.before else ""
    say(f"files        {exported.files}{before}")
    counts = summary.counts
    say(f"read         {summary.read} resources")
    for what in ("stored", "duplicate", "older", "deleted"):
        if counts[what] or what == "stored":
            say(f"{what:<12} {counts[what]}")
    for what in ("ignored", "quarantined"):
        say(f"{what:<12} {sum(summary.of(what).values())}")
    if exported.gone:
        say(f"gone         {exported.gone}")
    say(f"patients     {summary.patients} changed, {summary.judged} judged")
    say(f"open alerts  {counted(summary.alerts)} (in all of source {name})")


def _explain(exported: "Exported", summary: "Summary", asked: "Asked") -> None:
    """What is to be known beside the figures; ends with the code that says whether all is here."""
    if exported.stopped:
        note("stopped: what was read is stored; the same command goes on from there")
        raise typer.Exit(130)
    if exported.not_ended is not None:
        note(f"the server could not be told to throw its files away: {exported.not_ended}")
    for what, count in sorted(exported.troubles.items()):
        note(f"the server says that something went wrong {count} times: {what}")
    if exported.rejected:
        note(f"{exported.rejected} lines were rejected: they are no resources")
    if summary.failed:
        note(f"judging failed for {summary.failed} patients: see `liverwatch quarantine list`")
    if not exported.complete:
        note("not all is here, so catch-up goes on from where it was; export again once that is mended")
    elif asked.group is not None:
        note("a Group may not be everybody, so catch-up goes on from where it was")
    elif exported.moved and exported.transaction_time is not None:
        note(f"catch-up goes on from {exported.transaction_time:%Y-%m-%d %H:%M:%S} UTC")
    else:
        note("catch-up goes on from where it was: it is further on, or has not come as far as --since")
    if not exported.complete or summary.failed:
        raise typer.Exit(1)
