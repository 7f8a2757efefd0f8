"""People who may use the pages: what they are called, what they may do and which sources they may see."""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select

from service.errors import ConfigurationError, Conflict, NotFound
from service.store import sessions, sources
from service.store.query import among
from service.store.schema import account, account_name

EVERY_SOURCE: Final = "*"
"""In the stead of the names of sources."""
FIRST: Final = "admin"
"""The account that is made when there is none."""
ACTOR: Final = "user:"
"""Before an account's id, as the audit log names who did something."""
LONGEST_SHOWN: Final = 128
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Role(StrEnum):
    """What somebody may do. One person may have several."""

    NURSE = "nurse"
    """Works the list."""
    PHYSICIAN = "physician"
    """Works the list, and is escalated to."""
    AUDITOR = "auditor"
    """Sees what was decided, by whom, and why; decides nothing."""
    ENGINEER = "engineer"
    """Sees how feeds and deliveries stand; no patients."""
    ADMIN = "admin"
    """Manages accounts."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in, or could until the account was removed."""

    id: str
    """The name signed in with; `sso:` and a digest for one that an identity provider or EHR vouches for."""
    shown: str
    """The name that others see: of one account alone and for ever, because decisions and owners are told
    apart by it."""
    roles: frozenset[Role]
    sources: frozenset[str]
    """Names of sources; `EVERY_SOURCE` alone for all there are and will be."""
    password: str | None = field(repr=False)
    """What is kept of it; None where somebody else vouches for the person."""
    one_time: bool
    """The password has to be changed before anything else."""
    issuer: str | None
    """Who vouches for the person."""
    active: bool
    shortcuts: bool = True
    """Single keys do things on the worklist."""
    zone: str | None = None
    """Name of the time zone in which the person reads times; None for UTC."""
    signed_in: datetime | None = field(default=None, compare=False)
    """When the person last signed in."""


class Person(NamedTuple):
    """Somebody for whom another vouches."""

    issuer: str
    """Who does."""
    subject: str
    """What it calls the person, for ever."""
    shown: str
    """The name that others see."""


_COLUMNS = tuple(
    account.c[name]
    for name in (
        *("id", "shown", "roles", "sources", "password", "one_time", "issuer", "active"),
        *("shortcuts", "zone", "signed_in"),
    )
)


