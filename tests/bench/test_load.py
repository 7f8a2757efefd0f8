"""Observations loaded and judged a second, as a ratio to parsing and storing them without looking."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from sqlalchemy import Column, LargeBinary, MetaData, String, Table

from tests.bench.population import observations

ROOT = Path(__file__).parents[2]
CHUNK = 2000


def _floor(url: str, path: Path) -> float:
    """Observations a second: orjson reads each line, and id and bytes are stored in bulk."""
    from service.store.rows import insert_rows
    from service.store.session import open_engine, writing

    table = Table(
        "floor",
        MetaData(),
        Column("id", String(64), primary_key=True),
        Column("body", LargeBinary, nullable=False),
    )
    engine = open_engine(url)
    table.create(engine)
    started, count = time.process_time(), 0
    with path.open("rb") as lines:
        chunk: list[tuple[str, bytes]] = []
        for line in lines:
            chunk.append((orjson.loads(line)["id"], line))
            count += 1
            if len(chunk) == CHUNK:
                with writing(engine) as connection:
                    insert_rows(connection, table, ("id", "body"), chunk)
                chunk = []
    took = time.process_time() - started
    engine.dispose()
    return count / took


def _load(url: str, path: Path) -> tuple[dict[str, float], float, float]:
    """The summary of `liverwatch load`, the processor seconds it took, and its peak memory in MiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "service", "load", str(path), "--json", "--clock", "data"],
        cwd=ROOT,
        env={**os.environ, "LIVERWATCH_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout), seconds, after.ru_maxrss / 1024


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_files_are_loaded_and_judged_in_flat_memory(blank_database_url: str, tmp_path: Path) -> None:
    """Aim: 20,000 a second on one core. The bound is low, as machines are noisy; the figures are printed.

    The rate is that of what the larger file holds more: starting the program is no part of it.
    """
    print(f"\n{blank_database_url.partition(':')[0]}")
    floor, took, read, peaks = 0.0, [], [], []
    for seed, patients in ((1, 500), (2, 5000)):
        path = tmp_path / f"{seed}.ndjson"
        with path.open("wb") as out:
            out.writelines(line + b"\n" for line in observations(patients, 5, seed))
        floor = floor or _floor(blank_database_url, path)
        summary, seconds, peak = _load(blank_database_url, path)
        took.append(seconds)
        read.append(summary["read"])
        peaks.append(peak)
        print(f"{summary['read']:7.0f} Observations in {seconds:.1f} processor seconds, peak {peak:.0f} MiB")
    rate = (read[1] - read[0]) / (took[1] - took[0])
    print(f"{rate:.0f} Observations per processor second; floor {floor:.0f}, ratio {rate / floor:.2f}")
    assert rate / floor > 0.05
    assert peaks[1] < peaks[0] * 2
