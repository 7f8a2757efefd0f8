"""A changed rulebook tried on everything that is stored, beside the one in force; nobody's record changes."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from service.alerts.comparing import Outcome
from service.alerts.states import day_of
from service.clinical.rulebook import Rulebook
from service.ingest import Rules, check_agreement
from service.quality.side_by_side import Judged, Page
from service.quality.tallying import Tally
from service.settings import code_version
from service.store import decisions, people, simulations, sources
from service.store.changed_alerts import ChangedAlert
from service.store.patients import PatientRow
from service.store.session import reading
from service.store.simulations import Effect, Simulation
from service.store.sources import Source

PAGE: Final = 200
"""People read at a time."""

Told = Callable[[int, int], None]
"""Is told of how many people how many have been judged."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of a run."""

    run: Simulation
    in_force: Rulebook
    candidate: Rulebook
    sources: Mapping[int, str]
    """Names of those that took part, by the store's numbers."""
    effects: Mapping[int, Effect]
    """By the source's number."""
    changed: Sequence[ChangedAlert]
    """Every alert that would not stay as it is; all that is held of anybody while it runs."""


def simulate(
    engine: Engine,
    rules: Rules,
    candidate: Rulebook,
    now: datetime,
    *,
    by: str,
    only: Collection[str] | None = None,
    told: Told | None = None,
) -> Simulated:
    """Judge everybody by the rulebook in force and by the candidate, a page of people at a time.

    It only reads; :func:`keep` writes what came of it.

    Args:
        engine: the database.
        rules: what records are judged by now.
        candidate: the rulebook to try.
        now: the moment, aware; each record's own newest result where the rules' clock says so.
        by: who starts it, as the audit log names them.
        only: names of sources; None for every one.
        told: called after each person.

    Raises:
        NotFound: there is no such source.
        Conflict: the records here were judged by other rules than `rules`.
    """
    with reading(engine) as connection:
        check_agreement(connection, rules)
        every = sources.every(connection)
        chosen = every if only is None else [sources.by_name(connection, each) for each in sorted(set(only))]
        count = people.count(connection, [each.id for each in chosen])
    names = {each.id: each.name for each in chosen}
    tallies = {each.id: Tally(names) for each in chosen}
    changed: list[ChangedAlert] = []
    last_day, done = date.min, 0
    for source in chosen:
        for rows, judged in _everybody(engine, source, rules, candidate, now):
            changed += _take(tallies[source.id], rows[0], judged)
            last_day = last_day if judged is None else max(last_day, day_of(judged.as_of))
            done += 1
            if told is not None:
                told(done, count)
    last_day = day_of(now) if last_day == date.min else last_day
    digests = (candidate.digest, rules.rulebook.digest)
    made = Simulation(uuid4(), now, by, *digests, rules.clock, last_day, code_version())
    effects = {number: tally.effect(last_day) for number, tally in tallies.items()}
    return Simulated(made, rules.rulebook, candidate, names, effects, changed)


def keep(connection: Connection, simulated: Simulated) -> UUID:
    """Keep a run with the texts of both rulebooks, and audit it; its id."""
    made, books = simulated.run, (simulated.in_force, simulated.candidate)
    decisions.keep_texts(connection, {each.digest: each.text for each in books}, made.at)
    simulations.add(connection, made, simulated.effects, simulated.changed)
    detail = {
        "simulation": str(made.id),
        "candidate": made.candidate_digest,
        "sources": sorted(simulated.sources.values()),
        "changed": len(simulated.changed),
    }
    decisions.write_audit(connection, at=made.at, actor=made.by, action="simulate", detail=detail)
    return made.id


def _everybody(
    engine: Engine, source: Source, rules: Rules, candidate: Rulebook, now: datetime
) -> Iterator[tuple[Sequence[PatientRow], Judged | None]]:
    """Each person of a source under both rulebooks, a page read at a time; None who could not be judged."""
    after = 0
    while True:
        with reading(engine) as connection:
            found = people.people(connection, after=after, limit=PAGE, source_id=source.id)
            page = Page.read(connection, found, source, rules, candidate, now)
        if not found:
            return
        after = max(found)
        yield from page.judged(rules, candidate, now)


def _take(tally: Tally, row: PatientRow, judged: Judged | None) -> Iterator[ChangedAlert]:
    """Count a person, and tell of their alerts that would not stay as they are."""
    tally.people += 1
    if judged is None:
        tally.failed += 1
        return
    tally.note_days(judged.before.days, judged.after.days)
    for each in judged.alerts(row):
        tally.add(row, each)
        if each.outcome is not Outcome.UNCHANGED:
            yield each
