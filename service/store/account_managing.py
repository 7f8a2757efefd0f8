"""Who managed whose account, as the audit log has it: whoever does can be whoever sits at it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from service.store.schema import audit
from service.store.users import ACTOR

_MANAGING: Final = ("user-add", "user-set", "user-password", "user-take-up")


def managed_by(connection: Connection, account_id: str) -> set[str]:
    """Every account that somebody made, changed, or gave a password or its place back, by another too."""
    managed: dict[str, set[str]] = {}
    for actor, account in _managing(connection):
        managed.setdefault(actor.removeprefix(ACTOR), set()).add(account)
    found: set[str] = set()
    ahead = {account_id}
    while ahead:
        ahead = {each for by in ahead for each in managed.get(by, ())} - found
        found |= ahead
    return found


def was_managed(connection: Connection, account_id: str, since: datetime) -> bool:
    """Whether anybody did so with an account at that moment (aware) or later."""
    return any(account == account_id for _, account in _managing(connection, since))


def _managing(connection: Connection, since: datetime | None = None) -> Iterator[tuple[str, str]]:
    """Who managed which account, as the audit log has it."""
    query = select(audit.c.actor, audit.c.detail).where(audit.c.action.in_(_MANAGING))
    if since is not None:
        query = query.where(audit.c.at >= since)
    for actor, detail in connection.execute(query):
        yield actor, msgspec.json.decode(detail).get("user", "")
