"""A browser, and the service that it looks at, on both kinds of database."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from tests.browser.chromium import NAMED_BY, installed, open_chromium
from tests.browser.clinic import Clinic, open_clinic
from tests.dashboard.front_desk import quick_passwords
from tests.dashboard.ward import Ward


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_passwords(monkeypatch)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One a module: while it is open, nothing else in this process can use asyncio."""
    path = installed()
    if path is None:
        what = f"no browser: install chromium, or name one with {NAMED_BY}"
        if os.environ.get("LIVERWATCH_REQUIRE_BROWSER") == "1":
            pytest.fail(what)
        pytest.skip(what)
    with open_chromium(path) as browser:
        yield browser


@pytest.fixture
def clinic(engine: Engine, tmp_path: Path, browser: Browser) -> Iterator[Clinic]:
    """An empty one, in which nobody has an account yet."""
    with open_clinic(Ward(engine, tmp_path), browser) as opened:
        yield opened
