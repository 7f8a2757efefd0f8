"""Bands of age that people are told apart by, in lists and measures; no rule depends on them."""

from collections.abc import Mapping
from datetime import date
from typing import Final

AGES: Final[Mapping[str, tuple[str, int | None, int | None]]] = {
    "0-17": ("under 18", None, 17),
    "18-39": ("18 to 39", 18, 39),
    "40-64": ("40 to 64", 40, 64),
    "65-": ("65 and over", 65, None),
}
"""Words, and the least and greatest age in whole years."""


def age_band(born: date, day: date) -> str:
    """The key in AGES of who was born then, on a day."""
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return next(key for key, (_, _, oldest) in AGES.items() if oldest is None or years <= oldest)
