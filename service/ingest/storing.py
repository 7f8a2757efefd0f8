"""One source's share of a transaction: which versions are new and which are latest, whom they concern."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from service.fhir.incoming import Deleted, Ignored, PatientFacts, Unusable
from service.ingest.arrivals import (
    Arrival,
    Succession,
    arrive,
    find_patients,
    identifier_text,
    merges_stated,
    new_ones,
    succession,
)
from service.ingest.rules import Rules
from service.ingest.keeping import Plan, unheld
from service.ingest.people import apply_facts
from service.ingest.reading import decode_stored
from service.store import identities, patients, quarantine, resources
from service.store.patients import PatientRow
from service.store.resources import Version
from service.store.sources import Source


_KEPT_THOUGH_IGNORED = frozenset({"not-taken", "not-done", "no-day", "other-subject"})
"""Reasons that a later version of a drug, an examination or a result of ours can have.

An older version of it must not count again.
"""


class LostRace(Exception):
    """Another transaction changed what this one had read before it held the locks: do it again."""


@dataclass(slots=True)
class Receipt:
    """What became of deliveries."""

    counts: Counter[str] = field(default_factory=Counter)
    """`stored`, `deleted`, `duplicate`, `older`, `ignored:<reason>`, `quarantined:<reason>`."""
    patients: set[int] = field(default_factory=set)
    """Whose record changed."""

    def __iadd__(self, other: "Receipt") -> "Receipt":
        """Count in what became of others."""
        self.counts += other.counts
        self.patients |= other.patients
        return self


@dataclass(slots=True)
class Step:
    """What one transaction has done so far."""

    connection: Connection
    rules: Rules
    now: datetime
    receipt: Receipt = field(default_factory=Receipt)
    locked: dict[int, PatientRow] = field(default_factory=dict)
    together: list[set[int]] = field(default_factory=list)
    """Patients whose merge was made or undone."""
    digests: dict[int, str] = field(default_factory=dict)
    """What each source's records are read under now, by source id."""
    resolution: str = "superseded"
    """What it is called when something held can be used now, or is replaced."""
    still_held: set[int] = field(default_factory=set)
    """Numbers of quarantined items that were read again and cannot be used yet."""


def store(step: Step, source: Source, arrivals: Sequence[Arrival]) -> None:
    """Store what arrived from one source.

    Raises:
        LostRace: the caller must roll back and try again.
    """
    connection, counts = step.connection, step.receipt.counts
    step.digests[source.id] = step.rules.digest(source)
    guarded = _guard_identifiers(connection, source, arrivals)
    find_patients(connection, source, arrivals)
    known = resources.current(connection, source.id, {each.key for each in arrivals if each.key})
    kept, nameless = _relevant(arrivals, known, step, source)
    fresh, past, came = new_ones(connection, source, kept, known, counts)
    if not fresh and not nameless and not came:
        return
    order = source.settings.version_order
    outcomes = [
        _from_bytes(step, source, succession(key, group, known.get(key), past.get(key, ()), order))
        for key, group in fresh.items()
    ]
    concerned = [each for outcome in outcomes for each in outcome.arrivals]
    connected = _lock(step, source, concerned, known)
    revised = {key: known[key] for key in known.keys() & {*fresh, *(each.key for each in came)}}
    if revised and connection.dialect.name != "sqlite":  # that a new one is new is seen when it is inserted
        _check_unchanged(revised, resources.lock_current(connection, source.id, revised))
        before = {key: versions for key, versions in past.items() if key in revised}
        _check_unchanged(before, resources.older(connection, source.id, revised))
    plan = Plan(source, step.now, step.locked, resolution=step.resolution)
    for outcome in outcomes:
        _count(outcome, counts)
        plan.succeed(outcome)
    for arrival in unheld(connection, source, nameless):
        plan.hold(arrival)
        counts[f"quarantined:{_reason(arrival)}"] += 1
    step.still_held |= plan.write(connection)
    resources.note_ways(connection, source.id, came)
    if plan.facts:
        changed = apply_facts(connection, source, plan.facts, connected, step.now)
        if connection.dialect.name != "sqlite" and not guarded.issuperset(changed.identifiers):
            raise LostRace
        step.together += changed.together
        if changed.identifiers:
            named = resources.named_by(connection, source.id, changed.identifiers)
            store(step, source, read_again(step, source, named))


def read_again(step: Step, source: Source, versions: Collection[Version]) -> list[Arrival]:
    """Stored versions as if they had just arrived, decoded anew from their verbatim bytes."""
    arrivals = []
    for version in versions:
        if version.digest is None or version.state == "deleted":
            continue
        incoming = decode_stored(step.connection, source, version, step.rules.rulebook)
        arrival = arrive(source, incoming, version.received, version.way, step.rules.rulebook, step.now)
        arrival.again = True
        arrivals.append(arrival)
    return arrivals


