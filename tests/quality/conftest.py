"""An audit log with records in it, sealed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from service.quality import Sealer
from service.store.audit_chain import Head
from service.store.decisions import write_audit
from service.store.session import writing
from tests.ingest.feeding import Feed

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Log:
    """An audit log, written to at a clock of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = START
        self.anchored: list[Head] = []
        self.sealer = Sealer(engine, lambda head, _at: self.anchored.append(head), clock=lambda: self.now)

    def write(self, count: int = 1) -> None:
        """Note so many things that somebody did, a second apart."""
        with writing(self.engine) as connection:
            for number in range(count):
                self.now += timedelta(seconds=1)
                write_audit(
                    connection,
                    at=self.now,
                    actor=f"nurse-{number % 3}",
                    action="read",
                    source_id=1 if number % 2 else None,
                    patient_id=number,
                    detail={"count": number},
                )


@pytest.fixture
def log(engine: Engine) -> Log:
    return Log(engine)


@pytest.fixture
def sealed(log: Log) -> Callable[[int], Log]:
    def make(count: int) -> Log:
        log.write(count)
        log.sealer.seal()
        return log

    return make


@pytest.fixture
def feed(engine: Engine) -> Feed:
    return Feed(engine)
