"""A small chart of one test, in multiples of its limit, as numbers for inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import log2
from typing import Final

from service.clinical.day_values import DayValue

WIDTH: Final = 120
HEIGHT: Final = 32
_EDGE: Final = 3
_MOST: Final = 40
"""Values that are drawn: the latest."""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Coordinates in a box of WIDTH × HEIGHT; up is more, on a scale of doublings."""

    line: str
    """Points of the polyline."""
    last: tuple[str, str]
    """The latest value."""
    limit: str
    """The height of 1 × the limit."""
    words: str
    """What it shows, for who does not see it."""


def sparkline(values: Sequence[DayValue], name: str) -> Sparkline | None:
    """Of day-values, the oldest first; None where there are not two to join.

    Args:
        values: of one analyte.
        name: what it is called.
    """
    drawn = [value for value in values if value.multiple > 0][-_MOST:]
    if len(drawn) < 2:
        return None
    heights = [log2(value.multiple) for value in drawn]
    low, high = min(0.0, *heights), max(1.0, *heights)
    begin, end = drawn[0].ordinal, drawn[-1].ordinal
    wide, tall = WIDTH - 2 * _EDGE, HEIGHT - 2 * _EDGE

    def across(ordinal: int) -> str:
        return f"{_EDGE + wide * (ordinal - begin) / max(end - begin, 1):.1f}"

    def up(height: float) -> str:
        return f"{_EDGE + tall * (high - height) / (high - low):.1f}"

    points = [(across(value.ordinal), up(height)) for value, height in zip(drawn, heights, strict=True)]
    first, last = drawn[0], drawn[-1]
    words = (
        f"{name}, {len(drawn)} days of testing from {first.day} to {last.day}: "
        f"{_times(first.multiple)} to {_times(last.multiple)} the limit, "
        f"highest {_times(max(value.multiple for value in drawn))}"
    )
    return Sparkline(" ".join(map(",".join, points)), points[-1], up(0.0), words)


def _times(multiple: Decimal) -> str:
    return f"{multiple:.1f} ×"
