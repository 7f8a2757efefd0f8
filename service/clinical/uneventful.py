"""The first look at a record: whether there is anything in it that a rule could be about."""

from collections.abc import Iterable

from service.clinical.context import Context
from service.clinical.limits import LimitFinder
from service.clinical.results import Comparator, LabResult
from service.clinical.thresholds import TRENDED

_TRENDED = frozenset(TRENDED)
_OPEN_ABOVE = frozenset({Comparator.GREATER, Comparator.GREATER_OR_EQUAL})


def uneventful(results: Iterable[LabResult], limits: LimitFinder, context: Context) -> bool:
    """Whether no trended result is elevated, so that no rule can be met and no episode can begin.

    Every rule, the urgent ones too, asks for at least one elevated trended analyte; most people have none,
    and need no walk through their history. Where the limits change from day to day, for a child or in a
    pregnancy, that is left to the walk.

    Args:
        results: in any order, preliminary ones too.
        limits: the patient's.
        context: the patient's.
    """
    if context.changes_limits(min((result.day for result in results), default=None)):
        return False
    for result in results:
        if result.analyte in _TRENDED:
            limit = limits.find(result, child=False, pregnant=False)
            if limit is not None and (result.value > limit.value or result.comparator in _OPEN_ABOVE):
                return False
    return True
