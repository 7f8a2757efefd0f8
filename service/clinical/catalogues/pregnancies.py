"""Tells whether a recorded condition is a pregnancy, by code or by its text."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from service.clinical.results import Coding


class _Pregnancy(NamedTuple):
    codes: frozenset[Coding]
    prefixes: tuple[tuple[str, str], ...]
    words: re.Pattern[str]
    not_words: re.Pattern[str]


@lru_cache(maxsize=1)
def _catalogue() -> _Pregnancy:
    content: dict[str, Any] = tomllib.loads(
        (Path(__file__).parent / "pregnancy.toml").read_text(encoding="utf-8")
    )
    return _Pregnancy(
        frozenset(Coding(row["system"], row["code"]) for row in content["code"]),
        tuple((system, row["code"]) for row in content["prefix"] for system in row["systems"]),
        _any_of(content["text"]["words"]),
        _any_of(content["text"]["not_words"]),
    )


def _any_of(words: list[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)")


@lru_cache(maxsize=4096)
def is_pregnancy(codings: tuple[Coding, ...], text: str) -> bool:
    """Whether the condition says that the patient is pregnant; its text counts where no code is known."""
    known = _catalogue()
    for coding in codings:
        if coding in known.codes:
            return True
        if any(coding.system == system and coding.code.startswith(start) for system, start in known.prefixes):
            return True
    lowered = text.casefold()
    return bool(known.words.search(lowered)) and not known.not_words.search(lowered)
