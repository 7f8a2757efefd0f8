"""Questions that a feed asks all the time: one answer on both databases, at one price whatever is stored."""

from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, select, text

from service.clinical.analytes import Analyte
from service.clinical.results import LabResult, ResultKey
from service.store import histories, resources
from service.store.query import Query
from service.store.resources import Version
from service.store.schema import lab_result
from service.store.session import open_engine, writing
from tests.ingest.feeding import NOW

SOURCE = 1
MANY = 3000
PLANNED_ONCE_AND_FOR_ALL = 20
"""psycopg prepares a statement that was asked 5 times; PostgreSQL settles on a plan after 5 more."""


def a_version(number: int) -> Version:
    return Version(f"Observation/o{number}", None, "1", NOW, NOW, b"a" * 32, "live", 0, "feed")


def a_result(patient: int) -> LabResult:
    return LabResult(ResultKey("hospital", f"o{patient}"), Analyte.ALT, NOW, NOW.date(), Decimal(40))


def read(connection: Connection, table: str) -> int:
    """Rows of a table that this transaction has read, one after the other or by an index."""
    counted = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = :name")
    return int(connection.execute(counted, {"name": table}).scalar_one())


@pytest.mark.parametrize("number", range(1, 4), ids="patients-{}".format)
def test_a_question_first_asked_of_an_empty_table_never_reads_all_that_comes_later(
    postgres_url: str, number: int
) -> None:
    results = Query(select(lab_result.c.patient_id, lab_result.c.value), each=lab_result.c.patient_id)
    asked = range(1, number + 1)
    engine = open_engine(postgres_url, durable=False)
    with writing(engine) as connection:
        for _ in range(PLANNED_ONCE_AND_FOR_ALL):
            assert results.rows(connection, each=asked) == []
        histories.add_results(connection, [(patient, a_result(patient)) for patient in range(MANY)])
        before = read(connection, "lab_result")
        found = results.rows(connection, each=asked)
        assert read(connection, "lab_result") - before == number
    engine.dispose()
    assert [patient for patient, _ in found] == list(asked)


def test_what_is_named_twice_is_found_once(engine: Engine) -> None:
    asked = ["Observation/o2", "Observation/o1", "Observation/o2"]
    with writing(engine) as connection:
        resources.add_current(connection, SOURCE, [a_version(1), a_version(2), a_version(3)])
        found = resources._current.rows(connection, source_id=SOURCE, each=asked)
    assert sorted(row[0] for row in found) == ["Observation/o1", "Observation/o2"]


def test_a_name_longer_than_its_column_is_not_taken_for_another(engine: Engine) -> None:
    """A database that cuts what it is asked for would answer with somebody else's."""
    longest = "Observation/" + "o" * 180
    with writing(engine) as connection:
        resources.add_current(connection, SOURCE, [a_version(1)._replace(key=longest)])
        assert resources.current(connection, SOURCE, [longest]).keys() == {longest}
        assert resources.current(connection, SOURCE, [longest + "x"]) == {}
