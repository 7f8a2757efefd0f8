"""Signed messages count once: which have been taken, kept for every process until they would be stale."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from service.store.query import among
from service.store.rows import insert_rows
from service.store.schema import signed_message


class Message(NamedTuple):
    """A message whose sender signed the moment of sending with it."""

    digest: str
    """SHA-256 of its source and of all that tells it from others, in hexadecimal."""
    expires: datetime
    """When it would be refused in any case, and can be forgotten."""


def note(connection: Connection, messages: Collection[Message]) -> frozenset[str]:
    """Note messages in the transaction that stores what they bring, before any other lock is taken.

    Returns:
        The digests of those that had been taken before.

    Raises:
        AlreadyThere: another transaction has just taken one; the caller must roll back and try again.
    """
    by_digest = {each.digest: each for each in messages}
    query = select(signed_message.c.digest).where(among(signed_message.c.digest, by_digest))
    known = frozenset(connection.execute(query).scalars())
    new = [tuple(each) for digest, each in sorted(by_digest.items()) if digest not in known]
    insert_rows(connection, signed_message, ("digest", "expires"), new)
    return known


def forget(connection: Connection, now: datetime) -> None:
    """Forget messages that have expired."""
    connection.execute(signed_message.delete().where(signed_message.c.expires < now))
