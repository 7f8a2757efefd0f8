"""New alerts week by week under two rulebooks, as numbers for inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_EDGE: Final = 6


@dataclass(frozen=True, slots=True)
class Weeks:
    """Coordinates in a box of `width` × `height`; up is more, from 0 to `most`."""

    width: int
    height: int
    most: int
    """The most of any week, at least 1."""
    before: str
    """Points of a polyline: a week each, the latest last."""
    after: str
    begins: date
    """The first day of the first week."""
    ends: date
    words: str
    """What it shows, for who does not see it."""


def weeks(before: Sequence[int], after: Sequence[int], last_day: date, width: int, height: int) -> Weeks:
    """The course of both.

    Args:
        before: alerts raised in each week by the rulebook in force, the latest last.
        after: and by the candidate, as many weeks.
        last_day: on which the last week ends.
        width: of the box.
        height: of the box.
    """
    most = max(1, *before, *after)

    def points(numbers: Sequence[int]) -> str:
        step = (width - 2 * _EDGE) / max(1, len(numbers) - 1)
        high = height - 2 * _EDGE
        return " ".join(
            f"{_EDGE + step * week:.1f},{_EDGE + high * (1 - number / most):.1f}"
            for week, number in enumerate(numbers)
        )

    words = (
        f"New alerts in each of {len(before)} weeks: {sum(before)} in all by the rulebook in force, at most "
        f"{max(before)} in a week; {sum(after)} in all by the candidate, at most {max(after)} in a week"
    )
    begins = last_day - timedelta(days=7 * len(before) - 1)
    return Weeks(width, height, most, points(before), points(after), begins, last_day, words)
