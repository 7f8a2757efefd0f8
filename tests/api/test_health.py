"""Whether the service is up and ready, told to anybody, and told truly."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text, update
from starlette.testclient import TestClient

from service import backlog
from service.api import health
from service.clinical.rulebook import load_rulebook
from service.ingest import Rules
from service.store import freshness, sources
from service.store.schema import patient
from service.store.session import open_engine, reading, writing
from service.store.source_settings import SourceSettings
from tests.api.reading_room import ReadingRoom


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question is asked of the database."""
    monkeypatch.setattr(health, "REMEMBERED_SECONDS", -1.0)
    monkeypatch.setattr(backlog, "REMEMBERED_SECONDS", -1.0)


@pytest.fixture
def anybody(room: ReadingRoom) -> TestClient:
    return room.client(None)


def test_a_running_process_is_live_whatever_else(room: ReadingRoom, anybody: TestClient) -> None:
    room.writer.alive = False
    anybody.app.state.engine = None  # type: ignore[attr-defined]
    answer = anybody.get("/health/live")
    assert (answer.status_code, answer.json()["status"]) == (200, "up")
    assert anybody.head("/health/live").status_code == 200


def test_it_is_ready_when_database_and_writer_are(room: ReadingRoom, anybody: TestClient) -> None:
    answer = anybody.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": {"database": "ready", "judging": "up to date", "writer": "alive"},
        "sources": {
            name: {"last_message": None, "caught_up": None, "stale": False} for name in sorted(room.sources)
        },
    }


def test_without_its_writer_it_is_not_ready(room: ReadingRoom, anybody: TestClient) -> None:
    room.writer.alive = False
    answer = anybody.get("/health/ready")
    assert (answer.status_code, answer.json()["checks"]["writer"]) == (503, "not writing")


def test_without_its_database_it_is_not_ready(anybody: TestClient) -> None:
    anybody.app.state.engine = open_engine("sqlite:////nowhere/at/all.db")  # type: ignore[attr-defined]
    answer = anybody.get("/health/ready")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "away")
    assert "nowhere" not in answer.text


def test_a_database_of_another_release_is_not_ready(room: ReadingRoom, anybody: TestClient) -> None:
    with writing(room.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    answer = anybody.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "not migrated to this release"


def test_rejudging_is_said_and_does_not_stop_the_service(room: ReadingRoom, anybody: TestClient) -> None:
    known = room.patient("p1")
    with reading(room.engine) as connection:
        digest = Rules(load_rulebook()).digest(sources.by_name(connection, "clinic"))
    for values, said in (
        ({"revision": 1, "judged_revision": 1, "read_digest": "older"}, "rejudging"),
        ({"revision": 2, "judged_revision": 1, "read_digest": digest}, "some records wait to be judged"),
        ({"revision": 2, "judged_revision": 2, "read_digest": digest}, "up to date"),
    ):
        with writing(room.engine) as connection:
            connection.execute(update(patient).where(patient.c.id == known).values(**values))
        answer = anybody.get("/health/ready")
        assert answer.status_code == 200
        assert answer.json()["checks"]["judging"].startswith(said)


def test_a_day_that_has_come_and_that_no_sweep_has_looked_at_is_said(
    room: ReadingRoom, anybody: TestClient
) -> None:
    known = room.patient("p1")
    with reading(room.engine) as connection:
        digest = Rules(load_rulebook()).digest(sources.by_name(connection, "clinic"))
    for days, said in ((2, "up to date"), (0, "some records wait to be judged")):
        comes = {"review_on": datetime.now(UTC).date() + timedelta(days), "read_digest": digest}
        with writing(room.engine) as connection:
            connection.execute(update(patient).where(patient.c.id == known).values(**comes))
        assert anybody.get("/health/ready").json()["checks"]["judging"] == said
    with reading(room.engine) as connection:
        assert backlog.count_unjudged(connection, Rules(load_rulebook(), clock="data"), date.max) == 0


def test_a_feed_that_is_silent_for_too_long_is_stale_and_the_service_is_ready_all_the_same(
    room: ReadingRoom, anybody: TestClient
) -> None:
    now = datetime.now(UTC)
    with writing(room.engine) as connection:
        clinic = sources.change(connection, "clinic", SourceSettings(stale_after_seconds=600))
        freshness.message_came(connection, [clinic.id], now - timedelta(seconds=601))
    answer = anybody.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["checks"]["feeds"] == "stale, silent for too long: clinic"
    assert answer.json()["sources"]["clinic"]["stale"]
    with writing(room.engine) as connection:
        freshness.message_came(connection, [clinic.id], now)
    told = anybody.get("/health/ready").json()
    assert "feeds" not in told["checks"]
    assert told["sources"]["clinic"] == {
        "last_message": now.isoformat(),
        "caught_up": None,
        "stale": False,
    }


def test_however_often_anybody_asks_the_database_is_spared(
    anybody: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "REMEMBERED_SECONDS", 60.0)
    assert anybody.get("/health/ready").status_code == 200
    anybody.app.state.engine = None  # type: ignore[attr-defined]
    assert anybody.get("/health/ready").status_code == 200
