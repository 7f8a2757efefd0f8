"""Filters of the worklist that people have given a name, each person their own."""

from typing import Final, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, select

from service.errors import Conflict, NotFound
from service.store.schema import saved_view

MOST: Final = 12
"""Views that one person may keep: each is counted whenever the worklist is shown."""
LONGEST_NAME: Final = 60
"""Characters."""


class SavedView(NamedTuple):
    """One view of the worklist."""

    id: UUID
    name: str
    query: str
    """The filters, as they stand in an address."""
    first: bool
    """Shown where nothing else is asked for."""


def of_account(connection: Connection, account_id: str) -> list[SavedView]:
    """What somebody has kept: the one shown first, then by name."""
    column = saved_view.c
    query = select(column.id, column.name, column.query, column.first).where(column.account_id == account_id)
    found = [SavedView(*row) for row in connection.execute(query)]
    return sorted(found, key=lambda each: (not each.first, each.name.casefold()))


def add(connection: Connection, account_id: str, name: str, query: str) -> None:
    """Keep filters under a name.

    Raises:
        Conflict: there is one of that name, or there are too many.
    """
    known = of_account(connection, account_id)
    if len(known) >= MOST:
        raise Conflict(f"you have {MOST} views, and there cannot be more: remove one first")
    _check_free(known, name)
    values = {"id": uuid4(), "account_id": account_id, "name": name, "query": query, "first": False}
    connection.execute(saved_view.insert().values(**values))


def rename(connection: Connection, account_id: str, view_id: UUID, name: str) -> None:
    """Give a view another name.

    Raises:
        NotFound: there is no such view of that person.
        Conflict: there is another of that name.
    """
    _check_free([each for each in of_account(connection, account_id) if each.id != view_id], name)
    changed = connection.execute(saved_view.update().where(_of(account_id, view_id)).values(name=name))
    _check_found(changed.rowcount)


def show_first(connection: Connection, account_id: str, view_id: UUID, *, first: bool) -> None:
    """Make a view the one that is shown where nothing else is asked for, or let it be one like the others.

    Raises:
        NotFound: there is no such view of that person.
    """
    others = saved_view.c.account_id == account_id
    connection.execute(saved_view.update().where(others).values(first=False))
    changed = connection.execute(saved_view.update().where(_of(account_id, view_id)).values(first=first))
    _check_found(changed.rowcount)


def remove(connection: Connection, account_id: str, view_id: UUID) -> None:
    """Forget a view.

    Raises:
        NotFound: there is no such view of that person.
    """
    _check_found(connection.execute(saved_view.delete().where(_of(account_id, view_id))).rowcount)


def _of(account_id: str, view_id: UUID) -> ColumnElement[bool]:
    return (saved_view.c.id == view_id) & (saved_view.c.account_id == account_id)


def _check_free(known: list[SavedView], name: str) -> None:
    if name.casefold() in {each.name.casefold() for each in known}:
        raise Conflict("you have a view of that name already: choose another name")


def _check_found(count: int) -> None:
    if not count:
        raise NotFound("you have no such view")
