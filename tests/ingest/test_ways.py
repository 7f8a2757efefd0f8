"""By which way each version came is known, whatever brought it first; an ordinary duplicate costs nothing."""

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.ingest import keep_for_later, receive, rejudge, replay_held, take
from service.store.session import open_engine, writing
from service.store.ways import WAYS, Way
from tests.ingest.feeding import Feed, Resource, observation
from tests.ingest.test_cost import counted
from tests.ingest.test_two_processes import meanwhile

KEY = "Observation/o1"
FIRST, SECOND = observation("o1", times=3, version=1), observation("o1", times=5, version=2)


def test_each_version_keeps_the_way_it_came(feed: Feed) -> None:
    for number, way in enumerate(WAYS, 1):
        feed.send(observation("o1", version=number), way=way)
    assert feed.ways(KEY) == {str(number): way for number, way in enumerate(WAYS, 1)}


@pytest.mark.parametrize("later", [(), (SECOND,)], ids=["current", "superseded"])
def test_what_the_feed_brings_after_asking_found_it_is_the_feeds(
    feed: Feed, later: tuple[Resource, ...]
) -> None:
    feed.send(FIRST, way="catch-up")
    feed.send(*later, way="catch-up")
    receipt = feed.send(FIRST)
    assert receipt.counts == {"duplicate": 1}
    assert feed.ways(KEY)["1"] == "feed"
    assert set(feed.ways(KEY).values()) == ({"feed", "catch-up"} if later else {"feed"})


def test_what_asking_finds_that_the_feed_brought_stays_the_feeds(feed: Feed) -> None:
    feed.send(FIRST, SECOND)
    feed.send(FIRST, SECOND, way="catch-up")
    assert feed.ways(KEY) == {"1": "feed", "2": "feed"}


def test_a_version_that_takes_anothers_place_in_the_same_batch_leaves_it_its_way(feed: Feed) -> None:
    feed.send(FIRST, way="catch-up")
    feed.send(FIRST, SECOND)
    assert feed.ways(KEY) == {"1": "feed", "2": "feed"}


_numbers = count()
_deliveries = st.lists(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from(WAYS)), min_size=1, max_size=4), max_size=6
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=_deliveries, again=st.integers(0, 6))
def test_in_whatever_order_and_batches_versions_come_each_is_noted_under_its_strongest_way(
    feed: Feed, batches: list[list[tuple[int, Way]]], again: int
) -> None:
    name = f"o{next(_numbers)}"
    strongest: dict[str | None, Way] = {}
    for place, batch in enumerate(batches):
        deliveries = [feed.delivery(observation(name, version=number), way=way) for number, way in batch]
        take(feed.engine, deliveries, feed.rules, feed.now)
        for number, way in batch:
            strongest[str(number)] = max(strongest.get(str(number), WAYS[0]), way, key=WAYS.index)
        if place == again:  # everything is read again, and written anew
            rejudge(feed.engine, feed.rules, feed.now, everyone=True)
    assert feed.ways(f"Observation/{name}") == strongest


@pytest.mark.parametrize("ways", [("catch-up", "feed"), ("feed", "catch-up"), ("catch-up", "catch-up")])
def test_a_replay_keeps_the_way_of_what_could_not_be_used(feed: Feed, ways: tuple[Way, Way]) -> None:
    unusable = observation("o1", unit="furlong", version=1)
    for way in ways:
        feed.send(unusable, way=way)
    replay_held(feed.engine, feed.held(), feed.rules, feed.now)
    assert feed.ways(KEY) == {"1": max(ways, key=WAYS.index)}


@pytest.mark.parametrize("ways", [("catch-up",), ("history", "catch-up"), ("catch-up", "history")])
def test_a_replay_keeps_the_way_of_what_could_not_even_be_stored(feed: Feed, ways: tuple[Way, ...]) -> None:
    for way in ways:
        keep_for_later(feed.engine, feed.delivery(FIRST, way=way), RuntimeError())
    replay_held(feed.engine, feed.held(), feed.rules, feed.now)
    assert feed.ways(KEY) == {"1": "catch-up"}


@pytest.mark.parametrize("ways", [("feed", "catch-up"), ("catch-up", "feed")])
@pytest.mark.parametrize("texts", ["ab", "ba"])
def test_a_replay_of_one_version_in_two_spellings_leaves_it_the_feeds(
    feed: Feed, ways: tuple[Way, Way], texts: str
) -> None:
    for way, text in zip(ways, texts, strict=True):
        spelt = {**FIRST, "note": [{"text": text}]}
        keep_for_later(feed.engine, feed.delivery(spelt, way=way), RuntimeError())
    replay_held(feed.engine, feed.held(), feed.rules, feed.now)
    assert feed.ways(KEY) == {"1": "feed"}


@pytest.mark.parametrize("way", ["feed", "catch-up"])
def test_a_duplicate_that_tells_of_no_stronger_way_writes_nothing(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    feed.send(FIRST)
    feed.send(SECOND)
    with counted(feed.engine, monkeypatch) as found:
        feed.send(FIRST, SECOND, way=way)
    assert not [each for each in found if each.startswith("rows")]


def test_a_version_is_marked_once_and_its_next_duplicate_costs_what_any_does(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.send(FIRST)
    feed.send(observation("o2"), way="catch-up")
    with counted(feed.engine, monkeypatch) as any_:
        feed.send(FIRST)
    feed.send(observation("o2"))
    with counted(feed.engine, monkeypatch) as next_:
        feed.send(observation("o2"))
    assert next_ == any_


@pytest.fixture
def shared(postgres_url: str) -> Iterator[Feed]:
    engine = open_engine(postgres_url, durable=False)
    yield Feed(engine)
    engine.dispose()


def at_once(feed: Feed, one: tuple[Resource, Way], two: tuple[Resource, Way]) -> None:
    """The second comes while the transaction of the first is open."""
    with writing(feed.engine) as connection:
        receive(connection, [feed.delivery(one[0], way=one[1])], feed.rules, feed.now)
        wait = meanwhile(feed, two[0], way=two[1])
    wait()


@pytest.mark.parametrize("under_way", ["feed", "catch-up"])
def test_the_feed_and_asking_that_bring_one_version_at_once_leave_it_the_feeds(
    shared: Feed, under_way: Way
) -> None:
    other: Way = "catch-up" if under_way == "feed" else "feed"
    at_once(shared, (FIRST, under_way), (FIRST, other))
    assert shared.ways(KEY) == {"1": "feed"}


@pytest.mark.parametrize("marks_first", [True, False])
def test_a_version_that_is_superseded_while_the_feed_brings_it_is_still_the_feeds(
    shared: Feed, marks_first: bool
) -> None:
    shared.send(FIRST, way="catch-up")
    mark: tuple[Resource, Way] = (FIRST, "feed")
    replace: tuple[Resource, Way] = (SECOND, "catch-up")
    one, two = (mark, replace) if marks_first else (replace, mark)
    at_once(shared, one, two)
    assert shared.ways(KEY) == {"1": "feed", "2": "catch-up"}


@pytest.mark.parametrize("first", ["catch-up", "feed"])
def test_of_two_that_bring_what_a_file_had_at_once_the_stronger_is_noted(shared: Feed, first: Way) -> None:
    shared.send(FIRST, way="file")
    second: Way = "catch-up" if first == "feed" else "feed"
    at_once(shared, (FIRST, first), (FIRST, second))
    assert shared.ways(KEY) == {"1": "feed"}
