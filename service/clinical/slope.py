"""Theil-Sen slope of the logarithm, told as a doubling time. For the reader only; no rule rests on it."""

from collections.abc import Sequence
from decimal import Decimal
from math import log2
from statistics import median

from service.clinical.day_values import DayValue


_LEAST_SLOPE = 1e-6
"""Doublings a day under which nothing is said to rise."""


def doubling_days(values: Sequence[DayValue]) -> int | None:
    """Days in which the value doubles at the median slope of all pairs; None when it does not rise.

    Quadratic in the number of values: the caller bounds it.
    """
    points = [(value.ordinal, log2(Decimal(value.value))) for value in values if value.value > 0]
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for index, earlier in enumerate(points)
        for later in points[index + 1 :]
    ]
    slope = median(slopes) if slopes else 0.0
    return round(1 / slope) if slope > _LEAST_SLOPE else None
