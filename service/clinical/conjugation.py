"""Direct against total bilirubin: conjugated, unconjugated, or not to be told."""

from decimal import Decimal

from service.clinical.day_values import DayValue
from service.clinical.results import Comparator

_AT_LEAST = (Comparator.EXACT, Comparator.GREATER, Comparator.GREATER_OR_EQUAL)
_AT_MOST = (Comparator.EXACT, Comparator.LESS, Comparator.LESS_OR_EQUAL)


def conjugated(direct: DayValue, total: DayValue, ratio: Decimal) -> bool | None:
    """Whether direct/total is at least `ratio`; None when a censored value leaves it open."""
    threshold = ratio * total.value
    direct_is, total_is = direct.result.comparator, total.result.comparator
    if direct.value >= threshold and direct_is in _AT_LEAST and total_is in _AT_MOST:
        return True
    if direct_is in _AT_MOST and total_is in _AT_LEAST:
        strict = direct_is is Comparator.LESS or total_is is Comparator.GREATER
        if direct.value < threshold or (strict and direct.value == threshold):
            return False
    return None
