"""`/fhir/Measure/{id}/$evaluate-measure`: what a measure says of a period, as an R4 MeasureReport.

Of `reportType` there is `summary`, in which small cells are masked, and `subject-list`, which names the
patients behind numerator and denominator and is audited as a read of each of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from service.api.instants import parse_date_query
from service.api.measure_definitions import improvement
from service.api.measure_groups import called, population, reported
from service.api.presenting import DEVICE
from service.clinical.rulebook import Rulebook
from service.errors import InvalidResource, TooLarge
from service.fhir import names
from service.fhir.definitions import Resource
from service.fhir.encode import instant, without_nothing
from service.fhir.outgoing import validate_outgoing
from service.quality.measures import Measure, People, Question, evaluate, masked, people_behind
from service.quality.measures.asking import question_of
from service.quality.measures.evaluating import Person
from service.settings import Settings
from service.store import sources
from service.store.decisions import write_audit
from service.store.readers import Reader
from service.store.session import reading, writing

REPORT_TYPES: Final = ("summary", "subject-list")
MOST_SUBJECTS: Final = 5000
"""Patients that one report names."""
_KNOWN: Final = frozenset({"periodStart", "periodEnd", "reportType", "_format", "_pretty"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """The parameters of the operation."""

    first: date
    last: date
    report_type: str


def read_parameters(pairs: Sequence[tuple[str, str]]) -> Wanted:
    """Read the parameters of `$evaluate-measure`.

    Raises:
        InvalidResource: a date is missing or none, or a parameter is not supported here.
    """
    given = dict(pairs)
    if not given.keys() <= _KNOWN:
        raise InvalidResource(f"a parameter is not supported here; supported: {', '.join(sorted(_KNOWN))}")
    report_type = given.get("reportType", "summary")
    if report_type not in REPORT_TYPES:
        raise InvalidResource(f"reportType: one of {', '.join(REPORT_TYPES)}")
    start, end = (parse_date_query(given.get(name, ""), name) for name in ("periodStart", "periodEnd"))
    if start.prefix != "eq" or end.prefix != "eq" or start.low is None or end.high is None:
        raise InvalidResource("periodStart, periodEnd: a date, without a prefix")
    last = (end.high - timedelta(microseconds=1)).astimezone(UTC).date()
    return Wanted(start.low.astimezone(UTC).date(), last, report_type)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One request of one reader."""

    engine: Engine
    reader: Reader
    measure: Measure
    request_id: str

    def summary(self, connection: Connection, question: Question) -> Resource:
        """Figures alone, small cells masked."""
        ((_, figures),) = evaluate(connection, question, [self.measure])
        shown = masked(figures, question.smallest)
        return self._report("summary", question, reported(self.measure, shown))

    def subject_list(
        self, connection: Connection, question: Question
    ) -> tuple[Resource, Sequence[tuple[int, int | None]]]:
        """The patients behind numerator and denominator; and of whom it tells, by source and number.

        Its counts are those of the summary: what is nobody's is counted too, and listed of nobody.

        Raises:
            TooLarge: there are more than one report names.
        """
        people, cases, met = people_behind(
            connection, question, self.measure, People(), limit=MOST_SUBJECTS + 1
        )
        if len(people) > MOST_SUBJECTS:
            raise TooLarge(f"more than {MOST_SUBJECTS} patients are behind it: ask for a shorter period")
        addresses = _addresses(connection)
        numerator = _list_of("numerator", [each for each in people if each.met], addresses)
        denominator = _list_of("denominator", people, addresses)
        populations = [
            _listed("numerator", met + sum(each.met for each in people)),
            _listed("denominator", cases + sum(each.cases for each in people)),
        ]
        group = {**called(self.measure), "population": populations}
        report = self._report("subject-list", question, [group])
        seen = [(each.subject.source_id, each.subject.number) for each in people]
        return {**report, "contained": [numerator, denominator]}, seen

    def note(self, question: Question, kind: str, seen: Sequence[tuple[int, int | None]]) -> None:
        """Who asked for what, and who saw whom; committed before the answer."""
        period = {"first": question.first.isoformat(), "last": question.last.isoformat()}
        detail = {"measure": self.measure.name, "report": kind, **period, "request": self.request_id}
        whom: Sequence[tuple[int | None, int | None]] = seen or [(None, None)]
        with writing(self.engine) as connection:
            for source_id, number in whom:
                write_audit(
                    connection,
                    at=question.now,
                    actor=f"reader:{self.reader.name}",
                    action="evaluate-measure",
                    source_id=source_id,
                    patient_id=number,
                    detail=detail,
                )

    def _report(self, kind: str, question: Question, groups: Sequence[Resource]) -> Resource:
        period = {"start": question.first.isoformat(), "end": question.last.isoformat()}
        return without_nothing(
            {
                "resourceType": "MeasureReport",
                "status": "complete",
                "type": kind,
                "measure": names.canonical("Measure", self.measure.name, question.rulebook.version),
                "date": instant(question.now),
                "reporter": {"reference": DEVICE},
                "period": period,
                "improvementNotation": improvement(self.measure),
                "group": groups,
            }
        )


def evaluated(evaluation: Evaluation, wanted: Wanted, settings: Settings, rulebook: Rulebook) -> Resource:
    """The report asked for, of the sources that the reader may see; noted before it is given.

    Raises:
        InvalidResource: the period ends before it begins, or is too long.
        TooLarge: too many patients are behind it for a subject list.
    """
    seen: Sequence[tuple[int, int | None]] = ()
    with reading(evaluation.engine) as connection:
        question = question_of(
            connection,
            settings,
            rulebook,
            datetime.now(UTC),
            first=wanted.first,
            last=wanted.last,
            names=evaluation.reader.sources,
        )
        if wanted.report_type == "summary":
            report = evaluation.summary(connection, question)
        else:
            report, seen = evaluation.subject_list(connection, question)
    validate_outgoing(report)
    evaluation.note(question, wanted.report_type, seen)
    return report


def _listed(name: str, count: int) -> Resource:
    return {**population(name), "count": count, "subjectResults": {"reference": f"#{name}"}}


def _list_of(code: str, found: Sequence[Person], addresses: Mapping[int, str]) -> Resource:
    entries = [
        {"item": {"reference": f"{addresses[each.subject.source_id]}Patient/{each.subject.fhir_id}"}}
        for each in found
    ]
    return without_nothing(
        {"resourceType": "List", "id": code, "status": "current", "mode": "snapshot", "entry": entries}
    )


def _addresses(connection: Connection) -> dict[int, str]:
    """What stands before a reference to a source's own resources; empty where its server is not known."""
    bases = {each.id: (each.settings.fhir_base_url or "").rstrip("/") for each in sources.every(connection)}
    return {number: f"{base}/" if base else "" for number, base in bases.items()}
