"""Simulations that were run: a changed rulebook tried on everything stored, and what would come of it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Select, select

from service.alerts.comparing import Outcome
from service.errors import NotFound
from service.store import changed_alerts
from service.store.changed_alerts import ChangedAlert, Listed, plain
from service.store.patients import still_there
from service.store.query import among
from service.store.rows import insert_rows
from service.store.schema import simulation, simulation_alert, simulation_source

WEEKS = 52
"""So many weeks, up to the last day, are told one by one."""


class Simulation(NamedTuple):
    """One run."""

    id: UUID
    at: datetime
    by: str
    """Who started it, as the audit log names them."""
    candidate_digest: str
    in_force_digest: str
    """Of the rulebook it was compared with."""
    clock: str
    last_day: date
    """The year whose weeks are counted ends on it."""
    code_version: str


class Effect(msgspec.Struct, frozen=True):
    """What it comes to for the patients of one source, or of several."""

    people: int
    failed: int
    """People who could not be judged by one of the rulebooks; their alerts are not counted."""
    counts: dict[str, dict[str, dict[Outcome, int]]]
    """How many alerts became what, by dimension and stratum; the dimension `total` has one stratum."""
    weeks_before: tuple[int, ...]
    """Alerts raised in each of the last `WEEKS` weeks by the rulebook in force, the latest last."""
    weeks_after: tuple[int, ...]
    """And by the candidate."""

    @property
    def total(self) -> Mapping[Outcome, int]:
        """How many alerts became what."""
        return self.counts["total"][""]

    @property
    def a_week_before(self) -> float:
        """Alerts that the rulebook in force raises in a week, on average over those weeks."""
        return sum(self.weeks_before) / WEEKS

    @property
    def a_week_after(self) -> float:
        """Alerts that the candidate raises in a week."""
        return sum(self.weeks_after) / WEEKS


def add(
    connection: Connection,
    made: Simulation,
    effects: Mapping[int, Effect],
    changed: Sequence[ChangedAlert],
) -> None:
    """Keep a run.

    Args:
        connection: in a transaction that may write.
        made: what it was.
        effects: by the source's number.
        changed: every alert that would not stay as it is; of who was erased meanwhile none is kept.
    """
    there = still_there(connection, {each.patient_id for each in changed})
    insert_rows(connection, simulation, Simulation._fields, [tuple(made)])
    rows = [
        (made.id, source_id, msgspec.json.encode(effect, order="sorted").decode())
        for source_id, effect in effects.items()
    ]
    insert_rows(connection, simulation_source, ("simulation_id", "source_id", "effect"), rows)
    insert_rows(
        connection,
        simulation_alert,
        ("simulation_id", *ChangedAlert._fields),
        [(made.id, *plain(each)) for each in changed if each.patient_id in there],
    )


def listed(connection: Connection, sources: Collection[int]) -> list[tuple[Simulation, Effect]]:
    """The runs in which any of these sources took part, the latest first, with what they came to there."""
    effects: dict[UUID, list[Effect]] = {}
    for row in connection.execute(
        select(simulation_source.c.simulation_id, simulation_source.c.effect).where(
            among(simulation_source.c.source_id, sources)
        )
    ):
        effects.setdefault(row.simulation_id, []).append(_effect_of.decode(row.effect))
    runs = connection.execute(_runs().order_by(simulation.c.at.desc(), simulation.c.id))
    return [(run, together(effects[run.id])) for run in map(_run, runs) if run.id in effects]


def get(
    connection: Connection, simulation_id: UUID, sources: Collection[int]
) -> tuple[Simulation, dict[int, Effect]]:
    """One run, and what it came to in each of these sources that took part.

    Raises:
        NotFound: there is none of that id in which any of them took part.
    """
    column = simulation_source.c
    query = select(column.source_id, column.effect).where(
        column.simulation_id == simulation_id, among(column.source_id, sources)
    )
    effects = {row.source_id: _effect_of.decode(row.effect) for row in connection.execute(query)}
    if not effects:
        raise NotFound("there is no such simulation in the sources that you see")
    run = connection.execute(_runs().where(simulation.c.id == simulation_id)).one()
    return _run(run), effects


def alerts_of(
    connection: Connection,
    simulation_id: UUID,
    sources: Collection[int],
    outcome: Outcome,
    *,
    after: int = 0,
    limit: int,
) -> list[Listed]:
    """The alerts of these sources that became so: at most `limit` with numbers above `after`, in order."""
    mine = simulation_alert.c.simulation_id == simulation_id
    same = simulation_alert.c.outcome == outcome.value
    return changed_alerts.listed(connection, simulation_alert, sources, mine, same, after=after, limit=limit)


def together(effects: Iterable[Effect]) -> Effect:
    """What several sources come to."""
    people = failed = 0
    counts: dict[str, dict[str, dict[Outcome, int]]] = {"total": {"": {}}}
    weeks = ([0] * WEEKS, [0] * WEEKS)
    for each in effects:
        people, failed = people + each.people, failed + each.failed
        for dimension, strata in each.counts.items():
            for stratum, outcomes in strata.items():
                sums = counts.setdefault(dimension, {}).setdefault(stratum, {})
                for outcome, number in outcomes.items():
                    sums[outcome] = sums.get(outcome, 0) + number
        for sums_of, own in zip(weeks, (each.weeks_before, each.weeks_after), strict=True):
            sums_of[:] = map(sum, zip(sums_of, own, strict=True))
    return Effect(people, failed, counts, tuple(weeks[0]), tuple(weeks[1]))


_effect_of = msgspec.json.Decoder(Effect)


def _runs() -> Select[Any]:
    return select(*(simulation.c[name] for name in Simulation._fields))


def _run(row: Any) -> Simulation:
    return Simulation(*row)
