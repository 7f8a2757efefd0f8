"""Browsers that were sent elsewhere to sign in: with what, to check the answer by, once."""

import hashlib
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from service.store.schema import sign_in_elsewhere


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser was sent away with."""

    issuer: str
    """Who has to answer."""
    token_endpoint: str
    jwks_uri: str | None
    nonce: str
    verifier: str
    """Of PKCE: proves that who redeems the code is who asked for it."""
    address: str
    """Where to go on to."""
    source: str | None = None
    """The source of the EHR that opened the pages; None for an identity provider."""


def keep(connection: Connection, state: str, sent: Sent, expires: datetime, now: datetime) -> None:
    """Remember a browser until it comes back with `state`; who has not come back in time is forgotten."""
    connection.execute(sign_in_elsewhere.delete().where(sign_in_elsewhere.c.expires < now))
    content = msgspec.json.encode(sent).decode()
    connection.execute(
        sign_in_elsewhere.insert().values(digest=_digest(state), content=content, expires=expires)
    )


def take(connection: Connection, state: str, now: datetime) -> Sent | None:
    """What belongs to `state`, once and in time; None else."""
    mine = sign_in_elsewhere.c.digest == _digest(state)
    content = connection.execute(
        select(sign_in_elsewhere.c.content).where(mine, sign_in_elsewhere.c.expires >= now)
    ).scalar_one_or_none()
    # Of two who bring the same one only one takes the row away.
    if content is None or connection.execute(sign_in_elsewhere.delete().where(mine)).rowcount != 1:
        return None
    return msgspec.json.decode(content, type=Sent)


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
