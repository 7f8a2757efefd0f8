"""A candidate in the shadow and an erasure of somebody it judges: neither stops the other, none is left."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine

from service.store import patients, shadows
from service.store.schema import shadow_person
from service.store.session import open_engine, reading, writing
from tests.ingest.feeding import Feed, persistent
from tests.ingest.feeding import patient as person
from tests.quality.test_shadowing import begin, follow, latest
from tests.retention.holdings import named, naming, rows
from tests.retention.interrupting import at_every_statement, erase, impatient

MANY = 30
"""More than statements of judging a page."""
STILL_THERE = "service.store.shadows.still_there"


def fill(engine: Engine, count: int) -> list[int]:
    """Patients about whom two rulebooks differ, and a candidate that is to judge them; their numbers."""
    feed = Feed(engine)
    names = [f"p{number:02}" for number in range(count)]
    feed.send(*(each for name in names for each in (person(name), *persistent(name, name, times=0.9))))
    begin(engine)
    return [feed.patient_number(name) for name in names]


def test_whenever_somebody_is_erased_nothing_is_collected_of_them(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = fill(engine, MANY)
    whom = {number: named(engine, [number]) for number in numbers}
    running = latest(engine).id
    with impatient(engine, monkeypatch) as other:

        def judge_everybody_again(_number: int) -> None:
            with writing(other) as connection:
                shadows.change(connection, running, walked_to=0)
            follow(engine)

        fell = at_every_statement(engine, other, iter(numbers), judge_everybody_again)
    assert set(fell) == {True, False}
    gone = [number for number, erased in zip(numbers, fell, strict=False) if erased]
    assert [naming(engine, whom[each]) for each in gone] == [[]] * len(gone)
    left = len(rows(engine)["shadow_person"])
    assert left == len(numbers) - len(gone)


def waiting_for(event: threading.Event, then: threading.Event, work: Callable[..., Any]) -> Any:
    """What says that it has come so far, and goes on when the other has."""

    def wait(*given: Any, **named: Any) -> Any:
        found = work(*given, **named)
        event.set()
        assert then.wait(20)
        return found

    return wait


def telling(event: threading.Event, work: Callable[..., Any]) -> Any:
    """What says that it is about to lock."""

    def tell(*given: Any, **named: Any) -> Any:
        event.set()
        return work(*given, **named)

    return tell


@pytest.mark.parametrize("first", ["shadow", "erasure"])
def test_on_postgresql_the_second_waits_for_the_first_and_there_is_no_deadlock(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    engine = open_engine(postgres_url, durable=False)
    numbers = fill(engine, 3)
    gone = numbers[1]
    whom = named(engine, [gone])
    locked, comes = threading.Event(), threading.Event()
    if first == "shadow":
        monkeypatch.setattr(STILL_THERE, waiting_for(locked, comes, patients.still_there))
        monkeypatch.setattr(patients, "lock", telling(comes, patients.lock))
        steps = [lambda: follow(engine), lambda: erase(engine, gone)]
    else:
        monkeypatch.setattr(patients, "lock", waiting_for(locked, comes, patients.lock))
        monkeypatch.setattr(STILL_THERE, telling(comes, patients.still_there))
        steps = [lambda: erase(engine, gone), lambda: follow(engine)]
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(steps[0])
        assert locked.wait(20)
        other = pool.submit(steps[1])
        results = [one.result(30), other.result(30)]
    assert 3 in results
    assert naming(engine, whom) == []
    with reading(engine) as connection:
        judged = {row.patient_id for row in connection.execute(shadow_person.select())}
    assert judged == set(numbers) - {gone}
    engine.dispose()
