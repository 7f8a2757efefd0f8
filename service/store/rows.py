"""Many rows in one statement, quickly and alike on both databases.

SQLAlchemy's own executemany spends more time on a row than the database does. Here the rows are handed to the
driver at once: by `executemany` on SQLite; on PostgreSQL by binary COPY, or as one JSON array that the server
takes apart, in one round trip where COPY and psycopg's executemany need several.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

_POSTGRESQL_TYPES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (BigInteger, "int8"),
    (Integer, "int4"),
    (Boolean, "bool"),
    (Text, "text"),
    (String, "text"),
    (DateTime, "timestamptz"),
    (Date, "date"),
    (LargeBinary, "bytea"),
    (Uuid, "uuid"),
)

_COPY_FROM = 200
"""Rows from which on COPY, whose rows cost less, is worth its second round trip."""
_UNIQUE_VIOLATION = "23505"


class AlreadyThere(Exception):
    """A row of the same key was committed by another transaction in the meantime."""


def insert_rows(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    *,
    keep: bool = False,
) -> None:
    """Insert `rows`, each a tuple in the order of `columns`.

    Args:
        connection: in a transaction that may write.
        table: where they go.
        columns: their names.
        rows: any number.
        keep: a row whose key is there already stays as it is.

    Raises:
        AlreadyThere: one of the rows is there already; the transaction must be rolled back.
    """
    if not rows:
        return
    with _cursor(connection, table) as cursor:
        if connection.dialect.name == "sqlite":
            statement = _sqlite_insert(table, columns, keep)
            cursor.executemany(statement, _for_sqlite(table, columns, rows, connection.dialect))
        elif keep or len(rows) < _COPY_FROM:
            cursor.execute(_postgresql_insert(table, columns, keep), (_as_json(rows),))
        else:
            statement, types = _postgresql_copy(table, columns)
            with cursor.copy(statement) as copy:
                copy.set_types(types)
                for row in rows:
                    copy.write_row(row)


def update_rows(
    connection: Connection,
    table: Table,
    keys: tuple[str, ...],
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
) -> int:
    """Set `columns` of the rows that `keys` find.

    Args:
        connection: in a transaction that may write.
        table: whose rows change.
        keys: names of columns that are compared; None equals None.
        columns: names of those that are set.
        rows: any number, each the values of `columns`, then those of `keys`.

    Returns:
        How many rows were found.
    """
    if not rows:
        return 0
    with _cursor(connection, table) as cursor:
        if connection.dialect.name == "sqlite":
            statement = _sqlite_update(table, keys, columns)
            cursor.executemany(statement, _for_sqlite(table, columns + keys, rows, connection.dialect))
        else:
            cursor.execute(_postgresql_update(table, keys, columns), (_as_json(rows),))
        return int(cursor.rowcount)


@contextmanager
def _cursor(connection: Connection, table: Table) -> Iterator[Any]:
    """A cursor of the driver's own, which says what its database says of a key that is there already."""
    dbapi = connection.dialect.dbapi
    assert dbapi is not None
    cursor = connection.connection.cursor()
    try:
        yield cursor
    except dbapi.IntegrityError as error:
        twice = str(error).startswith("UNIQUE constraint failed")  # SQLite has no states
        if not twice and getattr(error, "sqlstate", None) != _UNIQUE_VIOLATION:
            raise
        raise AlreadyThere(table.name) from None
    finally:
        cursor.close()


def _unless_there(keep: bool) -> str:
    return " ON CONFLICT DO NOTHING" if keep else ""


@lru_cache(maxsize=64)
def _sqlite_insert(table: Table, columns: tuple[str, ...], keep: bool) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}){_unless_there(keep)}"  # noqa: S608 - our own


@lru_cache(maxsize=64)
def _sqlite_update(table: Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> str:
    values = ", ".join(f"{name} = ?" for name in columns)
    found = " AND ".join(f"{name} {'IS' if table.c[name].nullable else '='} ?" for name in keys)
    return f"UPDATE {table.name} SET {values} WHERE {found}"  # noqa: S608 - our own names


def _for_sqlite(
    table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], dialect: Dialect
) -> Sequence[tuple[Any, ...]]:
    converters = _sqlite_converters(table, columns, dialect)
    if not any(converters):
        return rows
    by_column = [
        values if convert is None else [None if each is None else convert(each) for each in values]
        for values, convert in zip(zip(*rows, strict=True), converters, strict=True)
    ]
    return list(zip(*by_column, strict=True))


@lru_cache(maxsize=64)
def _sqlite_converters(table: Table, columns: tuple[str, ...], dialect: Dialect) -> tuple[Any, ...]:
    return tuple(_converter(table.c[name].type, dialect) for name in columns)


def _converter(kind: TypeEngine[Any], dialect: Dialect) -> Any:
    # What the SQLite driver takes as it is needs no look; instants and days repeat, so their text is kept.
    if isinstance(kind, Boolean | LargeBinary | String | Integer) and not isinstance(kind, TypeDecorator):
        return None
    convert = kind.dialect_impl(dialect).bind_processor(dialect)
    return convert if convert is None else lru_cache(maxsize=4096)(convert)


def _as_json(rows: Sequence[tuple[Any, ...]]) -> str:
    # Instants in UTC: offsets may have seconds, which JSON's way of writing them leaves out.
    return msgspec.json.encode(
        [[each.astimezone(UTC) if isinstance(each, datetime) else each for each in row] for row in rows]
    ).decode()


@lru_cache(maxsize=64)
def _postgresql_insert(table: Table, columns: tuple[str, ...], keep: bool) -> str:
    values = ", ".join(_taken(table, name, place) for place, name in enumerate(columns))
    into = f"INSERT INTO {table.name} ({', '.join(columns)})"
    return f"{into} SELECT {values} FROM jsonb_array_elements(%s::jsonb) AS given{_unless_there(keep)}"  # noqa: S608 - our own names


@lru_cache(maxsize=64)
def _postgresql_update(table: Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> str:
    values = ", ".join(f"{name} = {_taken(table, name, place)}" for place, name in enumerate(columns))
    found = " AND ".join(
        f"{table.name}.{name} {'IS NOT DISTINCT FROM' if table.c[name].nullable else '='} "
        f"{_taken(table, name, place)}"
        for place, name in enumerate(keys, len(columns))
    )
    given = "jsonb_array_elements(%s::jsonb) AS given"
    return f"UPDATE {table.name} SET {values} FROM {given} WHERE {found}"  # noqa: S608 - our own names


@lru_cache(maxsize=64)
def _postgresql_copy(table: Table, columns: tuple[str, ...]) -> tuple[str, list[str]]:
    types = [_postgresql_type(table, name) for name in columns]
    return f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)", types


def _taken(table: Table, name: str, place: int) -> str:
    """The value at that place of a row that came as a JSON array."""
    kind = _postgresql_type(table, name)
    value = f"(given->>{place})"
    return f"decode({value}, 'base64')" if kind == "bytea" else f"{value}::{kind}"


def _postgresql_type(table: Table, name: str) -> str:
    kind = table.c[name].type
    plain = getattr(kind, "impl_instance", kind)
    return next(word for known, word in _POSTGRESQL_TYPES if isinstance(plain, known))
