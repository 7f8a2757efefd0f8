"""The rules as readers meet them: what each does in plain words, for whom, from what, and where it ends."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from service.clinical.rulebook import Rulebook
from service.clinical.rulebook_reader import Entry

_SHARED = ("users", "population", "limits", "gaps")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, for the kind of finding or criterion of its code."""

    code: str
    """As DetectedIssues name their finding; stands in addresses and never changes."""
    title: str
    words: str
    """What it does."""
    inputs: tuple[str, ...]
    entries: tuple[str, ...]
    """Dotted paths of the rulebook's entries; each stands for all below it."""
    orders: tuple[str, ...]
    """Names of the steps that it asks for itself."""
    work_up: tuple[str, ...]
    """Names of the others that an alert by it can ask for, by its causes and by what is not done yet."""
    users: tuple[str, ...]
    population: tuple[str, ...]
    limits: tuple[str, ...]
    gaps: tuple[str, ...]

    def entries_in(self, rulebook: Rulebook) -> dict[str, Entry]:
        """What it is judged by, as that rulebook has it, in the order of the paths."""
        return rulebook.entries_under(self.entries)

    def citations_in(self, rulebook: Rulebook) -> dict[str, str]:
        """Citation key → full reference of everything it is judged by."""
        used = dict.fromkeys(entry.citation for entry in self.entries_in(rulebook).values())
        return {key: rulebook.citations[key] for key in used}


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its code, in the order of the catalogue."""
    content = _catalogue()
    every = content["every"]
    found = {code: each for code, each in content.items() if code not in ("every", "work-up", "attributes")}
    shared = content["work-up"]["orders"]
    return MappingProxyType({code: _rule(code, each, every, shared) for code, each in found.items()})


@cache
def attributes() -> Mapping[str, str]:
    """What US rules ask to be said of every rule, by short name, beyond what the rulebook itself says."""
    said: dict[str, str] = _catalogue()["attributes"]
    return MappingProxyType(said)


def _catalogue() -> dict[str, Any]:
    return tomllib.loads(
        files("service.clinical.catalogues").joinpath("rules.toml").read_text(encoding="utf-8")
    )


def _rule(code: str, own: Mapping[str, Any], every: Mapping[str, Any], work_up: Sequence[str]) -> Rule:
    shared = {name: (*every[name], *own.get(name, ())) for name in _SHARED}
    listed = {name: tuple(own[name]) for name in ("inputs", "entries", "orders")}
    others = [name for name in work_up if name not in own["orders"]] if own.get("work_up", True) else ()
    return Rule(code=code, work_up=tuple(others), title=own["title"], words=own["words"], **listed, **shared)
