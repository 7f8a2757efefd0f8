"""What slows the guessing of passwords down: after a few failures each further try has to wait, ever longer.

Counted by the name that was typed, whether there is such an account or not: the answers tell nothing of it.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from service.store.rows import insert_rows
from service.store.schema import sign_in_attempt

FREE: Final = 5
"""Failures before the first wait."""
LONGEST_WAIT: Final = timedelta(minutes=5)
"""Long enough against guessing (288 tries a day), short enough that nobody is kept from work by another."""
FORGOTTEN_AFTER: Final = timedelta(days=1)


def begin(connection: Connection, name: str, now: datetime) -> timedelta | None:
    """Count a try before it is made, so that many at once count as many.

    Returns:
        How long to wait instead; None where it may be made.
    """
    key = _digest(name)
    connection.execute(sign_in_attempt.delete().where(sign_in_attempt.c.at < now - FORGOTTEN_AFTER))
    columns = ("digest", "failures", "not_before", "at")
    insert_rows(connection, sign_in_attempt, columns, [(key, 0, now, now)], keep=True)
    row = connection.execute(
        select(sign_in_attempt.c.failures, sign_in_attempt.c.not_before)
        .where(sign_in_attempt.c.digest == key)
        .with_for_update()
    ).one()
    if row.not_before > now:
        return row.not_before - now  # type: ignore[no-any-return]
    failures = row.failures + 1
    wait = timedelta()
    if failures >= FREE:
        wait = min(timedelta(seconds=2 ** min(failures - FREE, 20)), LONGEST_WAIT)
    connection.execute(
        sign_in_attempt.update()
        .where(sign_in_attempt.c.digest == key)
        .values(failures=failures, not_before=now + wait, at=now)
    )
    return None


def succeeded(connection: Connection, name: str) -> None:
    """Forget the failures: it was the right person."""
    connection.execute(sign_in_attempt.delete().where(sign_in_attempt.c.digest == _digest(name)))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
