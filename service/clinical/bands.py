"""How high an elevated value is: bands for ALT and AST, CTCAE grades for every enzyme and bilirubin."""

from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.clinical.thresholds import Bands, Grades


class Band(IntEnum):
    """Bands of ALT and AST by multiples of the upper limit; MASSIVE by the value itself."""

    NORMAL = 0
    BORDERLINE = 1
    MILD = 2
    MODERATE = 3
    SEVERE = 4
    MASSIVE = 5


def band(value: Decimal, limit: Decimal, bands: "Bands") -> Band:
    """The band of an ALT or AST `value` in U/L against its upper limit of normal in U/L."""
    if value <= limit:
        return Band.NORMAL
    if value > bands.massive_above:
        return Band.MASSIVE
    if value < bands.mild_from * limit:
        return Band.BORDERLINE
    if value < bands.moderate_from * limit:
        return Band.MILD
    return Band.SEVERE if value > bands.severe_above * limit else Band.MODERATE


def grade(value: Decimal, limit: Decimal, grades: "Grades") -> int:
    """CTCAE v5 grade 0-4 of `value` from a normal baseline: by multiples of its upper limit of normal."""
    return _grade(value, limit, grades, grades.grade_1, at_least=False)


def grade_from_baseline(value: Decimal, baseline: Decimal, grades: "Grades") -> int:
    """CTCAE v5 grade 0-4 of `value` from an abnormal `baseline` (same unit): by multiples of the baseline.

    Grade 1 begins at its multiple where that is above 1 (1.5 × baseline), above it otherwise.
    The result that is the baseline itself is not to be graded.
    """
    first = grades.grade_1_of_baseline
    return _grade(value, baseline, grades, first, at_least=first > 1)


def _grade(value: Decimal, reference: Decimal, grades: "Grades", first: Decimal, *, at_least: bool) -> int:
    for number, multiple in ((4, grades.grade_4), (3, grades.grade_3), (2, grades.grade_2)):
        if value > multiple * reference:
            return number
    least = first * reference
    return int(value >= least if at_least else value > least)
