"""A measure's course over the months, as numbers for inline SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from service.quality.measures import Figure

_EDGE: Final = 6


class Dot(NamedTuple):
    """One month."""

    x: str
    y: str
    words: str


@dataclass(frozen=True, slots=True)
class Trend:
    """Coordinates in a box of `width` × `height`; up is more, from 0 to 100 %."""

    width: int
    height: int
    dots: Sequence[Dot]
    lines: Sequence[str]
    """Points of polylines, broken where nothing was counted in a month."""
    words: str
    """What it shows, for who does not see it."""


def trend(months: Mapping[str, Figure], title: str, width: int, height: int) -> Trend | None:
    """The share of each month; None where there are not two to compare.

    Args:
        months: by `2026-03`, those in which something was counted.
        title: of the measure.
        width: of the box.
        height: of the box.
    """
    shares = {month: figure.rate for month, figure in months.items() if figure.rate is not None}
    if len(shares) < 2:
        return None
    places = {month: _ordinal(month) for month in shares}
    first, last = min(places.values()), max(places.values())

    def dot(month: str) -> Dot:
        x = _EDGE + (width - 2 * _EDGE) * (places[month] - first) / (last - first)
        y = _EDGE + (height - 2 * _EDGE) * (1 - shares[month])
        figure = months[month]
        words = f"{month}: {figure.numerator} of {figure.denominator}, {shares[month]:.0%}"
        return Dot(f"{x:.1f}", f"{y:.1f}", words)

    dots = {month: dot(month) for month in sorted(shares)}
    runs = [
        [month for _, month in run]
        for _, run in groupby(enumerate(dots), lambda item: places[item[1]] - item[0])
    ]
    lines = [" ".join(f"{dots[month].x},{dots[month].y}" for month in run) for run in runs if len(run) > 1]
    ends = f"{dots[min(dots)].words}; {dots[max(dots)].words}"
    return Trend(width, height, list(dots.values()), lines, f"{title}, {len(dots)} months. {ends}")


def _ordinal(month: str) -> int:
    year, number = month.split("-")
    return int(year) * 12 + int(number)
