"""Tells which context measurement an Observation is, by LOINC code or by its words, and reads its units.

The catalogue is `measurements.toml`. What it does not know is no context of ours.
"""

import re
import tomllib
from collections.abc import Collection, Iterable
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from service.clinical.analytes import LOINC
from service.clinical.catalogues.words import any_of
from service.clinical.results import Coding


class Kind(NamedTuple):
    """One measurement of the catalogue."""

    name: str
    codes: frozenset[str]
    """LOINC codes."""
    words: re.Pattern[str]
    not_words: re.Pattern[str]
    unit: str
    """The unit its numbers are kept in; empty where only an answer in words is read."""
    units: dict[str, Decimal]
    """Reported unit → factor to `unit`."""


@lru_cache(maxsize=1)
def kinds() -> dict[str, Kind]:
    """Every measurement, by name, in the order in which their words are tried."""
    path = Path(__file__).parent / "measurements.toml"
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    never = content.pop("not_words")
    return {
        name: Kind(
            name,
            frozenset(row.get("loinc", ())),
            any_of(row["words"]),
            any_of([*_except(never, row.get("allows", ())), *row.get("not_words", ())]),
            row.get("unit", ""),
            {unit: Decimal(factor) for unit, factor in row.get("units", {}).items()},
        )
        for name, row in content.items()
    }


def _except(never: Iterable[str], allowed: Collection[str]) -> list[str]:
    return [word for word in never if word not in allowed]


@lru_cache(maxsize=1)
def _by_code() -> dict[str, Kind]:
    return {code: kind for kind in kinds().values() for code in kind.codes}


@lru_cache(maxsize=4096)
def kind_of(codings: tuple[Coding, ...], text: str) -> Kind | None:
    """The measurement these codes or, where none is known, these words (text and displays) name."""
    for coding in codings:
        if coding.system == LOINC and coding.code in _by_code():
            return _by_code()[coding.code]
    lowered = text.casefold()
    for kind in kinds().values():
        if kind.words.search(lowered) and not kind.not_words.search(lowered):
            return kind
    return None
