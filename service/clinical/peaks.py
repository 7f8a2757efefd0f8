"""How high the enzymes and bilirubin of one person came, month by month: what a population is looked at by.

Types only; `month_peaks` fills them. Nothing is decided by them.
"""

from datetime import date
from typing import NamedTuple

from service.clinical.bands import Band
from service.clinical.injury_pattern import InjuryPattern


class Peak(NamedTuple):
    """The highest value of a month, measured in two ways, which may be of two days."""

    multiple: float
    """Of its upper limit of normal."""
    of_baseline: float | None
    """Of the median of the year before, as worsening takes it; None where no value of the month has one."""


class MonthPeak(NamedTuple):
    """One month in which a test was done."""

    month: date
    """Its first day."""
    enzyme: Peak | None
    """Of ALT and AST the higher; None where neither was done."""
    bilirubin: Peak | None
    """Total bilirubin."""
    band: Band
    """The highest band of ALT and AST."""
    pattern: InjuryPattern | None
    """By nR: the highest enzyme against the ALP nearest to it; None where none is within the rule's days."""
