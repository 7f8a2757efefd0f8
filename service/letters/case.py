"""Everything that a letter about an alert tells, read in one transaction."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection

from service.alerts.advising import SILENT
from service.alerts.alert import Alert, Disposition
from service.assessments import assess_people
from service.charts.course import Course
from service.charts.reading import read_course
from service.clinical.interpretation import interpret
from service.clinical.readings import Interpretation
from service.clinical.results import PatientRecord
from service.clinical.rulebook_texts import SiteTexts
from service.errors import Conflict
from service.fhir.encode import is_erroneous
from service.fhir.person import Person, person
from service.ingest import Rules
from service.store import alerts, resources, sources
from service.store.patients import PatientRow
from service.store.people import by_number
from service.store.sources import Source


@dataclass(frozen=True, slots=True)
class Case:
    """An alert and the record behind it."""

    alert: Alert
    source: Source
    person: Person = field(repr=False)
    fhir_id: str = field(repr=False)
    """The patient's id in the source."""
    record: PatientRecord = field(repr=False)
    as_of: datetime
    interpretation: tuple[Interpretation, ...] = field(repr=False)
    dispositions: tuple[Disposition, ...] = field(repr=False)
    """Those that stand on this alert, oldest first."""
    course: Course = field(repr=False)
    advised: dict[str, date]
    """Every step that this or another alert of the patient advises now, and when it is due."""
    rulebook_version: str
    texts: SiteTexts
    """What the site says otherwise to its patients."""

    @property
    def day(self) -> date:
        """The day the letter is of."""
        return self.as_of.date()


def read_case(connection: Connection, alert_id: UUID, rules: Rules, now: datetime) -> Case:
    """The alert as it stands now.

    Args:
        connection: an open transaction.
        alert_id: of the alert.
        rules: what the record is read by.
        now: the moment, aware; the record's own newest result where the rules' clock says so.

    Raises:
        NotFound: there is no such alert.
        Conflict: it was withdrawn or merged into another: there is nothing to write about.
    """
    alert = alerts.get(connection, alert_id)
    if is_erroneous(alert):
        raise Conflict("that alert was withdrawn or merged into another; no letter can be written about it")
    rows = by_number(connection, [alert.subject])[alert.subject]
    names = {each.id: each.name for each in sources.every(connection)}
    (assessed,) = assess_people(connection, {alert.subject: rows}, names, rules, now)
    record, as_of, book = assessed.record, assessed.as_of, rules.rulebook
    stored = read_course(connection, assessed, book)
    source = sources.by_id(connection, rows[0].source_id)
    return Case(
        alert=alert,
        source=source,
        person=_person(connection, rows[0]),
        fhir_id=rows[0].fhir_id,
        record=record,
        as_of=as_of,
        interpretation=tuple(interpret(record, book, alert.episode, as_of)),
        dispositions=tuple(each for each in stored.decisions if each.id in alert.dispositions),
        course=stored.course,
        advised={
            step.name: step.due for one in stored.alerts if one.state not in SILENT for step in one.steps
        },
        rulebook_version=book.version,
        texts=book.texts,
    )


def _person(connection: Connection, row: PatientRow) -> Person:
    key = f"Patient/{row.fhir_id}"
    version = resources.current(connection, row.source_id, [key]).get(key)
    if version is None or version.digest is None:
        return Person()
    return person(resources.raw(connection, version.digest))
