"""The wiring: what the settings ask for is what runs, and what runs ends."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.sse import KEEPALIVE_COMMENT
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from service import activating, ingest
from service import app as wiring
from service.app import create_app, seed_sources
from service.clinical.rulebook import load_rulebook, parse_rulebook
from service.errors import ConfigurationError, Conflict
from service.ingest import Rules, Swept
from service.metrics import REGISTRY
from service.retention import Expired, Retention, erase_unasked
from service.settings import Settings, SourceSeed
from service.store import activations, decisions, sessions, source_settings, sources, users
from service.store.activations import Activation
from service.store.schema import audit
from service.store.session import open_engine, reading, writing
from service.store.source_settings import SourceSettings
from service.store.users import Account, Role
from tests.feed.sending import BEARER, FEED, SECRET, observation, values
from tests.feed.serving import Served, free_port, serving


def settings(**chosen: object) -> Settings:
    return Settings.model_validate({"settle_seconds": 0, "sweep_seconds": 3600, **chosen})


def test_sources_of_the_settings_are_created_once_and_then_the_database_wins(engine: Engine) -> None:
    seed = SourceSeed(name="hospital", secret="first", zone="Europe/Berlin")
    seed_sources(engine, settings(sources=(seed,)))
    with writing(engine) as connection:
        sources.change(connection, "hospital", SourceSettings(zone="Asia/Tokyo"))
    again = SourceSeed(name="hospital", secret="second", zone="UTC")
    seed_sources(engine, settings(sources=(again, SourceSeed(name="clinic"))))
    with reading(engine) as connection:
        hospital = sources.by_name(connection, "hospital")
        assert hospital.settings.zone == "Asia/Tokyo"
        assert (hospital.accepts("first"), hospital.accepts("second")) == (True, False)
        assert [each.name for each in sources.every(connection)] == ["clinic", "hospital"]


def test_a_source_of_the_settings_takes_every_setting_that_a_source_has(engine: Engine) -> None:
    chosen = {
        "tasks": True,
        "language": "zh-CN",
        "catch_up": "patients",
        "auth": "client-secret",
        "client_id": "liverwatch",
        "client_secret_file": "/run/client",
        "fhir_base_url": "https://ehr.test/fhir",
        "write": "single",
        "contacts": ["Dr Bo"],
        "cds_issuer": "https://ehr.test",
        "cds_jwks": "https://ehr.test/jwks",
        "signed": "body",
        "signing_secret_file": "/run/secret",
        "certificates": ["CN=ehr"],
    }
    seed_sources(engine, settings(sources=({"name": "hospital", **chosen},)))
    with reading(engine) as connection:
        found = sources.by_name(connection, "hospital").settings
    assert found == source_settings.settings_from(chosen, "here")
    assert (found.tasks, found.contacts, found.signed) == (True, ("Dr Bo",), "body")


@pytest.mark.parametrize("wrong", [{"zones": "UTC"}, {"poll_seconds": "often"}, {"write": "never"}])
def test_a_source_of_the_settings_with_a_wrong_one_is_named_before_anything_starts(
    engine: Engine, wrong: dict[str, object]
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        seed_sources(engine, settings(sources=({"name": "hospital", **wrong},)))
    assert refused.value.message.startswith("LIVERWATCH_SOURCES, hospital: ")
    assert next(iter(wrong)) in refused.value.message
    with reading(engine) as connection:
        assert sources.every(connection) == []


def test_a_rulebook_that_cannot_be_used_stops_it_before_it_starts(engine: Engine, tmp_path: Path) -> None:
    broken = tmp_path / "rulebook.toml"
    broken.write_text("version = ")
    with pytest.raises(ConfigurationError):
        create_app(settings(rulebook=broken), engine)


def test_every_thread_it_begins_ends_with_it(engine: Engine) -> None:
    before = set(threading.enumerate())
    with TestClient(create_app(settings(), engine)):
        begun = {each.name for each in set(threading.enumerate()) - before}
        assert {"ingest-writer", "sweep", "deliver"} <= begun
    left = {each.name for each in set(threading.enumerate()) - before}
    assert not left & {"ingest-writer", "sweep", "deliver"}


def test_what_has_expired_is_erased_by_itself_and_that_goes_on_after_a_failure(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([OperationalError("DELETE", {}, Exception()), ValueError(), Conflict("too many")])
    asked: list[tuple[Retention, str]] = []
    done = threading.Event()

    def erase(
        engine: Engine, kept: Retention, now: datetime, *, by: str, stop: Callable[[], bool]
    ) -> Expired:
        for failure in failures:
            raise failure
        asked.append((kept, by))
        found = erase_unasked(engine, kept, now, by=by, stop=stop)
        done.set()
        return found

    monkeypatch.setattr(wiring, "erase_unasked", erase)
    monkeypatch.setattr(wiring, "_ERASING_SECONDS", 0.01)
    with TestClient(create_app(settings(sweep_seconds=0.01, retention_years=7), engine)):
        assert done.wait(20)
    assert asked[0] == (Retention(years=7), "liverwatch")


def test_nothing_is_erased_by_itself_unless_that_is_set(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = threading.Event()

    def sweep(*_: object) -> Swept:
        swept.set()
        return Swept(0, 0, 0)

    monkeypatch.setattr(wiring, "sweep", sweep)
    monkeypatch.setattr(wiring, "erase_unasked", lambda *_, **__: pytest.fail("something was erased"))
    with TestClient(create_app(settings(sweep_seconds=0.01), engine)):
        assert swept.wait(10)
        assert "erase" not in {each.name for each in threading.enumerate()}


def test_nothing_is_served_that_was_not_asked_for(engine: Engine) -> None:
    with TestClient(create_app(settings(), engine)) as service:
        for path in ("/docs", "/redoc", "/openapi.json"):
            answer = service.get(path)
            assert answer.status_code == 404
            assert answer.json()["resourceType"] == "OperationOutcome"


def test_the_worklist_is_served_and_not_to_just_anybody(engine: Engine) -> None:
    with TestClient(create_app(settings(), engine)) as service:
        assert service.get("/").status_code == 401
        assert service.get("/rules").status_code == 200


def test_the_sweep_goes_on_after_a_failure(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([OperationalError("SELECT", {}, Exception()), ValueError()])
    swept = threading.Event()

    def sweep(*_: object) -> Swept:
        for failure in failures:
            raise failure
        swept.set()
        return Swept(0, 0, 0)

    monkeypatch.setattr(wiring, "sweep", sweep)
    with TestClient(create_app(settings(sweep_seconds=0.01), engine)):
        assert swept.wait(10)


def test_a_result_dated_in_the_future_is_judged_by_itself_when_its_time_has_come(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    later, done = threading.Event(), threading.Event()
    coming = datetime.now(UTC) + timedelta(days=3)

    def sweep(engine: Engine, rules: Rules, now: datetime) -> Swept:
        if not later.is_set():
            return Swept(0, 0, 0)
        swept = ingest.sweep(engine, rules, now + timedelta(days=3))
        done.set()
        return swept

    monkeypatch.setattr(wiring, "sweep", sweep)
    seeded = settings(sweep_seconds=0.05, sources=(SourceSeed(name="hospital", secret=SECRET),))
    seed_sources(engine, seeded)
    with TestClient(create_app(seeded, engine)) as service:
        future = observation(effectiveDateTime=coming.isoformat())
        assert service.post(FEED, json=future, headers=BEARER).status_code == 200
        assert values(engine) == {}
        later.set()
        assert done.wait(10)
    assert values(engine) == {"o1": "50"}


def test_a_rulebook_that_comes_into_force_is_taken_up_by_itself(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent before the process knows of it is refused, and taken when it is sent again."""
    looked, done = threading.Event(), threading.Event()
    candidate = parse_rulebook(
        'version = "site"\nparent = "2026.1"\n[citations]\nsite = "Clinic of Example."\n'
        '[limits]\npolicy = { value = "guideline", citation = "site", tag = "V" }'
    )
    look = ingest.InForce.look

    def look_when_told(in_force: ingest.InForce) -> None:
        if not starting.is_set() or done.is_set():
            look(in_force)
            looked.set()

    def carry_out(*given: Any) -> int:
        judged = activating.carry_out(*given)
        if judged:
            rejudged.set()
        return judged

    starting, rejudged = threading.Event(), threading.Event()
    monkeypatch.setattr(ingest.InForce, "look", look_when_told)
    monkeypatch.setattr("service.ingest.in_force.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("service.quality.changing_over.carry_out", carry_out)
    seeded = settings(sweep_seconds=0.05, sources=(SourceSeed(name="hospital", secret=SECRET),))
    seed_sources(engine, seeded)
    app = create_app(seeded, engine)
    starting.set()
    with TestClient(app) as service:
        for sent in (observation(), observation("other", patient="p2")):
            assert service.post(FEED, json=sent, headers=BEARER).status_code == 200
        now = datetime.now(UTC)
        with writing(engine) as connection:
            decisions.keep_texts(connection, {candidate.digest: candidate.text}, now)
            made = Activation(UUID(int=1), candidate.digest, "user:adams", now, None, "user:bell", now, now)
            activations.add(connection, made)
        refused = service.post(FEED, json=observation("o2"), headers=BEARER)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        looked.clear()
        done.set()
        assert looked.wait(10)
        assert app.state.rules.rulebook.digest == candidate.digest
        assert service.post(FEED, json=observation("o2"), headers=BEARER).status_code == 200
        assert rejudged.wait(10)
    assert values(engine) == {"o1": "50", "o2": "50", "other": "50"}
    with reading(engine) as connection:
        rules = replace(ingest.Rules(candidate), settle=timedelta(0))
        assert not ingest.outdated(connection, rules)


def test_a_start_is_noted_with_what_is_judged_by_from_then_on(
    database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "configure_logging", lambda _level: None)

    def run(server: wiring.Server) -> None:
        server.started = True
        server.config.app.state.engine.dispose()  # type: ignore[union-attr]

    monkeypatch.setattr(wiring.Server, "run", run)
    wiring.serve(settings(database_url=database_url, port=free_port(), clock="data"))
    with reading(engine) as connection:
        row = connection.execute(select(audit).where(audit.c.action == "service-start")).one()
    assert row.actor == "liverwatch"
    noted = json.loads(row.detail)
    assert (noted["rulebook"], noted["clock"]) == (load_rulebook().digest, "data")


@pytest.mark.slow
def test_it_ends_in_order_when_told_to_and_logs_no_address(sqlite_url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as output:
        served = Served(sqlite_url, free_port(), output=output)
        try:
            served.wait_until_live()
            with served.client() as client:
                assert client.post(f"{FEED}?patient=Canary", json=observation("Canary")).status_code == 200
                assert client.get("/fhir/DetectedIssue?patient=Canary").status_code == 401
                assert client.post(f"{FEED}/Canary?x=Canary", content=b"{").status_code == 404
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(30) in (0, -signal.SIGTERM)
        finally:
            served.kill()
    assert "Canary" not in log.read_text()


@pytest.mark.slow
def test_a_worklist_that_is_open_does_not_keep_it_from_ending(sqlite_url: str) -> None:
    engine, now = open_engine(sqlite_url), datetime.now(UTC)
    nurse = Account("bell", "Bell", frozenset({Role.NURSE}), frozenset(), None, False, None, active=True)
    with writing(engine) as connection:
        users.add(connection, nurse, now)
        cookie = f"liverwatch={sessions.begin(connection, nurse.id, now)}"
    engine.dispose()
    with serving(sqlite_url) as served, served.client() as client:
        headers = {"accept": "text/event-stream", "cookie": cookie}
        with client.stream("GET", "/worklist/events", headers=headers) as stream:
            told = stream.iter_bytes()
            assert next(told) == KEEPALIVE_COMMENT
            served.process.send_signal(signal.SIGINT)
            assert list(told) == []
        assert served.process.wait(15) in (0, -signal.SIGINT)  # half of what requests under way are given


@pytest.mark.slow
def test_it_says_in_one_line_why_it_cannot_start(tmp_path: Path) -> None:
    environment = os.environ | {"LIVERWATCH_DATABASE_URL": f"sqlite:///{tmp_path}/none/x.db"}
    command = [sys.executable, "-m", "service", "serve", "--port", str(free_port())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("liverwatch: ")
    assert "Traceback" not in done.stderr


def test_what_it_does_is_counted_and_every_answer_has_an_id(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"liverwatch_{name}", labels) or 0.0

    swept = threading.Event()

    def sweep(*_: object) -> Swept:
        if swept.is_set():
            return Swept(0, 0, 0)
        swept.set()
        return Swept(5, 2, 0)

    monkeypatch.setattr(wiring, "sweep", sweep)
    answered = {"method": "POST", "route": "/feeds/{source}", "status": "200"}
    watched: list[tuple[str, dict[str, str], float]] = [
        ("resources_total", {"outcome": "stored"}, 1),
        ("resources_total", {"outcome": "duplicate"}, 1),
        ("feed_lag_seconds_count", {"source": "hospital"}, 2),
        ("records_judged_total", {}, 1 + 5),
        ("judgements_failed_total", {}, 2),
        ("http_requests_total", answered, 2),
    ]
    before = [told(name, **labels) for name, labels, _ in watched]
    seeded = settings(sweep_seconds=0.01, sources=(SourceSeed(name="hospital", secret=SECRET),))
    seed_sources(engine, seeded)
    with TestClient(create_app(seeded, engine)) as service:
        answers = [service.post(FEED, json=observation(), headers=BEARER) for _ in range(2)]
        assert swept.wait(10)
    assert len({answer.headers["x-request-id"] for answer in answers}) == 2
    assert [told(name, **labels) for name, labels, _ in watched] == [
        known + more for known, (_, _, more) in zip(before, watched, strict=True)
    ]


def test_an_address_with_a_slash_too_many_is_not_redirected(engine: Engine) -> None:
    with TestClient(create_app(settings(), engine), follow_redirects=False) as service:
        assert service.get("/fhir/DetectedIssue/?patient=Canary").status_code in (401, 404)
        assert service.get("/health/live/?patient=Canary").status_code == 404


def test_the_feed_asks_for_a_secret_however_it_was_seeded(engine: Engine) -> None:
    seeded = settings(sources=(SourceSeed(name="hospital"),))
    seed_sources(engine, seeded)
    with TestClient(create_app(seeded, engine)) as service:
        for headers in ({}, BEARER, {"Authorization": "Bearer None"}, {"X-Liverwatch-Secret": ""}):
            answer: httpx2.Response = service.post(FEED, json=observation(), headers=headers)
            assert answer.status_code == 401


def test_nothing_is_told_to_a_telemetry_provider_that_the_site_has_set_up(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastAPI would send it addresses with their query strings and the words of exceptions."""
    monkeypatch.setattr("fastapi.telemetry._asgi._unconfigured", lambda _provider: False)
    assert FastAPI()._native_telemetry.enabled()
    assert not create_app(settings(), engine)._native_telemetry.enabled()
