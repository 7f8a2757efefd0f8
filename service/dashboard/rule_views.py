"""What the rule pages show, from the rulebook and the catalogue of rules."""

import re
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from service.clinical.catalogues.rules import Rule, attributes, rules
from service.clinical.rulebook import Rulebook, differences
from service.clinical.rulebook_checks import shown
from service.clinical.rulebook_reader import Entry

TAGS: Final = {
    "V": "read in the cited source",
    "V2": "read in a secondary source",
    "K": "to be confirmed by the site",
}
"""How well a number was checked, in words."""

_USES: Final = {
    "race": "Use of race",
    "ethnicity": "Use of ethnicity",
    "language": "Use of language",
    "sexual_orientation": "Use of sexual orientation",
    "gender_identity": "Use of gender identity",
    "sex": "Use of sex",
    "date_of_birth": "Use of date of birth",
    "social_determinants": "Use of social determinants of health data",
    "health_status": "Use of health status assessments data",
}


_SPELT: Final = {
    "alp": "ALP",
    "ctcae": "CTCAE",
    "cva": "CVa",
    "cvi": "CVi",
    "dili": "DILI",
    "hys": "Hy's",
    "inr": "INR",
    "n r": "nR",
}
"""Words of paths that are written otherwise in text."""


class Sourced(NamedTuple):
    """A value with where it comes from, for reading."""

    value: str
    citation: str
    reference: str
    tag: str


class Threshold(NamedTuple):
    """One entry of the rulebook."""

    words: str
    path: str
    now: Sourced


class Change(NamedTuple):
    """An entry that the rulebook has otherwise than its parent; None where one has no such entry."""

    words: str
    path: str
    before: Sourced | None
    after: Sourced | None


def thresholds(entries: Mapping[str, Entry], book: Rulebook) -> list[Threshold]:
    """Entries as rows of a table."""
    return [Threshold(_words(path), path, _sourced(entry, book)) for path, entry in entries.items()]


def count_to_confirm(entries: Mapping[str, Entry]) -> int:
    """How many of them a site must confirm before clinical use."""
    return sum(entry.tag == "K" for entry in entries.values())


def behind_every_rule(book: Rulebook) -> dict[str, Entry]:
    """The entries that no rule names as its own: which results are judged, limits of normal, and the like."""
    named = {path for rule in rules().values() for path in rule.entries_in(book)}
    return {path: entry for path, entry in book.entries.items() if path not in named}


def changes(before: Rulebook | None, after: Rulebook, only: Collection[str] | None = None) -> list[Change]:
    """What `after` has otherwise than `before`, in all or in the entries given.

    Nothing where `before` is None, as of a rulebook that is written over no other.
    """
    if before is None:
        return []
    return [
        Change(
            _words(each.path),
            each.path,
            each.before and _sourced(each.before, before),
            each.after and _sourced(each.after, after),
        )
        for each in differences(before, after)
        if only is None or each.path in only
    ]


def history(book: Rulebook) -> list[tuple[str, str, str]]:
    """Version, date of release and digest of the rulebook and of those it is written over."""
    return [(each.version, _date(each), each.digest) for each in book.history]


def source_attributes(rule: Rule, book: Rulebook) -> list[tuple[str, list[str]]]:
    """The thirteen that 45 CFR 170.315(b)(11)(iv)(A) lists, in its order, each with what there is to say."""
    said = attributes()
    return [
        ("Bibliographic citation", list(rule.citations_in(book).values())),
        ("Developer", [said["developer"]]),
        ("Funding source of the technical implementation", [said["funding"]]),
        (
            "Release and revision dates",
            [f"Rulebook {each.version}: {_date(each)}" for each in book.history],
        ),
        *((label, [said[name]]) for name, label in _USES.items()),
    ]


def _date(book: Rulebook) -> str:
    return book.released.isoformat() if book.released else "not stated"


def _words(path: str) -> str:
    """`urgent.hys_law.bilirubin_days` → `Urgent, hys law: bilirubin days`."""
    *sections, name = (_SPELT_OUT.sub(_spelt, part.replace("_", " ")) for part in path.split("."))
    where = ", ".join(sections)
    return f"{where[:1].upper()}{where[1:]}: {name}"


_SPELT_OUT = re.compile(rf"\b({'|'.join(_SPELT)})\b")


def _spelt(found: re.Match[str]) -> str:
    return _SPELT[found[0]]


def breakable(path: str) -> list[str]:
    """A path in pieces after which a narrow screen may break it."""
    return re.findall(r"[^._]+[._]?", path)


def _sourced(entry: Entry, book: Rulebook) -> Sourced:
    return Sourced(str(shown(entry.value)), entry.citation, book.citations[entry.citation], entry.tag)
