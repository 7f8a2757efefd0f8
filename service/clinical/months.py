"""Calendar arithmetic: the years there are, whole months and age."""

from calendar import monthrange
from datetime import date
from decimal import Decimal
from typing import Final

POSSIBLE_YEARS: Final = range(1900, 2200)
"""Of days in anybody's record: nothing about a living patient is older, and years beyond are placeholders
(0001, 9999), not times. Far from the ends of the calendar, where days and months cannot be counted."""

_ALWAYS_THERE = 28
"""Every month has this day."""


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or that month's last (31 August and 6 months: 28 or 29 February)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    if day.day <= _ALWAYS_THERE:
        return date(year, month + 1, day.day)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def age_in_years(born: date, day: date) -> Decimal:
    """Age on `day` in years, with the part of the year since the last birthday (negative before birth: 0)."""
    if day < born:
        return Decimal(0)
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    since = add_months(born, 12 * years)
    return years + Decimal((day - since).days) / 366
