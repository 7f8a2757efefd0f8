"""The audit log is chained soon after it is written, by one at a time, and can only be added to."""

import logging
import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from service.quality import Sealer
from service.store import audit_chain
from service.store.schema import audit_seal
from service.store.session import reading, writing
from tests.quality.conftest import Log


def chained(log: Log) -> int:
    with reading(log.engine) as connection:
        return audit_chain.head(connection).position


def test_what_is_written_is_chained_and_what_is_chained_is_not_chained_again(log: Log) -> None:
    log.write(3)
    assert log.sealer.seal() == 3
    assert log.sealer.seal() == 0
    log.write(2)
    assert log.sealer.seal() == 2
    assert chained(log) == 5


def test_more_than_a_page_is_chained_at_once(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.store.audit_chain._PAGE", 2)
    log.write(5)
    log.sealer.seal()
    with reading(log.engine) as connection:
        assert [link.position for link in audit_chain.links(connection)] == [1, 2, 3, 4, 5]


def test_a_record_that_is_committed_after_one_with_a_higher_number_is_chained_too(log: Log) -> None:
    log.write(1)
    with writing(log.engine) as connection:
        connection.execute(
            text("INSERT INTO audit (id, at, actor, action, detail) VALUES (900, :at, 'a', 'late', '{}')"),
            {"at": log.now.isoformat(timespec="microseconds")},
        )
    log.sealer.seal()
    log.now += timedelta(minutes=5)
    log.write(1)
    assert log.sealer.seal() == 1
    assert chained(log) == 3


def test_two_sealers_make_one_chain(log: Log) -> None:
    log.write(60)
    others = [Sealer(log.engine, lambda *_: None, clock=lambda: log.now) for _ in range(3)]
    threads = [threading.Thread(target=each.seal) for each in others]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    log.sealer.seal()
    with reading(log.engine) as connection:
        assert connection.execute(select(func.count()).select_from(audit_seal)).scalar_one() == 60
        assert all(link.found == link.stored for link in audit_chain.links(connection))


def test_the_outside_is_told_each_head_once(log: Log) -> None:
    log.sealer.anchor()
    assert log.anchored == []
    log.write(2)
    log.sealer.seal()
    log.sealer.anchor()
    log.sealer.anchor()
    assert [head.position for head in log.anchored] == [2]


def test_a_running_sealer_seals_once_more_when_it_is_told_to_stop(log: Log) -> None:
    stop = threading.Event()
    stop.set()
    log.write(2)
    log.sealer.run(stop)
    assert [head.position for head in log.anchored] == [2]


def test_an_outside_that_cannot_be_told_keeps_nothing_from_being_sealed(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is away")

    stop = threading.Event()
    stop.set()
    log.write(2)
    with caplog.at_level(logging.ERROR):
        Sealer(log.engine, fail, clock=lambda: log.now).run(stop)
    assert chained(log) == 2
    assert "tried again" in caplog.text


@pytest.mark.parametrize("table", ["audit", "audit_seal"])
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_itself_refuses_every_change(engine: Engine, table: str, change: str) -> None:
    if change.startswith("TRUNCATE") and engine.dialect.name == "sqlite":
        change = "DELETE FROM {}"  # SQLite has no other
    log = Log(engine)
    log.write(2)
    log.sealer.seal()
    column = "actor" if table == "audit" else "hash"
    with pytest.raises(DBAPIError, match="append-only"), writing(engine) as connection:
        connection.execute(text(change.format(table, column, "'x'")))
    assert chained(log) == 2
