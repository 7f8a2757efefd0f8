"""What the candidate causes are called, which steps belong to them, and how they go on (`causes.toml`)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from service.clinical.causes.cause import CauseName


@dataclass(frozen=True, slots=True)
class KnownCause:
    """One cause as the catalogue describes it."""

    name: CauseName
    title: str
    next_steps: tuple[str, ...]
    """Names of the steps that look for it or treat it, the most telling first."""
    once_likely: tuple[str, ...]
    """Names of the steps that wait until the first of those is done and more speaks for it than against."""
    course: str
    """What happens once it is dealt with."""
    recheck: str
    """When the tests are to be repeated."""
    source: str
    """The guideline or specification that says so."""
    tag: str
    """How that was checked: V, V2 or K, as in the rulebook."""


@cache
def known_causes() -> Mapping[CauseName, KnownCause]:
    """Every cause by its name, in the order of the catalogue.

    Raises:
        ValueError: the catalogue describes what is no cause.
    """
    text = files("service.clinical.catalogues").joinpath("causes.toml").read_text(encoding="utf-8")
    found = {}
    for key, entry in tomllib.loads(text).items():
        name = CauseName(key)
        found[name] = KnownCause(
            name=name,
            next_steps=tuple(entry["next_steps"]),
            once_likely=tuple(entry.get("once_likely", ())),
            **{each: entry[each] for each in ("title", "course", "recheck", "source", "tag")},
        )
    return MappingProxyType(found)