def _from_bytes(step: Step, source: Source, outcome: Succession) -> Succession:
    """Where a version that is stored already becomes current again, what it says, from its bytes."""
    winner = outcome.winner
    if isinstance(winner, Arrival) or not outcome.moves:
        return outcome
    if winner.state == "deleted":
        return replace(outcome, winner=Arrival.removal(source, winner))
    (arrival,) = read_again(step, source, [winner])
    find_patients(step.connection, source, [arrival])
    return replace(outcome, winner=arrival)


def _relevant(
    arrivals: Sequence[Arrival], known: Mapping[str, Version], step: Step, source: Source
) -> tuple[list[Arrival], list[Arrival]]:
    """Count away what holds nothing for us. Returns what has an identity, and what is unusable without.

    Of what is counted away not even the version is kept: it is most of a feed. So a version of a resource
    that holds nothing for us (a result under the code of another test) is forgotten where no other is known
    yet, and an older one that did, should it come later, then counts as the latest. What is only not taken,
    or of no patient, is rare, and kept.
    """
    ignored: Counter[str] = Counter()
    kept: list[Arrival] = []
    nameless: list[Arrival] = []
    arriving = {each.key for each in arrivals if not isinstance(each.content, Ignored)}
    for arrival in arrivals:
        if isinstance(arrival.content, Ignored) and arrival.key not in known and arrival.key not in arriving:
            ignored[arrival.content.reason] += 1
            if arrival.key and arrival.content.reason in _KEPT_THOUGH_IGNORED:
                kept.append(arrival)
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
    step: Step, source: Source, arrivals: Sequence[Arrival], known: Mapping[str, Version]
) -> dict[str, PatientRow]:
    """Lock everyone concerned, in order of id: patients of the old versions, of the new, and those merged.

    Returns:
        The patients connected by merges, stated until now or by what arrives, with any Patient that arrives.
    """
    connection = step.connection
    speaking = _speaking(arrivals)
    connected = identities.linked_with(connection, source.id, speaking) if speaking else set()
    named = connected | {each.patient for each in arrivals if each.patient is not None}
    seen = patients.named(connection, source.id, named)
    numbers = {name: each.id for name, each in seen.items()}
    before = {known[each.key].patient_id for each in arrivals if each.key in known}
    missing = {each for each in before | set(numbers.values()) if each is not None} - step.locked.keys()
    unlocked = [each for each in seen.values() if each.id in missing]
    for number, row in patients.lock(connection, missing, unlocked).items():
        step.locked.setdefault(number, row)  # what this transaction changed already stays changed
    if connection.dialect.name != "sqlite" and speaking:
        _check_unchanged(connected, identities.linked_with(connection, source.id, speaking))
    for arrival in arrivals:
        arrival.number = numbers.get(arrival.patient) if arrival.patient is not None else None
    return {name: step.locked[numbers[name]] for name in connected}


def _guard_identifiers(connection: Connection, source: Source, arrivals: Sequence[Arrival]) -> set[str]:
    """Keep others from asking for, or stating, the identifiers that these arrivals ask for or state.

    Returns:
        The identifiers that are guarded until the transaction ends.
    """
    guarded = {each.version.named_by for each in arrivals if each.version.named_by is not None}
    people = {each.incoming.id for each in arrivals if each.incoming.type == "Patient"}
    if people:
        guarded |= identities.identifiers_of(connection, source.id, people)
    for arrival in arrivals:
        if isinstance(arrival.content, PatientFacts):
            guarded |= {identifier_text(*each) for each in arrival.content.identifiers}
    if guarded:
        identities.guard(connection, source.id, guarded)
    return guarded


def _check_unchanged(before: object, now: object) -> None:
    if before != now:
        raise LostRace


def _speaking(arrivals: Sequence[Arrival]) -> set[str]:
    """The Patients that arrive or go, and those they say they were merged with."""
    speaking: set[str] = set()
    for arrival in arrivals:
        if arrival.incoming.type == "Patient":
            speaking.add(arrival.incoming.id)
            if isinstance(arrival.content, PatientFacts):
                merges = merges_stated(arrival.content, arrival.incoming.id)
                speaking |= {name for pair in merges for name in pair}
    return speaking


def _count(outcome: Succession, counts: Counter[str]) -> None:
    if outcome.losers:
        counts["older"] += len(outcome.losers)
    winner = outcome.winner
    if not isinstance(winner, Arrival) or (isinstance(winner.content, Ignored) and outcome.before is None):
        return  # what was ignored has been counted as such
    if isinstance(winner.content, Unusable):
        counts[f"quarantined:{winner.content.reason}"] += 1
    elif isinstance(winner.content, Deleted):
        counts["deleted"] += 1
    else:
        counts["stored"] += 1


def _reason(arrival: Arrival) -> str:
    return arrival.content.reason if isinstance(arrival.content, Unusable) else ""
