"""`rejudge`, `sweep`: judging stored records again."""

from typing import Annotated

import typer

from service.cli.console import Json, note, progress, say, say_json
from service.cli.opening import AsOf, database, now, rules_of, say_change, settings_of


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
    rules = rules_of(settings)
    with database(settings) as engine, progress("{task.completed} records") as display:
        say_change(engine, rules, "from now on every record is judged")
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


def sweep(as_json: Json = False, clock: AsOf = None) -> None:
    """Do once what a running service does by itself: judge what is behind or due, take what can be taken."""
    from service.ingest import check_agreement
    from service.ingest import sweep as run
    from service.store.session import reading

    settings = settings_of(clock)
    rules = rules_of(settings)
    with database(settings) as engine:
        with reading(engine) as connection:
            check_agreement(connection, rules)
        swept = run(engine, rules, now())
    if as_json:
        say_json({"judged": swept.judged, "failed": swept.failed, "replayed": swept.replayed})
    else:
        say(f"judged {swept.judged} records, took {swept.replayed} from quarantine")
    _fail(swept.failed)


def _fail(failed: int) -> None:
    if failed:
        note(f"judging failed for {failed} records: see `liverwatch quarantine list`")
        raise typer.Exit(1)
