"""Posts a second, from request to committed judgement, as a ratio to an echo of the body in the same run."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
    from service.store import sources
    from service.store.migrate import migrate
    from service.store.session import open_engine, writing

    engine = open_engine(url)
    migrate(engine)
    with writing(engine) as connection:
        sources.add(connection, "bench", sources.SourceSettings(), SECRET, datetime.now(UTC))
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
