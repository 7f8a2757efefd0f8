"""What professionals read, in another language than English: sentences are recognised and said again.

The medicine says what it found in English sentences with values in them. A phrasebook holds each of these as
a pattern with `{placeholders}` beside its translation; a sentence that fits is said in the other language,
and what stood in the placeholders is looked up in turn. What no pattern fits stays as it is: the record's own
words do, and so would a sentence that nobody has translated yet, in English rather than not at all.

The name of a placeholder, but for a digit behind it, says what fits: `n` a number, `day` a date, `level` one
level or several as `wording.level` says them, `what` words without any sign, `finding` words with no sign but
brackets, `name` words without a colon or full stop, `unit` the same without digits, `list` items between
commas, anything else any text.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple

from service.languages import ENGLISH, LOCALES

_DATE: Final = r"\d{4}-\d\d-\d\d"
_NUMBER: Final = r"[<>]?=?-?\d+(?:\.\d+)?"
_LEVEL: Final = rf"[^;:(]+? {_NUMBER} × ULN(?: \([^;]+?, limit {_NUMBER}, [^;]+?\))? on {_DATE}"
_FITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "n": _NUMBER,
        "day": _DATE,
        "level": rf"{_LEVEL}(?:; {_LEVEL})*",
        "what": r"[^;:,.(]+?",
        "finding": r"[^;:,.]+?",
        "name": r"[^;:.]+?",
        "unit": r"[^;:.,\d]+?",
        "list": r"[^;:.]+?",
    }
)
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_SENTENCES: Final = re.compile(r"(?<=\.) +(?=[A-Z0-9])")


class Signs(NamedTuple):
    """How a language sets parts beside each other."""

    space: str
    """Between sentences."""
    comma: str
    """Between the items of a list."""
    semicolon: str
    colon: str
    stop: str


_SIGNS: Final[Mapping[str, Signs]] = MappingProxyType(
    {
        ENGLISH: Signs(" ", ", ", "; ", ": ", ". "),
        "zh-CN": Signs("", "\u3001", "\uff1b", "\uff1a", "\u3002"),
    }
)


class Phrasebook:
    """Says sentences in one language."""

    def __init__(self, language: str, phrases: Mapping[str, str]) -> None:
        self.language = language
        """BCP 47."""
        self.signs = _SIGNS[language]
        self._exact = {english: said for english, said in phrases.items() if "{" not in english}
        patterns = [(english, said) for english, said in phrases.items() if "{" in english]
        patterns.sort(key=lambda each: _rank(each[0]))
        self._patterns = [(_pattern(english), said) for english, said in patterns]

    def say(self, text: str) -> str:
        """A text in this language, sentence by sentence; one that is not known as a whole, part by part."""
        if self.language == ENGLISH:
            return text
        sentences = _SENTENCES.split(text)
        if len(sentences) > 1 and text not in self._exact:
            return self.signs.space.join(map(self.say, sentences))
        whole = self._whole(text)
        if whole is None and "; " in text:
            return self.signs.semicolon.join(map(self.say, text.split("; ")))
        return text if whole is None else whole

    def _whole(self, text: str) -> str | None:
        exact = self._exact.get(text)
        if exact is not None:
            return exact
        for pattern, said in self._patterns:
            found = pattern.fullmatch(text)
            if found is not None:
                parts = found.groupdict()
                return said.format(**{name: self._part(name, part) for name, part in parts.items()})
        return None

    def _part(self, name: str, part: str) -> str:
        """What stood in a placeholder; of a list each item."""
        if _kind(name) == "list":
            return self.signs.comma.join(map(self.say, part.split(", ")))
        return self.say(part)


def _rank(english: str) -> tuple[int, int]:
    """The more letters a pattern has of its own, the sooner it is tried; then the more signs."""
    own = _PLACEHOLDER.sub("", english)
    return -sum(map(str.isalpha, own)), -len(own)


def _kind(name: str) -> str:
    """What kind of text a placeholder is for: its name without a number behind it."""
    return name.rstrip("0123456789")


def _pattern(english: str) -> re.Pattern[str]:
    """The pattern as a regular expression."""
    built, end = "", 0
    for found in _PLACEHOLDER.finditer(english):
        fits = _FITS.get(_kind(found[1]), ".+?")
        built += f"{re.escape(english[end : found.start()])}(?P<{found[1]}>{fits})"
        end = found.end()
    return re.compile(built + re.escape(english[end:]))


@cache
def phrasebook(language: str) -> Phrasebook:
    """The phrases of one of `LOCALES`; English is said as it is.

    Raises:
        KeyError: there is no such language.
    """
    if language == ENGLISH:
        return Phrasebook(language, {})
    file = files("service.languages").joinpath(LOCALES[language], "phrases.toml")
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return Phrasebook(
        language, {english: said for table in tables.values() for english, said in table.items()}
    )
