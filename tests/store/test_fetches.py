"""What is to be fetched: asked for once, held by one, and never lost when asked for again meanwhile."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from service.store import fetches
from service.store.fetches import Fetch
from service.store.session import reading, writing
from service.store.ways import Way
from tests.ingest.feeding import NOW, Feed

LEASE = timedelta(minutes=5)


@pytest.fixture
def source(engine: Engine) -> int:
    return Feed(engine).source.id


def ask(engine: Engine, source: int, *keys: str, later: timedelta = timedelta(), way: Way = "feed") -> None:
    with writing(engine) as connection:
        fetches.ask(connection, source, keys, way, NOW + later)


def claim(engine: Engine, source: int, *, later: timedelta = timedelta(), limit: int = 10) -> list[Fetch]:
    with writing(engine) as connection:
        return fetches.claim(connection, NOW + later, limit, LEASE, [source])


def test_what_is_asked_for_twice_is_fetched_once(engine: Engine, source: int) -> None:
    ask(engine, source, "Observation/o1", "Observation/o2")
    ask(engine, source, "Observation/o1")
    assert {each.key for each in claim(engine, source)} == {"Observation/o1", "Observation/o2"}
    assert claim(engine, source) == []
    with reading(engine) as connection:
        assert fetches.waiting(connection, source) == (2, NOW)


@pytest.mark.parametrize("ways", [("feed", "catch-up"), ("catch-up", "feed"), ("catch-up", "catch-up")])
def test_what_the_feed_pointed_at_comes_by_the_feed_whoever_else_asked_for_it(
    engine: Engine, source: int, ways: tuple[Way, Way]
) -> None:
    for way in ways:
        ask(engine, source, "Observation/o1", way=way)
    (one,) = claim(engine, source)
    assert one.way == ("feed" if "feed" in ways else "catch-up")


def test_what_one_fetcher_never_brought_is_anothers_once_its_time_is_up(engine: Engine, source: int) -> None:
    ask(engine, source, "Observation/o1")
    (first,) = claim(engine, source)
    (second,) = claim(engine, source, later=LEASE)
    with writing(engine) as connection:
        fetches.settle(connection, first)
    with reading(engine) as connection:
        assert fetches.waiting(connection, source)[0] == 1
    with writing(engine) as connection:
        fetches.settle(connection, second)
    with reading(engine) as connection:
        assert fetches.waiting(connection, source) == (0, None)


def test_what_is_asked_for_anew_while_it_is_fetched_is_fetched_again(engine: Engine, source: int) -> None:
    ask(engine, source, "Observation/o1")
    (first,) = claim(engine, source)
    ask(engine, source, "Observation/o1", later=timedelta(seconds=1))
    with writing(engine) as connection:
        fetches.settle(connection, first)
    (again,) = claim(engine, source, later=timedelta(seconds=1))
    assert (again.key, again.attempts) == ("Observation/o1", 0)


def test_what_failed_waits_and_counts_unless_it_is_asked_for_anew(engine: Engine, source: int) -> None:
    ask(engine, source, "Observation/o1")
    (first,) = claim(engine, source)
    with writing(engine) as connection:
        fetches.postpone(connection, first, NOW + timedelta(minutes=1), "HTTP 500")
    assert claim(engine, source) == []
    (second,) = claim(engine, source, later=timedelta(minutes=1))
    assert second.attempts == 1
    ask(engine, source, "Observation/o1", later=timedelta(minutes=2))
    with writing(engine) as connection:
        fetches.postpone(connection, second, NOW + timedelta(hours=1), "HTTP 500")
    (third,) = claim(engine, source, later=timedelta(minutes=2))
    assert third.attempts == 0
