"""Reads what imaging or a biopsy found (`findings.toml`): that it is there, not there, or unclear."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from service.clinical.catalogues.conditions import known_conditions
from service.clinical.catalogues.words import NEVER, any_of
from service.clinical.results import Answer, Coding

_SENTENCES = re.compile(r"[;\n]|\.(?=\s|$)")
_CLAUSES = re.compile(r",|\sbut\s|\swith\s")
_LONGEST = 2000
"""Characters of a conclusion that are read: it is a line or two, not the report."""
_WEIGHT = {Answer.NEGATIVE: 0, Answer.UNCLEAR: 1, Answer.POSITIVE: 2}


class _Finding(NamedTuple):
    name: str
    concept: str
    words: tuple[re.Pattern[str], ...]
    lookalikes: re.Pattern[str]
    normal: re.Pattern[str]
    not_words: re.Pattern[str]

    def coded(self, codings: Iterable[Coding]) -> bool:
        concept = _concepts().get(self.concept)
        return concept is not None and concept.coded(codings)

    def named(self, sentence: str) -> Iterator[re.Match[str]]:
        cleaned = self.lookalikes.sub(lambda found: " " * len(found[0]), sentence)
        return (found for words in self.words for found in words.finditer(cleaned))


class _Language(NamedTuple):
    """The words that say how sure it is."""

    denials: re.Pattern[str]
    denied_after: re.Pattern[str]
    hedges: re.Pattern[str]
    not_excluded: re.Pattern[str]
    normal_grades: re.Pattern[str]
    grades: re.Pattern[str]


@lru_cache(maxsize=1)
def _concepts() -> Mapping[str, Any]:
    return {concept.name: concept for concept in known_conditions()}


@lru_cache(maxsize=1)
def _catalogue() -> tuple[tuple[_Finding, ...], _Language]:
    path = Path(__file__).parent / "findings.toml"
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    never: list[str] = content.pop("not_words")
    language = _Language(
        any_of(content.pop("denials")),
        any_of(content.pop("denied_after"), r"(?:[^\w,]+\w+){{0,2}}?[^\w,]*{}"),
        any_of(content.pop("hedges"), r"{}|\?"),
        any_of(content.pop("not_excluded")),
        any_of(content.pop("normal_grades")),
        any_of(content.pop("grades")),
    )
    found = []
    for name, row in content.items():
        concept = _concepts().get(row.get("concept", ""))
        own = any_of(row.get("words", ()))
        found.append(
            _Finding(
                name,
                row.get("concept", ""),
                (own,) if concept is None else (own, concept.words),
                NEVER if concept is None else concept.lookalikes,
                any_of(row.get("normal", ())),
                any_of([*never, *row.get("not_words", ())]),
            )
        )
    return tuple(found), language


def names() -> tuple[str, ...]:
    """Every finding of the catalogue."""
    return tuple(each.name for each in _catalogue()[0])


@lru_cache(maxsize=4096)
def finding_named(codings: tuple[Coding, ...], text: str) -> str | None:
    """The finding that an Observation with this code, or these words for its code, is about."""
    lowered = text.casefold()[:_LONGEST]
    for each in _catalogue()[0]:
        if each.not_words.search(lowered):
            continue
        if each.coded(codings) or next(each.named(lowered), None) is not None:
            return each.name
    return None


def answered(name: str, text: str) -> Answer | None:
    """What a value in words says of that finding; None where that cannot be told."""
    said = concluded((), text, "").get(name)
    if said is not None:
        return said
    lowered, language = text.casefold()[:_LONGEST], _catalogue()[1]
    if language.hedges.search(lowered):
        return Answer.UNCLEAR
    if language.normal_grades.search(lowered):
        return Answer.NEGATIVE
    return Answer.POSITIVE if language.grades.search(lowered) else None


@lru_cache(maxsize=4096)
def concluded(codings: tuple[Coding, ...], text: str, displays: str) -> Mapping[str, Answer]:
    """What a conclusion says of each finding that it names.

    Its text says how sure that is. Where the text does not name what its codes (or their `displays`) do, they
    count, unless the text denies or hedges: then it is unclear what of.
    """
    known, language = _catalogue()
    said: dict[str, Answer] = {}
    for each in known:
        answer = _said(each, text, language)
        if answer is None:
            answer = Answer.POSITIVE if each.coded(codings) else _said(each, displays, language)
            lowered = text.casefold()
            if answer and (language.denials.search(lowered) or language.hedges.search(lowered)):
                answer = Answer.UNCLEAR
        if answer is not None:
            said[each.name] = answer
    return said


def surest(answers: Iterable[Answer]) -> Answer:
    """What holds of several sentences on one finding: one that finds it, else one that is unsure."""
    return max(answers, key=_WEIGHT.__getitem__)


def _said(finding: _Finding, text: str, language: _Language) -> Answer | None:
    found = [
        answer
        for sentence in _SENTENCES.split(text.casefold()[:_LONGEST])
        for answer in _said_in(finding, sentence, language)
    ]
    return surest(found) if found else None


def _said_in(finding: _Finding, sentence: str, language: _Language) -> Iterator[Answer]:
    if finding.not_words.search(sentence):
        return
    if finding.normal.search(sentence):
        yield Answer.NEGATIVE
        return
    for name in finding.named(sentence):
        before = sentence[: name.start()]
        clause = _CLAUSES.split(before)[-1]
        if language.not_excluded.search(sentence):
            yield Answer.UNCLEAR
        elif language.denials.search(clause) or language.denied_after.match(sentence, name.end()):
            yield Answer.NEGATIVE
        elif language.hedges.search(sentence) or language.denials.search(before):
            yield Answer.UNCLEAR
        else:
            yield Answer.POSITIVE
