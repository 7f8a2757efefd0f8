"""Acknowledged means committed; one request never fails another; what there is no room for is not read."""

import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DataError
from starlette.testclient import TestClient

from service.feed import batcher as batching
from service.ingest import Delivery, Receipt, judging, receiving, replay_held
from service.store import quarantine, resources
from service.store.session import reading
from tests.feed.conftest import Start
from tests.feed.sending import BEARER, FEED, bundle, check_refused, held, kept, observation, unjudged, values


class Interrupted(Exception):
    """Something unforeseen."""


@pytest.fixture
def commits_fail(hospital: Engine) -> Iterator[threading.Event]:
    """While set, every COMMIT raises instead."""
    failing = threading.Event()

    def refuse(_connection: Connection) -> None:
        if failing.is_set():
            raise Interrupted

    event.listen(hospital, "commit", refuse)
    yield failing
    event.remove(hospital, "commit", refuse)


def test_a_failing_commit_is_never_a_success(
    feed: TestClient, hospital: Engine, commits_fail: threading.Event
) -> None:
    assert feed.post(FEED, json=observation("o1")).status_code == 200
    commits_fail.set()
    for answer in (
        feed.post(FEED, json=observation("o2")),
        feed.post(FEED, json=bundle("batch", observation("o3"))),
        feed.delete(f"{FEED}/Observation/o1"),
    ):
        assert answer.status_code >= 500
        assert answer.json()["resourceType"] == "OperationOutcome"
    commits_fail.clear()
    assert values(hospital) == {"o1": "50"}
    assert feed.post(FEED, json=observation("o2")).status_code == 200
    assert set(values(hospital)) == {"o1", "o2"}


def test_the_answer_comes_after_the_commit(feed: TestClient, hospital: Engine) -> None:
    order: list[str] = []
    event.listen(hospital, "commit", lambda _connection: order.append("committed"))
    feed.post(FEED, json=observation())
    order.append("answered")
    assert order.index("committed") < order.index("answered")
    assert values(hospital) == {"o1": "50"}
    assert unjudged(hospital) == 0


def poison(monkeypatch: pytest.MonkeyPatch, id_: str) -> None:
    """The database will not take one resource, whatever is tried."""
    real = resources.add_current

    def add_current(connection: Connection, source_id: int, versions: Sequence[Any]) -> Any:
        if any(each.key == f"Observation/{id_}" for each in versions):
            raise DataError("INSERT", {}, Interrupted())
        return real(connection, source_id, versions)

    monkeypatch.setattr(resources, "add_current", add_current)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is about to happen."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Callable[[TestClient, Sequence[Any]], list[int]]:
    """Send requests so that they share one transaction: the first batch waits until all are queued."""
    sizes: list[int] = []
    real = receiving.take

    def send(feed: TestClient, bodies: Sequence[Any]) -> list[int]:
        queued = threading.Event()

        def take(engine: Engine, deliveries: Sequence[Delivery], *rest: Any, **more: Any) -> Receipt:
            sizes.append(len(deliveries))
            queued.wait(60)
            return real(engine, deliveries, *rest, **more)

        monkeypatch.setattr(batching, "take", take)
        batcher = feed.app.state.batcher  # type: ignore[attr-defined]
        with ThreadPoolExecutor(len(bodies)) as pool:
            answers = [pool.submit(feed.post, FEED, json=body, headers=BEARER) for body in bodies]
            # The first batch may be of any size: the writer wakes up when it can.
            until(lambda: bool(sizes) and sizes[0] + batcher.depth == len(bodies))
            queued.set()
            statuses = [answer.result().status_code for answer in answers]
        assert max(sizes) > 1, "they did not share a transaction"
        return statuses

    return send


