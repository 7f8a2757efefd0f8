"""Queries that are written once and asked often, and one condition for however many values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from typing import cast as known_as
from uuid import UUID

import msgspec
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Select,
    String,
    Text,
    TypeDecorator,
    Uuid,
    and_,
    bindparam,
    cast,
    func,
    not_,
    select,
    literal_column,
    true,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import NullType


class _Listed(TypeDecorator[Collection[Any]]):
    """Values as the text of one JSON array; bytes as capital hexadecimal digits, UUIDs as small ones."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Collection[Any] | None, dialect: Dialect) -> str:
        """To JSON."""
        return msgspec.json.encode([_plain(each) for each in value or ()]).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex().upper()
    return value.hex if isinstance(value, UUID) else value


class _Among(FunctionElement[bool]):
    """`column` is one of the values in a JSON array."""

    name = "among"
    type = NullType()  # type: ignore[assignment] # as Boolean, SQLite would be asked whether it `= 1`, past every index
    inherit_cache = True


@compiles(_Among, "sqlite")
def _among_on_sqlite(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, listed = element.clauses
    tested = compiler.process(column, **how)
    if isinstance(column.type, LargeBinary):
        tested = f"hex({tested})"
    values = compiler.process(listed, **how)
    return f"{tested} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - our own words


@compiles(_Among, "postgresql")
def _among_on_postgresql(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, listed = element.clauses
    value = "value"
    if isinstance(column.type, LargeBinary):
        value = "decode(value, 'hex')"
    elif isinstance(column.type, Integer):
        value = "value::bigint"
    elif isinstance(column.type, Uuid):
        value = "value::uuid"
    values = f"json_array_elements_text({compiler.process(listed, **how)}::json)"
    tested = compiler.process(column, **how)
    return f"{tested} = ANY (ARRAY(SELECT {value} FROM {values}))"  # noqa: S608 - our own words


def among(column: Column[Any], values: Collection[Any] | str) -> ColumnElement[bool]:
    """The condition that `column` is one of `values`: one parameter, however many values there are.

    Args:
        column: of text, whole numbers, bytes or UUIDs.
        values: the values, or the name under which a :class:`Query` is given them.
    """
    name, given = (values, None) if isinstance(values, str) else (None, values)
    return _Among(column, bindparam(name, given, type_=_Listed))


class Period(Protocol):
    """What an instant is compared with: a span of time, and how (FHIR R4, 3.1.1.4.5)."""

    @property
    def prefix(self) -> str:
        """One of eq, ne, lt, gt, ge, le, sa, eb."""

    @property
    def low(self) -> datetime | None:
        """The first instant of the span; None: before all time."""

    @property
    def high(self) -> datetime | None:
        """The first instant after it; None: after all time."""


def within(column: Column[datetime], period: Period) -> ColumnElement[bool]:
    """The condition that an instant fits; a bound outside the calendar is met or failed by all."""
    not_before = true() if period.low is None else column >= period.low
    before = true() if period.high is None else column < period.high
    match period.prefix:
        case "eq":
            return and_(not_before, before)
        case "ne":
            return not_(and_(not_before, before))
        case "ge":
            return not_before
        case "le":
            return before
        case "gt" | "sa":
            return not_(before)
        case "lt" | "eb":
            return not_(not_before)
    raise ValueError("no such comparison")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A query in the words of one database."""

    text: str
    binds: tuple[tuple[str, Any, Any], ...]
    """Name, value where none is given, and what makes of a value what the driver takes."""
    positional: bool
    reads: tuple[Any, ...]
    """What makes of each column what the driver gives; empty where nothing is to be done."""


class Query:
    """A SELECT that is written once: its SQL is worked out once for each database, and values filled in.

    A feed asks the same dozen small questions thousands of times a second. SQLAlchemy's way from a statement
    to its rows takes several times as long as the database takes to answer; this hands the text to the
    driver's own cursor, and reads what it gives by SQLAlchemy's own types.
    """

    def __init__(self, statement: Select[Any], each: Column[Any] | None = None) -> None:
        """Keep a question.

        Args:
            statement: what is asked.
            each: it is asked for every value of this column that `rows` is given as `each`.
        """
        self._statement = statement
        self._each = each
        self._prepared: dict[str, _Prepared] = {}

    def rows(self, connection: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """What it finds.

        Args:
            connection: in a transaction.
            values: for the parameters that the statement names. Those given as `each` are asked for, and
                locked where the statement locks, in ascending order, each once.
        """
        if self._each is not None:
            values["each"] = sorted(set(values["each"]))
        dialect = connection.dialect
        prepared = self._prepared.get(dialect.name)
        if prepared is None:
            statement = self._statement
            if self._each is not None:
                statement = _of_each(statement, self._each, dialect)
            prepared = self._prepared[dialect.name] = _prepare(statement, dialect)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(prepared.text, _bound(prepared, values))
            found = known_as(list[tuple[Any, ...]], cursor.fetchall())
        finally:
            cursor.close()
        if not found or not prepared.reads:
            return found
        columns = [
            column if read is None else [None if each is None else read(each) for each in column]
            for column, read in zip(zip(*found, strict=True), prepared.reads, strict=True)
        ]
        return list(zip(*columns, strict=True))


def _of_each(statement: Select[Any], column: Column[Any], dialect: Dialect) -> Select[Any]:
    """The statement, asked for each of the values that `each` names.

    What PostgreSQL makes of one condition for many values depends on what it believes of a table, and of one
    that it has not analysed yet it believes that reading all of it, or all that a source ever sent, costs
    least. As a subquery with an OFFSET is never taken apart, it can only ask for one value after the other,
    for which an index costs least however little it knows.
    """
    if dialect.name != "postgresql":
        return statement.where(among(column, "each"))
    given = func.json_array_elements_text(cast(bindparam("each", type_=_Listed), JSON)).table_valued("value")
    assert not isinstance(column.type, LargeBinary)  # JSON has no bytes
    kind = Text() if isinstance(column.type, String) else column.type  # a cast to a length would cut
    of_one = statement.where(column == cast(given.c.value, kind))
    found = of_one.offset(literal_column("0", Integer)).lateral()
    return select(*found.c).select_from(given.join(found, true()))


def _prepare(statement: Select[Any], dialect: Dialect) -> _Prepared:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    binds = []
    for name in compiled.positiontup or compiled.binds:
        bound = compiled.binds[name]
        binds.append((name, bound.value, bound.type.dialect_impl(dialect).bind_processor(dialect)))
    reads = tuple(
        column.type.dialect_impl(dialect).result_processor(dialect, None)
        for column in statement.selected_columns
    )
    positional = compiled.positiontup is not None
    return _Prepared(compiled.string, tuple(binds), positional, reads if any(reads) else ())


def _bound(prepared: _Prepared, values: Mapping[str, Any]) -> Any:
    given = {
        name: value if convert is None or value is None else convert(value)
        for name, default, convert in prepared.binds
        for value in (values.get(name, default),)
    }
    return tuple(given[name] for name, *_ in prepared.binds) if prepared.positional else given
