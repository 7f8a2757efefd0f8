"""The history of one analyte as the walk has seen it so far: day-values, the current run, sliding windows."""

from bisect import bisect_left
from datetime import date
from decimal import Decimal

from service.clinical.analytes import Analyte
from service.clinical.day_values import DayValue
from service.clinical.windows import MedianWindow, TrendWindow

NEVER = -10_000_000
"""An ordinal before every day."""


class Run:
    """Consecutive elevated day-values without a normal one between and without too long a gap."""

    __slots__ = ("highest", "persistent", "persists_after", "values")

    def __init__(self, first: DayValue, persists_after: date) -> None:
        self.values: list[DayValue] = []
        self.highest = first
        self.persists_after = persists_after
        """A day-value after this day makes it persistent."""
        self.persistent = False

    @property
    def first(self) -> DayValue:
        """The day-value it began with."""
        return self.values[0]

    @property
    def last(self) -> DayValue:
        """Its latest day-value."""
        return self.values[-1]


class Track:
    """Day-values of one analyte in order of day; only those that a decision may use."""

    __slots__ = (
        *("_baseline_window", "_trend_window", "analyte", "exact", "exact_days", "last_abnormal"),
        *("last_persistent", "last_worsening", "run", "values"),
    )

    def __init__(self, analyte: Analyte) -> None:
        self.analyte = analyte
        self.values: list[DayValue] = []
        self.exact: list[DayValue] = []
        """The uncensored ones."""
        self.exact_days: list[int] = []
        self.run: Run | None = None
        self.last_abnormal = NEVER
        """Ordinal of the latest day-value beyond its limit."""
        self.last_persistent = NEVER
        """Ordinal of the latest day-value that belonged to a persistent run."""
        self.last_worsening = NEVER
        """Ordinal of the latest day-value that met a worsening criterion."""
        self._baseline_window: MedianWindow | None = None
        self._trend_window: TrendWindow | None = None

    def add(self, value: DayValue) -> None:
        """Take the next day's value."""
        self.values.append(value)
        if value.exact:
            self.exact.append(value)
            self.exact_days.append(value.ordinal)
        if value.elevated:
            self.last_abnormal = value.ordinal
        else:
            self.run = None

    def known_within(self, ordinal: int, days: int) -> bool:
        """Whether there is a day-value within `days` before `ordinal`."""
        return bool(self.values) and self.values[-1].ordinal >= ordinal - days

    def baseline_span(self, ordinal: int, days: int) -> tuple[int, int]:
        """Indices into `exact` (from, to) of the day-values in the `days` before the day `ordinal`."""
        end = len(self.exact)
        while end and self.exact_days[end - 1] >= ordinal:
            end -= 1
        return bisect_left(self.exact_days, ordinal - days, 0, end), end

    def baseline(self, ordinal: int, days: int, at_least: int) -> Decimal | None:
        """Median of the uncensored day-values in the `days` before `ordinal`; None if under `at_least`."""
        start, end = self.baseline_span(ordinal, days)
        if end - start < at_least:
            return None
        if self._baseline_window is None:
            self._baseline_window = MedianWindow(self.exact)
        return self._baseline_window.median(start, end)

    def trend(self, start: int, end: int) -> TrendWindow:
        """The Mann-Kendall window, moved to exact[start:end]; its ends only move forward."""
        if self._trend_window is None:
            self._trend_window = TrendWindow(self.exact)
        self._trend_window.move(start, end)
        return self._trend_window
