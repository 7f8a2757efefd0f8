"""What advice says: the paragraphs of a step, as they fit what else is advised. Source: clinical.md §12.

A paragraph may ask that another step is advised beside it, or that none is that it would contradict: who is
told to rest is not told to exercise more. Texts are in English here; `{recheck}` stands for the day by which
the next blood test is due.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple

from service.clinical.recommendations import OVERDUE, OVERDUE_AFTER_REST, REPEAT_PANEL, Audience, Orderable

RECHECKS: Final = (REPEAT_PANEL, OVERDUE, OVERDUE_AFTER_REST)
"""The steps that ask for the next blood test."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph, as the catalogue has it."""

    name: str
    text: str
    audience: Audience
    when: frozenset[str]
    """Said only where one of these steps is advised too; empty: always."""
    unless: frozenset[str]
    """Not said where one of these steps is advised."""

    def fits(self, advised: Mapping[str, date]) -> bool:
        """Whether it is said beside those steps."""
        return (not self.when or not self.when.isdisjoint(advised)) and self.unless.isdisjoint(advised)


class Said(NamedTuple):
    """A paragraph that is said."""

    name: str
    text: str
    """In English, with its placeholders."""
    values: Mapping[str, date]
    """What stands in them."""


@cache
def paragraphs() -> Mapping[str, Paragraph]:
    """Every paragraph that advice is made of, by name."""
    text = files("service.clinical.catalogues").joinpath("advice.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            name: Paragraph(
                name,
                entry["text"],
                Audience(entry["audience"]),
                frozenset(entry.get("when", ())),
                frozenset(entry.get("unless", ())),
            )
            for name, entry in tomllib.loads(text).items()
        }
    )


def said(order: Orderable, advised: Mapping[str, date]) -> tuple[Said, ...]:
    """What an advice says, in its order.

    Args:
        order: the step.
        advised: every step that the alert advises, and when it is due.
    """
    due = [advised[name] for name in RECHECKS if name in advised]
    values = {"recheck": min(due)} if due else {}
    parts = (paragraphs()[name] for name in order.says)
    return tuple(Said(part.name, part.text, values) for part in parts if part.fits(advised))