def test_one_poison_request_among_64_concurrent_ones_is_set_aside_alone(
    feed: TestClient,
    hospital: Engine,
    together: Callable[[TestClient, Sequence[Any]], list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    poison(monkeypatch, "o13")
    bodies = [observation(f"o{number}", patient=f"p{number % 7}") for number in range(64)]
    assert together(feed, bodies) == [200] * 64
    assert set(values(hospital)) == {f"o{number}" for number in range(64)} - {"o13"}
    assert held(hospital) == ["storing-failed"]
    assert unjudged(hospital) == 0


def test_when_the_database_goes_away_among_requests_tried_singly_the_rest_are_told_at_once(
    feed: TestClient,
    hospital: Engine,
    together: Callable[[TestClient, Sequence[Any]], list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    poison(monkeypatch, "o13")
    real, singly, back = resources.current, [0], threading.Event()

    def current(connection: Connection, source_id: int, keys: Collection[str]) -> Any:
        singly[0] += len(keys) == 1
        if singly[0] > 3:
            raise sqlite3.OperationalError("disk I/O error")
        return real(connection, source_id, keys)

    @contextmanager
    def away(_: Engine) -> Iterator[Connection]:
        if not back.wait(0):
            raise sqlite3.OperationalError("disk I/O error")
        with reading(hospital) as connection:
            yield connection

    monkeypatch.setattr(resources, "current", current)
    monkeypatch.setattr(batching, "reading", away)
    statuses = together(feed, [observation(f"o{number}") for number in range(20)])
    taken = set(values(hospital))
    assert 503 in statuses
    assert statuses == [200 if f"o{number}" in taken else 503 for number in range(20)]
    assert not feed.app.state.batcher.alive  # type: ignore[attr-defined]
    monkeypatch.setattr(resources, "current", real)
    back.set()
    until(lambda: feed.app.state.batcher.alive)  # type: ignore[attr-defined]
    assert feed.post(FEED, json=observation("o0", version=2)).status_code == 200


def test_requests_that_share_a_transaction_may_concern_the_same_resource(
    feed: TestClient, hospital: Engine, together: Callable[[TestClient, Sequence[Any]], list[int]]
) -> None:
    bodies = [observation("o1", version=1 + number % 5, value=50 + number % 5) for number in range(20)]
    assert together(feed, bodies) == [200] * 20
    assert kept(hospital) == {"Observation/o1": ("5", "live")}
    assert values(hospital) == {"o1": "54"}


def test_what_was_set_aside_can_be_replayed_once_the_cause_is_mended(
    feed: TestClient, hospital: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        poison(patched, "o1")
        feed.post(FEED, json=bundle("collection", observation("o1"), observation("o2")))
    assert held(hospital) == ["storing-failed"] * 2
    with reading(hospital) as connection:
        waiting = quarantine.listed(connection)
    replay_held(hospital, waiting, feed.app.state.rules, datetime.now(UTC))  # type: ignore[attr-defined]
    assert held(hospital) == []
    assert set(values(hospital)) == {"o1", "o2"}


def test_a_delete_that_cannot_be_stored_is_no_success(
    feed: TestClient, hospital: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, "o1")
    assert feed.delete(f"{FEED}/Observation/o1").status_code == 500
    assert held(hospital) == []


def test_when_not_even_quarantine_works_the_sender_is_told_and_the_feed_goes_on(
    feed: TestClient, hospital: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Interrupted

    with monkeypatch.context() as patched:
        poison(patched, "o1")
        patched.setattr(batching, "keep_for_later", fail)
        assert feed.post(FEED, json=observation("o1")).status_code == 500
    assert feed.post(FEED, json=observation("o1")).status_code == 200
    assert values(hospital) == {"o1": "50"}


def check_overloaded(answer: Any) -> None:
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["issue"][0]["code"] == "transient"


@pytest.mark.parametrize("limit", [{"queue_requests": 2}, {"queue_bytes": 1000}])
def test_with_a_full_queue_a_request_is_refused_before_its_body_is_decoded(
    start: Start, hospital: Engine, monkeypatch: pytest.MonkeyPatch, limit: dict[str, int]
) -> None:
    feed = start(**limit)
    busy, go_on = threading.Event(), threading.Event()
    real = receiving.take

    def take(*given: Any, **more: Any) -> Receipt:
        busy.set()
        go_on.wait(20)
        return real(*given, **more)

    monkeypatch.setattr(batching, "take", take)
    batcher = feed.app.state.batcher  # type: ignore[attr-defined]
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(feed.post, FEED, json=observation("o0"), headers=BEARER)]
        assert busy.wait(10)
        for number in (1, 2):
            answers.append(pool.submit(feed.post, FEED, json=observation(f"o{number}"), headers=BEARER))
            until(lambda number=number: batcher.depth == number)  # type: ignore[misc]
        for method in ("POST", "DELETE"):
            path = FEED if method == "POST" else f"{FEED}/Observation/o1"
            check_overloaded(feed.request(method, path, content=b"<not even JSON", headers=BEARER))
        go_on.set()
        assert [answer.result().status_code for answer in answers] == [200, 200, 200]
    assert set(values(hospital)) == {"o0", "o1", "o2"}
    check_refused(feed.post(FEED, content=b"<not even JSON", headers=BEARER), 400)


def test_what_is_queued_when_the_service_stops_is_written_first(
    start: Start, hospital: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = start()
    busy, go_on = threading.Event(), threading.Event()
    real = receiving.take

    def take(*given: Any, **more: Any) -> Receipt:
        busy.set()
        go_on.wait(20)
        return real(*given, **more)

    monkeypatch.setattr(batching, "take", take)
    batcher = feed.app.state.batcher  # type: ignore[attr-defined]
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(feed.post, FEED, json=observation("o0"), headers=BEARER)]
        assert busy.wait(10)
        answers.append(pool.submit(feed.post, FEED, json=observation("o1"), headers=BEARER))
        until(lambda: batcher.depth == 1)
        stopping = pool.submit(batcher.stop)
        until(lambda: batcher._stopping)
        check_overloaded(feed.post(FEED, json=observation("o2"), headers=BEARER))
        go_on.set()
        stopping.result()
        assert [answer.result().status_code for answer in answers] == [200, 200]
    assert set(values(hospital)) == {"o0", "o1"}


def test_a_crash_of_the_judgement_leaves_the_record_kept_and_visibly_unjudged(
    feed: TestClient, hospital: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr(judging, "assess", crash)
        assert feed.post(FEED, json=observation()).status_code == 200
        assert values(hospital) == {"o1": "50"}
        assert held(hospital) == ["assessment-failed"]
        assert unjudged(hospital) == 1
    assert feed.post(FEED, json=observation(version=2)).status_code == 200
    assert held(hospital) == []
    assert unjudged(hospital) == 0
