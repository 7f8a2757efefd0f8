"""Posts a second, from request to committed judgement, as a ratio to an echo of the body in the same run."""

import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-for-measuring"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(port: int, *command: str, **environment: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **environment}
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            pytest.fail("the server did not come up")
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def _measure(port: int, connections: int, count: int, seed: int) -> tuple[float, float, float]:
    words = [*("-m", "tests.bench.client"), *(str(each) for each in (port, connections, count, seed))]
    done = subprocess.run(
        [sys.executable, *words, "/feeds/bench", SECRET],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    rate, median, slowest = (float(each) for each in done.stdout.split())
    return rate, median, slowest


def _prepare(url: str) -> None:
    from service.store import source_settings, sources
    from service.store.migrate import migrate
    from service.store.session import open_engine, writing

    engine = open_engine(url)
    migrate(engine)
    with writing(engine) as connection:
        sources.add(connection, "bench", source_settings.SourceSettings(), SECRET, datetime.now(UTC))
    engine.dispose()


def _commits(url: str) -> float:
    """Transactions of one row a second, one after the other: what the disk allows a single connection."""
    from sqlalchemy import Column, Integer, MetaData, Table, insert

    from service.store.session import open_engine, writing

    table = Table("commit_floor", MetaData(), Column("id", Integer, primary_key=True))
    engine = open_engine(url)
    table.create(engine)
    began, count = time.perf_counter(), 300
    for number in range(count):
        with writing(engine) as connection:
            connection.execute(insert(table).values(id=number))
    took = time.perf_counter() - began
    table.drop(engine)
    engine.dispose()
    return count / took


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_posts_are_judged_at_no_less_than_a_fair_share_of_the_floor(blank_database_url: str) -> None:
    """Aim: half of the floor. The bound here is low, because machines are noisy; the figures are printed."""
    _prepare(blank_database_url)
    port, floor_port = _free_port(), _free_port()
    serve = ("-m", "service", "serve", "--port", str(port))
    with (
        _running(floor_port, "-m", "tests.bench.echo", str(floor_port)),
        _running(port, *serve, LIVERWATCH_DATABASE_URL=blank_database_url),
    ):
        _measure(port, 8, 500, 1)  # warm
        _measure(floor_port, 8, 500, 1)
        print(f"\n{blank_database_url.partition(':')[0]}, {_commits(blank_database_url):.0f} bare commits/s")
        ratios = {}
        for connections, count in ((1, 1500), (64, 12000)):
            rate, median, slowest = _measure(port, connections, count, 10 + connections)
            floor, *_ = _measure(floor_port, connections, count, 10 + connections)
            ratios[connections] = rate / floor
            print(
                f"{connections:3d} connections: {rate:6.0f} posts/s, "
                f"median {median:.1f} ms, p99 {slowest:.1f} ms; "
                f"floor {floor:6.0f}/s, ratio {rate / floor:.2f}"
            )
    assert ratios[64] > 0.2


STREAMS = 200


def _signed_in(url: str, count: int) -> list[str]:
    """Tokens of that many nurses who are signed in."""
    from service.store import sessions, users
    from service.store.session import open_engine, writing
    from service.store.users import Account, Role

    engine, now = open_engine(url), datetime.now(UTC)
    nurse, sources = frozenset({Role.NURSE}), frozenset({"bench"})
    tokens = []
    with writing(engine) as connection:
        for n in range(count):
            person = Account(f"n{n}", f"Nurse {n}", nurse, sources, None, False, None, active=True)
            users.add(connection, person, now)
            tokens.append(sessions.begin(connection, person.id, now))
    engine.dispose()
    return tokens


@contextmanager
def _watching(port: int, tokens: list[str]) -> Iterator[list[int]]:
    """Keep a stream open for each of them; how many bytes each has brought."""
    brought = [0] * len(tokens)
    with selectors.DefaultSelector() as waiting, ExitStack() as opened:
        for n, token in enumerate(tokens):
            stream = opened.enter_context(socket.create_connection(("127.0.0.1", port)))
            request = (
                f"GET /worklist/events?state= HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: liverwatch={token}\r\n"
            )
            stream.sendall(f"{request}Accept: text/event-stream\r\n\r\n".encode())
            assert stream.recv(65536).startswith(b"HTTP/1.1 200")
            waiting.register(stream, selectors.EVENT_READ, n)
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                for key, _ in waiting.select(0.1):
                    assert isinstance(key.fileobj, socket.socket)
                    brought[key.data] += len(key.fileobj.recv(65536))

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield brought
        finally:
            done.set()
            reader.join()


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_worklists_that_are_open_everywhere_slow_posts_little(blank_database_url: str) -> None:
    _prepare(blank_database_url)
    tokens = _signed_in(blank_database_url, STREAMS)
    port = _free_port()
    serve = ("-m", "service", "serve", "--port", str(port))
    with _running(port, *serve, LIVERWATCH_DATABASE_URL=blank_database_url):
        _measure(port, 8, 500, 1)  # warm
        print(f"\n{blank_database_url.partition(':')[0]}")
        ratios = []
        for seed in range(3):
            alone, *_ = _measure(port, 64, 8000, 100 + seed)
            with _watching(port, tokens) as brought:
                watched, median, slowest = _measure(port, 64, 8000, 200 + seed)
            ratios.append(watched / alone)
            print(
                f"{STREAMS} streams: {watched:6.0f} posts/s, median {median:.1f} ms, p99 {slowest:.1f} ms, "
                f"{min(brought)} bytes or more to each; without {alone:6.0f}/s, ratio {ratios[-1]:.2f}"
            )
            assert min(brought) > 0
    assert max(ratios) > 0.6
