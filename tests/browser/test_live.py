"""Two nurses at one worklist: each sees what the other does, and nothing moves under a pointer."""

import pytest
from playwright.sync_api import Locator, Page, expect

from service.dashboard import live
from tests.browser.clinic import Clinic

pytestmark = pytest.mark.slow


@pytest.fixture
def two(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    """A worklist of two patients, the more urgent one first, and two nurses."""
    monkeypatch.setattr(live, "_EVERY", 0.1)
    clinic.ward.feed_three()
    clinic.desk.account()
    clinic.desk.account("bell")
    return clinic


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=name)


def take(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Take {name}").click()
    expect(row(page, name)).to_contain_text("Taken by you")


def top(of: Locator) -> float:
    box = of.bounding_box()
    assert box is not None
    return box["y"]


def test_a_row_that_another_nurse_changes_is_replaced_where_it_stands(two: Clinic) -> None:
    adams, bell = two.at(), two.at("bell")
    take(bell, "Baker, Bea")
    expect(row(adams, "Baker, Bea")).to_contain_text("Bell the Tester")
    expect(adams.locator("[data-count=unowned]")).to_have_text("1")
    take(adams, "Baker, Bea")


def test_a_row_under_the_pointer_neither_moves_nor_changes_until_the_pointer_leaves_it(two: Clinic) -> None:
    adams, bell = two.at(), two.at("bell")
    lower = row(adams, "Abel, Ada")
    lower.hover()
    before = top(lower)
    take(bell, "Baker, Bea")
    take(bell, "Abel, Ada")
    expect(adams.locator("#news")).to_have_text("2 changes: show them")
    expect(adams.locator(".row.changed")).to_have_count(2)
    assert top(lower) == before
    expect(row(adams, "Bell the Tester")).to_have_count(0)
    adams.get_by_role("heading", level=1).hover()
    expect(row(adams, "Bell the Tester")).to_have_count(2)
    expect(adams.locator("#news")).to_be_empty()


def test_an_alert_that_is_new_in_a_list_comes_when_it_is_asked_for(two: Clinic) -> None:
    adams, bell = two.at(address="/?owner=nobody"), two.at("bell")
    take(bell, "Abel, Ada")
    expect(row(adams, "Abel, Ada")).to_contain_text("Bell the Tester")
    adams.reload()
    expect(row(adams, "Abel, Ada")).to_have_count(0)
    bell.get_by_role("button", name="Undo this decision about Abel, Ada").click()
    adams.get_by_role("link", name="1 change: show it").click()
    expect(row(adams, "Abel, Ada")).to_be_visible()
