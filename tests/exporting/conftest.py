"""A server that exports in bulk, and a source that takes it."""

import pytest
from sqlalchemy import Engine

from tests.exporting.bulk_server import Room


@pytest.fixture
def room(engine: Engine) -> Room:
    return Room(engine)