def shown_names(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """The names by which others see these accounts, of those that there are."""
    query = select(account.c.id, account.c.shown).where(among(account.c.id, ids))
    return {row.id: row.shown for row in connection.execute(query)}


def _account(row: Sequence[Any]) -> Account:
    id_, shown, roles, names, *rest = row
    return Account(
        id_,
        shown,
        frozenset(msgspec.json.decode(roles, type=list[Role])),
        frozenset(msgspec.json.decode(names, type=list[str])),
        *rest,
    )


def add(connection: Connection, wanted: Account, now: datetime) -> None:
    """Create a local account, or take up again one that was removed.

    Raises:
        Conflict: there is one of that name, or another is or was shown by it.
        ConfigurationError: the name cannot be used, or there are no roles.
        NotFound: one of the sources does not exist.
    """
    if not _ID.fullmatch(wanted.id):
        raise ConfigurationError("user name: use 1 to 63 of a-z, 0-9, dot, - and _; begin with a-z or 0-9")
    _check(connection, wanted)
    known = find(connection, wanted.id)
    if known is not None and known.active:
        raise Conflict(f"there is already a user {wanted.id!r}: change that one")
    if known is None:
        connection.execute(account.insert().values(id=wanted.id, created=now, **_values(wanted)))
    else:
        connection.execute(account.update().where(account.c.id == wanted.id).values(**_values(wanted)))
    _keep_name(connection, wanted)


def first(password: str) -> Account:
    """The account that a new service begins with: a nurse's too, so that there is something to see.

    Args:
        password: what is kept of the password, which is good for one time.
    """
    return Account(
        FIRST,
        "Administrator",
        frozenset({Role.ADMIN, Role.NURSE}),
        frozenset({EVERY_SOURCE}),
        password,
        one_time=True,
        issuer=None,
        active=True,
    )


def change(connection: Connection, wanted: Account) -> None:
    """Put a changed account in its place; where it may do or see something else, its sessions end.

    Raises:
        NotFound: there is no such account, or one of the sources does not exist.
        ConfigurationError: it would have no roles.
        Conflict: another account is or was shown by that name.
    """
    before = by_id(connection, wanted.id)
    _check(connection, wanted)
    connection.execute(account.update().where(account.c.id == wanted.id).values(**_values(wanted)))
    _keep_name(connection, wanted)
    if _rights(before) != _rights(wanted):
        sessions.end_all(connection, wanted.id)


def prefer(connection: Connection, account_id: str, *, shortcuts: bool, zone: str | None) -> None:
    """Keep how somebody wants the pages to be."""
    values = {"shortcuts": shortcuts, "zone": zone}
    connection.execute(account.update().where(account.c.id == account_id).values(**values))


def _rights(of: Account) -> tuple[object, ...]:
    return of.roles, of.sources, of.password, of.one_time, of.active


def remove(connection: Connection, account_id: str) -> None:
    """Let somebody sign in no more. The account stays: what they did must remain explainable."""
    by_id(connection, account_id)
    values = {"active": False, "password": None}
    connection.execute(account.update().where(account.c.id == account_id).values(**values))
    sessions.end_all(connection, account_id)


def take_up(connection: Connection, account_id: str, password: str | None) -> None:
    """Let somebody who was removed sign in again, with the roles and sources they had.

    Args:
        connection: in a transaction that may write.
        account_id: the account.
        password: what is kept of a new one, good for one time; None where somebody else vouches.

    Raises:
        NotFound: no account of that name was removed.
    """
    known = find(connection, account_id)
    if known is None or known.active:
        raise NotFound(f"no user {account_id!r} was removed")
    values = {"active": True, "password": password, "one_time": password is not None}
    connection.execute(account.update().where(account.c.id == account_id).values(**values))


def note_sign_in(connection: Connection, account_id: str, now: datetime) -> None:
    """Keep when somebody last signed in."""
    connection.execute(account.update().where(account.c.id == account_id).values(signed_in=now))


def hold(connection: Connection) -> None:
    """Let nobody else change an account that is there until the transaction ends."""
    connection.execute(select(account.c.id).order_by(account.c.id).with_for_update())


def vouched_for(
    connection: Connection,
    person: Person,
    now: datetime,
    *,
    roles: Iterable[Role],
    names: Iterable[str],
    keep: bool = False,
) -> Account:
    """The account of somebody for whom another vouches, made or brought up to date by what it says.

    Args:
        connection: in a transaction that may write.
        person: who it is, by whose word.
        now: the moment, aware.
        roles: what the person may do.
        names: of the sources the person may see; what does not exist is left out.
        keep: roles and sources are for a new account; one that is there keeps its own.

    Raises:
        Conflict: the account was removed here, or no name tells the person from everybody else.
    """
    digest = hashlib.sha256(f"{person.issuer}\n{person.subject}".encode()).hexdigest()[:24]
    hold(connection)
    known = find(connection, f"sso:{digest}")
    there = {EVERY_SOURCE, *(each.name for each in sources.every(connection))}
    wanted = Account(
        f"sso:{digest}",
        _told_apart(connection, f"sso:{digest}", person.shown, digest),
        known.roles if known and keep else frozenset(roles),
        known.sources if known and keep else frozenset(names) & there,
        None,
        one_time=False,
        issuer=person.issuer,
        active=True,
    )
    if known is None:
        values = {**_values(wanted), "subject": person.subject, "created": now}
        connection.execute(account.insert().values(id=wanted.id, **values))
    elif not known.active:
        raise Conflict("this account has been removed here")
    else:
        connection.execute(account.update().where(account.c.id == wanted.id).values(**_values(wanted)))
        if _rights(known) != _rights(wanted):
            sessions.end_all(connection, wanted.id)
    _keep_name(connection, wanted)
    return wanted


def names_of(connection: Connection, account_id: str) -> frozenset[str]:
    """Every name by which others have seen an account: what it decided and owns stands under these."""
    query = select(account_name.c.shown).where(account_name.c.account_id == account_id)
    return frozenset(connection.execute(query).scalars())


def _keep_name(connection: Connection, of: Account) -> None:
    if of.shown not in names_of(connection, of.id):
        values = {"shown": of.shown, "alike": _alike(of.shown), "account_id": of.id}
        connection.execute(account_name.insert().values(**values))


def _is_anothers(connection: Connection, name: str, account_id: str) -> bool:
    """Whether any account but that one, removed or not, is or was shown by a name."""
    query = select(account_name.c.account_id).where(account_name.c.alike == _alike(name))
    return bool(set(connection.execute(query).scalars()) - {account_id})


def _alike(name: str) -> str:
    """The same for names that look alike: without regard to case, blanks, and how letters are encoded."""
    folded = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return hashlib.sha256(folded.encode()).hexdigest()


def _told_apart(connection: Connection, account_id: str, name: str, digest: str) -> str:
    """The name somebody else vouches for; with a mark where another account is or was shown by it."""
    name = name[:LONGEST_SHOWN]
    if not _is_anothers(connection, name, account_id):
        return name
    marks = (f" ({digest[:many]})" for many in range(6, len(digest) + 1, 6))
    marked = (name[: LONGEST_SHOWN - len(mark)] + mark for mark in marks)
    found = next((each for each in marked if not _is_anothers(connection, each, account_id)), None)
    if found is None:
        raise Conflict("name: other users are or were shown by it, however it is marked")
    return found


def _check(connection: Connection, wanted: Account) -> None:
    if not wanted.roles:
        raise ConfigurationError("role: give at least one")
    if not wanted.shown.strip() or not wanted.shown.isprintable() or len(wanted.shown) > LONGEST_SHOWN:
        raise ConfigurationError(f"name: 1 to {LONGEST_SHOWN} printable characters are expected")
    if _is_anothers(connection, wanted.shown, wanted.id):
        raise Conflict("name: another user is or was shown by it: who decided what could not be told apart")
    for name in wanted.sources - {EVERY_SOURCE}:
        sources.by_name(connection, name)


def _values(of: Account) -> dict[str, Any]:
    return {
        "shown": of.shown,
        "roles": msgspec.json.encode(sorted(of.roles)).decode(),
        "sources": msgspec.json.encode(sorted(of.sources)).decode(),
        "password": of.password,
        "one_time": of.one_time,
        "issuer": of.issuer,
        "active": of.active,
    }


def find(connection: Connection, account_id: str) -> Account | None:
    """The account of that id, removed or not; None where there never was one."""
    if "\0" in account_id:  # which PostgreSQL has in no text
        return None
    row = connection.execute(select(*_COLUMNS).where(account.c.id == account_id)).one_or_none()
    return None if row is None else _account(row)


def by_id(connection: Connection, account_id: str) -> Account:
    """The account of that id.

    Raises:
        NotFound: there is none, or it has been removed.
    """
    found = find(connection, account_id)
    if found is None or not found.active:
        raise NotFound(f"there is no user {account_id!r}; see `liverwatch user list`")
    return found


def every(connection: Connection) -> list[Account]:
    """All accounts, by id."""
    return [_account(row) for row in connection.execute(select(*_COLUMNS).order_by(account.c.id))]


def are_there_any(connection: Connection) -> bool:
    """Whether anybody has ever had an account."""
    return bool(connection.execute(select(func.count()).select_from(account)).scalar_one())


def sources_of(connection: Connection, of: Account) -> frozenset[str]:
    """Names of the sources that the account may see, spelt out."""
    if EVERY_SOURCE not in of.sources:
        return of.sources
    return frozenset(each.name for each in sources.every(connection))
