"""The pages over a test's database, on both kinds of database."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine

from service import passwords
from tests.dashboard.front_desk import FrontDesk
from tests.dashboard.ward import Ward

_quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_nobodys = _quick.hash("of nobody")


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest is slow on purpose, and dozens of people sign in here."""
    monkeypatch.setattr(passwords, "_hasher", _quick)
    monkeypatch.setattr(passwords, "_NOBODYS", _nobodys)


@pytest.fixture
def desk(engine: Engine) -> FrontDesk:
    return FrontDesk(engine)


@pytest.fixture
def ward(engine: Engine, tmp_path: Path) -> Ward:
    return Ward(engine, tmp_path)
