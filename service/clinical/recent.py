"""The last weeks of the tests that the urgent rules combine."""

from collections.abc import Iterator

from service.clinical.day_values import DayValue


class Recent:
    """Day-values of one test (or the larger of ALT and AST) no older than `days`, in order of day."""

    __slots__ = ("_days", "values")

    def __init__(self, days: int) -> None:
        self._days = days
        self.values: list[DayValue] = []

    def add(self, value: DayValue) -> None:
        """Take the value of the day the walk has come to, and forget what is too old."""
        values = self.values
        oldest = value.ordinal - self._days
        stale = 0
        while stale < len(values) and values[stale].ordinal < oldest:
            stale += 1
        if stale:
            del values[:stale]
        values.append(value)

    def within(self, ordinal: int, days: int) -> Iterator[DayValue]:
        """The values at most `days` before `ordinal`, the latest first."""
        for value in reversed(self.values):
            if value.ordinal < ordinal - days:
                return
            yield value

    def nearest(self, ordinal: int, days: int) -> DayValue | None:
        """The value nearest to the day `ordinal`, at most `days` away; a tie goes to the earlier."""
        best = None
        distance = days + 1
        for value in self.values:
            away = abs(value.ordinal - ordinal)
            if away < distance:
                best, distance = value, away
        return best
