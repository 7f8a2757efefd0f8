"""The rulebook: every threshold the medicine uses, read from TOML, each with its citation and evidence tag.

`load_rulebook()` gives the one shipped with this release. A site's rulebook names its parent and gives only
what differs; its digest and the text that is kept are those of the effective rules, complete without the
parent. Two texts that differ only in comments, spacing or key order have one digest: it is the SHA-256 of the
parsed content as JSON with sorted keys.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from service.clinical.analytes import Analyte
from service.clinical.change_limits import ChangeLimits, TrendLimits, change_limits, trend_limits
from service.clinical.rulebook_checks import contradictions
from service.clinical.rulebook_merge import OWN_KEYS, merge, render
from service.clinical.rulebook_reader import Entry, Reader, refused
from service.clinical.rulebook_texts import SiteTexts, read_texts
from service.clinical.thresholds import Rules, UlnPolicy
from service.errors import ConfigurationError

SHIPPED = Path(__file__).parent / "rulebooks" / "2026.1.toml"
"""The rulebook of this release."""

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")

_UNSHOWABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""Control characters that neither FHIR nor every database takes."""

TextOf = Callable[[str], str | None]
"""Gives the text of the rulebook of a version; None where there is none."""


class RulebookRefused(ConfigurationError):
    """A rulebook that cannot be used, with everything that is wrong with it."""

    def __init__(self, problems: list[ConfigurationError]) -> None:
        super().__init__("; ".join(each.message for each in problems), where=problems[0].where)
        self.problems = tuple(each.message for each in problems)


class Difference(NamedTuple):
    """An entry that two rulebooks do not have in common; None where one has no such entry."""

    path: str
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A rulebook as read, with what follows from it computed once."""

    version: str
    digest: str
    """SHA-256 (hex) of the content; comments and layout do not change it."""
    text: str
    """What to keep beside the digest: the text as given, or with a parent the effective rules as one text."""
    citations: Mapping[str, str]
    """Citation key → full reference."""
    entries: Mapping[str, Entry]
    """Dotted path (`limits.upper.ALT.men`) → value, citation and tag: what the rule pages show."""
    rules: Rules
    change: Mapping[Analyte, ChangeLimits]
    """Reference change limits of each analyte as factors of the baseline."""
    trend: TrendLimits
    """The critical values of the Mann-Kendall test."""
    released: date | None = None
    """When this version was released, where it says so."""
    parent: "Rulebook | None" = None
    """What a site's rulebook is written over."""
    texts: SiteTexts = field(default_factory=dict)
    """Paragraphs of advice that are said otherwise than in this release."""

    @property
    def history(self) -> "tuple[Rulebook, ...]":
        """This rulebook and those it is written over, the newest first."""
        return (self, *(self.parent.history if self.parent else ()))

    @property
    def uln_policy(self) -> UlnPolicy:
        """Whose upper limit counts: the laboratory's, the guideline's, or the stricter of both."""
        return self.rules.limits.policy

    def entries_under(self, paths: Iterable[str]) -> dict[str, Entry]:
        """The entries at these dotted paths or below them, in the order of the paths."""
        return {
            path: entry
            for wanted in paths
            for path, entry in self.entries.items()
            if f"{path}.".startswith(f"{wanted}.")
        }

    def __hash__(self) -> int:
        return hash(self.digest)


def load_rulebook(path: Path | None = None) -> Rulebook:
    """The rulebook in the file at `path`, or the one shipped with this release.

    Raises ConfigurationError naming the key, what was found and what is accepted.
    """
    if path is None:
        return _shipped()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"rulebook: cannot read {path}: {error}", where=str(path)) from error
    return parse_rulebook(
        text, lambda version: shipped_text(version) or _text_of(path.parent / f"{version}.toml")
    )


def shipped_text(version: str) -> str | None:
    """The text of a rulebook shipped with this release."""
    return _text_of(SHIPPED.parent / f"{version}.toml")


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


@lru_cache(maxsize=1)
def _shipped() -> Rulebook:
    return parse_rulebook(SHIPPED.read_text(encoding="utf-8"))


def parse_rulebook(text: str, text_of: TextOf = shipped_text) -> Rulebook:
    """The rulebook written in `text` (TOML).

    Args:
        text: a whole rulebook, or a site's, which names its parent and gives only what differs.
        text_of: where parents are found.

    Raises:
        RulebookRefused: it is malformed or contradicts itself; says everything that is wrong.
        ConfigurationError: it is not TOML, or its parent cannot be used.
    """
    return _parse(text, text_of, ())


