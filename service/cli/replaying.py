"""`replay`: recorded decisions made again, and what was known on a day."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, complain, note, progress, say, say_json, say_json_list
from service.cli.naming import alert_named
from service.cli.opening import actor, database, now, settings_of

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine

    from service.quality import AlertReplay, Replay


def replay(
    alert: Annotated[
        str | None,
        typer.Option(help="The alert's id, or enough of its beginning: every decision that changed it."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every decision that was ever made.")] = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Instead, with --alert: what was known of its patient at the end of that day (UTC).",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make recorded decisions again, from the stored bytes by the recorded rules, and tell what differs.

    It ends with 0 only where all that was asked for is on record and came out identical.
    """
    if (alert is None) != everything:
        raise typer.BadParameter("give --alert ID, or --all")
    if as_of is not None and alert is None:
        raise typer.BadParameter("--as-of needs --alert ID")
    with database(settings_of()) as engine:
        if alert is None:
            sound = _say_all(engine, as_json=as_json)
        elif as_of is None:
            sound = _say_alert(engine, alert_named(engine, alert), as_json=as_json)
        else:
            sound = _say_known(engine, alert_named(engine, alert), as_of, as_json=as_json)
    if not sound:
        raise typer.Exit(1)


def _say_all(engine: "Engine", *, as_json: bool) -> bool:
    from service.quality.telling import as_object, lines

    _audit(engine, "replay-all", None, {})
    tally: Counter[bool] = Counter()
    if as_json:
        say_json_list(as_object(each) for each in _counted(engine, tally))
    else:
        for each in _counted(engine, tally):
            for line in () if each.identical else lines(each):
                say(line)
    (note if as_json else say)(f"{tally[True]} of {tally.total()} decisions identical")
    return not tally[False]


def _counted(engine: "Engine", tally: Counter[bool]) -> "Iterator[Replay]":
    """Every decision, made again; counted by whether it is identical."""
    from service.quality import replay_all

    with progress("{task.completed} decisions") as display:
        task = display.add_task("making them again", total=None)
        for each in replay_all(engine):
            tally[each.identical] += 1
            display.update(task, completed=tally.total())
            yield each


def _say_alert(engine: "Engine", alert_id: "UUID", *, as_json: bool) -> bool:
    from service.quality import replay_alert
    from service.quality.telling import as_object, lines
    from service.store import alerts
    from service.store.session import reading

    with reading(engine) as connection:
        alert = alerts.get(connection, alert_id)
        made: AlertReplay = replay_alert(connection, alert)
    _audit(engine, "replay", alert.subject, {"alert": str(alert_id), "identical": made.identical})
    if as_json:
        decisions = [as_object(each) for each in made.replays]
        unexplained = list(made.unexplained)
        say_json({"identical": made.identical, "decisions": decisions, "unexplained": unexplained})
        return made.identical
    for each in made.replays:
        for line in lines(each):
            say(line)
    for moment in made.unexplained:
        complain(f"at {moment} something happened to it, and no decision of that time is on record")
    return made.identical


def _say_known(engine: "Engine", alert_id: "UUID", as_of: datetime, *, as_json: bool) -> bool:
    from service.quality import known_on
    from service.quality.telling import knowledge_as_object, knowledge_lines
    from service.store import alerts
    from service.store.people import by_number
    from service.store.session import reading

    with reading(engine) as connection:
        subject = alerts.get(connection, alert_id).subject
        people = by_number(connection, [subject])
        found = known_on(connection, [row.id for row in people[subject]], as_of.date())
    _audit(engine, "read-as-of", subject, {"alert": str(alert_id), "day": as_of.date().isoformat()})
    if as_json:
        say_json([knowledge_as_object(each) for each in found])
    else:
        for each in found:
            for line in knowledge_lines(each):
                say(line)
        if not found:
            say("nothing was known yet")
    return all(each.sound for each in found)


def _audit(engine: "Engine", action: str, patient_id: int | None, detail: dict[str, Any]) -> None:
    from service.store import patients
    from service.store.decisions import write_audit
    from service.store.session import writing

    with writing(engine) as connection:
        source_id = None if patient_id is None else patients.source_of(connection, patient_id)
        write_audit(
            connection,
            at=now(),
            actor=actor(),
            action=action,
            source_id=source_id,
            patient_id=patient_id,
            detail=detail,
        )
