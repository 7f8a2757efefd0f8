"""Whether the audit log is what it was: its chain walked through, and held to what was kept outside."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from service.store import audit_chain
from service.store.audit_chain import Head


@dataclass(frozen=True, slots=True)
class Problem:
    """The first thing that is wrong."""

    position: int
    """In the chain, from 1."""
    audit_id: int | None
    """Number of the record, where it is known."""
    what: str
    """In words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    head: Head
    """How far the chain is sound, or where it ends."""
    unchained: int
    """Records that are not in the chain yet."""
    unchained_since: datetime | None
    problem: Problem | None


def verify(connection: Connection, anchors: Iterable[Head] = ()) -> Verdict:
    """Walk the whole chain, in bounded memory, and stop at the first thing that is wrong.

    Found are records that were changed, taken out, put in between, or put in another order. A chain cut off
    at its end, or written anew from some place on, is found by `anchors`: heads that were kept outside.

    Args:
        connection: one snapshot of the database.
        anchors: what was kept outside, in any order.
    """
    kept: dict[int, set[str]] = {}
    for anchor in anchors:
        kept.setdefault(anchor.position, set()).add(anchor.hash)
    sound = Head(0, audit_chain.BEGINNING)
    problem = None
    for link in audit_chain.links(connection):
        problem = _wrong_with(link, sound, kept.pop(link.position, set()))
        if problem is not None:
            break
        sound = Head(link.position, link.stored)
    if problem is None and (beyond := [position for position in kept if position > sound.position]):
        problem = Problem(
            sound.position + 1,
            None,
            f"the chain ends at {sound.position}, and had {max(beyond)} records when it was anchored",
        )
    count, since = audit_chain.unchained(connection)
    return Verdict(sound, count, since, problem)


def _wrong_with(link: audit_chain.Link, before: Head, anchored: set[str]) -> Problem | None:
    at = before.position + 1
    if link.position != at:
        return Problem(at, None, f"the link of place {at} has been taken out")
    if link.found is None:
        return Problem(at, link.audit_id, f"record {link.audit_id} has been taken out")
    if link.found != link.stored:
        return Problem(at, link.audit_id, f"record {link.audit_id}, or its link, has been changed")
    if anchored - {link.stored}:
        return Problem(at, link.audit_id, "the chain up to here is another than the one that was anchored")
    return None
