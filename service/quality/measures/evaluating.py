"""From what is stored to the figures of measures, and to the people behind them."""

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection

from service.quality.measures.cases import Case, Question
from service.quality.measures.catalogue import (
    MEASURES,
    Measure,
    OnAlerts,
    OnArrivals,
    OnCourses,
    OnStored,
)
from service.quality.measures.figures import Count, Figures
from service.quality.measures.stories import story_of
from service.quality.measures.strata import REASON
from service.store import measured
from service.store.measured import Subject


class Counted(NamedTuple):
    """A measure and what it says."""

    measure: Measure
    figures: Figures


class Person(NamedTuple):
    """Somebody behind a figure."""

    subject: Subject
    cases: int
    """Of theirs in the denominator."""
    met: int
    """And in the numerator."""
    latest: date
    """The latest day of those."""


class Listed(NamedTuple):
    """Who is behind a figure: with the cases of nobody, all that it counts."""

    people: list[Person]
    """Each once, in order of the store's number."""
    of_nobody: int
    """Cases of the denominator whose record says of nobody whose they are."""
    of_nobody_met: int
    """And of the numerator."""


@dataclass(frozen=True, slots=True)
class People:
    """Whom to list."""

    met: bool | None = None
    """Only of cases that are, or are not, of the numerator; None: of the denominator."""
    dimension: str = ""
    stratum: str = ""
    """Only of cases of this stratum, where a dimension is given."""
    month: str = ""
    """Only of cases of this month (`2026-03`), where one is given."""

    def wants(self, case: Case) -> bool:
        """Whether a case is among them."""
        if self.met is not None and case.met is not self.met:
            return False
        if self.month and case.month != self.month:
            return False
        if not self.dimension:
            return True
        if self.dimension == REASON:
            return self.stratum in case.because
        return (self.dimension, self.stratum) in case.strata


def evaluate(
    connection: Connection, question: Question, measures: Sequence[Measure] = MEASURES
) -> list[Counted]:
    """The figures of these measures, each stored thing read once for all of them."""
    counts = {measure.name: Count(question) for measure in measures}
    for measure, case in _cases(connection, question, measures):
        counts[measure.name].add(case)
    return [Counted(measure, counts[measure.name].figures()) for measure in measures]


def people_behind(
    connection: Connection,
    question: Question,
    measure: Measure,
    people: People,
    *,
    after: int = 0,
    limit: int,
) -> Listed:
    """The people behind a figure, and how much of it is nobody's.

    Args:
        connection: one snapshot of the database.
        question: what was asked.
        measure: of which measure.
        people: behind which of its figures.
        after: only numbers above this one, so that a caller can page.
        limit: at most so many: more are never held.
    """
    found: dict[int, Person] = {}
    numbers: list[int] = []
    of_nobody = Counter[bool]()
    for _, case in _cases(connection, question, [measure]):
        number = case.subject.number
        if not people.wants(case):
            continue
        if number is None:
            of_nobody[case.met] += 1
            continue
        if number <= after:
            continue
        known = found.get(number)
        if known is None:
            if len(numbers) == limit and number > numbers[-1]:
                continue
            insort(numbers, number)
            if len(numbers) > limit:
                found.pop(numbers.pop(), None)
        found[number] = _with(known, case)
    return Listed([found[number] for number in numbers], of_nobody.total(), of_nobody[True])


def _with(known: Person | None, case: Case) -> Person:
    if known is None:
        return Person(case.subject, 1, int(case.met), case.day)
    return Person(case.subject, known.cases + 1, known.met + case.met, max(known.latest, case.day))


def _cases(
    connection: Connection, question: Question, measures: Iterable[Measure]
) -> Iterator[tuple[Measure, Case]]:
    """Every case of each measure."""
    on_alerts = [(each, each.counts.case) for each in measures if isinstance(each.counts, OnAlerts)]
    on_courses = [(each, each.counts.cases) for each in measures if isinstance(each.counts, OnCourses)]
    on_arrivals = [(each, each.counts.case) for each in measures if isinstance(each.counts, OnArrivals)]
    on_stored = [(each, each.counts.case) for each in measures if isinstance(each.counts, OnStored)]
    asked = (connection, question.sources, question.begins, question.ends)
    for raised in measured.alerts_asking(*asked) if on_alerts else ():
        story = story_of(raised, question)
        if story is not None:
            yield from _told((measure, case_of(story)) for measure, case_of in on_alerts)
    for subject, course in measured.people_judged(connection, question.sources) if on_courses else ():
        for measure, cases_of in on_courses:
            yield from ((measure, case) for case in cases_of(subject, course, question))
    for arrival in measured.observations_received(*asked) if on_arrivals else ():
        yield from _told((measure, case_of(arrival, question)) for measure, case_of in on_arrivals)
    for stored in measured.observations_stored(*asked) if on_stored else ():
        yield from _told((measure, case_of(stored, question)) for measure, case_of in on_stored)


def _told(cases: Iterable[tuple[Measure, Case | None]]) -> Iterator[tuple[Measure, Case]]:
    return ((measure, case) for measure, case in cases if case is not None)
