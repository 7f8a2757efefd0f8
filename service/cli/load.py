"""`load`: files into the database."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, counted, note, progress, say, say_json
from service.cli.opening import AsOf, actor, database, now, rules_of, say_change, settings_of
from service.garbage import collected_seldom

if TYPE_CHECKING:
    from types import FrameType

    from service.loading import Rejection, Summary

MOST_TOLD = 50
"""Rejected pieces that are told one by one; all are counted."""


def load(
    paths: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            metavar="PATH...",
            help=".ndjson, .json (Bundles), each also .gz, and folders of those.",
        ),
    ],
    source: Annotated[
        str, typer.Option(help="The source the files came from; created where there is none of that name.")
    ] = "files",
    as_json: Json = False,
    clock: AsOf = None,
) -> None:
    """Load files, in any mix and order, beside a running service too. Loading them again changes nothing.

    Ctrl-C ends it after the transaction under way: what was read is stored, and running the same command
    again does the rest.
    """
    from service.loading import Limits, Loader, ensure_source, find_files
    from service.store import decisions
    from service.store.session import writing

    files = find_files(paths)
    settings = settings_of(clock)
    with database(settings) as engine, until_interrupted() as stop, collected_seldom():
        known, new = ensure_source(engine, source, now(), actor())
        if new:
            note(f"source {source!r} created")
        with writing(engine) as connection:
            detail = {"files": len(files)}
            decisions.write_audit(
                connection, at=now(), actor=actor(), action="load", source_id=known.id, detail=detail
            )
        rules = rules_of(settings, engine)
        say_change(engine, rules, "what this load changes is judged")
        loader = Loader(engine, known, rules, Limits(settings.max_bundle_bytes, depth=settings.max_depth))
        loader.stop = stop.is_set
        loader.on_rejected = Teller()
        with progress("{task.fields[done]}") as display:
            task = display.add_task("reading", total=sum(each.size for each in files), done="")
            judging = None

            def read(size: int) -> None:
                rate = loader.summary.read / max(display.tasks[0].elapsed or 0, 1e-3)
                display.update(task, advance=size, done=f"{loader.summary.read} resources, {rate:.0f}/s")

            def judged(_people: int) -> None:
                nonlocal judging
                if judging is None:
                    judging = display.add_task("judging", total=loader.summary.patients or None, done="")
                done = f"{loader.summary.judged} patients"
                display.update(judging, completed=loader.summary.judged, done=done)

            loader.on_read, loader.on_judged = read, judged
            summary = loader.load(files)
    _report(summary, source, as_json=as_json)
    if summary.stopped:
        note("stopped: what was read is stored; run the same command again for the rest and for judging")
        raise typer.Exit(130)
    if summary.failed:
        note(f"judging failed for {summary.failed} patients: see `liverwatch quarantine list`")
    if summary.rejected:
        note(f"{summary.rejected} lines or files were rejected: mend them and load again")
    if summary.rejected or summary.failed:
        raise typer.Exit(1)


class Teller:
    """Tells the first rejected pieces one by one."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, rejection: "Rejection") -> None:
        """Tell of one, unless many have been told."""
        self._told += 1
        if self._told <= MOST_TOLD:
            note(f"rejected: {rejection}")
        elif self._told == MOST_TOLD + 1:
            note("rejected: more of them; they are only counted from here on")


@contextmanager
def until_interrupted() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C (or a polite kill) sets; the second one ends the program at once."""
    asked = threading.Event()
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def stop(_number: int, _frame: "FrameType | None") -> None:
        asked.set()
        for each in before:
            signal.signal(each, signal.default_int_handler)

    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread:
        for each in before:
            signal.signal(each, stop)
    try:
        yield asked
    finally:
        if in_main_thread:
            for each, handler in before.items():
                signal.signal(each, handler)


def _report(summary: "Summary", source: str, *, as_json: bool) -> None:
    if as_json:
        say_json(as_object(summary))
        return
    ignored, quarantined = summary.of("ignored"), summary.of("quarantined")
    counts = summary.counts
    say(f"read         {summary.read} in {summary.seconds:.1f} s ({_rate(summary):.0f}/s)")
    say(f"stored       {counts['stored']}")
    for name in ("duplicate", "older", "deleted"):
        if counts[name]:
            say(f"{name:<12} {counts[name]}")
    say(f"ignored      {sum(ignored.values())}{_reasons(ignored)}")
    say(f"quarantined  {sum(quarantined.values())}{_reasons(quarantined)}")
    if summary.rejected:
        say(f"rejected     {summary.rejected}")
    say(f"patients     {summary.patients} changed, {summary.judged} judged")
    say(f"episodes     {counted(dict(sorted(summary.episodes.items())))} (of those judged)")
    say(f"open alerts  {counted(summary.alerts)} (in all of source {source})")


def _reasons(counts: dict[str, int]) -> str:
    return f" ({counted(counts)})" if counts else ""


def _rate(summary: "Summary") -> float:
    return summary.read / max(summary.seconds, 1e-9)


def as_object(summary: "Summary") -> dict[str, Any]:
    """The summary as `--json` writes it."""
    counts = summary.counts
    return {
        "read": summary.read,
        "stored": counts["stored"],
        "duplicate": counts["duplicate"],
        "older": counts["older"],
        "deleted": counts["deleted"],
        "ignored": summary.of("ignored"),
        "quarantined": summary.of("quarantined"),
        "rejected": summary.rejected,
        "patients": summary.patients,
        "judged": summary.judged,
        "failed": summary.failed,
        "episodes": dict(sorted(summary.episodes.items())),
        "alerts": summary.alerts,
        "stopped": summary.stopped,
        "seconds": round(summary.seconds, 3),
        "rate": round(_rate(summary), 1),
    }
