"""Whether a database was judged by the rules in hand. A shell may have other settings than the service has.

A source's own settings stand in the database, so that nobody can disagree about them; the rulebook and the
clock come from outside.
"""

import tomllib
from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from service.errors import Conflict
from service.ingest.rules import Rules
from service.store import decisions, patients, sources

_CLOCKS: Mapping[str, str] = {"system": "as of now", "data": "as of each patient's newest result"}


class Basis(NamedTuple):
    """What records are judged by."""

    rulebook: str
    """Digest."""
    clock: str
    name: str
    """The rulebook's version and the beginning of its digest."""

    def __str__(self) -> str:
        return f"by rulebook {self.name}, {_CLOCKS.get(self.clock, '')} (clock {self.clock})"


def basis_of(rules: Rules) -> Basis:
    """What those rules are."""
    return Basis(rules.rulebook.digest, rules.clock, _name(rules.rulebook.version, rules.rulebook.digest))


def other_bases(
    connection: Connection, rules: Rules, read_digests: Collection[str] | None = None
) -> list[Basis | None]:
    """What else than `rules` records were judged by: those with these digests, or all.

    None stands for what is not on record: that of records that were stored and never judged, as after a load
    that was stopped.
    """
    own = {rules.digest(each) for each in sources.every(connection)}
    foreign = set(patients.read_digests(connection) if read_digests is None else read_digests) - own
    if not foreign:
        return []
    texts = decisions.texts_of(connection, foreign)
    said = {tuple(text.split()) for text in texts.values()}
    books = decisions.texts_of(connection, {rulebook for rulebook, _, _ in said})
    found = {
        Basis(rulebook, clock, _name(_version(books.get(rulebook, "")), rulebook))
        for rulebook, _, clock in said
        if (rulebook, clock) != (rules.rulebook.digest, rules.clock)
    }
    return [*sorted(found), *([None] if foreign - texts.keys() else [])]


def check_agreement(
    connection: Connection, rules: Rules, read_digests: Collection[str] | None = None
) -> None:
    """Refuse to go on by other rules than the records with these digests, or all, were judged by.

    Raises:
        Conflict: naming both, and what to do.
    """
    others = other_bases(connection, rules, read_digests)
    if not others:
        return
    there = " and ".join(str(each or "by something that is not on record") for each in others)
    own = basis_of(rules)
    known = [each for each in others if each is not None]
    remedies = []
    if any(each.clock != own.clock for each in known):
        remedies.append("--clock or LIVERWATCH_CLOCK")
    if any(each.rulebook != own.rulebook for each in known):
        remedies.append("LIVERWATCH_RULEBOOK")
    use = f"use the service's settings ({', '.join(remedies)}), or " if remedies else ""
    raise Conflict(
        f"records here were judged {there}, and this would go on {own}: {use}"
        "run `liverwatch rejudge` to judge everything by the settings of now"
    )


def _name(version: str, digest: str) -> str:
    return f"{version} ({digest[:12]})"


def _version(text: str) -> str:
    """The version that a rulebook's text states; a release may no longer be able to read all of it."""
    try:
        return str(tomllib.loads(text).get("version", "of unknown version"))
    except tomllib.TOMLDecodeError:
        return "of unknown version"
