"""However many requests come, the bytes of bodies held at once are bounded."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from service.errors import MalformedInput, Overloaded
from service.feed.bodies import Limits, read_body
from service.feed.memory import Memory, Room
from tests.feed.conftest import Start
from tests.feed.sending import BEARER, FEED, check_refused, observation

LIMITS = Limits(1000, 1000, 10, 10)


def request(chunks: Sequence[bytes], stated: int | None, *, broken: bool = False) -> Request:
    """One whose body comes in chunks; `broken`: the sender hangs up after them."""

    async def coming() -> AsyncIterator[dict[str, Any]]:
        for number, chunk in enumerate(chunks, 1):
            yield {"type": "http.request", "body": chunk, "more_body": broken or number < len(chunks)}
        yield {"type": "http.disconnect"}

    messages = coming()
    headers = [] if stated is None else [(b"content-length", str(stated).encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, lambda: anext(messages))


def read(memory: Memory, chunks: Sequence[bytes], stated: int | None) -> int:
    """Read a body; what is held while it is."""
    with Room(memory) as room:
        asyncio.run(read_body(request(chunks, stated), LIMITS, room.widen))
        return memory.held


@pytest.mark.parametrize("stated", [None, 300])
def test_a_body_counts_until_its_request_is_answered(stated: int | None) -> None:
    memory = Memory(1000)
    assert read(memory, [b"x" * 100] * 3, stated) == 300
    assert memory.held == 0


def test_a_body_counts_with_its_stated_length_before_it_is_read() -> None:
    memory = Memory(1000)
    with Room(memory) as slow:
        slow.widen(1000)
        with pytest.raises(Overloaded):
            read(memory, [], 1)
    assert memory.held == 0


def test_a_body_of_unknown_length_ends_where_others_fill_the_memory() -> None:
    memory = Memory(1000)
    with Room(memory) as other, Room(memory) as mine:
        mine.widen(10)
        other.widen(1000)
        with pytest.raises(Overloaded):
            mine.widen(20)
        mine.widen(5)
        assert memory.held == 1005


@pytest.mark.parametrize("stated", [None, 900])
def test_a_single_body_larger_than_the_memory_is_taken_all_the_same(stated: int | None) -> None:
    assert read(Memory(100), [b"x" * 300] * 3, stated) == 900


@pytest.mark.parametrize("stated", [None, 300])
def test_a_body_whose_sender_hangs_up_is_malformed_and_gives_its_room_back(stated: int | None) -> None:
    memory = Memory(1000)
    with pytest.raises(MalformedInput, match="ended before"), Room(memory) as room:
        asyncio.run(read_body(request([b"x" * 100], stated, broken=True), LIMITS, room.widen))
    assert memory.held == 0


def test_a_refused_request_gives_its_room_back(start: Start) -> None:
    feed: TestClient = start(queue_bytes=1)
    for _ in range(3):
        check_refused(feed.post(FEED, content=b"<no JSON", headers=BEARER), 400)
        assert feed.post(FEED, json=observation(), headers=BEARER).status_code == 200
