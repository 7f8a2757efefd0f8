"""When a possibly hepatotoxic drug should be stopped: enzymes far up, up for long, or up with a high INR."""

from collections.abc import Iterable

from service.clinical.analytes import Analyte
from service.clinical.context import Context
from service.clinical.day_values import DayValue
from service.clinical.held import Held, urgent
from service.clinical.recent import Recent
from service.clinical.thresholds import DiliStop

DILI_STOP = "dili-stop"


class DiliWatch:
    """The rule along one patient's walk; ALT and AST are judged each by itself."""

    def __init__(self, rule: DiliStop, context: Context) -> None:
        self._rule = rule
        self._context = context
        self._streaks: dict[Analyte, DayValue] = {}
        """The first day-value above the sustained multiple since one that was surely below it."""

    def step(
        self, ordinal: int, today: Iterable[DayValue], enzymes: Recent, unexplained_inr: Recent
    ) -> list[Held]:
        """Take the day's ALT and AST; with an INR of today, the latest enzymes are judged beside it."""
        rule = self._rule
        values = list(today)
        for value in values:
            if value.above(rule.sustained):
                self._streaks.setdefault(value.analyte, value)
            elif value.surely_below(rule.sustained) and not value.result.preliminary:
                self._streaks.pop(value.analyte, None)
        inr = next((one for one in unexplained_inr.within(ordinal, rule.inr_days) if _over(one, rule)), None)
        if inr is not None and inr.ordinal == ordinal and not any(one.above(rule.with_inr) for one in values):
            values = [one for one in enzymes.within(ordinal, rule.inr_days) if one.above(rule.with_inr)][:1]
        return [held for value in values for held in self._judge(value, ordinal, inr)]

    def _judge(self, value: DayValue, ordinal: int, inr: DayValue | None) -> list[Held]:
        rule = self._rule
        if not value.above(rule.with_inr):
            return []
        lasts = value.ordinal == ordinal and value.above(rule.sustained)
        start = self._streaks.get(value.analyte) if lasts else None
        since = start if start is not None and ordinal - start.ordinal > rule.sustained_days else None
        at_once = value.ordinal == ordinal and value.above(rule.at_once)
        if not (at_once or since or inr):
            return []
        drugs = self._context.hepatotoxic(inr.day if inr and inr.ordinal == ordinal else value.day)
        return [urgent(DILI_STOP, value, (value, since, inr, drugs), since, inr)] if drugs else []


def _over(inr: DayValue, rule: DiliStop) -> bool:
    return inr.value > rule.inr
