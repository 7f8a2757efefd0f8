"""Questions that a feed asks all the time: one answer on both databases, at one price whatever is stored."""

from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, select, text

from service.clinical.analytes import Analyte
from service.clinical.results import LabResult, ResultKey
from service.store import histories, resources, session
from service.store.query import Query
from service.store.resources import Version
from service.store.schema import lab_result
from service.store.session import open_engine, writing
from tests.ingest.feeding import NOW

SOURCE = 1
MANY = 3000
FEW = 60
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


def test_a_plan_made_while_a_table_was_small_is_not_kept_while_it_grows(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server had just analysed it, so that nothing but time makes it plan anew."""
    monkeypatch.setattr(session, "PLANS_SECONDS", 0.0)
    results = Query(select(lab_result.c.patient_id), each=lab_result.c.patient_id)
    engine = open_engine(postgres_url, durable=False)
    with writing(engine) as connection:
        histories.add_results(connection, [(patient, a_result(patient)) for patient in range(FEW)])
        connection.execute(text("ANALYZE lab_result"))
    with writing(engine) as connection:
        for _ in range(PLANNED_ONCE_AND_FOR_ALL):
            results.rows(connection, each=[1, 2, 3])
    with writing(engine) as connection:
        histories.add_results(connection, [(patient, a_result(patient)) for patient in range(FEW, MANY)])
    with writing(engine) as connection:
        before = read(connection, "lab_result")
        assert results.rows(connection, each=[1, 2, 3]) == [(1,), (2,), (3,)]
        assert read(connection, "lab_result") - before == 3
    engine.dispose()


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
