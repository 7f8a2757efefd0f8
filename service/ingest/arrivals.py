"""From resources as they came to what is stored of each: whose it is, is it new, which version is latest."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from service.clinical.rulebook import Rulebook
from service.fhir.incoming import Content, Deleted, Ignored, Incoming, Observed, PatientFacts, Unusable
from service.store import patients, resources
from service.store.resources import Version
from service.store.sources import Source
from service.store.version_order import has_order, latest, same


@dataclass(slots=True)
class Arrival:
    """One resource as it came, with what was worked out about it on the way in."""

    source: Source
    incoming: Incoming
    version: Version
    """Its patient is filled in once the patients are locked."""
    content: Content
    """What is made of it; Unusable where something beyond the resource itself forbids using it."""
    patient: str | None
    """Its Patient's id within the source."""
    retry_at: datetime | None = None
    waits_for: str | None = None
    again: bool = False
    """A replay: it is taken even though the same version was stored before."""

    @property
    def key(self) -> str:
        """`Type/id`; empty where it has no id, so that no version of it can ever follow."""
        return self.version.key


@dataclass(frozen=True, slots=True)
class Succession:
    """What the versions of one resource come to with those that arrived."""

    key: str
    winner: Arrival | Version
    """An arrival that is now current, or a version that was stored already."""
    before: Version | None
    """The current version until now."""
    losers: tuple[Arrival, ...]
    """Arrivals that an already known or another arriving version outranks."""
    ordered: bool
    """False where only the order of receipt could tell which is latest."""

    @property
    def moves(self) -> bool:
        """Whether another version is current than before."""
        return self.winner is not self.before


def arrive(
    connection: Connection,
    source: Source,
    incoming: Incoming,
    received: datetime,
    rulebook: Rulebook,
    now: datetime,
) -> Arrival:
    """Work out whose a resource is and whether its time has come."""
    content, patient = incoming.content, incoming.patient
    digest = resources.digest_of(incoming.raw) if incoming.raw else None
    state = "deleted" if isinstance(content, Deleted) else "live"
    key = f"{incoming.type}/{incoming.id}" if incoming.id else ""
    version = Version(key, None, incoming.version_id, incoming.last_updated, received, digest, state, 0)
    arrival = Arrival(source, incoming, version, content, patient)
    if (
        patient is None
        and incoming.patient_identifier
        and not isinstance(content, Deleted | Ignored | Unusable)
    ):
        system, value = incoming.patient_identifier
        arrival.patient = patients.by_identifier(connection, source.id, system, value)
        if arrival.patient is None:
            arrival.waits_for = identifier_text(system, value)
            arrival.content = Unusable(
                "unknown-patient",
                f"{incoming.type}.subject.identifier",
                "no Patient of this source carries that identifier yet; it is taken as soon as one does",
            )
    if isinstance(content, Observed) and content.results:
        tolerance = timedelta(hours=rulebook.rules.results.future_tolerance_hours)
        newest = max(result.effective for result in content.results)
        if newest > now + tolerance:
            arrival.retry_at = newest - tolerance
            arrival.content = Unusable(
                "future",
                "Observation.effective",
                "dated in the future; it is judged by itself when its time comes",
            )
    return arrival


def identifier_text(system: str, value: str) -> str:
    """An identifier as quarantine remembers what it waits for."""
    return f"{system}|{value}"


def new_ones(
    connection: Connection,
    source: Source,
    arrivals: Iterable[Arrival],
    known: Mapping[str, Version],
    counts: Counter[str],
) -> tuple[dict[str, list[Arrival]], dict[str, list[Version]]]:
    """Drop what was stored before.

    Returns:
        The arrivals that are new, by key, and the older stored versions of those keys.
    """
    fresh: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        before = known.get(arrival.key)
        siblings = fresh.get(arrival.key, [])
        others = [each.version for each in siblings] + ([before] if before is not None else [])
        if not arrival.again and any(same(arrival.version, other) for other in others):
            counts["duplicate"] += 1
        else:
            fresh.setdefault(arrival.key, []).append(arrival)
    revised = [key for key in fresh if key in known]
    past = resources.older(connection, source.id, revised) if revised else {}
    for key, versions in past.items():
        kept = [
            each
            for each in fresh[key]
            if each.again or not any(same(each.version, version) for version in versions)
        ]
        counts["duplicate"] += len(fresh[key]) - len(kept)
        fresh[key] = kept
    return {key: group for key, group in fresh.items() if group}, past


def succession(
    key: str, arrivals: Sequence[Arrival], before: Version | None, past: Sequence[Version], order: str
) -> Succession:
    """Which version of one resource is the latest, now that these have arrived.

    A replay carries a version that is stored already: it takes that version's place.
    """
    if before is None and not past and len(arrivals) == 1:
        return Succession(key, arrivals[0], None, (), has_order(arrivals[0].version, order))
    replays = [each for each in arrivals if each.again]
    if before is not None and any(same(each.version, before) for each in replays):
        winner = next(each for each in replays if same(each.version, before))
        return Succession(
            key, winner, before, tuple(each for each in arrivals if each is not winner), ordered=True
        )
    versions = [*past, *([before] if before else []), *(each.version for each in arrivals)]
    best, ordered = latest(versions, order)
    won = next((each for each in arrivals if each.version is best), None)
    losers = tuple(each for each in arrivals if each is not won)
    if won is not None:
        return Succession(key, won, before, losers, ordered)
    return Succession(key, before if before is not None and best is before else best, before, losers, ordered)


def named_patients(arrivals: Iterable[Arrival]) -> set[str]:
    """Every Patient id that arrivals name: their own, and those they are linked with."""
    named: set[str] = set()
    for arrival in arrivals:
        if arrival.patient is not None:
            named.add(arrival.patient)
        if isinstance(arrival.content, PatientFacts):
            named |= linked_patients(arrival.content)
    return named


def linked_patients(facts: PatientFacts) -> set[str]:
    """The Patient ids that a Patient says it was merged with."""
    return {*facts.replaces, *([facts.replaced_by] if facts.replaced_by else [])}


def with_patient(arrival: Arrival, numbers: Mapping[str, int]) -> None:
    """Fill in the store's number of an arrival's patient."""
    number = numbers.get(arrival.patient) if arrival.patient is not None else None
    arrival.version = arrival.version._replace(patient_id=number)


def flagged_unordered(content: Content) -> Content:
    """The same results, each saying that nothing but the order of receipt made it the latest version."""
    if not isinstance(content, Observed):
        return content
    flagged = tuple(result._replace(flags=(*result.flags, "unordered")) for result in content.results)
    return content._replace(results=flagged)
