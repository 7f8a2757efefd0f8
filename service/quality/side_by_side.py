"""People judged by the rulebook in force and by a candidate, side by side; nobody's record changes.

Both judge the same results and decisions as of the same moment, as if for the first time: the alerts that
come out are those that loading everything anew would make.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection

from service.alerts.alert import Disposition
from service.alerts.comparing import Compared, Raised, compare, raised_anew, raised_on
from service.alerts.states import OVER
from service.assessments import moment
from service.clinical.assess import assess
from service.clinical.results import PatientRecord
from service.clinical.rulebook import Rulebook
from service.ingest import Rules
from service.ingest.judging import evidence_of, next_review
from service.ingest.rereading import read_alike, records_anew
from service.store import alerts as alert_store
from service.store import histories
from service.store.changed_alerts import ChangedAlert
from service.store.patients import PatientRow
from service.store.sources import Source


class Judged(NamedTuple):
    """One person under both rulebooks."""

    before: Raised
    after: Raised
    as_of: datetime
    review_on: date | None
    """The next day on which one of them may judge the same record otherwise; None by the data's clock."""

    def alerts(self, row: PatientRow) -> Iterator[ChangedAlert]:
        """What becomes of each alert of the person whose record that is; of those that stay as well."""
        for compared in compare(self.before.alerts, self.after.alerts):
            yield _changed(row, compared)


@dataclass(frozen=True, slots=True)
class Page:
    """Some people's records as both rulebooks read them, and what was decided on them."""

    people: Mapping[int, Sequence[PatientRow]]
    records: Mapping[int, PatientRecord]
    anew: Mapping[int, PatientRecord]
    """As the candidate reads them; without those of whom something stored is missing or was changed."""
    decided: Mapping[int, Sequence[Disposition]]

    @classmethod
    def read(
        cls,
        connection: Connection,
        people: Mapping[int, Sequence[PatientRow]],
        source: Source,
        rules: Rules,
        candidate: Rulebook,
        now: datetime,
    ) -> "Page":
        """All that judging these people of one source needs, so that it holds up no transaction."""
        records = histories.records(connection, people, {source.id: source.name})
        anew: Mapping[int, PatientRecord] = records
        if not read_alike(rules.rulebook, candidate):
            anew = records_anew(connection, people, source, candidate, now)
        decided = alert_store.dispositions_on(connection, evidence_of(people, records))
        return cls(people, records, anew, decided)

    def judged(
        self, rules: Rules, candidate: Rulebook, now: datetime
    ) -> Iterator[tuple[Sequence[PatientRow], Judged | None]]:
        """Each person's records, the survivor's first, and what comes of them; None who cannot be judged."""
        for person, rows in self.people.items():
            yield rows, self._judge(person, rules, candidate, now)

    def _judge(self, person: int, rules: Rules, candidate: Rulebook, now: datetime) -> Judged | None:
        if person not in self.anew:
            return None
        record, anew, decided = self.records[person], self.anew[person], self.decided.get(person, ())
        as_of, then = moment(record, rules, now), moment(anew, rules, now)
        try:
            here, there = assess(record, rules.rulebook, as_of), assess(anew, candidate, then)
            before = raised_anew(person, here, decided, as_of)
            after = raised_anew(person, there, decided, then)
        except Exception:  # noqa: BLE001 - one record that cannot be judged must not stop the others
            return None
        days = [next_review(each, decided, as_of) for each in (here, there) if rules.clock == "system"]
        return Judged(before, after, as_of, min((day for day in days if day is not None), default=None))


def _changed(row: PatientRow, compared: Compared) -> ChangedAlert:
    alert = compared.alert
    return ChangedAlert(
        row.source_id,
        row.id,
        compared.outcome,
        alert.family,
        None if compared.before is None else compared.before.tier,
        None if compared.after is None else compared.after.tier,
        raised_on(alert),
        alert.state not in OVER,
    )
