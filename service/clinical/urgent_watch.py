"""The urgent rules over final results alone and over final and preliminary ones: what either finds counts.

So a preliminary result can add an urgent finding, and never take one away that final results make.
"""

from service.clinical.analytes import Analyte
from service.clinical.context import Context
from service.clinical.day_values import DayResults
from service.clinical.held import Held
from service.clinical.hys_law import HYS_LAW, POSSIBLE_HYS_LAW
from service.clinical.rulebook import Rulebook
from service.clinical.urgent import UrgentRules


class UrgentWatch:
    """Both readings of one patient's walk; a record without preliminary results needs one only."""

    def __init__(self, rulebook: Rulebook, context: Context, *, preliminary: bool) -> None:
        self._finals = UrgentRules(rulebook, context)
        self._both = UrgentRules(rulebook, context) if preliminary else None
        self.answered: list[tuple[Analyte, str]] = []
        """Notes beside urgent findings of an analyte that the latest step made void."""

    def step(self, ordinal: int, read: DayResults, *, pregnant: bool) -> list[Held]:
        """The rules met on the day `ordinal`; a rule that final results meet is told by those."""
        found = self._finals.step(ordinal, read.finals, pregnant=pregnant) if read.finals else []
        self.answered = self._finals.answered if read.finals else []
        if self._both is None:
            return found
        with_preliminary = self._both.step(ordinal, read.urgents, pregnant=pregnant)
        self.answered = [*self.answered, *self._both.answered]
        return _union(found, with_preliminary)


def _union(finals: list[Held], both: list[Held]) -> list[Held]:
    """`finals` and what `both` adds; an ALP in one reading shows what the other calls possible Hy's law."""
    by_finals, by_both = _criteria(finals), _criteria(both)
    kept = [one for one in finals if _key(one) in by_both or not _shown(one, by_both)]
    added = [one for one in both if _key(one) not in by_finals and not _shown(one, by_finals)]
    return [*kept, *added]


def _shown(held: Held, criteria: set[tuple[str, Analyte]]) -> bool:
    """Whether `held` is a possible Hy's law that `criteria` show to be one."""
    return held.reason == POSSIBLE_HYS_LAW and (HYS_LAW, held.value.analyte) in criteria


def _criteria(held: list[Held]) -> set[tuple[str, Analyte]]:
    return {_key(one) for one in held}


def _key(held: Held) -> tuple[str, Analyte]:
    return held.reason, held.value.analyte
