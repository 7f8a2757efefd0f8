"""Two processes on one PostgreSQL, results moving between patients: no deadlock, and one truth."""

import random
import threading
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, select

from service.alerts.alert import Alert, State
from service.store.schema import alert, lab_result, patient
from service.store.session import open_engine, reading
from tests.feed.sending import FEED, bundle, held, kept, observation, unjudged
from tests.feed.serving import Served, serving
from tests.oracle import came
from tests.postgres import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PATIENTS = 4
OBSERVATIONS = 24
VERSIONS = 12


def version(number: int, of: int) -> Any:
    """One version of one Observation: with every version it may move to another patient, day and value."""
    chance = random.Random(1000 * number + of)
    day = f"2025-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}T08:00:00Z"
    patient_id = f"p{chance.randrange(PATIENTS)}"
    return observation(f"o{number}", of, chance.randint(20, 400), patient_id, effectiveDateTime=day)


def bodies(seed: int) -> list[Any]:
    """All versions in an order of their own, some alone and some in Bundles."""
    chance = random.Random(seed)
    every = [version(number, of) for number in range(OBSERVATIONS) for of in range(1, VERSIONS + 1)]
    chance.shuffle(every)
    sent = []
    while every:
        size = chance.choice((1, 1, 1, 2, 5))
        taken, every = every[:size], every[size:]
        sent.append(taken[0] if size == 1 else bundle("batch", *taken))
    return sent


def outcome(engine: Engine) -> tuple[list[str], list[str]]:
    """Every result with its patient, and every alert that stands, modulo the store's own numbers.

    An alert that a recheck was late stays, resolved, only where somebody could look before the recheck came.
    """
    with reading(engine) as connection:
        names = dict(map(tuple, connection.execute(select(patient.c.id, patient.c.fhir_id))))
        results = [
            f"{names[row.patient_id]} {row.observation_id} {row.day} {row.value}"
            for row in connection.execute(select(lab_result))
        ]
        contents = connection.execute(select(alert.c.content)).scalars().all()
    alerts = [msgspec.json.decode(content, type=Alert) for content in contents]
    standing = [
        f"{names[each.subject]} {each.family} {each.state} {each.tier} {each.episode}"
        for each in alerts
        if each.state not in (State.ENTERED_IN_ERROR, State.MERGED) and not came(each)
    ]
    return sorted(results), sorted(standing)


def send_all(servers: list[Served], senders: int) -> list[int]:
    statuses: list[int] = []

    def send(number: int) -> None:
        with servers[number % len(servers)].client() as client:
            statuses.extend(client.post(FEED, json=body).status_code for body in bodies(number))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(senders)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return statuses


def in_order(url: str) -> tuple[list[str], list[str]]:
    """The outcome of sending only the latest versions, one by one, to one process."""
    with serving(url) as served, served.client() as client:
        for number in range(OBSERVATIONS):
            assert client.post(FEED, json=version(number, VERSIONS)).status_code == 200
    engine = open_engine(url)
    try:
        return outcome(engine)
    finally:
        engine.dispose()


def test_two_processes_never_deadlock_and_never_disagree(postgres_url: str, postgres: Postgres) -> None:
    with serving(postgres_url) as first, serving(postgres_url) as second:
        statuses = send_all([first, second], senders=6)
    assert set(statuses) == {200}
    engine = open_engine(postgres_url)
    assert {key: row[0] for key, row in kept(engine).items()} == {
        f"Observation/o{number}": str(VERSIONS) for number in range(OBSERVATIONS)
    }
    assert unjudged(engine) == 0
    assert held(engine) == []
    with postgres.database() as fresh:
        assert outcome(engine) == in_order(fresh.render_as_string(hide_password=False))
    engine.dispose()
