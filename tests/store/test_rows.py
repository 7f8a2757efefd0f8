"""Rows that go to the driver's own cursor arrive as SQLAlchemy would have put them, on both databases."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    bindparam,
    select,
)
from sqlalchemy.exc import IntegrityError

from service.store.query import Query, among
from service.store.rows import AlreadyThere, insert_rows, update_rows
from service.store.schema import Instant
from service.store.session import reading, writing

THINGS = Table(
    "thing",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("at", Instant),
    Column("day", Date),
    Column("flag", Boolean),
    Column("body", LargeBinary),
    Column("public", Uuid),
)
COLUMNS = ("id", "name", "at", "day", "flag", "body", "public")
FEW, MANY = 3, 500
"""So few that one statement takes them, so many that they are copied."""


@pytest.fixture
def things(engine: Engine) -> Iterator[Engine]:
    THINGS.create(engine)
    yield engine
    THINGS.drop(engine)


MIDDLE = datetime(2000, 1, 1, tzinfo=UTC)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
values = st.tuples(
    names,
    st.none() | st.timedeltas(timedelta(-50_000), timedelta(50_000)).map(lambda apart: MIDDLE + apart),
    st.none() | st.dates(date(1900, 1, 1)),
    st.none() | st.booleans(),
    st.none() | st.binary(max_size=20),
    st.none() | st.uuids(),
)


def numbered(rows: list[Any], count: int) -> list[tuple[Any, ...]]:
    return [(number, *rows[number % len(rows)]) for number in range(count)]


def stored(connection: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(select(THINGS).order_by(THINGS.c.id))]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(values, min_size=1, max_size=5), count=st.sampled_from([FEW, MANY]))
def test_any_row_comes_back_as_it_was_inserted(things: Engine, rows: list[Any], count: int) -> None:
    wanted = numbered(rows, count)
    with writing(things) as connection:
        connection.execute(THINGS.delete())
        insert_rows(connection, THINGS, COLUMNS, wanted)
    with reading(things) as connection:
        assert stored(connection) == wanted


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(values, min_size=1, max_size=5), after=st.lists(values, min_size=1, max_size=5))
def test_any_row_can_be_changed_into_any_other(things: Engine, before: list[Any], after: list[Any]) -> None:
    old, new = numbered(before, FEW), numbered(after, FEW)
    with writing(things) as connection:
        connection.execute(THINGS.delete())
        insert_rows(connection, THINGS, COLUMNS, old)
        changed = [(*row[1:], row[0]) for row in new]
        assert update_rows(connection, THINGS, ("id",), COLUMNS[1:], changed) == FEW
    with reading(things) as connection:
        assert stored(connection) == new


def test_only_rows_that_all_keys_find_are_changed_and_counted(things: Engine) -> None:
    with writing(things) as connection:
        insert_rows(connection, THINGS, ("id", "name"), [(1, "a"), (2, "b")])
        changed = [("c", 1, "a"), ("c", 2, "a"), ("c", 3, "c")]
        assert update_rows(connection, THINGS, ("id", "name"), ("name",), changed) == 1
        assert update_rows(connection, THINGS, ("id",), ("name",), []) == 0
    with reading(things) as connection:
        assert [row[:2] for row in stored(connection)] == [(1, "c"), (2, "b")]


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_key_that_is_there_already_is_told_or_left_as_it_is(things: Engine, count: int) -> None:
    rows = [(number, "new") for number in range(count)]
    with writing(things) as connection:
        insert_rows(connection, THINGS, ("id", "name"), [(2, "old")])
    with pytest.raises(AlreadyThere, match="thing"), writing(things) as connection:
        insert_rows(connection, THINGS, ("id", "name"), rows)
    with writing(things) as connection:
        insert_rows(connection, THINGS, ("id", "name"), rows, keep=True)
    with reading(things) as connection:
        found = stored(connection)
        assert len(found) == count
        assert found[2][1] == "old"
        assert found[1][1] == "new"


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_row_that_may_not_be_is_not_taken_for_one_that_is_there(things: Engine, count: int) -> None:
    rows = [(number, None) for number in range(count)]
    dbapi: Any = things.dialect.dbapi
    with pytest.raises((IntegrityError, dbapi.IntegrityError)), writing(things) as connection:
        insert_rows(connection, THINGS, ("id", "name"), rows)


_by_name = Query(select(THINGS).where(among(THINGS.c.name, "names")).order_by(THINGS.c.id))
_by_body = Query(select(THINGS.c.id).where(among(THINGS.c.body, "bodies")).order_by(THINGS.c.id))
_by_public = Query(select(THINGS.c.id).where(among(THINGS.c.public, "ids")).order_by(THINGS.c.id))
_by_id_and_flag = Query(
    select(THINGS.c.id, THINGS.c.at).where(
        among(THINGS.c.id, "ids"), THINGS.c.flag == bindparam("of_flag"), THINGS.c.name != "never"
    )
)

ODD = ("", "it's", 'a "quote"', "back\\slash", "Grüße", "日本", "{curly}", "a,b", "NULL", "\n\t", "%s")


def test_a_query_finds_what_sqlalchemy_finds_and_reads_it_alike(things: Engine) -> None:
    moment = datetime(2024, 2, 29, 23, 59, 59, 123456, timezone(timedelta(hours=5)))
    rows = [
        (number, name, moment, date(2024, 2, 29), bool(number % 2), name.encode(), UUID(int=number))
        for number, name in enumerate(ODD)
    ]
    with writing(things) as connection:
        insert_rows(connection, THINGS, COLUMNS, [*rows, (99, "other", None, None, None, None, None)])
    with reading(things) as connection:
        found = _by_name.rows(connection, names=ODD)
        assert found == rows
        assert [type(value) for value in found[0]] == [type(value) for value in stored(connection)[0]]
        assert [
            tuple(row) for row in connection.execute(select(THINGS).where(among(THINGS.c.name, ODD)))
        ] == rows
        assert [row[0] for row in _by_body.rows(connection, bodies=[b"a,b", b"%s", b"\0"])] == [7, 10]
        assert [row[0] for row in _by_public.rows(connection, ids=[UUID(int=7), UUID(int=98)])] == [7]
        assert _by_id_and_flag.rows(connection, ids={1, 2, 99, 10**12}, of_flag=True) == [(1, moment)]
        assert _by_name.rows(connection, names=[]) == []
        assert len(_by_name.rows(connection, names=[f"no{at}" for at in range(50_000)] + ["other"])) == 1


@pytest.mark.parametrize("count", [FEW, MANY])
def test_an_instant_whose_offset_has_seconds_is_the_same_instant(things: Engine, count: int) -> None:
    """Amsterdam was 19 minutes and 32 seconds ahead until 1937."""
    then = datetime(1930, 1, 1, 12, tzinfo=timezone(timedelta(minutes=19, seconds=32)))
    with writing(things) as connection:
        insert_rows(connection, THINGS, ("id", "name", "at"), [(at, "x", then) for at in range(count)])
    with reading(things) as connection:
        assert {row[2] for row in stored(connection)} == {then}


@pytest.mark.parametrize("keep", [False, True])
def test_what_may_not_be_is_refused_also_where_what_is_there_is_kept(things: Engine, keep: bool) -> None:
    dbapi: Any = things.dialect.dbapi
    with pytest.raises(dbapi.IntegrityError), writing(things) as connection:
        insert_rows(connection, THINGS, ("id", "name"), [(1, None)], keep=keep)
