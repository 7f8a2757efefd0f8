"""A site's own words: paragraphs of advice that its rulebook says otherwise, by language.

`[texts.no-alcohol]` with `en = { value = "...", citation = "...", tag = "K" }` replaces that paragraph in
English; other languages keep the text of this release.
"""

import re
from collections.abc import Iterator, Mapping
from string import Formatter
from types import MappingProxyType
from typing import Any, Final

from service.clinical.advice import paragraphs
from service.clinical.rulebook_reader import TAGS, Entry, refused
from service.errors import ConfigurationError

SiteTexts = Mapping[str, Mapping[str, str]]
"""Name of a paragraph → language (BCP 47) → text, with the placeholders of the paragraph."""

NO_TEXTS: Final[SiteTexts] = MappingProxyType({})
LANGUAGES: Final = ("en", "zh-CN")
"""Languages that advice is written in: those of `service.languages`, which lies above the medicine."""
LONGEST: Final = 2000
"""Characters of a paragraph."""
_UNSHOWABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def read_texts(
    found: object, citations: frozenset[str]
) -> tuple[dict[str, Entry], dict[str, dict[str, str]], list[ConfigurationError]]:
    """Of the `texts` of a rulebook: entries by dotted path, the texts, and everything that does not fit."""
    entries: dict[str, Entry] = {}
    texts: dict[str, dict[str, str]] = {}
    problems: list[ConfigurationError] = []
    for name, language, given in _leaves(found, problems):
        path = f"texts.{name}.{language}"
        wrong = list(_wrong(name, language, given, path, citations))
        if wrong:
            problems += wrong
            continue
        entries[path] = Entry(given["value"], given["citation"], given["tag"])
        texts.setdefault(name, {})[language] = given["value"]
    return entries, texts, problems


def _leaves(found: object, problems: list[ConfigurationError]) -> Iterator[tuple[str, str, Any]]:
    if not isinstance(found, Mapping):
        problems.append(refused("texts", found, "a table of paragraphs of advice"))
        return
    for name, by_language in found.items():
        if isinstance(by_language, Mapping):
            yield from ((name, language, given) for language, given in by_language.items())
        else:
            problems.append(
                refused(f"texts.{name}", by_language, f"a table by language: {_listed(LANGUAGES)}")
            )


def _wrong(
    name: str, language: str, given: Any, path: str, citations: frozenset[str]
) -> Iterator[ConfigurationError]:
    if name not in paragraphs():
        yield refused(f"texts.{name}", name, f"a paragraph of advice: {_listed(paragraphs())}")
        return
    if language not in LANGUAGES:
        yield refused(path, language, f"a language: {_listed(LANGUAGES)}")
    if not isinstance(given, Mapping) or given.keys() != set(Entry._fields):
        yield refused(path, given, f"a table with the keys {_listed(Entry._fields)}")
        return
    if given["citation"] not in citations:
        yield refused(
            f"{path}.citation", given["citation"], f"a key of [citations]: {_listed(sorted(citations))}"
        )
    if given["tag"] not in TAGS:
        yield refused(f"{path}.tag", given["tag"], _listed(TAGS))
    yield from _wrong_words(given["value"], paragraphs()[name].text, f"{path}.value")


def _wrong_words(value: object, original: str, path: str) -> Iterator[ConfigurationError]:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST or _UNSHOWABLE.search(value):
        yield refused(path, value, f"a text of at most {LONGEST} characters")
        return
    needed = _placeholders(original)
    try:
        given = _placeholders(value)
    except ValueError:
        given = None
    if given != needed:
        wanted = _listed(f"{{{each}}}" for each in sorted(needed)) or "none"
        yield refused(path, value, f"a text with these placeholders and no other: {wanted}")


def _placeholders(text: str) -> set[str]:
    """Names in braces, with whatever is said of how to show them: nothing may be."""
    return {
        f"{name}{':' + how if how else ''}{'!' + turned if turned else ''}"
        for _, name, how, turned in Formatter().parse(text)
        if name is not None
    }


def _listed(names: Any) -> str:
    return ", ".join(names)
