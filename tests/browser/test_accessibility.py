"""Every page in every state: nothing keeps anybody from using it, on any screen, in light and in dark."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from service.dashboard import worklist_pages
from service.demo.clinic import fill
from service.store.session import open_engine
from tests.browser.accessibility import faults
from tests.browser.clinic import Clinic, open_clinic
from tests.browser.states import SEES, STATES
from tests.dashboard.ward import RULES, Ward

pytestmark = pytest.mark.slow

ENOUGH = 8
"""Rows on a page: axe looks at every element, and each row has the same."""


@pytest.fixture(scope="session")
def _demo_database(tmp_path_factory: pytest.TempPathFactory, _migrated_sqlite: Path) -> Path:
    """The demo's clinic: alerts of every tier, family and state, as its nurses left them."""
    path = tmp_path_factory.mktemp("demo") / "clinic.db"
    shutil.copyfile(_migrated_sqlite, path)
    engine = open_engine(f"sqlite:///{path}", durable=False)
    fill(engine, RULES)
    engine.dispose()
    return path


@pytest.fixture
def busy(
    _demo_database: Path, tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Clinic]:
    """A full worklist; on SQLite alone, for how a page looks does not depend on what it was read from."""
    monkeypatch.setattr(worklist_pages, "PAGE", ENOUGH)
    path = tmp_path / "busy.db"
    shutil.copyfile(_demo_database, path)
    engine = open_engine(f"sqlite:///{path}", durable=False)
    with open_clinic(Ward(engine, tmp_path), browser) as opened:
        opened.desk.account(sees=SEES)
        yield opened
    engine.dispose()


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_nothing_on_a_page_keeps_anybody_from_using_it(busy: Clinic, state: Callable[[Clinic], Page]) -> None:
    assert faults(state(busy)) == []


def test_what_would_keep_somebody_is_found(busy: Clinic) -> None:
    page = busy.window()
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><button></button><pre>" + "x" * 300)
    found = faults(page)
    assert any(each.startswith("1280 px, light: button-name") for each in found)
    assert any(each.startswith("320 px: the page is") for each in found)
