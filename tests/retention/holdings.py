"""What the database holds of whom, table by table: nothing is listed by hand, so that a new table is seen."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, select

from service.store.erasing import KEPT
from service.store.past import RECEIVED
from service.store.schema import alert, decision, metadata, outcome, patient, raw_message
from service.store.session import reading


class Named(NamedTuple):
    """By what rows name a record."""

    numbers: frozenset[int]
    ids: frozenset[str]
    """Those in addresses, of patients and alerts; and what their source calls the patients."""


def named(engine: Engine, numbers: Collection[int]) -> Named:
    """How the records of these patients are named."""
    with reading(engine) as connection:
        people = connection.execute(
            select(patient.c.public_id, patient.c.fhir_id).where(patient.c.id.in_(numbers))
        ).all()
        alerts = connection.execute(select(alert.c.id).where(alert.c.patient_id.in_(numbers))).scalars()
        ids = {str(each) for each in alerts} | {str(row.public_id) for row in people}
    return Named(frozenset(numbers), frozenset(ids | {f"Patient/{row.fhir_id}" for row in people}))


def rows(engine: Engine) -> dict[str, set[tuple[Any, ...]]]:
    """Everything but the audit log."""
    with reading(engine) as connection:
        return {
            table.name: {tuple(row) for row in connection.execute(select(table))}
            for table in metadata.sorted_tables
            if table not in KEPT
        }


def naming(engine: Engine, whom: Named) -> list[tuple[str, str]]:
    """Where in the database, but for the audit log, anything names one of these: table and column."""
    found = []
    with reading(engine) as connection:
        for table in metadata.sorted_tables:
            if table in KEPT:
                continue
            for row in connection.execute(select(table)).mappings():
                found += [(table.name, name) for name, value in row.items() if _names(name, value, whom)]
    return found


def _names(column: str, value: object, whom: Named) -> bool:
    if column in ("patient_id", "survivor_id", "inputs") and value is not None:
        return any(str(number) == part for number in whom.numbers for part in _numbers(value))
    return any(each in str(value) for each in whom.ids)


def _numbers(value: object) -> list[str]:
    """The patients in a column: one, or those of a decision's inputs, which are pairs with a revision."""
    return [pair.split(",")[0] for pair in str(value).strip("[]").split("],[")]


def unreferred(engine: Engine) -> tuple[set[object], set[object]]:
    """Messages and outcomes that nothing refers to; every one that something refers to is there."""
    with reading(engine) as connection:
        messages = _column(connection, raw_message.c.digest)
        wanted = {each for table in RECEIVED for each in _column(connection, table.c.digest)} - {None}
        assert wanted <= messages, "something refers to bytes that are not there"
        outcomes = _column(connection, outcome.c.digest) - _column(connection, decision.c.outcome_digest)
    return messages - wanted, outcomes


def _column(connection: Connection, column: Any) -> set[object]:
    return set(connection.execute(select(column)).scalars())
