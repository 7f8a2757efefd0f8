"""Where words stand on a chart so that no line of results runs through them."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple
from unicodedata import east_asian_width

_LETTER: Final = 5
_WIDE_LETTER: Final = 9
"""Pixels, at the size that words have in a chart."""
_STEP: Final = 0.05
"""Of the chart's width."""

Line = Sequence[tuple[float, float]]
"""Places from left to right: shares of the chart's width, and heights."""


class Strip(NamedTuple):
    """What words take up, wherever they begin."""

    width: float
    """As a share of the chart's."""
    low: float
    high: float
    """Heights, in the unit of the lines'."""


def width_of(words: str) -> int:
    """About how wide words are drawn, in pixels."""
    return sum(_WIDE_LETTER if east_asian_width(each) in "WF" else _LETTER for each in words)


def clear_start(strip: Strip, lines: Iterable[Line]) -> float:
    """Where words begin: as far left as no line runs through them; at the left where one does everywhere.

    Returns:
        A share of the chart's width, from 0 to 1.
    """
    drawn = list(lines)
    starts = (step * _STEP for step in range(int((1 - strip.width) / _STEP) + 1))
    return next((each for each in starts if not any(_runs_through(line, each, strip) for line in drawn)), 0.0)


def _runs_through(line: Line, start: float, strip: Strip) -> bool:
    for (x, y), (next_x, next_y) in pairwise([*line, *line[-1:]]):
        begin, end = max(x, start), min(next_x, start + strip.width)
        if begin > end:
            continue
        rise = (next_y - y) / (next_x - x) if next_x > x else 0.0
        heights = (y + (begin - x) * rise, y + (end - x) * rise if next_x > x else next_y)
        if min(heights) <= strip.high and max(heights) >= strip.low:
            return True
    return False
