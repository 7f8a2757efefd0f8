"""Writing what a transaction decided about resources: versions, results, context, quarantine, raw bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from service.clinical.results import LabResult, holder_id
from service.fhir.incoming import RESULT_TYPES, Observed, PatientFacts, Problem, Unusable
from service.ingest.arrivals import Arrival, Succession
from service.ingest.reading import NOTHING_KNOWN, said_by
from service.store import histories, quarantine, resources
from service.store.patients import PatientRow
from service.store.quarantine import Held
from service.store.resources import ReadAs, Version
from service.store.sources import Source
from service.store.version_order import same


@dataclass(slots=True)
class Plan:
    """Everything one source's share of a transaction will write: filled by `succeed`, then `write`."""

    source: Source
    now: datetime
    locked: Mapping[int, PatientRow]
    first: list[Version] = field(default_factory=list)
    """Current versions of resources that had none."""
    newer: list[tuple[Version, Version]] = field(default_factory=list)
    """Current versions until now, each with the one that takes its place."""
    ended: list[tuple[Version, int]] = field(default_factory=list)
    """Versions that are not current (any more), with the revision that ended them."""
    gone_results: set[tuple[int, str]] = field(default_factory=set)
    gone_context: set[tuple[int, str]] = field(default_factory=set)
    results: list[tuple[int, LabResult]] = field(default_factory=list)
    context: list[tuple[int, str, Sequence[histories.Context]]] = field(default_factory=list)
    facts: list[tuple[PatientRow, PatientFacts]] = field(default_factory=list)
    """Patients whose Patient resource changed; an empty one where it was deleted."""
    held: list[Held] = field(default_factory=list)
    held_again: list[Held] = field(default_factory=list)
    """The same of what was stored before and is read again: an item of it that is open keeps its number."""
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)
    """Keys whose quarantine ends because another version took over, or the same reads differently."""
    resolution: str = "superseded"
    """What such an end is called."""

    def succeed(self, outcome: Succession) -> None:
        """Plan what one resource's versions come to."""
        for loser in outcome.losers:
            self._keep_bytes(loser)
            row = self._row(loser.number)
            at = row.revision if row else 0
            self.ended.append((loser.version._replace(patient_id=loser.number, since_revision=at), at))
        if not outcome.moves:
            return
        before, winner = outcome.before, outcome.winner
        assert isinstance(winner, Arrival)
        if before is not None:
            row = self._row(before.patient_id)
            # Read again without a patient it ended nothing: no revision of a record ever spanned it.
            if row is not None or not (winner.again and same(before, winner.version)):
                self.ended.append((before, row.touch() if row else 0))
            self._remove(before)
            self.settled.append(outcome.key)
        self._keep_bytes(winner)
        row = self._row(winner.number)
        since = row.touch() if row else 0
        version = winner.version._replace(
            patient_id=winner.number, since_revision=since, read_as=_read_as(outcome, winner)
        )
        if before is not None:
            self.newer.append((before, version))
        else:
            self.first.append(version)
        self._add(version, winner)

    def hold(self, arrival: Arrival) -> None:
        """Quarantine something that has no id, so that no version of it can be kept."""
        assert isinstance(arrival.content, Unusable)
        self._keep_bytes(arrival)
        self._hold(arrival.version, arrival.content, arrival)

    def write(self, connection: Connection) -> set[int]:
        """Write it all.

        Returns:
            The numbers of quarantined items that were read again and stay held.

        Raises:
            AlreadyThere: another transaction was first with one of the resources.
        """
        resources.keep_raw(connection, self.bodies)
        resources.add_current(connection, self.source.id, self.first)
        resources.replace_current(connection, self.source.id, self.newer)
        resources.add_older(connection, self.source.id, self.ended)
        histories.remove_results(connection, self.gone_results)
        histories.remove_context(connection, self.gone_context)
        histories.add_results(connection, self.results)
        histories.add_context(connection, self.context)
        still, more = quarantine.renew(connection, self.held_again)
        if self.settled:
            quarantine.release(connection, self.source.id, self.settled, self.now, self.resolution, but=still)
        quarantine.hold(connection, [*self.held, *more])
        return still

    def _row(self, patient_id: int | None) -> PatientRow | None:
        return None if patient_id is None else self.locked[patient_id]

    def _keep_bytes(self, arrival: Arrival) -> None:
        if arrival.version.digest is not None:
            self.bodies[arrival.version.digest] = arrival.incoming.raw

    def _remove(self, version: Version) -> None:
        kind = version.key.partition("/")[0]
        if version.patient_id is None:
            return
        if kind in RESULT_TYPES:
            self.gone_results.add((version.patient_id, holder_id(version.key)))
            self.gone_context.add((version.patient_id, version.key))
        elif kind == "Patient":
            self.facts.append((self.locked[version.patient_id], NOTHING_KNOWN))
        else:
            self.gone_context.add((version.patient_id, version.key))

    def _add(self, version: Version, arrival: Arrival) -> None:
        number, content = version.patient_id, arrival.content
        if isinstance(content, Unusable):
            self._hold(version, content, arrival)
        elif isinstance(content, Observed | PatientFacts):
            for problem in content.problems:
                if problem.quarantined:
                    self._hold(version, problem, arrival)
        if number is None:
            return
        said = said_by(content, version.read_as)
        self.results += [(number, result) for result in said.results]
        if said.context:
            self.context.append((number, version.key, said.context))
        if said.facts is not None:
            self.facts.append((self.locked[number], said.facts))

    def _hold(self, version: Version, why: Unusable | Problem, arrival: Arrival) -> None:
        (self.held_again if arrival.again else self.held).append(
            Held(
                0,
                self.source.id,
                version.key or None,
                version.patient_id,
                why.reason,
                why.where[:200],
                why.detail,
                version.digest,
                version.received,
                version.way,
                arrival.retry_at,
            )
        )


def _read_as(outcome: Succession, winner: Arrival) -> ReadAs | None:
    if winner.retry_at is not None:
        return "future"
    return None if outcome.ordered or not isinstance(winner.content, Observed) else "unordered"


def unheld(connection: Connection, source: Source, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Those without an id whose bytes are not in quarantine already, or that are taken again from there."""
    digests = {each.version.digest for each in arrivals if each.version.digest is not None}
    held = quarantine.open_of(connection, source.id, digests) if digests else set()
    unique = {each.version.digest: each for each in arrivals}
    return [each for digest, each in unique.items() if each.again or digest not in held]
