"""From resources as they came to what is stored of each: whose it is, is it new, which version is latest."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from service.clinical.rulebook import Rulebook
from service.fhir.incoming import Content, Deleted, Ignored, Incoming, Observed, PatientFacts, Unusable
from service.store import identities, resources
from service.store.resources import Version
from service.store.sources import Source
from service.store.version_order import has_order, latest, same
from service.store.ways import Way, outranks


@dataclass(slots=True)
class Arrival:
    """One resource as it came, with what was worked out about it on the way in."""

    source: Source
    incoming: Incoming
    version: Version
    """Without its patient, who is known only once the patients are locked: see `number`."""
    content: Content
    """What is made of it; Unusable where something beyond the resource itself forbids using it."""
    patient: str | None
    """Its Patient's id within the source."""
    retry_at: datetime | None = None
    number: int | None = None
    """The store's number of its patient."""
    again: bool = False
    """A replay: it is taken even though the same version was stored before."""

    @classmethod
    def removal(cls, source: Source, version: Version) -> "Arrival":
        """A stored deletion that is to be current again."""
        kind, _, identity = version.key.partition("/")
        incoming = Incoming(
            kind, identity, version.version_id, version.last_updated, b"", None, None, Deleted()
        )
        return cls(source, incoming, version, Deleted(), None)

    @property
    def key(self) -> str:
        """`Type/id`; empty where it has no id, so that no version of it can ever follow."""
        return self.version.key

    def came_by(self, way: Way) -> None:
        """Note that its version came by this way too."""
        if outranks(way, self.version.way):
            self.version = self.version._replace(way=way)


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
    def arrivals(self) -> tuple[Arrival, ...]:
        """Everything in it that arrived, or was read again."""
        return (*self.losers, self.winner) if isinstance(self.winner, Arrival) else self.losers

    @property
    def moves(self) -> bool:
        """Whether another version is current than before."""
        return self.winner is not self.before


def arrive(
    source: Source, incoming: Incoming, received: datetime, way: Way, rulebook: Rulebook, now: datetime
) -> Arrival:
    """Work out what a resource is filed under, and whether its time has come."""
    content = incoming.content
    kind = content.__class__
    digest = resources.digest_of(incoming.raw) if incoming.raw else None
    state = "deleted" if kind is Deleted else "live"
    key = f"{incoming.type}/{incoming.id}" if incoming.id else ""
    named_by = None
    if incoming.patient is None and incoming.patient_identifier is not None:
        named_by = identifier_text(*incoming.patient_identifier)
    version = Version(
        key, None, incoming.version_id, incoming.last_updated, received, digest, state, 0, way, named_by
    )
    arrival = Arrival(source, incoming, version, content, incoming.patient)
    if isinstance(content, Observed) and content.results:
        newest = max(result.effective for result in content.results)
        if newest > now and newest > now + (tolerance := _tolerance(rulebook)):
            arrival.retry_at = newest - tolerance
            arrival.content = _FUTURE._replace(where=f"{incoming.type}.effective")
    return arrival


def _tolerance(rulebook: Rulebook) -> timedelta:
    return timedelta(hours=rulebook.rules.results.future_tolerance_hours)


_FUTURE = Unusable("future", "effective", "dated in the future; it is judged by itself when its time comes")
_UNKNOWN = Unusable(
    "unknown-patient",
    "subject.identifier",
    "no Patient of this source carries that identifier yet; it is taken as soon as one does",
)
_AMBIGUOUS = Unusable(
    "ambiguous-patient",
    "subject.identifier",
    "several Patients of this source carry that identifier; it is taken as soon as only one does",
)


