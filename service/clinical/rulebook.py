"""The rulebook: every threshold the medicine uses, read from TOML, each with its citation and evidence tag.

`load_rulebook()` gives the one shipped with this release. Two texts that differ only in comments, spacing or
key order have one digest: it is the SHA-256 of the parsed content as JSON with sorted keys.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from service.clinical.analytes import Analyte
from service.clinical.change_limits import ChangeLimits, TrendLimits, change_limits, trend_limits
from service.clinical.rulebook_reader import Entry, Reader, refused
from service.clinical.thresholds import Rules, UlnPolicy
from service.errors import ConfigurationError

SHIPPED = Path(__file__).parent / "rulebooks" / "2026.1.toml"
"""The rulebook of this release."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A rulebook as read, with what follows from it computed once."""

    version: str
    digest: str
    """SHA-256 (hex) of the content; comments and layout do not change it."""
    text: str
    """The text as given, for keeping beside the digest."""
    citations: Mapping[str, str]
    """Citation key → full reference."""
    entries: Mapping[str, Entry]
    """Dotted path (`limits.upper.ALT.men`) → value, citation and tag: what the rule pages show."""
    rules: Rules
    change: Mapping[Analyte, ChangeLimits]
    """Reference change limits of each analyte as factors of the baseline."""
    trend: TrendLimits
    """The critical values of the Mann-Kendall test."""

    @property
    def uln_policy(self) -> UlnPolicy:
        """Whose upper limit counts: the laboratory's, the guideline's, or the stricter of both."""
        return self.rules.limits.policy

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
    return parse_rulebook(text)


@lru_cache(maxsize=1)
def _shipped() -> Rulebook:
    return parse_rulebook(SHIPPED.read_text(encoding="utf-8"))


def parse_rulebook(text: str) -> Rulebook:
    """The rulebook written in `text` (TOML); ConfigurationError where it is malformed."""
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ArithmeticError) as error:
        raise ConfigurationError(f"rulebook: not TOML: {error}", where="rulebook") from error
    version = content.get("version")
    if not isinstance(version, str) or not version:
        raise refused("version", version, 'a text such as "2026.1"')
    citations = _citations(content.get("citations"))
    reader = Reader(frozenset(citations))
    tables = {key: value for key, value in content.items() if key not in ("version", "citations")}
    rules: Rules = reader.read(Rules, tables, "")
    if not rules.sustained_rise.p_value < 1:
        raise refused("sustained_rise.p_value.value", rules.sustained_rise.p_value, "a number below 1")
    return Rulebook(
        version=version,
        digest=_digest(content),
        text=text,
        citations=MappingProxyType(citations),
        entries=MappingProxyType(reader.entries),
        rules=rules,
        change=MappingProxyType(
            {a: change_limits(rules.change.cva, cvi, rules.change.z) for a, cvi in rules.change.cvi.items()}
        ),
        trend=trend_limits(rules.sustained_rise.p_value, rules.sustained_rise.exact_up_to),
    )


def _citations(found: Any) -> dict[str, str]:
    if not isinstance(found, dict) or not found:
        raise refused("citations", found, "a table of citation key = full reference")
    for key, reference in found.items():
        if not isinstance(reference, str) or not reference.strip():
            raise refused(f"citations.{key}", reference, "the full reference as text")
    return found


def _digest(content: Mapping[str, Any]) -> str:
    def plain(value: object) -> str:
        return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)

    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=plain)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
