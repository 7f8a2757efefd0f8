"""The endpoints over a test's database, on both kinds of database."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from tests.api.reading_room import ReadingRoom


@pytest.fixture
def room(engine: Engine) -> ReadingRoom:
    return ReadingRoom(engine)


@pytest.fixture
def client(room: ReadingRoom) -> Iterator[TestClient]:
    """A reader of the source `clinic`."""
    with room.client() as client:
        yield client
