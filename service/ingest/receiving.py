"""Taking resources in: one transaction from what arrived to what was decided about it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine

from service.errors import Overloaded
from service.fhir.decode import decode_resource
from service.fhir.incoming import Deleted, Ignored, Incoming, PatientFacts, Unusable
from service.ingest.arrivals import (
    Arrival,
    Succession,
    arrive,
    identifier_text,
    linked_patients,
    named_patients,
    new_ones,
    succession,
    with_patient,
)
from service.ingest.judging import Rules, judge
from service.ingest.keeping import Plan, unheld
from service.ingest.people import apply_facts
from service.store import patients, quarantine, resources
from service.store.patients import PatientRow
from service.store.quarantine import Held
from service.store.resources import Version
from service.store.rows import AlreadyThere
from service.store.session import is_conflict, writing
from service.store.sources import Source

STORING_FAILED = "storing-failed"
"""Quarantine reason of what could not even be stored as a resource."""

T = TypeVar("T")

ATTEMPTS = 8
"""How often a transaction that lost a race is done again."""


class LostRace(Exception):
    """Another transaction changed what this one had read before it held the locks: do it again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one request, or one chunk of a file, brought."""

    source: Source
    incoming: Sequence[Incoming]
    received: datetime


@dataclass(slots=True)
class Receipt:
    """What became of deliveries."""

    counts: Counter[str] = field(default_factory=Counter)
    """`stored`, `deleted`, `duplicate`, `older`, `ignored:<reason>`, `quarantined:<reason>`."""
    patients: set[int] = field(default_factory=set)
    """Whose record changed."""


@dataclass(slots=True)
class _Step:
    """What one transaction has done so far."""

    connection: Connection
    rules: Rules
    now: datetime
    receipt: Receipt
    locked: dict[int, PatientRow] = field(default_factory=dict)
    together: list[set[int]] = field(default_factory=list)


def take(
    engine: Engine, deliveries: Sequence[Delivery], rules: Rules, now: datetime, *, judged: bool = True
) -> Receipt:
    """Store and judge deliveries in one transaction, tried again when it loses a race to another.

    Args:
        engine: the database.
        deliveries: in order of receipt.
        rules: what to judge by.
        now: the moment of receipt, aware.
        judged: False leaves the patients visibly unjudged, for a caller that judges them afterwards.

    Raises:
        Overloaded: it lost too many races in a row.
        sqlalchemy.exc.SQLAlchemyError: the database failed; nothing was stored.
    """
    return in_transaction(
        engine, lambda connection: receive(connection, deliveries, rules, now, judged=judged)
    )


def in_transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Do `work` in one transaction, again from the start when it loses a race to another.

    Raises:
        Overloaded: it lost too many races in a row.
    """
    for _ in range(ATTEMPTS):
        try:
            with writing(engine) as connection:
                return work(connection)
        except (LostRace, AlreadyThere):
            continue
        except Exception as error:
            if not is_conflict(error):
                raise
    raise Overloaded("the database is too busy; nothing was stored, send it again", retry_after=1)


def receive(
    connection: Connection,
    deliveries: Sequence[Delivery],
    rules: Rules,
    now: datetime,
    *,
    judged: bool = True,
) -> Receipt:
    """Store and judge deliveries in the caller's transaction.

    Raises:
        LostRace: the caller must roll back and try again.
    """
    step = _Step(connection, rules, now, Receipt())
    by_source: dict[int, list[Delivery]] = {}
    for delivery in deliveries:
        by_source.setdefault(delivery.source.id, []).append(delivery)
    for _, group in sorted(by_source.items()):
        source = group[0].source
        _store(
            step,
            source,
            [
                arrive(connection, source, incoming, delivery.received, rules.rulebook, now)
                for delivery in group
                for incoming in delivery.incoming
            ],
        )
    _judge(step, judged=judged)
    return step.receipt


def replay(
    connection: Connection, held: Sequence[Held], source: Source, rules: Rules, now: datetime
) -> Receipt:
    """Take quarantined resources of one source again, from their verbatim bytes.

    Raises:
        LostRace: the caller must roll back and try again.
    """
    step = _Step(connection, rules, now, Receipt())
    _store(step, source, _again(step, source, held))
    _judge(step, judged=True)
    return step.receipt


def keep_for_later(engine: Engine, delivery: Delivery, error: Exception) -> None:
    """Quarantine a delivery whose storing fails: its bytes are kept, visible, and can be replayed."""
    detail = (
        f"storing it raised {type(error).__name__}; its bytes are kept, replay it once the cause is mended"
    )
    bodies = {resources.digest_of(each.raw): each.raw for each in delivery.incoming if each.raw}
    held = [
        Held(0, delivery.source.id, None, None, STORING_FAILED, None, detail, digest, delivery.received)
        for digest in bodies
    ]
    with writing(engine) as connection:
        resources.keep_raw(connection, bodies)
        quarantine.hold(connection, held)


def _judge(step: _Step, *, judged: bool) -> None:
    touched = [row for row in step.locked.values() if row.touched]
    step.receipt.patients |= {row.id for row in touched}
    if judged:
        persons = {row.person for row in touched}
        judge(step.connection, step.locked, persons, step.together, step.rules, step.now)
        touched = [row for row in step.locked.values() if row.touched or row.person in persons]
    patients.save(step.connection, touched)


