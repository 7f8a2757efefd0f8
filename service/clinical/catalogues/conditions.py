"""Tells what a recorded condition is, by code or by its text: one TOML file here for each state."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from service.clinical.catalogues.words import any_of
from service.clinical.results import Coding


class _State(NamedTuple):
    codes: frozenset[Coding]
    prefixes: tuple[tuple[str, str], ...]
    words: re.Pattern[str]
    not_words: re.Pattern[str]


@lru_cache
def _catalogue(name: str) -> _State:
    path = Path(__file__).parent / f"{name}.toml"
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return _State(
        frozenset(Coding(row["system"], row["code"]) for row in content.get("code", ())),
        tuple((system, row["code"]) for row in content.get("prefix", ()) for system in row["systems"]),
        any_of(content["text"]["words"]),
        any_of(content["text"]["not_words"]),
    )


@lru_cache(maxsize=4096)
def says(name: str, codings: tuple[Coding, ...], text: str) -> bool:
    """Whether the condition is what the file `name` describes; its text counts where no code is known."""
    known = _catalogue(name)
    for coding in codings:
        if coding in known.codes:
            return True
        if any(coding.system == system and coding.code.startswith(start) for system, start in known.prefixes):
            return True
    lowered = text.casefold()
    return bool(known.words.search(lowered)) and not known.not_words.search(lowered)
