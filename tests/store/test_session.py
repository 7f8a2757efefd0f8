"""What a failed transaction means: done again, told to come back later, or a defect."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import OperationalError, StatementError

from service.store import session
from service.store.query import Query
from service.store.resources import digest_of, keep_raw
from service.store.rows import AlreadyThere, insert_rows
from service.store.schema import raw_message, stored_text
from service.store.session import alone, is_away, is_conflict, open_engine, reading, write_alone, writing
from tests.ingest.feeding import NOW
from tests.postgres import OwnPostgres


@pytest.fixture
def two(engine: Engine) -> Iterator[tuple[Engine, Engine]]:
    """Two processes, as far as the database can tell."""
    other = open_engine(engine.url.render_as_string(hide_password=False), durable=False)
    yield engine, other
    other.dispose()


@pytest.fixture
def pg(postgres_url: str) -> Iterator[Engine]:
    engine = open_engine(postgres_url, durable=False)
    yield engine
    engine.dispose()


def raised(work: Any) -> BaseException:
    with pytest.raises(Exception) as caught:
        work()
    return caught.value


def cross(engine: Engine, first: Any, second: Any) -> list[BaseException]:
    """Two transactions that each do both, in opposite orders: one of them must lose."""
    lost: list[BaseException] = []
    held = threading.Barrier(2)

    def work(mine: Any, theirs: Any) -> None:
        try:
            with writing(engine) as connection:
                mine(connection)
                held.wait(20)
                theirs(connection)
        except Exception as error:  # noqa: BLE001
            lost.append(error)

    threads = [threading.Thread(target=work, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return lost


def test_one_process_at_a_time_does_a_long_work_alone(pg: Engine) -> None:
    other = open_engine(pg.url.render_as_string(hide_password=False), durable=False)
    with alone(pg, 7) as first, alone(other, 7) as second, alone(other, 8) as something_else:
        assert (first, second, something_else) == (True, False, True)
    with alone(other, 7) as again:
        assert again
    other.dispose()


def test_who_writes_alone_to_a_table_is_waited_for(pg: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LOCK_TIMEOUT_MILLISECONDS", 100)
    impatient = open_engine(pg.url.render_as_string(hide_password=False), durable=False)
    with writing(pg) as connection:
        write_alone(connection, stored_text)
        with pytest.raises(OperationalError), writing(impatient) as late:
            write_alone(late, stored_text)
    with writing(impatient) as connection:
        write_alone(connection, stored_text)
    impatient.dispose()


def test_a_deadlock_is_a_conflict(pg: Engine) -> None:
    with writing(pg) as connection:
        for name in ("a", "b"):
            connection.execute(stored_text.insert().values(digest=name, text="", created=NOW))

    def touch(name: str) -> Any:
        return lambda connection: connection.execute(
            stored_text.update().where(stored_text.c.digest == name).values(text=name)
        )

    (lost,) = cross(pg, touch("a"), touch("b"))
    assert is_conflict(lost)
    assert not is_away(lost)


def test_a_deadlock_while_copying_rows_is_a_conflict(pg: Engine) -> None:
    def keep(body: bytes) -> Any:
        def work(connection: Connection) -> None:
            keep_raw(connection, {digest_of(body): body})

        return work

    (lost,) = cross(pg, keep(b"a"), keep(b"b"))
    assert is_conflict(lost) or isinstance(lost, AlreadyThere)
    assert not is_away(lost)


def test_a_serialization_failure_is_a_conflict(pg: Engine) -> None:
    with writing(pg) as connection:
        connection.execute(stored_text.insert().values(digest="a", text="", created=NOW))
    change = stored_text.update().where(stored_text.c.digest == "a")
    with pg.connect().execution_options(isolation_level="REPEATABLE READ") as one, one.begin():
        one.execute(text("SELECT count(*) FROM stored_text"))
        with writing(pg) as other:
            other.execute(change.values(text="theirs"))
        error = raised(lambda: one.execute(change.values(text="mine")))
    assert is_conflict(error)


def test_rows_that_another_transaction_wrote_first_are_told_apart(two: tuple[Engine, Engine]) -> None:
    rows = [("a", "text", NOW)]
    for engine in two:
        try:
            with writing(engine) as connection:
                insert_rows(connection, stored_text, ("digest", "text", "created"), rows)
        except AlreadyThere:
            assert engine is two[1]
    with reading(two[0]) as connection:
        assert connection.execute(text("SELECT count(*) FROM stored_text")).scalar_one() == 1


def test_an_ordinary_mistake_is_neither_a_conflict_nor_an_absence(engine: Engine) -> None:
    def mistake() -> None:
        with writing(engine) as connection:
            connection.execute(stored_text.insert().values(digest="a", text=None, created=NOW))

    for error in (raised(mistake), ValueError("a mistake"), AlreadyThere("stored_text")):
        assert not is_conflict(error)
        assert not is_away(error)


def test_a_statement_over_its_time_is_about_the_statement_not_the_database(
    pg: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "STATEMENT_TIMEOUT_MILLISECONDS", 50)
    hasty = open_engine(pg.url.render_as_string(hide_password=False), durable=False)
    try:
        with reading(hasty) as connection:
            error = raised(lambda: connection.execute(text("SELECT pg_sleep(20)")))
        assert not is_away(error)
        assert not is_conflict(error)
    finally:
        hasty.dispose()


def test_a_missing_table_is_a_defect_on_either_database(engine: Engine) -> None:
    with reading(engine) as connection:
        error = raised(lambda: connection.execute(text("SELECT nothing FROM nowhere")))
    assert not is_away(error)
    assert not is_conflict(error)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    "words",
    [
        "unable to open database file",
        "disk I/O error",
        "database or disk is full",
        "attempt to write a readonly database",
    ],
)
def test_a_sqlite_file_that_cannot_be_used_is_away(words: str, wrapped: bool) -> None:
    bare = sqlite3.OperationalError(words)
    error = OperationalError("INSERT", {}, bare) if wrapped else bare
    assert is_away(error)
    assert not is_conflict(error)


def test_a_database_without_a_free_connection_is_away(pg: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "BUSY_TIMEOUT_SECONDS", 0.05)
    small = open_engine(pg.url.render_as_string(hide_password=False), pool_size=1)
    try:
        with reading(small), reading(small):
            error = raised(lambda: _count(small))
        assert is_away(error)
    finally:
        small.dispose()


def test_an_error_never_quotes_the_parameters(engine: Engine) -> None:
    with writing(engine) as connection:
        error = raised(lambda: connection.execute(text("SELECT :name FROM nowhere"), {"name": "Canary"}))
    assert "Canary" not in str(error)


def test_a_busy_sqlite_database_is_a_conflict(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "BUSY_TIMEOUT_SECONDS", 0.05)
    engine = open_engine(sqlite_url, durable=False)
    other = open_engine(sqlite_url, durable=False)
    try:
        with writing(engine):
            error = raised(lambda: other.begin().__enter__())
        assert is_conflict(error)
    finally:
        engine.dispose()
        other.dispose()


def test_a_reader_never_waits_for_a_writer_on_sqlite(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "BUSY_TIMEOUT_SECONDS", 0.05)
    engine = open_engine(sqlite_url, durable=False)
    try:
        with writing(engine) as writer:
            writer.execute(stored_text.insert().values(digest="a", text="", created=NOW))
            with reading(engine) as reader:
                assert reader.execute(text("SELECT count(*) FROM stored_text")).scalar_one() == 0
    finally:
        engine.dispose()


def test_a_lock_that_nobody_gives_back_means_come_again_later(
    pg: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LOCK_TIMEOUT_MILLISECONDS", 100)
    impatient = open_engine(pg.url.render_as_string(hide_password=False), durable=False)
    try:
        with writing(pg) as connection:
            connection.execute(text("LOCK TABLE stored_text"))
            error = raised(lambda: _count(impatient))
        assert is_away(error)
        assert not is_conflict(error)
    finally:
        impatient.dispose()


def _count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM stored_text")).scalar_one())


def test_a_stopped_server_is_away_and_is_used_again_once_it_is_back(stoppable_postgres: OwnPostgres) -> None:
    engine = open_engine(stoppable_postgres.url.render_as_string(hide_password=False))
    try:
        with writing(engine) as connection:
            stored_text.create(connection)
        stoppable_postgres.stop()
        for _ in range(2):  # first on a connection that breaks, then on none
            error = raised(lambda: _count(engine))
            assert is_away(error)
            assert not is_conflict(error)
        stoppable_postgres.start()
        assert _count(engine) == 0
    finally:
        engine.dispose()


def test_a_server_restarted_while_nobody_asked_is_used_as_if_nothing_had_been(
    stoppable_postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "IDLE_SECONDS", 0.0)
    engine = open_engine(stoppable_postgres.url.render_as_string(hide_password=False))
    try:
        with writing(engine) as connection:
            stored_text.create(connection)
        with reading(engine), reading(engine):
            pass  # several connections lie idle
        stoppable_postgres.stop()
        stoppable_postgres.start()
        for _ in range(2):
            assert _count(engine) == 0
    finally:
        engine.dispose()


def test_a_server_restarted_under_busy_connections_costs_one_transaction(
    stoppable_postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "IDLE_SECONDS", 3600.0)
    engine = open_engine(stoppable_postgres.url.render_as_string(hide_password=False))
    texts = Query(select(stored_text.c.digest))

    def ask() -> list[Any]:
        with reading(engine) as connection:
            return texts.rows(connection)  # by the driver's own cursor

    try:
        with writing(engine) as connection:
            stored_text.create(connection)
        with reading(engine), reading(engine), reading(engine):
            pass
        stoppable_postgres.stop()
        stoppable_postgres.start()
        assert is_away(raised(ask))
        assert [ask() for _ in range(4)] == [[]] * 4
    finally:
        engine.dispose()


def test_a_connection_used_a_moment_ago_is_not_asked_first(
    pg: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "IDLE_SECONDS", 3600.0)
    asked: list[Any] = []
    monkeypatch.setattr(pg.dialect, "do_ping", asked.append)
    assert _count(pg) == _count(pg) == 0
    assert asked == []
    monkeypatch.setattr(session, "IDLE_SECONDS", 0.0)
    assert _count(pg) == 0
    assert len(asked) == 1


@pytest.mark.parametrize("copying", [False, True])
def test_a_server_that_stops_within_a_transaction_is_away(
    stoppable_postgres: OwnPostgres, copying: bool
) -> None:
    engine = open_engine(stoppable_postgres.url.render_as_string(hide_password=False))

    def work() -> None:
        with writing(engine) as connection:
            raw_message.create(connection)
            stoppable_postgres.stop()
            if copying:
                insert_rows(connection, raw_message, ("digest", "body"), [(digest_of(b"a"), b"a")])
            else:
                connection.execute(text("SELECT 1"))

    try:
        error = raised(work)
        assert is_away(error)
        assert not is_conflict(error)
        stoppable_postgres.start()
        with reading(engine) as connection:
            assert connection.execute(text("SELECT to_regclass('raw_message')")).scalar_one() is None
    finally:
        engine.dispose()


def test_an_instant_without_a_zone_is_refused_and_one_with_a_zone_comes_back_in_utc(engine: Engine) -> None:
    east = NOW.astimezone(session_zone())
    with writing(engine) as connection:
        connection.execute(stored_text.insert().values(digest="a", text="", created=east))
    with reading(engine) as connection:
        found = connection.execute(stored_text.select()).one().created
    assert (found, found.utcoffset()) == (NOW, timedelta(0))
    with pytest.raises(StatementError, match="time zone"), writing(engine) as connection:
        connection.execute(stored_text.insert().values(digest="b", text="", created=NOW.replace(tzinfo=None)))


def session_zone() -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo("Asia/Kolkata")


def test_an_old_sqlite_library_is_replaced_or_warned_about(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import sys

    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    monkeypatch.setitem(sys.modules, "pysqlite3", None)
    with caplog.at_level(logging.WARNING):
        assert session.sqlite_module() is sqlite3
    assert "3.51.3" in caplog.text


def test_the_ways_of_the_server_to_write_dates_and_zones_do_not_matter(postgres_url: str) -> None:
    engine = open_engine(postgres_url, durable=False)
    with writing(engine) as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f"ALTER DATABASE \"{name}\" SET datestyle = 'German'"))
        connection.execute(text(f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Kathmandu'"))
    engine.dispose()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT TIMESTAMPTZ '2024-02-29 12:00+00'")).scalar_one() == datetime(
            2024, 2, 29, 12, tzinfo=UTC
        )
    engine.dispose()
