"""Accounts are managed in one way, whoever does it: somebody is always left to do so."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine

from service import accounts
from service.errors import Conflict
from service.store import users
from service.store.session import reading, writing
from service.store.users import Account, Role
from tests.ingest.feeding import NOW

Ends = Callable[[Connection, str], object]


def account(engine: Engine, name: str, *roles: Role) -> None:
    made = Account(name, name.title(), frozenset(roles), frozenset(), "kept", False, None, active=True)
    with writing(engine) as connection:
        accounts.add(connection, made, by="cli:root", now=NOW)


def removes(connection: Connection, name: str) -> None:
    accounts.remove(connection, name, by="user:other", now=NOW)


def takes_the_role(connection: Connection, name: str) -> None:
    nurse = replace(users.by_id(connection, name), roles=frozenset({Role.NURSE}))
    accounts.change(connection, nurse, by="user:other", now=NOW)


def admins(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        every = users.every(connection)
    return {each.id for each in every if each.active and Role.ADMIN in each.roles}


ENDS = [removes, takes_the_role]


@pytest.mark.parametrize("ends", ENDS)
def test_the_last_admin_stays_whoever_would_end_it(engine: Engine, ends: Ends) -> None:
    account(engine, "chief", Role.ADMIN, Role.NURSE)
    account(engine, "adams", Role.NURSE)
    with pytest.raises(Conflict, match="nobody would be left"), writing(engine) as connection:
        ends(connection, "chief")
    assert admins(engine) == {"chief"}
    account(engine, "deputy", Role.ADMIN)
    with writing(engine) as connection:
        ends(connection, "chief")
    assert admins(engine) == {"deputy"}


@pytest.mark.parametrize("ends", ENDS)
def test_where_nobody_is_an_admin_others_are_managed_all_the_same(engine: Engine, ends: Ends) -> None:
    """As where accounts are managed at a shell alone."""
    account(engine, "adams", Role.PHYSICIAN)
    with writing(engine) as connection:
        ends(connection, "adams")
    assert admins(engine) == set()


@pytest.mark.parametrize("ends", ENDS)
def test_of_two_admins_who_end_each_other_at_the_same_time_one_stays(engine: Engine, ends: Ends) -> None:
    account(engine, "chief", Role.ADMIN)
    account(engine, "deputy", Role.ADMIN)

    def end(name: str) -> None:
        with writing(engine) as connection:
            ends(connection, name)

    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            ends(connection, "deputy")
            other = pool.submit(end, "chief")
            wait([other], timeout=0.3)  # it must not come through before this one has ended
            assert not other.done()
        with pytest.raises(Conflict, match="nobody would be left"):
            other.result(30)
    assert admins(engine) == {"chief"}