def differences(before: Rulebook, after: Rulebook) -> Iterator[Difference]:
    """The entries in which `after` differs from `before` by value, citation or tag, in their order."""
    for path in dict.fromkeys((*before.entries, *after.entries)):
        difference = Difference(path, before.entries.get(path), after.entries.get(path))
        if difference.before != difference.after:
            yield difference


def _parse(text: str, text_of: TextOf, below: tuple[str, ...]) -> Rulebook:
    """`below`: versions of the rulebooks that are written over this one."""
    try:
        content: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    except (
        ValueError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise ConfigurationError(f"rulebook: not TOML: {error}", where="rulebook") from error
    version = content.get("version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise refused("version", version, 'a text such as "2026.1"')
    if "parent" not in content:
        return _read(content, version, text, None)
    parent = _parent(content["parent"], text_of, (*below, version))
    if version in (each.version for each in parent.history):
        raise refused("version", version, "a version of its own, not its parent's")
    whole = merge(tomllib.loads(parent.text, parse_float=Decimal), content)
    return _read(whole, version, None, parent)


def _parent(named: object, text_of: TextOf, below: tuple[str, ...]) -> Rulebook:
    if not isinstance(named, str) or not _VERSION.fullmatch(named):
        raise refused("parent", named, 'the version of another rulebook, such as "2026.1"')
    if named == below[-1]:
        raise refused("version", named, "a version of its own, not its parent's")
    if named in below:
        raise refused("parent", named, "a rulebook that is not itself written over this one")
    text = text_of(named)
    if text is None:
        known = ", ".join(sorted(each.stem for each in SHIPPED.parent.glob("*.toml")))
        raise refused("parent", named, f"a rulebook shipped with this release ({known}) or beside the file")
    parent = _parse(text, text_of, below)
    if parent.version != named:
        raise refused("parent", named, f"the version that its file states ({parent.version})")
    return parent


def _read(content: dict[str, Any], version: str, text: str | None, parent: Rulebook | None) -> Rulebook:
    citations = _citations(content.get("citations"))
    released = _released(content.get("released"))
    reader = Reader(frozenset(citations))
    tables = {key: value for key, value in content.items() if key not in (*OWN_KEYS, "citations", "texts")}
    rules: Rules = reader.read(Rules, tables, "")
    words, texts, unfit = read_texts(content.get("texts", {}), reader.citations)
    problems = [*reader.problems, *contradictions(reader.entries), *unfit]
    if problems:
        raise RulebookRefused(problems)
    return Rulebook(
        version=version,
        digest=_digest(content),
        text=render(content) if text is None else text,
        citations=MappingProxyType(citations),
        entries=MappingProxyType(reader.entries | words),
        rules=rules,
        change=MappingProxyType(_change(rules)),
        trend=trend_limits(rules.sustained_rise.p_value, rules.sustained_rise.exact_up_to),
        released=released,
        parent=parent,
        texts=MappingProxyType(texts),
    )


def _change(rules: Rules) -> dict[Analyte, ChangeLimits]:
    change = rules.change
    try:
        return {analyte: change_limits(change.cva, cvi, change.z) for analyte, cvi in change.cvi.items()}
    except ArithmeticError:
        raise refused("change", f"cva {change.cva}, z {change.z}", "a variation that is measurable") from None


def _released(found: Any) -> date | None:
    if found is None:
        return None
    try:
        return date.fromisoformat(found)
    except (TypeError, ValueError):
        raise refused("released", found, 'a date as text, such as "2026-11-25"') from None


def _citations(found: Any) -> dict[str, str]:
    if not isinstance(found, dict) or not found:
        raise refused("citations", found, "a table of citation key = full reference")
    for key, reference in found.items():
        if not key.strip() or not key.isprintable():
            raise refused("citations", key, "keys of printable characters")
        if not isinstance(reference, str) or not reference.strip() or _UNSHOWABLE.search(reference):
            raise refused(f"citations.{key}", reference, "the full reference as text")
    return found


def _digest(content: Mapping[str, Any]) -> str:
    def plain(value: object) -> str:
        return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)

    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=plain)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
