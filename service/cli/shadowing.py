"""`rulebook shadow`, `rulebook withdraw`: a candidate beside the rulebook in force, and its proposal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.comparing_rulebooks import say_effect
from service.cli.console import Json, say, say_json
from service.cli.opening import AsOf, actor, database, now, rules_of, settings_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from service.store.shadows import Shadow
    from service.store.simulations import Effect


def shadow(
    file: Annotated[Path | None, typer.Argument(help="The candidate, in TOML.", show_default=False)] = None,
    show: Annotated[bool, typer.Option("--show", help="Show what was collected so far.")] = False,
    end: Annotated[bool, typer.Option("--end", help="Judge by the candidate no more.")] = False,
    as_json: Json = False,
    clock: AsOf = None,
) -> None:
    """Judge everybody by a candidate too, behind the rulebook in force: nothing of it is an alert.

    A running service follows with everybody whose record is judged, and `liverwatch sweep` does once. What
    would differ is on the page /shadow as well. To put it in force takes two people, on that page.
    """
    from service.clinical.rulebook import load_rulebook
    from service.errors import ConfigurationError
    from service.quality import shadowing
    from service.store.session import writing

    if [file is not None, show, end].count(True) != 1:
        raise ConfigurationError("give a FILE, --show or --end")
    settings = settings_of(clock)
    with database(settings) as engine:
        if show:
            _show(engine, as_json=as_json)
            return
        if end:
            with writing(engine) as connection:
                shadowing.end(connection, by=actor(), now=now())
            say("ended; what was collected stays")
            return
        candidate, rules = load_rulebook(file), rules_of(settings, engine)
        with writing(engine) as connection:
            shadowing.begin(connection, rules, candidate, by=actor(), now=now())
    say(f"{candidate.version} runs in the shadow of {rules.rulebook.version}")


def withdraw(
    unreadable: Annotated[
        bool,
        typer.Option(
            "--unreadable",
            help="Withdraw the rulebook in force instead, where this release cannot read it: the one before "
            "counts again, or the one that the settings name.",
        ),
    ] = False,
) -> None:
    """Withdraw the rulebook proposed on the page /shadow, confirmed or not, before it is in force."""
    from service import activating
    from service.errors import NotFound
    from service.store import activations
    from service.store.session import writing

    with database(settings_of()) as engine, writing(engine) as connection:
        if unreadable:
            activating.withdraw_unreadable(connection, by=actor(), now=now())
            say("withdrawn; the service judges everybody anew once it runs")
            return
        pending = activations.pending(connection, now())
        if pending is None:
            raise NotFound("no rulebook is proposed")
        activating.withdraw(connection, pending.id, by=actor(), now=now())
    say("withdrawn")


def _show(engine: "Engine", *, as_json: bool) -> None:
    from service.alerts.states import day_of
    from service.errors import NotFound
    from service.quality import shadowing
    from service.store import decisions, shadows, simulations, sources
    from service.store.rulebooks import stored_rulebook
    from service.store.session import snapshot, writing

    with snapshot(engine) as connection:
        made = shadows.latest(connection)
        if made is None:
            raise NotFound("no candidate ever ran in the shadow: see `liverwatch rulebook shadow --help`")
        names = {each.id: each.name for each in sources.every(connection)}
        effects, last_day = shadowing.effects(connection, made, names, day_of(now()))
        digests = (made.in_force_digest, made.candidate_digest)
        versions = [stored_rulebook(connection, each).version for each in digests]
    with writing(engine) as connection:
        detail = {"shadow": str(made.id)}
        decisions.write_audit(connection, at=now(), actor=actor(), action="read-shadow", detail=detail)
    effect = simulations.together(effects.values())
    if as_json:
        say_json(_as_object(made, versions, effect))
        return
    say(f"since {made.at:%Y-%m-%d %H:%M} UTC" + (", ended" if made.ended_at else ""))
    say_effect(versions[0], versions[1], effect, last_day)


def _as_object(made: "Shadow", versions: list[str], effect: "Effect") -> dict[str, Any]:
    return {
        "shadow": str(made.id),
        "in_force": {"version": versions[0], "digest": made.in_force_digest},
        "candidate": {"version": versions[1], "digest": made.candidate_digest},
        "since": made.at,
        "ended": made.ended_at,
        "people": effect.people,
        "failed": effect.failed,
        "alerts": dict(effect.total),
        "strata": {name: strata for name, strata in effect.counts.items() if name != "total"},
        "a_week": {"in_force": effect.a_week_before, "candidate": effect.a_week_after},
    }
