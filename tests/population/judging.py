"""A made-up person as the service judges them: decoded from what is written, by the packaged rulebook."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple

from service.clinical.assess import assess
from service.clinical.episodes import Assessment, Episode, Family, Kind
from service.clinical.results import PatientRecord
from service.clinical.rulebook import load_rulebook
from service.fhir.decode import decode_resource
from service.fhir.incoming import Incoming, Observed, Unusable
from service.fhir.strict_json import check_json
from service.population import History, line
from tests.test_sample_outcomes import record_of

DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)


class Judged(NamedTuple):
    """What came of one person."""

    record: PatientRecord
    assessment: Assessment
    unusable: list[str]
    """Reasons for which parts of the record wait in quarantine."""

    def raised(self) -> Iterator[Episode]:
        """The episodes that raise an alert."""
        return (each for each in self.assessment.episodes if each.tier is not None)

    def open(self, family: Family | None = None) -> list[Episode]:
        """Those whose alert stands."""
        alerts = (each for each in self.raised() if each.resolved is None and not each.dormant)
        return [each for each in alerts if family in (None, each.family)]

    def kinds(self, episodes: Iterable[Episode]) -> set[tuple[Kind, str]]:
        """What alerts in those episodes: kind and analyte."""
        return {
            (finding.kind, finding.analyte.value)
            for episode in episodes
            for finding in episode.findings
            if finding.alerts_from is not None
        }

    def reasons(self, episodes: Iterable[Episode]) -> set[str]:
        """The named criteria in those episodes."""
        return {
            reason.name for episode in episodes for finding in episode.findings for reason in finding.reasons
        }


def judged(history: History, at: datetime = NOW) -> Judged:
    """Everything that is written of somebody, read in that order and judged as of `at`."""
    latest: dict[tuple[str, str], Incoming] = {}
    unusable = []
    for resource in history.resources:
        raw = check_json(line(resource))
        incoming = decode_resource(raw, source="made-up", zone=None, rulebook=load_rulebook())
        unusable += _problems(incoming)
        latest[incoming.type, incoming.id] = incoming
    record = record_of(latest.values())
    return Judged(record, assess(record, load_rulebook(), at), unusable)


def _problems(incoming: Incoming) -> list[str]:
    if isinstance(incoming.content, Unusable):
        return [incoming.content.reason]
    if isinstance(incoming.content, Observed):
        return [each.reason for each in incoming.content.problems]
    return []
