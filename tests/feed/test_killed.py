"""Killed at any moment, the service has kept and judged everything it acknowledged."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from service.store.schema import alert, decision, lab_result, patient, resource
from service.store.session import open_engine, reading
from tests.feed.sending import FEED, held, kept, observation, unjudged, values
from tests.feed.serving import Served, serving

pytestmark = pytest.mark.slow

SENDERS = 8


def stories(sender: int) -> list[Any]:
    """What one sender sends in order: results of several people, many of them elevated, some corrected."""
    chance = random.Random(sender)
    sent = []
    for number in range(2_000):
        day = f"2025-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}T08:00:00Z"
        id_, version = f"{sender}-{number - chance.choice((0, 0, 0, 1))}", 1 + number % 3
        value = chance.randint(20, 200)
        sent.append(
            observation(id_, version, value, patient=f"p{chance.randint(0, 30)}", effectiveDateTime=day)
        )
    return sent


def send_until_killed(served: Served, enough: int) -> list[tuple[Any, bool]]:
    """Everything that was sent, and whether it was acknowledged."""
    sent: list[list[tuple[Any, bool]]] = [[] for _ in range(SENDERS)]

    def send(sender: int) -> None:
        with served.client() as client:
            for body in stories(sender):
                try:
                    status = client.post(FEED, json=body).status_code
                except Exception:  # noqa: BLE001 - the process is gone
                    sent[sender].append((body, False))
                    return
                assert status == 200
                sent[sender].append((body, True))

    senders = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
    for each in senders:
        each.start()
    give_up = time.monotonic() + 60
    while sum(map(len, sent)) < enough and time.monotonic() < give_up:
        time.sleep(0.01)
    served.kill()
    for each in senders:
        each.join()
    return [each for one in sent for each in one]


def content(engine: Engine) -> list[Any]:
    """Everything that a second delivery must not change."""
    with reading(engine) as connection:
        return [
            sorted(
                map(
                    repr, connection.execute(select(resource.c.key, resource.c.version_id, resource.c.digest))
                )
            ),
            sorted(map(repr, connection.execute(select(lab_result)))),
            sorted(map(repr, connection.execute(select(alert.c.id, alert.c.revision, alert.c.content)))),
            sorted(map(repr, connection.execute(select(patient.c.id, patient.c.revision)))),
            connection.execute(select(func.count()).select_from(decision)).scalar_one(),
        ]


def latest(bodies: Sequence[Any]) -> dict[str, int]:
    """The highest version of each Observation."""
    versions: dict[str, int] = {}
    for body in bodies:
        versions[body["id"]] = max(versions.get(body["id"], 0), int(body["meta"]["versionId"]))
    return versions


def test_what_was_acknowledged_before_a_kill_is_there_and_judged_and_sending_it_again_changes_nothing(
    database_url: str,
) -> None:
    with serving(database_url) as served:
        sent = send_until_killed(served, 150)
    acknowledged = [body for body, taken in sent if taken]
    assert len(acknowledged) > 50
    engine = open_engine(database_url)
    stored = kept(engine)
    for id_, version in latest(acknowledged).items():
        assert int(stored[f"Observation/{id_}"][0] or 0) >= version
    assert unjudged(engine) == 0
    assert held(engine) == []
    with serving(database_url) as served, served.client() as client:
        before = content(engine)
        for body in acknowledged:
            assert client.post(FEED, json=body).status_code == 200
        assert content(engine) == before
        for body, _ in sent:
            assert client.post(FEED, json=body).status_code == 200
    assert {key: version for key, (version, _) in kept(engine).items()} == {
        f"Observation/{id_}": str(version) for id_, version in latest([body for body, _ in sent]).items()
    }
    assert unjudged(engine) == 0
    engine.dispose()


def write_results(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            day = f"2025-{1 + number % 12:02d}-{1 + number % 28:02d}T08:00:00Z"
            body = observation(f"f{number}", patient=f"q{number % 300}", effectiveDateTime=day)
            file.write(json.dumps(body) + "\n")


def test_files_are_loaded_beside_a_running_service(sqlite_url: str, tmp_path: Path) -> None:
    count = 20_000
    write_results(tmp_path / "results.ndjson", count)
    with serving(sqlite_url) as served, served.client() as client:
        environment = os.environ | {"LIVERWATCH_DATABASE_URL": sqlite_url}
        loading = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "service",
                "load",
                str(tmp_path / "results.ndjson"),
                "--source",
                "hospital",
            ],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        posted = 0
        while loading.poll() is None:
            body = observation(f"s{posted}", patient=f"q{posted % 300}")
            assert client.post(FEED, json=body).status_code == 200
            posted += 1
        assert loading.returncode == 0
    assert posted > 10
    engine = open_engine(sqlite_url)
    assert set(values(engine)) == {f"f{n}" for n in range(count)} | {f"s{n}" for n in range(posted)}
    assert unjudged(engine) == 0
    assert held(engine) == []
    engine.dispose()