def find_patients(connection: Connection, source: Source, arrivals: Iterable[Arrival]) -> None:
    """Find the patients of those that name theirs by an identifier; without exactly one they must wait."""
    asking = [each for each in arrivals if each.version.named_by is not None]
    if not asking:
        return
    found = identities.holders(connection, source.id, {str(each.version.named_by) for each in asking})
    for arrival in asking:
        candidates = found.get(str(arrival.version.named_by), set())
        if len(candidates) == 1:
            (arrival.patient,) = candidates
        elif not isinstance(arrival.content, Deleted | Ignored | Unusable):
            arrival.content = _AMBIGUOUS if candidates else _UNKNOWN


def identifier_text(system: str, value: str) -> str:
    """An identifier as it is remembered and looked up."""
    return f"{system}|{value}"


class Sifted(NamedTuple):
    """What arrived, without what was stored before."""

    fresh: dict[str, list[Arrival]]
    """The arrivals that are new, by key."""
    past: dict[str, list[Version]]
    """Versions of those keys that are stored and not current."""
    came: dict[Version, Way]
    """Stored versions that came again, by a way that outranks the one they are noted under."""


def new_ones(
    connection: Connection,
    source: Source,
    arrivals: Iterable[Arrival],
    known: Mapping[str, Version],
    counts: Counter[str],
) -> Sifted:
    """Drop what was stored before, but for the way by which it came this time."""
    fresh: dict[str, list[Arrival]] = {}
    came: dict[Version, Way] = {}
    for arrival in arrivals:
        key = arrival.key
        siblings, stored = fresh.get(key), known.get(key)
        twin = siblings is not None and _is_among(siblings, arrival)
        duplicate = twin or (stored is not None and _is_stored(arrival, stored, came))
        if duplicate and not arrival.again:
            counts["duplicate"] += 1
        else:
            fresh.setdefault(key, []).append(arrival)
    revised = [key for key in known if key in fresh] + [each.key for each in came]
    past = resources.older(connection, source.id, revised) if revised else {}
    for key, versions in past.items():
        group = fresh.get(key, [])
        kept = [
            each
            for each in group
            if not any(_is_stored(each, version, came) for version in versions) or each.again
        ]
        counts["duplicate"] += len(group) - len(kept)
        fresh[key] = kept
    return Sifted({key: group for key, group in fresh.items() if group}, past, came)


def _is_among(siblings: Iterable[Arrival], arrival: Arrival) -> bool:
    """Whether its version arrived just now already; if so, both are noted under the way that outranks."""
    twin = next((each for each in siblings if same(arrival.version, each.version)), None)
    if twin is None:
        return False
    twin.came_by(arrival.version.way)
    arrival.came_by(twin.version.way)
    return True


def _is_stored(arrival: Arrival, version: Version, came: dict[Version, Way]) -> bool:
    """Whether it is this version; if so, it is noted where it came by a way that outranks what is known."""
    if not same(arrival.version, version):
        return False
    if arrival.version.way != version.way:
        arrival.came_by(version.way)
        if outranks(arrival.version.way, came.get(version, version.way)):
            came[version] = arrival.version.way
    return True


def succession(
    key: str, arrivals: Sequence[Arrival], before: Version | None, past: Sequence[Version], order: str
) -> Succession:
    """Which version of one resource is the latest, now that these have arrived.

    A replay carries a version that is stored already: it takes that version's place.
    """
    if before is None and not past and len(arrivals) == 1:
        return Succession(key, arrivals[0], None, (), has_order(arrivals[0].version, order))
    stored = [
        version
        for version in (*([before] if before is not None else []), *past)
        if not any(each.again and same(each.version, version) for each in arrivals)
    ]
    best, ordered = latest([*stored, *(each.version for each in arrivals)], order)
    won = next((each for each in arrivals if each.version is best), None)
    losers = tuple(each for each in arrivals if each is not won and not each.again)
    return Succession(key, won or best, before, losers, ordered)


def merges_stated(facts: PatientFacts, patient: str) -> set[tuple[str, str]]:
    """What a Patient says of merges: (replaced, survivor) pairs."""
    merges = {(replaced, patient) for replaced in facts.replaces}
    if facts.replaced_by is not None:
        merges.add((patient, facts.replaced_by))
    return merges
