"""Usable results of one day → one day-value an analyte."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from service.clinical.analytes import Analyte
from service.clinical.limits import LOW_IS_ABNORMAL, Limit, LimitFinder
from service.clinical.results import OPEN_ABOVE, Comparator, LabResult

HAEMOLYSED = "haemolysed"
"""The flag of a result whose specimen was haemolysed."""
_RAISED_BY_HAEMOLYSIS = frozenset({Analyte.AST, Analyte.CREATINE_KINASE})

_EXACT = Comparator.EXACT
_GREATER = Comparator.GREATER
_ALBUMIN = Analyte.ALBUMIN


class DayValue(NamedTuple):
    """What one day says of one analyte; only made of results a decision may use."""

    ordinal: int
    """The day as a proleptic Gregorian ordinal."""
    day: date
    analyte: Analyte
    result: LabResult
    value: Decimal
    """In the canonical unit."""
    limit: Decimal
    """The upper limit of normal; for albumin and platelets the lower one."""
    multiple: Decimal
    """The value as a multiple of the limit."""
    source: str
    """Where the limit came from."""
    elevated: bool
    """Beyond the limit: above the upper, for albumin and platelets below the lower."""
    exact: bool
    """Uncensored: may make a baseline or a slope."""

    def above(self, multiple: Decimal) -> bool:
        """More than `multiple` × limit; `>x` is more than x."""
        threshold = multiple * self.limit
        return self.value > threshold or (self.value == threshold and self.result.comparator is _GREATER)

    def at_least(self, multiple: Decimal) -> bool:
        """`multiple` × limit or more."""
        return self.value >= multiple * self.limit

    def surely_below(self, multiple: Decimal) -> bool:
        """Less than `multiple` × limit; `>x` and `>=x` may lie anywhere above x, and are not."""
        return self.value < multiple * self.limit and self.result.comparator not in OPEN_ABOVE


def usable(result: LabResult, ordinal: int, limit: Limit) -> DayValue | None:
    """`result` against its limit; None where a censored or haemolysed value cannot decide on its side."""
    value, comparator = result.value, result.comparator
    analyte = result.analyte
    low = analyte in LOW_IS_ABNORMAL
    elevated: bool | None
    if comparator is _EXACT:
        elevated = value < limit.value if low else value > limit.value
    else:
        elevated = (_surely_low if low else _surely_high)(value, comparator, limit.value)
        if elevated is None:
            return None
    if result.flags and HAEMOLYSED in result.flags and _spoilt(analyte, elevated):
        return None
    multiple = value / limit.value
    exact = comparator is _EXACT
    return DayValue(
        ordinal, result.day, analyte, result, value, limit.value, multiple, limit.source, elevated, exact
    )


def _spoilt(analyte: Analyte, elevated: bool) -> bool:
    """Whether a haemolysed specimen makes the result useless; a normal AST or CK stays normal."""
    return analyte is Analyte.DIRECT_BILIRUBIN or (elevated and analyte in _RAISED_BY_HAEMOLYSIS)


def _surely_high(value: Decimal, comparator: Comparator, limit: Decimal) -> bool | None:
    """Whether a censored value is over the upper limit; None when it may be on either side."""
    if comparator in (Comparator.LESS, Comparator.LESS_OR_EQUAL):
        return False if value <= limit else None
    if comparator is Comparator.GREATER:
        return True if value >= limit else None
    return True if value > limit else None


def _surely_low(value: Decimal, comparator: Comparator, limit: Decimal) -> bool | None:
    """Whether a censored value is under the lower limit; None when it may be on either side."""
    if comparator in (Comparator.GREATER, Comparator.GREATER_OR_EQUAL):
        return False if value >= limit else None
    if comparator is Comparator.LESS:
        return True if value <= limit else None
    return True if value < limit else None


def _choice(one: DayValue, other: DayValue) -> DayValue:
    """The day-value of two on one day: uncensored before censored, then the further out, then the first key.

    Further out is the higher multiple, for albumin and platelets the lower.
    """
    if one.exact is not other.exact:
        return one if one.exact else other
    if one.multiple != other.multiple:
        return one if _further_out(one, other) else other
    return one if one.result.key < other.result.key else other


def _further_out(one: DayValue, other: DayValue) -> bool:
    """Whether `one` is the further out of two different multiples of one analyte."""
    return (one.multiple > other.multiple) is (one.analyte not in LOW_IS_ABNORMAL)


def nearest(values: Iterable[DayValue], day: date, days: int) -> DayValue | None:
    """Of `values` the one nearest to `day`, at most `days` away; a tie goes to the earlier."""
    ordinal = day.toordinal()
    near = [value for value in values if abs(value.ordinal - ordinal) <= days]
    return min(near, key=lambda value: (abs(value.ordinal - ordinal), value.ordinal), default=None)


class DayResults(NamedTuple):
    """One day of one patient, read."""

    finals: dict[Analyte, DayValue]
    """Day-values without preliminary results: everything but the urgent rules looks at these."""
    urgents: dict[Analyte, DayValue]
    """Day-values with preliminary results, which count only where they are further out than the final ones.

    The same mapping where there are none.
    """
    elevated: dict[Analyte, list[LabResult]]
    """Every elevated result that is not preliminary, not only those that make a day-value."""
    left_out: list[LabResult]
    """Results that could not be used: no limit, censored on both sides, or haemolysed."""


def read_day(
    results: Iterable[LabResult], ordinal: int, limits: LimitFinder, *, child: bool, pregnant: bool
) -> DayResults:
    """The day-values of all results of one day."""
    finals: dict[Analyte, DayValue] = {}
    preliminary: list[DayValue] = []
    elevated: dict[Analyte, list[LabResult]] = {}
    left_out: list[LabResult] = []
    for result in results:
        limit = limits.find(result, child=child, pregnant=pregnant)
        value = None if limit is None else usable(result, ordinal, limit)
        if value is None:
            left_out.append(result)
        elif result.preliminary:
            preliminary.append(value)
        else:
            analyte = value.analyte
            other = finals.get(analyte)
            finals[analyte] = value if other is None else _choice(value, other)
            if value.elevated:
                elevated.setdefault(analyte, []).append(result)
    urgents = _with_preliminary(finals, preliminary) if preliminary else finals
    return DayResults(finals, urgents, elevated, left_out)


def _with_preliminary(
    finals: dict[Analyte, DayValue], preliminary: Iterable[DayValue]
) -> dict[Analyte, DayValue]:
    """`finals`, with the preliminary values that lie further out than they do, or stand alone."""
    chosen: dict[Analyte, DayValue] = {}
    for value in preliminary:
        other = chosen.get(value.analyte)
        chosen[value.analyte] = value if other is None else _choice(value, other)
    both = dict(finals)
    for analyte, value in chosen.items():
        final = finals.get(analyte)
        if final is None or (value.multiple != final.multiple and _further_out(value, final)):
            both[analyte] = value
    return both