def _store(step: _Step, source: Source, arrivals: Sequence[Arrival]) -> None:
    """One source's share: which versions are new and which are latest, whom they concern, and writing it."""
    connection, counts = step.connection, step.receipt.counts
    known = resources.current(connection, source.id, {each.key for each in arrivals if each.key})
    kept, nameless = _relevant(arrivals, known, step, source)
    fresh, past = new_ones(connection, source, kept, known, counts)
    if not fresh and not nameless:
        return
    new = [each for group in fresh.values() for each in group]
    numbers = _lock(step, source, new, known)
    if connection.dialect.name != "sqlite" and known != resources.current(
        connection, source.id, {*known, *fresh}
    ):
        raise LostRace
    plan = Plan(source, step.rules.rulebook, step.now, step.locked)
    for arrival in new:
        with_patient(arrival, numbers)
    for key, group in fresh.items():
        outcome = succession(key, group, known.get(key), past.get(key, ()), source.settings.version_order)
        _count(outcome, counts)
        if isinstance(outcome.winner, Version) and outcome.moves:
            plan.read_again(connection, outcome.winner)
        plan.succeed(outcome)
    for arrival in unheld(connection, source, nameless):
        plan.hold(arrival)
        counts[f"quarantined:{_reason(arrival)}"] += 1
    plan.write(connection)
    if plan.facts:
        step.together += apply_facts(connection, source, plan.facts, step.locked, step.now)
        _take_freed(step, source, [facts for _, facts in plan.facts])


def _relevant(
    arrivals: Sequence[Arrival], known: dict[str, Version], step: _Step, source: Source
) -> tuple[list[Arrival], list[Arrival]]:
    """Count away what holds nothing for us. Returns what has an identity, and what is unusable without."""
    ignored: Counter[str] = Counter()
    kept: list[Arrival] = []
    nameless: list[Arrival] = []
    arriving = {each.key for each in arrivals if not isinstance(each.content, Ignored)}
    for arrival in arrivals:
        if isinstance(arrival.content, Ignored) and arrival.key not in known and arrival.key not in arriving:
            ignored[arrival.content.reason] += 1
        elif arrival.key:
            kept.append(arrival)
        elif isinstance(arrival.content, Unusable):
            nameless.append(arrival)
        else:
            ignored["no-id"] += 1
    quarantine.count_ignored(step.connection, source.id, ignored)
    for reason, count in ignored.items():
        step.receipt.counts[f"ignored:{reason}"] += count
    return kept, nameless


def _lock(
    step: _Step, source: Source, arrivals: Sequence[Arrival], known: dict[str, Version]
) -> dict[str, int]:
    """Lock everyone concerned, in order of id: patients of the old versions, of the new, and those linked."""
    named = named_patients(arrivals)
    linked = {
        name
        for each in arrivals
        if isinstance(each.content, PatientFacts)
        for name in linked_patients(each.content)
    }
    relinked = {each.patient for each in arrivals if each.incoming.type == "Patient" and each.key in known}
    if linked or relinked:
        named |= patients.linked_with(
            step.connection, source.id, linked | {each for each in relinked if each}
        )
    numbers = patients.ids_of(step.connection, source.id, named)
    concerned = {known[each.key].patient_id for each in arrivals if each.key in known} | set(numbers.values())
    missing = {each for each in concerned if each is not None} - step.locked.keys()
    for number, row in patients.lock(step.connection, missing).items():
        step.locked.setdefault(number, row)  # what this transaction changed already stays changed
    return numbers


def _take_freed(step: _Step, source: Source, facts: Sequence[PatientFacts]) -> None:
    """Results that named a Patient by an identifier nobody carried yet are taken now that somebody does."""
    identifiers = {identifier_text(*each) for said in facts for each in said.identifiers}
    held = quarantine.waiting_for(step.connection, source.id, identifiers) if identifiers else []
    if held:
        _store(step, source, _again(step, source, held))


def _again(step: _Step, source: Source, held: Sequence[Held]) -> list[Arrival]:
    """Held resources as if they had just arrived, their quarantine ended (what still fails is held anew)."""
    quarantine.release_ids(step.connection, [each.id for each in held], step.now, "replayed")
    arrivals = []
    for each in {each.digest: each for each in held if each.digest is not None}.values():
        body = resources.raw(step.connection, bytes(each.digest or b""))
        incoming = decode_resource(body, source=source.name, zone=source.zone, rulebook=step.rules.rulebook)
        arrival = arrive(step.connection, source, incoming, each.received, step.rules.rulebook, step.now)
        arrival.again = True
        arrivals.append(arrival)
    return arrivals


def _count(outcome: Succession, counts: Counter[str]) -> None:
    counts["older"] += len(outcome.losers)
    winner = outcome.winner
    if not isinstance(winner, Arrival):
        return
    if isinstance(winner.content, Unusable):
        counts[f"quarantined:{winner.content.reason}"] += 1
    elif isinstance(winner.content, Deleted):
        counts["deleted"] += 1
    else:
        counts["stored"] += 1


def _reason(arrival: Arrival) -> str:
    return arrival.content.reason if isinstance(arrival.content, Unusable) else ""
