"""The endpoints over a test's database, on both kinds of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from tests.api.cds_room import CdsRoom
from tests.api.reading_room import ReadingRoom


@pytest.fixture
def room(engine: Engine) -> ReadingRoom:
    return ReadingRoom(engine)


@pytest.fixture
def client(room: ReadingRoom) -> Iterator[TestClient]:
    """A reader of the source `clinic`."""
    with room.client() as client:
        yield client


@pytest.fixture
def cds(engine: Engine, tmp_path: Path) -> CdsRoom:
    return CdsRoom(engine, tmp_path)


@pytest.fixture
def ehr(cds: CdsRoom) -> Iterator[TestClient]:
    """The EHR of the source `clinic`, which has fed nothing yet."""
    with cds.client() as client:
        yield client
