"""Rulebooks as they were written down, by digest."""

from sqlalchemy import Connection

from service.clinical.rulebook import Rulebook, parse_rulebook
from service.errors import Damaged, LiverwatchError
from service.store import decisions


def stored_rulebook(connection: Connection, digest: str) -> Rulebook:
    """The rulebook that is kept under a digest.

    Raises:
        Damaged: its text is missing, is not what was written down, or is one this release cannot read.
    """
    text = decisions.text_of(connection, digest)
    try:
        rulebook = parse_rulebook(text)
    except LiverwatchError:
        raise Damaged(f"stored_text {digest}: this release cannot read it as a rulebook") from None
    if rulebook.digest != digest:
        raise Damaged(f"stored_text {digest} has been changed: it is a rulebook of another digest")
    return rulebook
