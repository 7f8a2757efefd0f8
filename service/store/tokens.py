"""Tokens that are good for one call: which have been used. Kept for every process, until they expire."""

import hashlib
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from service.store.schema import cds_token
from service.store.session import writing


def spend(engine: Engine, issuer: str, token_id: str, expires: datetime, now: datetime) -> bool:
    """Use a token up.

    Args:
        engine: the database; this is a transaction of its own, so that a call that fails later counts too.
        issuer: whose token it is.
        token_id: its `jti`, unique among the issuer's.
        expires: when it would be refused in any case, and can be forgotten.
        now: the moment, aware; what has expired by then is forgotten.

    Returns:
        Whether it had not been used before.
    """
    digest = hashlib.sha256(f"{issuer}\n{token_id}".encode()).hexdigest()
    try:
        with writing(engine) as connection:
            connection.execute(cds_token.delete().where(cds_token.c.expires < now))
            connection.execute(cds_token.insert().values(digest=digest, expires=expires))
    except IntegrityError:
        return False
    return True
