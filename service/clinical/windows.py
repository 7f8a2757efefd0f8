"""Sliding windows over an analyte's uncensored day-values: running median and running Mann-Kendall statistic.

Both move forward only and lazily: a value is put in and taken out once, so a long history costs n log n.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from decimal import Decimal

from service.clinical.change_limits import TrendLimits
from service.clinical.day_values import DayValue


class MedianWindow:
    """The median of a slice whose ends only ever move forward."""

    __slots__ = ("_end", "_sorted", "_start", "_values")

    def __init__(self, values: Sequence[DayValue]) -> None:
        self._values = values
        self._sorted: list[Decimal] = []
        self._start = self._end = 0

    def median(self, start: int, end: int) -> Decimal:
        """The median of values[start:end], not empty."""
        ordered = self._sorted
        for index in range(self._end, end):
            insort(ordered, self._values[index].value)
        for index in range(self._start, start):
            del ordered[bisect_left(ordered, self._values[index].value)]
        self._start, self._end = start, end
        middle = len(ordered) // 2
        if len(ordered) % 2:
            return ordered[middle]
        return (ordered[middle - 1] + ordered[middle]) / 2


class TrendWindow:
    """Mann-Kendall's S and its tie correction over a slice whose ends only ever move forward."""

    __slots__ = ("_end", "_sorted", "_start", "_values", "s", "tie_term")

    def __init__(self, values: Sequence[DayValue]) -> None:
        self._values = values
        self._sorted: list[Decimal] = []
        self._start = self._end = 0
        self.s = 0
        """Concordant minus discordant pairs."""
        self.tie_term = 0
        """Sum of t(t-1)(2t+5) over groups of t equal values."""

    def move(self, start: int, end: int) -> None:
        """Make the window values[start:end]."""
        for index in range(self._end, end):
            self._put(self._values[index].value)
        for index in range(self._start, start):
            self._take(self._values[index].value)
        self._start, self._end = start, end

    def significant(self, limits: TrendLimits) -> bool:
        """Whether the values rise, one-sided: exact for few untied ones, else by the normal approximation."""
        n = len(self._sorted)
        if not self.tie_term and n < len(limits.exact):
            least = limits.exact[n]
            return least is not None and self.s >= least
        variance = n * (n - 1) * (2 * n + 5) - self.tie_term
        if self.s <= 1 or variance <= 0:
            return False
        return 18 * (self.s - 1) ** 2 >= limits.z_squared * variance

    def _put(self, value: Decimal) -> None:
        low, high = self._place(value)
        self.s += low - (len(self._sorted) - high)
        self.tie_term += _tie(high - low + 1) - _tie(high - low)
        self._sorted.insert(high, value)

    def _take(self, value: Decimal) -> None:
        low, high = self._place(value)
        self.s -= (len(self._sorted) - high) - low
        self.tie_term += _tie(high - low - 1) - _tie(high - low)
        del self._sorted[low]

    def _place(self, value: Decimal) -> tuple[int, int]:
        low = bisect_left(self._sorted, value)
        return low, bisect_right(self._sorted, value, low)


def _tie(equal: int) -> int:
    return equal * (equal - 1) * (2 * equal + 5)
