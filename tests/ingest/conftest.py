"""A source on each kind of database."""

import pytest
from sqlalchemy import Engine

from service.store.source_settings import SourceSettings
from tests.ingest.feeding import Feed


@pytest.fixture
def feed(engine: Engine) -> Feed:
    """A source that is written back to, at once."""
    return Feed(engine, SourceSettings(fhir_base_url="https://ehr.clinic.test/fhir"))
