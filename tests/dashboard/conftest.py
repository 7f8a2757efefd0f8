"""The pages over a test's database, on both kinds of database."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.dashboard.ward import Ward


@pytest.fixture
def ward(engine: Engine, tmp_path: Path) -> Ward:
    return Ward(engine, tmp_path)
