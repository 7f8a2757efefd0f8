"""Browsers that are signed in. Only a digest of what is in the cookie is kept: the table opens no door."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from service.store.query import among
from service.store.schema import session


class Session(NamedTuple):
    """A browser that signed in."""

    account_id: str
    created: datetime
    used: datetime


def begin(connection: Connection, account_id: str, now: datetime) -> str:
    """Sign a browser in; the token (256 random bits) that goes into its cookie."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        session.insert().values(digest=_digest(token), account_id=account_id, created=now, used=now)
    )
    return token


def find(connection: Connection, token: str) -> Session | None:
    """The session of a token, however old it is."""
    row = connection.execute(
        select(session.c.account_id, session.c.created, session.c.used).where(
            session.c.digest == _digest(token)
        )
    ).one_or_none()
    return None if row is None else Session(*row)


def living(
    connection: Connection, tokens: Collection[str], *, used_since: datetime, begun_since: datetime
) -> set[str]:
    """Those of these tokens whose sessions have neither ended nor run out."""
    digests = {_digest(token): token for token in tokens}
    query = select(session.c.digest).where(
        among(session.c.digest, digests), session.c.used > used_since, session.c.created > begun_since
    )
    return {digests[digest] for digest in connection.execute(query).scalars()}


def use(connection: Connection, token: str, now: datetime) -> None:
    """Note that somebody is still there."""
    connection.execute(session.update().where(session.c.digest == _digest(token)).values(used=now))


def end(connection: Connection, token: str) -> None:
    """Sign one browser out."""
    connection.execute(session.delete().where(session.c.digest == _digest(token)))


def end_all(connection: Connection, account_id: str) -> None:
    """Sign somebody out everywhere."""
    connection.execute(session.delete().where(session.c.account_id == account_id))


def forget(connection: Connection, *, unused_since: datetime, older_than: datetime) -> None:
    """Take away what has run out."""
    connection.execute(
        session.delete().where((session.c.used < unused_since) | (session.c.created < older_than))
    )


def _digest(token: str) -> str:
    # Random and long, so a plain hash is enough: there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()
