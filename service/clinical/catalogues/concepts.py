"""Recognises what records say, such as a disease, by SNOMED CT or ICD-10 code or by the words of its text.

A catalogue is one of the TOML files here; `conditions.toml` says what its fields mean. A code decides by
itself. The text counts as well, whatever the codes: most records carry codes that no list of ours holds, with
their names beside them. In it a name counts unless its sentence denies it ("no", "family history",
"vaccination").
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from service.clinical.catalogues.words import any_of
from service.clinical.results import Coding

_HERE = Path(__file__).parent
_EXACT = "snomed"
"""The system whose codes stand for themselves alone; those of the others also begin finer ones."""
_SENTENCES = re.compile(r"[;\n]|\.\s")
_LONGEST = 2000
"""Characters of a text in which names are sought: conditions with their displays are shorter, not letters."""


def _sentences(text: str) -> list[str]:
    """The sentences of `text` as far as it is read, without one that would be cut short of its denial."""
    *whole, last = _SENTENCES.split(text[:_LONGEST])
    return whole if len(text) > _LONGEST else [*whole, last]


class Denials(NamedTuple):
    """Words that deny a name in the same sentence."""

    before: re.Pattern[str]
    """Anywhere before it."""
    after: re.Pattern[str]
    """Behind it: at most three words later and no comma between, or directly behind a comma."""

    def deny(self, sentence: str, name: re.Match[str]) -> bool:
        """Whether the `sentence` denies the `name` found in it."""
        if self.before.search(sentence, 0, name.start()):
            return True
        return self.after.match(sentence, name.end()) is not None


def _denials(before: Iterable[str], after: Iterable[str]) -> Denials:
    return Denials(
        any_of(before, r"{}|\?"),
        any_of(after, r"(?:(?:[^\w,]+\w+){{0,3}}?[^\w,]+|,\s*){}|\s*\?"),
    )


class Concept(NamedTuple):
    """Something a record can say of a patient."""

    name: str
    implies: tuple[str, ...]
    """Names of the wider concepts that it is a kind of."""
    acute: bool
    """Only the present counts, not a history of it."""
    codes: frozenset[Coding]
    prefixes: tuple[Coding, ...]
    words: re.Pattern[str]
    lookalikes: re.Pattern[str]
    not_words: re.Pattern[str]
    denials: Denials

    def coded(self, codings: Iterable[Coding]) -> bool:
        """Whether one of the codes says it."""
        return any(coding in self.codes or self._begun(coding) for coding in codings)

    def _begun(self, coding: Coding) -> bool:
        return any(coding.system == system and coding.code.startswith(code) for system, code in self.prefixes)

    def named(self, text: str, sentences: Iterable[str]) -> bool:
        """Whether the `text`, case-folded and in `sentences`, names it and does not deny it."""
        if self.not_words.search(text):
            return False
        for whole in sentences:
            sentence = self.lookalikes.sub(" ", whole)
            if any(not self.denials.deny(sentence, name) for name in self.words.finditer(sentence)):
                return True
        return False


def _concept(row: Mapping[str, Any], systems: Mapping[str, str], denials: Mapping[bool, Denials]) -> Concept:
    acute = row.get("acute", False)
    given = [(key, Coding(system, code)) for key, system in systems.items() for code in row.get(key, ())]
    return Concept(
        name=row["name"],
        implies=tuple(row.get("implies", ())),
        acute=acute,
        codes=frozenset(coding for key, coding in given if key == _EXACT),
        prefixes=tuple(coding for key, coding in given if key != _EXACT),
        words=any_of(row.get("words", ())),
        lookalikes=any_of(row.get("lookalikes", ())),
        not_words=any_of(row.get("not_words", ())),
        denials=denials[acute],
    )


class Catalogue:
    """The concepts of one file, with what it takes to recognise them."""

    def __init__(self, file: str) -> None:
        content: dict[str, Any] = tomllib.loads((_HERE / file).read_text(encoding="utf-8"))
        words: Mapping[str, list[str]] = content.get("denials", {})
        before, after = words.get("before", []), words.get("after", [])
        denials = {
            False: _denials(before, after),
            True: _denials(before + words.get("past_before", []), after + words.get("past_after", [])),
        }
        self.concepts = tuple(_concept(row, content["systems"], denials) for row in content["concept"])
        self._implied = {concept.name: concept.implies for concept in self.concepts}

    def find(self, codings: tuple[Coding, ...], text: str) -> frozenset[str]:
        """The names of all concepts that the codes or the text say, with the wider ones these imply."""
        folded = text.casefold()
        sentences = _sentences(folded)
        found: set[str] = set()
        for concept in self.concepts:
            if concept.coded(codings) or concept.named(folded, sentences):
                self._add(concept.name, found)
        return frozenset(found)

    def _add(self, name: str, found: set[str]) -> None:
        found.add(name)
        for wider in self._implied[name]:
            self._add(wider, found)
