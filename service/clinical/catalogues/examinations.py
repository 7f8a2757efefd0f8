"""Tells which examination of the liver was ordered or done, by code or by its words (`examinations.toml`)."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from service.clinical.analytes import LOINC
from service.clinical.catalogues.words import any_of
from service.clinical.results import Coding

_SNOMED = "http://snomed.info/sct"


class _Examination(NamedTuple):
    name: str
    codes: frozenset[Coding]
    all_of: tuple[re.Pattern[str], ...]
    told_by_results: bool


@lru_cache(maxsize=1)
def _catalogue() -> tuple[tuple[_Examination, ...], re.Pattern[str]]:
    path = Path(__file__).parent / "examinations.toml"
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    never = any_of(content.pop("not_words"))
    found = []
    for name, row in content.items():
        snomed = (Coding(_SNOMED, code) for code in row.get("snomed", ()))
        loinc = (Coding(LOINC, code) for code in row.get("loinc", ()))
        words = tuple(any_of(group) for group in row["all_of"])
        found.append(
            _Examination(name, frozenset((*snomed, *loinc)), words, row.get("told_by_results", False))
        )
    return tuple(found), never


def names() -> tuple[str, ...]:
    """Every examination of the catalogue."""
    return tuple(each.name for each in _catalogue()[0])


@lru_cache(maxsize=1)
def told_by_results() -> frozenset[str]:
    """The examinations of which only orders are read: that they were done, their results tell."""
    return frozenset(each.name for each in _catalogue()[0] if each.told_by_results)


@lru_cache(maxsize=4096)
def examination(codings: tuple[Coding, ...], text: str) -> str | None:
    """The examination these codes or, where none is known, these words name; None for any other."""
    known, never = _catalogue()
    for each in known:
        if not each.codes.isdisjoint(codings):
            return each.name
    lowered = text.casefold()
    if never.search(lowered):
        return None
    for each in known:
        if all(words.search(lowered) for words in each.all_of):
            return each.name
    return None
