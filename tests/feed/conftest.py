"""The service around a test's database, with one source named hospital."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from service.settings import Settings
from service.store import sources
from service.store.session import writing
from service.store.source_settings import SourceSettings
from tests.feed.sending import SECRET

Start = Callable[..., TestClient]


@pytest.fixture
def hospital(engine: Engine) -> Engine:
    """A database with one source, which takes SECRET."""
    with writing(engine) as connection:
        sources.add(connection, "hospital", SourceSettings(), SECRET, datetime.now(UTC))
    return engine


@pytest.fixture
def start(hospital: Engine) -> Iterator[Start]:
    """Start the service in this process, with settings of the test's choice."""
    from service.app import create_app

    with ExitStack() as running:

        def start(**settings: object) -> TestClient:
            chosen = Settings.model_validate({"settle_seconds": 0, "sweep_seconds": 3600, **settings})
            app = create_app(chosen, hospital)
            return running.enter_context(TestClient(app, raise_server_exceptions=False))

        yield start


@pytest.fixture
def feed(start: Start) -> TestClient:
    """The service with ordinary settings; what is sent carries the secret."""
    from tests.feed.sending import BEARER

    client = start()
    client.headers.update(BEARER)
    return client
