"""A number held to a bound: beyond it, not beyond it, or not to be told because it is censored."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from service.clinical.results import OPEN_ABOVE, Comparator, Measurement

_OPEN_BELOW = frozenset({Comparator.LESS, Comparator.LESS_OR_EQUAL})


class Side(StrEnum):
    """Where a number must lie to speak for a cause, in the words it is told in."""

    ABOVE = "above"
    FROM = "at least"
    BELOW = "below"
    UP_TO = "at most"

    @property
    def otherwise(self) -> str:
        """The words for where it does not lie there."""
        return _OTHERWISE[self]


_OTHERWISE = {
    Side.ABOVE: "not above",
    Side.FROM: "below",
    Side.BELOW: "not below",
    Side.UP_TO: "above",
}
_UPWARD = frozenset({Side.ABOVE, Side.FROM})


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound of the rulebook."""

    side: Side
    value: Decimal
    """In the measurement's unit."""
    own_first: bool = False
    """The laboratory's own limit takes its place where the measurement has one."""

    def of(self, given: Measurement) -> "Bound":
        """The bound that this measurement is held to."""
        own = given.high if self.side in _UPWARD else given.low
        return replace(self, value=own) if self.own_first and own is not None else self

    def met(self, value: Decimal, comparator: Comparator = Comparator.EXACT) -> bool | None:
        """Whether it lies beyond; None where the true value may lie on either side."""
        if self.side in _UPWARD:
            beyond = value > self.value or (value == self.value and self._reached_by(comparator))
            if comparator in _OPEN_BELOW:
                return None if beyond else False
            return True if beyond else _unless(comparator in OPEN_ABOVE)
        beyond = value < self.value or (value == self.value and self._reached_by(comparator))
        if comparator in OPEN_ABOVE:
            return None if beyond else False
        return True if beyond else _unless(comparator in _OPEN_BELOW)

    def _reached_by(self, comparator: Comparator) -> bool:
        """Whether the bound's own number lies beyond it: `>5` does above 5; 5 from 5 on, `<5` never."""
        outward, inward = Comparator.GREATER, Comparator.LESS
        if self.side not in _UPWARD:
            outward, inward = inward, outward
        return comparator is outward or (comparator is not inward and self.side in (Side.FROM, Side.UP_TO))


def _unless(is_open: bool) -> bool | None:
    return None if is_open else False
