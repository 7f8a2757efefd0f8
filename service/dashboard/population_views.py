"""A population as it is looked at: everybody's peaks in a period, counted, and drawn as points or a grid."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from service.charts.scatter import Dot
from service.clinical.bands import Band
from service.clinical.edish import Quadrant
from service.clinical.episodes import Kind
from service.clinical.injury_pattern import InjuryPattern
from service.clinical.months import add_months
from service.clinical.thresholds import Persistence
from service.dashboard.population_asking import Axes, Lasting, Measure, Question, Selection
from service.store.peaks import Lasting as LastingElevation
from service.store.peaks import Month, Person

MOST_POINTS: Final = 1500
"""Drawn one by one; more people than that are counted in the cells of a grid."""
CELLS: Final = 40
"""Of that grid, along each axis."""


class Seen(NamedTuple):
    """One person over the period."""

    person: Person
    enzyme: float | None
    """The peak of ALT and AST, as a multiple; None where there is none that could be measured so."""
    bilirubin: float | None
    """That of total bilirubin."""
    band: Band
    """The highest of ALT and AST."""
    pattern: InjuryPattern | None
    """When the enzymes were highest."""
    lasting: Lasting


@dataclass(frozen=True, slots=True)
class Counted:
    """How many people there are of each kind."""

    seen: int
    drawn: int
    """Those with both peaks, who have a place in the scatter."""
    quadrants: Mapping[Quadrant, int]
    bands: Mapping[Band, int]
    lasting: Mapping[Lasting, int]


def seen_of(people: Iterable[Person], question: Question, rule: Persistence) -> Iterator[Seen]:
    """Those who were tested in the period, and had the pattern that is asked for."""
    for person in people:
        months = [each for each in person.peaks.months if question.first <= each.month <= question.last]
        if months:
            seen = _seen(person, months, question, rule)
            if question.pattern in (None, seen.pattern):
                yield seen


def counted(seen: Sequence[Seen], question: Question) -> Counted:
    """The people, counted."""
    both = list(_placed(seen))
    return Counted(
        len(seen),
        len(both),
        Counter(question.quadrant(enzyme, bilirubin) for _, enzyme, bilirubin in both),
        Counter(each.band for each in seen),
        Counter(each.lasting for each in seen),
    )


def selected(seen: Iterable[Seen], question: Question, selection: Selection) -> list[Seen]:
    """Those of the selection: the highest bilirubin first, then the highest enzyme, then as stored."""
    found = [each for each in seen if _is_selected(each, question, selection)]
    return sorted(found, key=lambda each: (-(each.bilirubin or 0), -(each.enzyme or 0), each.person.number))


def dots(seen: Sequence[Seen], question: Question) -> list[Dot]:
    """What is drawn: every person, or how many are in each cell of a grid where there are too many."""
    both = list(_placed(seen))
    if len(both) <= MOST_POINTS:
        return [Dot(enzyme, bilirubin, _named(each.pattern), 1) for each, enzyme, bilirubin in both]
    across = _Scale.over((enzyme for _, enzyme, _ in both), question.axes)
    up = _Scale.over((bilirubin for _, _, bilirubin in both), question.axes)
    cells = Counter((across.cell(enzyme), up.cell(bilirubin)) for _, enzyme, bilirubin in both)
    return [Dot(across.middle(x), up.middle(y), "", count) for (x, y), count in sorted(cells.items())]


class _Scale(NamedTuple):
    """Cells of equal width along an axis."""

    low: float
    width: float
    log: bool

    @classmethod
    def over(cls, values: Iterable[float], axes: Axes) -> "_Scale":
        log = axes is Axes.LOG
        placed = [math.log10(value) if log else value for value in values]
        low, high = min(placed), max(placed)
        return cls(low, (high - low) / CELLS or 1.0, log)

    def cell(self, value: float) -> int:
        placed = math.log10(value) if self.log else value
        return min(int((placed - self.low) / self.width), CELLS - 1)

    def middle(self, cell: int) -> float:
        placed = self.low + (cell + 0.5) * self.width
        return 10**placed if self.log else placed


def _placed(seen: Iterable[Seen]) -> Iterator[tuple[Seen, float, float]]:
    for each in seen:
        if each.enzyme is not None and each.bilirubin is not None:
            yield each, each.enzyme, each.bilirubin


def _named(pattern: InjuryPattern | None) -> str:
    return pattern.value if pattern else "not known"


def _seen(person: Person, months: Sequence[Month], question: Question, rule: Persistence) -> Seen:
    of_limit = question.measure is Measure.LIMIT
    return Seen(
        person,
        _highest([each.enzyme if of_limit else each.enzyme_of_baseline for each in months]),
        _highest([each.bilirubin if of_limit else each.bilirubin_of_baseline for each in months]),
        max([each.band for each in months]),
        max(months, key=_enzyme).pattern,
        _longest(person.peaks.lasting, question, rule),
    )


def _highest(values: Iterable[float | None]) -> float | None:
    return max([value for value in values if value is not None], default=None)


def _enzyme(month: Month) -> float:
    return -1.0 if month.enzyme is None else month.enzyme


_SHORTEST_FIRST = (Lasting.NONE, Lasting.INTERMITTENT, Lasting.MONTHS, Lasting.CHRONIC, Lasting.LONG)


def _longest(lasting: Iterable[LastingElevation], question: Question, rule: Persistence) -> Lasting:
    """By what was known of each at the end of the period."""
    here = (each for each in lasting if each.met <= question.last and each.last >= question.first)
    found = (_how_long(each, question.last, rule) for each in here)
    return max(found, key=_SHORTEST_FIRST.index, default=Lasting.NONE)


def _how_long(each: LastingElevation, until: date, rule: Persistence) -> Lasting:
    if each.kind is Kind.INTERMITTENT:
        return Lasting.INTERMITTENT
    last = min(each.last, until)
    if last > add_months(each.first, rule.long_months):
        return Lasting.LONG
    return Lasting.CHRONIC if last > add_months(each.first, rule.chronic_months) else Lasting.MONTHS


def _is_selected(each: Seen, question: Question, selection: Selection) -> bool:
    enzyme, bilirubin = each.enzyme, each.bilirubin
    if selection.quadrant is not None and (
        enzyme is None or bilirubin is None or question.quadrant(enzyme, bilirubin) is not selection.quadrant
    ):
        return False
    return (
        _within(enzyme, selection.enzyme_from, selection.enzyme_to)
        and _within(bilirubin, selection.bilirubin_from, selection.bilirubin_to)
        and selection.band in (None, each.band)
        and selection.lasting in (None, each.lasting)
    )


def _within(value: float | None, low: float | None, high: float | None) -> bool:
    if low is None and high is None:
        return True
    return value is not None and (low is None or value >= low) and (high is None or value <= high)
