"""Single keys on the worklist: each does what their list says, and none does where they are switched off."""

import pytest
from playwright.sync_api import Locator, Page, expect

from service.alerts.alert import State
from tests.browser.clinic import Clinic

pytestmark = pytest.mark.slow


@pytest.fixture
def two(clinic: Clinic) -> Clinic:
    """A worklist of two patients, the more urgent one first."""
    clinic.ward.feed_three()
    clinic.desk.account()
    return clinic


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=name)


def seated(clinic: Clinic) -> Page:
    """At the worklist, once its keys are there."""
    page = clinic.at()
    expect(page.get_by_role("button", name="Keys ?")).to_be_visible()
    return page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_one_goes_from_alert_to_alert_and_into_a_patients_page(two: Clinic) -> None:
    page = seated(two)
    press(page, "j")
    expect(row(page, "Baker, Bea")).to_be_focused()
    press(page, "j")
    expect(row(page, "Abel, Ada")).to_be_focused()
    press(page, "j")  # there is no further one
    expect(row(page, "Abel, Ada")).to_be_focused()
    press(page, "k")
    expect(row(page, "Baker, Bea")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Baker, Bea")


def test_an_alert_is_taken_and_given_back(two: Clinic) -> None:
    page = seated(two)
    press(page, "j", "j", "t")
    expect(page.locator(".notice")).to_contain_text("Taken by you")
    expect(row(page, "Abel, Ada")).to_be_focused()
    assert [each.owner for each in two.ward.alerts()] == [None, "Adams the Tester"]
    press(page, "u")
    expect(page.locator(".notice")).to_contain_text("Reopened by you")
    assert [each.owner for each in two.ward.alerts()] == [None, None]


def test_snoozing_and_escalating_lead_to_their_forms(two: Clinic) -> None:
    page = seated(two)
    press(page, "j", "s")
    expect(page.get_by_role("region", name="Decide about Baker, Bea").get_by_label("Until")).to_be_focused()
    press(page, "Escape")
    row(page, "Abel, Ada").focus()
    press(page, "e")
    expect(
        page.get_by_role("region", name="Decide about Abel, Ada").get_by_label("Note").first
    ).to_be_focused()
    page.keyboard.type("just text: j, k, t, e, s, u")
    press(page, "Tab", "Enter")
    expect(page.locator(".notice")).to_contain_text("Escalated by you")
    assert [each.state for each in two.ward.alerts()] == [State.OPEN, State.ESCALATED]


def test_the_keys_are_listed_and_the_list_is_closed(two: Clinic) -> None:
    page = seated(two)
    keys = page.get_by_role("dialog", name="Keys")
    press(page, "?")
    expect(keys).to_contain_text("take it")
    press(page, "t", "Escape")
    expect(keys).to_be_hidden()
    page.get_by_role("button", name="Keys ?").click()
    expect(keys).to_be_visible()
    keys.get_by_role("button", name="Close").click()
    expect(keys).to_be_hidden()
    assert {each.state for each in two.ward.alerts()} == {State.OPEN}


def test_where_there_is_no_script_no_keys_are_offered(two: Clinic) -> None:
    page = two.at(script=False)
    expect(row(page, "Baker, Bea")).to_be_visible()
    expect(page.get_by_role("button", name="Keys")).to_be_hidden()


def test_whoever_switches_them_off_in_the_account_has_none(two: Clinic) -> None:
    page = two.at(address="/account")
    page.get_by_label("Single keys do things on the worklist").uncheck()
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("link", name="Liverwatch").click()
    expect(row(page, "Baker, Bea")).to_be_visible()
    press(page, "j", "?")
    expect(page.locator(":focus")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Keys")).to_have_count(0)
    row(page, "Baker, Bea").focus()
    press(page, "t")
    page.reload()
    assert {each.owner for each in two.ward.alerts()} == {None}
