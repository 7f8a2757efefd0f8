"""Everything that was ever stored of some records: what a decision on them was made on, read as of then."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from service.clinical.results import PatientRecord
from service.errors import Damaged
from service.ingest.reading import Said, decode_stored, record_of, said_by
from service.quality.recorded_rules import RecordedRules, RulesThen
from service.store import decisions, patients, resources, sources
from service.store.decisions import Decision, Recorded
from service.store.resources import Span, Version


class Inputs(NamedTuple):
    """What a decision was made on, as far as it is still there."""

    record: PatientRecord
    keys: frozenset[str]
    """`Type/id` of every version in it."""
    damage: Sequence[str]
    """What is missing or was changed, by table and row; where there is any, the record is not whole."""


class Archive:
    """Reads the records of some patients, and of those merged with them at any time."""

    def __init__(self, connection: Connection, patient_ids: Collection[int], rules: RecordedRules) -> None:
        """Read what is stored of them.

        Args:
            connection: in a transaction, as long as the archive is used.
            patient_ids: the store's own numbers.
            rules: where the texts of rulebooks and settings are kept once read.
        """
        self._connection = connection
        self._rules = rules
        self.decisions: Sequence[Recorded] = decisions.of_records(connection, patient_ids)
        """Every decision that the patients' own records took part in, oldest first."""
        numbers = {*patient_ids, *(number for each in self.decisions for number in each.inputs)}
        self.related: Sequence[Recorded] = decisions.of_records(connection, numbers)
        """The same, and those on what was merged with the patients' records at any time."""
        self._spans: dict[int, list[Span]] = {}
        for span in resources.spans_of_patients(connection, numbers):
            self._spans.setdefault(span.version.patient_id or 0, []).append(span)
        self._sources = {each.id: each for each in sources.every(connection)}
        self._said: dict[tuple[int, Version, str, str], Said] = {}

    def rules_of(self, recorded: Recorded) -> RulesThen:
        """What a decision was made by.

        Raises:
            Damaged: the text of it is not there, or not what it was.
        """
        source = self._sources[patients.source_of(self._connection, recorded.made.patient_id)]
        return self._rules.of(self._connection, recorded.made, source)

    def inputs_of(self, recorded: Recorded) -> Inputs:
        """The record that a decision was made on."""
        current = [
            (number, span)
            for number, revision in sorted(recorded.inputs.items())
            for span in self._spans.get(number, ())
            if span.covers(revision)
        ]
        damage = _twice(span for _, span in current)
        live = [(number, span) for number, span in current if span.version.state == "live"]
        said: list[tuple[int, Said]] = []
        for number, span in live:
            try:
                said.append((number, self._read(span, recorded.made)))
            except Damaged as error:
                damage.append(f"{error.message} (needed for {span.version.key})")
        keys = frozenset(span.version.key for _, span in live)
        person = recorded.made.patient_id
        numbers = sorted(recorded.inputs, key=lambda number: (number != person, number))
        return Inputs(record_of(numbers, said), keys, list(dict.fromkeys(damage)))

    def _read(self, span: Span, made: Decision) -> Said:
        """What a version says, read by the rules of the decision: see :mod:`service.ingest.concluding`."""
        at = (span.source_id, span.version, made.rulebook_digest, made.settings_digest)
        if at not in self._said:
            rules = self._rules.of(self._connection, made, self._sources[span.source_id])
            incoming = decode_stored(self._connection, rules.source, span.version, rules.rulebook)
            self._said[at] = said_by(incoming.content, span.version.read_as)
        return self._said[at]


def _twice(current: Iterable[Span]) -> list[str]:
    """What has more than one version that claims to have been the current one."""
    counted = Counter((span.source_id, span.version.key) for span in current)
    return [
        f"resource or superseded {key}: two versions of it claim to have been current at once"
        for (_, key), count in sorted(counted.items())
        if count > 1
    ]
