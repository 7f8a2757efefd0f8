"""`rejudge`, `sweep`: judging stored records again."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, note, progress, say, say_json
from service.cli.opening import AsOf, actor, database, now, rules_of, say_change, settings_of
from service.garbage import collected_seldom

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from service.ingest import Rules


def rejudge(
    everyone: Annotated[
        bool, typer.Option("--all", help="Also those that are up to date; such a run cannot be resumed.")
    ] = False,
    as_json: Json = False,
    clock: AsOf = None,
) -> None:
    """Judge every record that was judged under another rulebook, clock or other source settings.

    A change of rulebook or clock is said first. It may be stopped at any time: what is done stays done, and
    the next run goes on from there.
    """
    from service.ingest import rejudge as run

    settings = settings_of(clock)
    with database(settings) as engine, progress("{task.completed} records") as display, collected_seldom():
        rules = rules_of(settings, engine)
        say_change(engine, rules, "from now on every record is judged")
        _note_by_what(engine, "rejudge", rules, everyone=everyone)
        task = display.add_task("judging", total=None)
        judged, failed = run(
            engine,
            rules,
            now(),
            everyone=everyone,
            progress=lambda done, _failed: display.update(task, completed=done),
        )
    if as_json:
        say_json({"judged": judged, "failed": failed})
    else:
        say(f"judged {judged} records")
    _fail(failed)


def sweep(
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            help="Judge as of that moment (UTC where it names no offset) instead of now. What is overdue by "
            "then is written as such: for rehearsals, on a copy of the database.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    clock: AsOf = None,
) -> None:
    """Do once what a running service does by itself: judge what is behind or due, take what can be taken."""
    from service.activating import carry_out
    from service.clinical.months import POSSIBLE_YEARS
    from service.ingest import check_agreement
    from service.ingest import sweep as run
    from service.quality.shadowing import follow
    from service.store.session import reading

    if as_of is not None and as_of.year not in POSSIBLE_YEARS:
        raise typer.BadParameter(
            f"give a moment in {POSSIBLE_YEARS.start} to {POSSIBLE_YEARS.stop - 1}", param_hint="--as-of"
        )
    settings = settings_of(clock)
    moment = now() if as_of is None else as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
    with database(settings) as engine:
        rules = rules_of(settings, engine)
        carry_out(engine, rules, now())
        with reading(engine) as connection:
            check_agreement(connection, rules)
        _note_by_what(engine, "sweep", rules, as_of=moment.isoformat())
        swept = run(engine, rules, moment)
        follow(engine, rules, moment)
    if as_json:
        say_json(asdict(swept))
    else:
        say(f"judged {swept.judged} records, took {swept.replayed} from quarantine")
        if swept.passed_on:
            say(f"passed on {swept.passed_on} urgent alerts that nobody has taken")
    _fail(swept.failed)


def _note_by_what(engine: "Engine", action: str, rules: "Rules", **more: Any) -> None:
    """In the audit: records are judged, and by what."""
    from service.store import decisions
    from service.store.session import writing

    detail = {"rulebook": rules.rulebook.digest, "clock": rules.clock, **more}
    with writing(engine) as connection:
        decisions.write_audit(connection, at=now(), actor=actor(), action=action, detail=detail)


def _fail(failed: int) -> None:
    if failed:
        note(f"judging failed for {failed} records: see `liverwatch quarantine list`")
        raise typer.Exit(1)
