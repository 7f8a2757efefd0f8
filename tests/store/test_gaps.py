"""Event numbers that were passed over are noticed; a number is a hint, whatever a server makes of it."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from service.store import catch_up, gaps, subscriptions
from service.store.heard import Heard
from service.store.session import reading, writing
from service.store.sources import Source
from service.store.subscriptions import Kept
from tests.ingest.feeding import NOW, Feed


@pytest.fixture
def source(engine: Engine) -> Source:
    source = Feed(engine).source
    with writing(engine) as connection:
        subscriptions.add(connection, Kept(source.id, "s1", "topic", "active", NOW, events=0))
        subscriptions.add(connection, Kept(source.id, "s2", "Observation?", "active", NOW))
        catch_up.begin(connection, source.id, ["Subscription", "Observation"], NOW + timedelta(minutes=5))
    return source


def event(*numbers: int, total: int | None = None, of: str = "s1") -> Heard:
    return Heard("event-notification", "active", total or max(numbers, default=None), numbers, of)


def counted(total: int, kind: str = "heartbeat") -> Heard:
    return Heard(kind, "active", total, (), "s1")


def missing(engine: Engine, source: Source, *said: Heard) -> list[tuple[int, int]]:
    """What is missing after these came, a second apart."""
    for seconds, each in enumerate(said):
        with writing(engine) as connection:
            gaps.note(connection, source.id, each, NOW + timedelta(seconds=seconds))
    with reading(engine) as connection:
        return [(each.first, each.last) for each in gaps.of_source(connection, source.id)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], []),
        ([event(1), event(2, 3), event(3)], []),
        ([event(3)], [(1, 2)]),
        ([event(1), event(5)], [(2, 4)]),
        ([event(1), event(3), event(7)], [(2, 6)]),
        ([event(1, 4)], [(2, 3)]),
        ([event(3), event(1)], [(2, 2)]),
        ([event(3), event(2, 1)], []),
        ([event(5), event(3)], [(1, 4)]),
        ([event(1, total=4)], []),  # the others may be on their way
        ([event(1), counted(4)], [(2, 4)]),
        ([event(1), counted(4, "handshake")], [(2, 4)]),
        ([event(1), counted(4, "query-status"), event(2, 3), event(4)], []),
        ([event(1), event(5), counted(2)], []),  # the server began to count anew
        ([event(1), event(5), counted(2), event(3)], []),
        ([event(5), event(4, total=4)], [(1, 3)]),  # late, and no sign of a new beginning
        ([event()], []),
        ([event(9, of="s2"), event(9, of="unknown"), event(9, of="")], []),
    ],
)
def test_numbers_that_were_passed_over_are_missing_until_they_come(
    engine: Engine, source: Source, said: list[Heard], expected: list[tuple[int, int]]
) -> None:
    assert missing(engine, source, *said) == expected


def test_a_gap_is_asked_for_soon_but_not_before_it_could_come_by_itself(
    engine: Engine, source: Source
) -> None:
    missing(engine, source, event(3))
    with reading(engine) as connection:
        due = {each.type: each.next_at - NOW for each in catch_up.states(connection, source.id)}
    assert due == {"Subscription": gaps.LATE, "Observation": timedelta(minutes=5)}


def test_a_gap_that_grew_while_it_was_asked_for_stays(engine: Engine, source: Source) -> None:
    missing(engine, source, event(3))
    with reading(engine) as connection:
        (gap,) = gaps.of_source(connection, source.id)
    missing(engine, source, event(8))
    with writing(engine) as connection:
        gaps.filled(connection, source.id, gap)
    assert missing(engine, source) == [(1, 7)]
    with writing(engine) as connection:
        (gap,) = gaps.of_source(connection, source.id)
        assert (gap.since, gap.noticed) == (NOW, 2)
        gaps.filled(connection, source.id, gap)
        assert gaps.count(connection, source.id) == {"s1": 2}
    assert missing(engine, source) == []
