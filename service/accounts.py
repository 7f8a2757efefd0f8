"""Local accounts: made in one way, whoever makes them, and each is a row of the audit."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from service import passwords
from service.store import users
from service.store.decisions import write_audit
from service.store.users import Account, Role


def local(
    name: str,
    password: str,
    roles: Iterable[Role],
    sources: Iterable[str],
    *,
    shown: str | None = None,
    one_time: bool,
) -> Account:
    """The account of somebody who signs in with a password.

    Args:
        name: what they sign in with.
        password: of which the digest is kept.
        roles: what they may do.
        sources: whose patients they see, by name; `users.EVERY_SOURCE` for all.
        shown: the name that others see; the first where it is not given.
        one_time: the password has to be changed before anything else.
    """
    kept = passwords.digest(password)
    return Account(
        name, shown or name, frozenset(roles), frozenset(sources), kept, one_time, issuer=None, active=True
    )


def add(connection: Connection, account: Account, *, by: str, now: datetime) -> None:
    """Create it, or take up again one of that name that was removed.

    Args:
        connection: in a transaction that writes.
        account: the account.
        by: who makes it, as the audit names them.
        now: the moment, aware.

    Raises:
        Conflict: there is one of that name.
        ConfigurationError: the name cannot be used, or there are no roles.
        NotFound: one of the sources does not exist.
    """
    users.add(connection, account, now)
    detail = {"user": account.id, "roles": sorted(account.roles)}
    write_audit(connection, at=now, actor=by, action="user-add", detail=detail)
