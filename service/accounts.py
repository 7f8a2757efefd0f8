"""Accounts: made and changed in one way, whoever does it, and each change is a row of the audit."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from service import passwords
from service.errors import Conflict
from service.store import attempts, users
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
    _audit(connection, "user-add", account.id, by, now, **_rights(account))


def change(connection: Connection, wanted: Account, *, by: str, now: datetime) -> list[str]:
    """Put a changed account in its place.

    Returns:
        What is another now, of `shown`, `roles` and `sources`.

    Raises:
        NotFound: there is no such account, or one of the sources does not exist.
        ConfigurationError: the name that others see cannot be used, or there would be no roles.
        Conflict: another account is or was shown by that name, or nobody would be left to manage accounts.
    """
    users.hold(connection)
    before = users.by_id(connection, wanted.id)
    users.change(connection, wanted)
    _check_admin_stays(connection, before)
    names = ("shown", "roles", "sources")
    changed = [name for name in names if getattr(before, name) != getattr(wanted, name)]
    _audit(connection, "user-set", wanted.id, by, now, changed=changed, **_rights(wanted))
    return changed


def give_password(
    connection: Connection, account_id: str, kept: str, *, one_time: bool, by: str, now: datetime
) -> None:
    """Let somebody sign in by another password; they are signed out everywhere.

    Args:
        connection: in a transaction that writes.
        account_id: the account.
        kept: the digest of the password.
        one_time: it has to be changed before anything else.
        by: who gives it, as the audit names them.
        now: the moment, aware.

    Raises:
        NotFound: there is no such account.
        Conflict: somebody else vouches for the person.
    """
    users.hold(connection)
    before = users.by_id(connection, account_id)
    if before.issuer is not None:
        raise Conflict(f"the password of {account_id!r} is kept by {before.issuer}")
    users.change(connection, replace(before, password=kept, one_time=one_time))
    attempts.succeeded(connection, account_id)
    _audit(connection, "user-password", account_id, by, now)


def remove(connection: Connection, account_id: str, *, by: str, now: datetime) -> None:
    """Sign somebody out and in no more; what they did stays.

    Raises:
        NotFound: there is no such account.
        Conflict: nobody would be left to manage accounts.
    """
    users.hold(connection)
    before = users.by_id(connection, account_id)
    users.remove(connection, account_id)
    _check_admin_stays(connection, before)
    _audit(connection, "user-remove", account_id, by, now)


def take_up(connection: Connection, account_id: str, kept: str | None, *, by: str, now: datetime) -> None:
    """Let somebody who was removed sign in again, with the roles and sources they had.

    Args:
        connection: in a transaction that writes.
        account_id: the account.
        kept: the digest of a new password, good for one time; None where somebody else vouches.
        by: who does so, as the audit names them.
        now: the moment, aware.

    Raises:
        NotFound: no account of that name was removed.
    """
    users.take_up(connection, account_id, kept)
    attempts.succeeded(connection, account_id)
    _audit(connection, "user-take-up", account_id, by, now)


def _check_admin_stays(connection: Connection, before: Account) -> None:
    """Refuse what took an account the role of an admin, or let it sign in no more, if it was the last.

    The accounts are held: or two admins, each removing the other, would both be let.
    """
    if _manages_accounts(before) and not any(map(_manages_accounts, users.every(connection))):
        raise Conflict("nobody would be left to manage accounts: make somebody else an admin first")


def _manages_accounts(account: Account) -> bool:
    return account.active and Role.ADMIN in account.roles


def _rights(account: Account) -> dict[str, list[str]]:
    return {"roles": sorted(account.roles), "sources": sorted(account.sources)}


def _audit(connection: Connection, action: str, account_id: str, by: str, now: datetime, **more: Any) -> None:
    write_audit(connection, at=now, actor=by, action=action, detail={"user": account_id, **more})
