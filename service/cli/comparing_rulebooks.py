"""`simulate`: what a changed rulebook would make of everything stored."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, note, progress, say, say_json, table
from service.cli.opening import AsOf, actor, database, now, rules_of, settings_of

if TYPE_CHECKING:
    from uuid import UUID

    from service.quality.simulating import Simulated
    from service.store.changed_alerts import ChangedAlert
    from service.store.simulations import Effect


def simulate(
    rulebook: Annotated[Path, typer.Option(help="The rulebook to try, in TOML.", show_default=False)],
    source: Annotated[
        list[str] | None, typer.Option(help="Only this source; may be repeated. Default: all.")
    ] = None,
    as_json: Json = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="Also write the alerts that would change to this file, patients by their opaque ids.",
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    clock: AsOf = None,
) -> None:
    """Try a rulebook on everything stored: which alerts it would add, take away, or move to another tier.

    No alert changes. What came out is kept, for the page /simulations, and that it was run is audited;
    stopped by Ctrl-C, it leaves nothing behind.
    """
    from service.clinical.rulebook import load_rulebook
    from service.quality.simulating import keep
    from service.quality.simulating import simulate as run
    from service.store import people, simulations
    from service.store.session import reading, writing

    settings = settings_of(clock)
    candidate = load_rulebook(rulebook)
    with database(settings) as engine:
        rules = rules_of(settings, engine)
        with _shown() as told:
            made = run(engine, rules, candidate, now(), by=actor(), only=source, told=told)
        with writing(engine) as connection:
            keep(connection, made)
        with reading(engine) as connection:
            ids = people.public_ids(connection, {each.patient_id for each in made.changed})
    rows = [_row(each, made.sources[each.source_id], ids[each.patient_id]) for each in made.changed]
    effect = simulations.together(made.effects.values())
    if csv is not None:
        _write(rows, csv)
    if as_json:
        say_json(_as_object(made, effect, rows))
    else:
        say_effect(made.in_force.version, made.candidate.version, effect, made.run.last_day)
    if effect.failed:
        note(f"{effect.failed} people could not be judged by one of the rulebooks, and are not counted")
        raise typer.Exit(1)


@contextmanager
def _shown() -> Iterator[Callable[[int, int], None]]:
    with progress("{task.completed} of {task.total} people") as display:
        task = display.add_task("judging by both rulebooks", total=None)

        def told(done: int, count: int) -> None:
            display.update(task, completed=done, total=count)

        yield told


def _row(each: "ChangedAlert", source: str, patient: "UUID") -> dict[str, Any]:
    from service.alerts.events import tier_name

    tiers = [None if tier is None else tier_name(tier) for tier in (each.tier_before, each.tier_after)]
    return {
        "patient": str(patient),
        "source": source,
        "outcome": each.outcome.value,
        "family": each.family.value,
        "tier_before": tiers[0],
        "tier_after": tiers[1],
        "day": each.day.isoformat(),
        "open": each.open,
    }


def _write(rows: list[dict[str, Any]], path: Path) -> None:
    from csv import DictWriter

    from service.errors import ConfigurationError

    columns = ("patient", "source", "outcome", "family", "tier_before", "tier_after", "day", "open")
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written ({type(error).__name__})") from error
    note(f"{len(rows)} alerts written")


def _as_object(made: "Simulated", effect: "Effect", rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "simulation": str(made.run.id),
        "in_force": {"version": made.in_force.version, "digest": made.in_force.digest},
        "candidate": {"version": made.candidate.version, "digest": made.candidate.digest},
        "people": effect.people,
        "failed": effect.failed,
        "alerts": dict(effect.total),
        "strata": {name: strata for name, strata in effect.counts.items() if name != "total"},
        "a_week": {"in_force": effect.a_week_before, "candidate": effect.a_week_after},
        "weeks": {
            "last_day": made.run.last_day,
            "in_force": effect.weeks_before,
            "candidate": effect.weeks_after,
        },
        "changed": rows,
    }


def say_effect(in_force: str, candidate: str, effect: "Effect", last_day: date) -> None:
    """Say what a candidate comes to instead of the rulebook in force, both named by their versions."""
    from service.alerts.comparing import Outcome
    from service.quality.tallying import HEADINGS

    say(f"{candidate} instead of {in_force}, {effect.people} people")
    rows = [("all alerts", "", effect.total)]
    rows += [
        (heading, stratum, outcomes)
        for dimension, heading in HEADINGS.items()
        for stratum, outcomes in sorted(effect.counts.get(dimension, {}).items())
    ]
    table(
        ("OF", "", *(each.value.upper() for each in Outcome)),
        [(of, stratum, *(outcomes.get(each, 0) for each in Outcome)) for of, stratum, outcomes in rows],
    )
    a_week = f"{effect.a_week_before:.1f} by {in_force}, {effect.a_week_after:.1f} by {candidate}"
    say(f"new alerts a week in the year to {last_day}: {a_week}")
