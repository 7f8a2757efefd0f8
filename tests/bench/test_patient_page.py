"""A patient's page and its chart, of 500 results, as ratios to judging the record in the same run."""

import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import Engine

from service.assessments import assess_people
from service.dashboard.rows import visible
from service.store import people
from service.store.session import reading
from tests.dashboard.ward import ADAMS, NOW, RULES, Ward
from tests.liver_files import person, result

DAYS = [(date(2019, 1, 1) + timedelta(days=8 * step)).isoformat() for step in range(250)]
TIMES = 15


def milliseconds(work: Callable[[], object]) -> tuple[float, float]:
    """By the wall, and of processor time: medians."""
    work()
    wall, processor = [], []
    for _ in range(TIMES):
        began, used = time.perf_counter(), time.process_time()
        work()
        wall.append((time.perf_counter() - began) * 1000)
        processor.append((time.process_time() - used) * 1000)
    return median(wall), median(processor)


@pytest.mark.bench
@pytest.mark.timeout(300)
def test_a_patients_page_and_chart_cost_little_more_than_judging_the_record(
    engine: Engine, tmp_path: Path
) -> None:
    """Aim: each under 150 ms; the bound is a ratio."""
    ward = Ward(engine, tmp_path)
    tests = [
        result(f"{test}-{day}", "p1", day, 60 + place % 30, test)
        for place, day in enumerate(DAYS)
        for test in ("ALT", "AST")
    ]
    ward.feed([person("p1"), *tests])
    address = f"/patients/{ward.public_id('p1')}"

    def judged() -> None:
        with reading(engine) as connection:
            seen = visible(connection, ADAMS)
            number = people.numbered(connection, list(seen), ward.public_id("p1"))
            assert number is not None
            assess_people(connection, people.by_number(connection, [number]), seen, RULES, NOW)

    wall, floor = milliseconds(judged)
    print(f"\n{engine.dialect.name}, {len(tests)} results")
    print(f"reading and judging {wall:6.1f} ms, {floor:6.1f} of processor time")
    with ward.client() as client:
        for name, path in (("page", address), ("chart", f"{address}/chart.json")):
            wall, used = milliseconds(lambda path=path: client.get(path).raise_for_status())  # type: ignore[misc]
            ratio = used / floor
            print(f"{name:<19} {wall:6.1f} ms, {used:6.1f} of processor time, {ratio:.1f} × the floor")
            assert ratio < 8
