"""The results of a case as tables: each test by day for the specialist, the latest for the patient."""

from collections.abc import Callable, Sequence
from datetime import date

from service.charts.course import Course, Point, Standing
from service.clinical.analytes import Analyte
from service.clinical.limits import LOW_IS_ABNORMAL
from service.clinical.saying import analyte_in_words, capitalised, number, quantity
from service.letters.letter import Table

Say = Callable[[str], str]

_DAYS = 6
"""Columns of the specialist's table: the first day of the elevation, and the latest ones."""
_SHOWN_AS_IT_STOOD = frozenset({Standing.RETRACTED})


def by_day(course: Course, onset: date, say: Say) -> Table:
    """Every test on the first day of the elevation and on the latest days, with its multiple of the limit."""
    days = sorted({point.day for point in course.points if point.standing not in _SHOWN_AS_IT_STOOD})
    if len(days) > _DAYS:
        first = next((day for day in days if day >= onset), days[0])
        days = sorted({first, *days[-_DAYS + 1 :]})
    tests = list(dict.fromkeys(point.analyte for point in course.points))
    rows = [_row(course.points, analyte, days, say) for analyte in sorted(tests, key=list(Analyte).index)]
    headings = (say("Test (limit of normal)"), *map(str, days))
    return Table(say("Value, and in brackets its multiple of the limit"), headings, rows)


def _row(points: Sequence[Point], analyte: Analyte, days: Sequence[date], say: Say) -> list[str]:
    of_test = [point for point in points if point.analyte is analyte]
    name = capitalised(analyte_in_words(analyte))
    limits = [point.limit for point in of_test if point.limit is not None]
    heading = say(name)
    if limits:
        side = "at least" if analyte in LOW_IS_ABNORMAL else "up to"
        heading += f" ({say(side)} {quantity(analyte, limits[-1])})"
    return [heading, *(_cell([one for one in of_test if one.day == day], say) for day in days)]


def _cell(points: Sequence[Point], say: Say) -> str:
    return ", ".join(_value(point, say) for point in points) or "–"


def _value(point: Point, say: Say) -> str:
    told = f"{point.comparator.value}{number(point.value)}"
    if point.multiple is not None:
        told += f" ({point.multiple:.1f} ×)"
    return told if point.standing is Standing.COUNTED else f"{told} {say(point.standing.value)}"
