"""Many rows in one statement, and many values in one condition, quickly and alike on both databases."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
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
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

_COPY_TYPES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
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


class AlreadyThere(Exception):
    """A row of the same key was committed by another transaction in the meantime."""


def insert_rows(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert `rows`, each a tuple in the order of `columns`.

    SQLAlchemy's own executemany spends more time on a row than the database does. This converts the values
    by column and hands them to the driver at once: `executemany` on SQLite, binary COPY on PostgreSQL.

    Raises:
        AlreadyThere: one of the rows is there already; the transaction must be rolled back.
    """
    if not rows:
        return
    dialect = connection.dialect
    statement, converters, types = _prepared(table, columns, dialect)
    if any(converters):
        by_column = [
            values if convert is None else [None if v is None else convert(v) for v in values]
            for values, convert in zip(zip(*rows, strict=True), converters, strict=True)
        ]
        rows = list(zip(*by_column, strict=True))
    assert dialect.dbapi is not None
    cursor = connection.connection.cursor()
    try:
        if dialect.name == "sqlite":
            cursor.executemany(statement, rows)
        else:
            with cursor.copy(statement) as copy:
                copy.set_types(types)
                for row in rows:
                    copy.write_row(row)
    except dialect.dbapi.IntegrityError as error:
        if getattr(error, "sqlstate", "23505") != "23505":
            raise
        raise AlreadyThere(table.name) from None
    finally:
        cursor.close()


@lru_cache(maxsize=64)
def _prepared(table: Table, columns: tuple[str, ...], dialect: Dialect) -> tuple[str, list[Any], list[str]]:
    names = ", ".join(columns)
    kinds = [table.c[name].type for name in columns]
    if dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        converters = [_converter(kind, dialect) for kind in kinds]
        return f"INSERT INTO {table.name} ({names}) VALUES ({marks})", converters, []  # noqa: S608 - our names
    types = [_copy_type(table.c[name].type) for name in columns]
    return f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)", [None] * len(columns), types


def _converter(kind: TypeEngine[Any], dialect: Dialect) -> Any:
    # What the SQLite driver takes as it is needs no look; instants and days repeat, so their text is kept.
    if isinstance(kind, Boolean | LargeBinary | String | Integer) and not isinstance(kind, TypeDecorator):
        return None
    convert = kind.dialect_impl(dialect).bind_processor(dialect)
    return convert if convert is None else lru_cache(maxsize=4096)(convert)


def _copy_type(kind: TypeEngine[Any]) -> str:
    plain = getattr(kind, "impl_instance", kind)
    return next(name for known, name in _COPY_TYPES if isinstance(plain, known))


def among(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """The condition that `column` is one of `values`: one parameter, however many values there are."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(values), type_=ARRAY(column.type)))
    if isinstance(column.type, LargeBinary):
        return column.in_(list(values))
    listed = func.json_each(bindparam(None, msgspec.json.encode(list(values)).decode())).table_valued("value")
    return column.in_(select(listed.c.value))
