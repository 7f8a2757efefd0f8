"""A server to write to, and a database with something to write."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from service.store.session import open_engine
from tests.deliver.posting import Post, over
from tests.fhir.fake_server import FakeServer


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_url, durable=False)
    yield engine
    engine.dispose()


@pytest.fixture
def post(sqlite: Engine, server: FakeServer) -> Post:
    """For what the server does: one database is enough."""
    return Post(sqlite, over(server.transport))
