"""The pages over a test's database, on both kinds of database."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.dashboard.front_desk import FrontDesk, quick_passwords
from tests.dashboard.ward import Ward


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_passwords(monkeypatch)


@pytest.fixture
def desk(engine: Engine) -> FrontDesk:
    return FrontDesk(engine)


@pytest.fixture
def ward(engine: Engine, tmp_path: Path) -> Ward:
    return Ward(engine, tmp_path)
