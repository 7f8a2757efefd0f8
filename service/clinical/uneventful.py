"""The first look at a record: whether there is anything in it that a rule could be about."""

from collections.abc import Iterable

from service.clinical.analytes import Analyte
from service.clinical.context import Context
from service.clinical.limits import LimitFinder
from service.clinical.results import OPEN_ABOVE, LabResult
from service.clinical.rulebook import Rulebook
from service.clinical.thresholds import TRENDED

_TRENDED = frozenset(TRENDED)
_SEVERE_BY_VALUE = frozenset({Analyte.ALT, Analyte.AST})


def uneventful(
    results: Iterable[LabResult], limits: LimitFinder, context: Context, rulebook: Rulebook
) -> bool:
    """Whether no trended result is elevated or severe, so that no rule can be met and no episode can begin.

    Every rule asks for at least one elevated trended analyte, but for the one that takes an ALT or AST for
    severe by its value alone, whatever limit the laboratory states. Most people have none, and need no walk
    through their history. Where the limits change from day to day, for a child or in a pregnancy, that is
    left to the walk.

    Args:
        results: in any order, preliminary ones too.
        limits: the patient's.
        context: the patient's.
        rulebook: what is severe by its value alone.
    """
    severe = rulebook.rules.urgent.severe_elevation.value
    if context.changes_limits(min((result.day for result in results), default=None)):
        return False
    for result in results:
        if result.analyte in _TRENDED:
            limit = limits.find(result, child=False, pregnant=False)
            if limit is not None and (result.value > limit.value or result.comparator in OPEN_ABOVE):
                return False
            if result.value >= severe and result.analyte in _SEVERE_BY_VALUE:
                return False
    return True
