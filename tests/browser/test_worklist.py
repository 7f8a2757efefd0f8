"""The worklist as somebody works in it: narrowed, searched, and several alerts at once."""

import pytest
from playwright.sync_api import Locator, Page, expect

from service.alerts.alert import State
from tests.browser.clinic import Clinic

pytestmark = pytest.mark.slow


@pytest.fixture
def three(clinic: Clinic) -> Clinic:
    """Two patients of the nurses' hospital, the more urgent one first, and one of another."""
    clinic.ward.feed_three()
    clinic.desk.account()
    clinic.desk.account("bell")
    return clinic


def people(page: Page) -> Locator:
    return page.get_by_role("heading", level=3)


def narrow(page: Page, **choices: str) -> None:
    if not page.get_by_label("Urgency").is_visible():
        page.get_by_text("Filter").click()
    for label, choice in choices.items():
        page.get_by_label(label, exact=True).select_option(choice)
    page.get_by_role("button", name="Show").click()


def test_the_list_is_narrowed_and_cleared(three: Clinic) -> None:
    page = three.at()
    expect(people(page)).to_have_text(["Baker, Bea", "Abel, Ada"])
    narrow(page, Urgency="Urgent: same day")
    expect(people(page)).to_have_text(["Baker, Bea"])
    narrow(page, Age="40 to 64")
    expect(page.get_by_role("heading", name="No alert is like that")).to_be_visible()
    narrow(page, Urgency="any")
    expect(people(page)).to_have_text(["Abel, Ada"])
    page.get_by_role("link", name="Clear all", exact=True).click()
    expect(people(page)).to_have_count(2)
    page.get_by_role("link", name="Routine 1").click()
    expect(people(page)).to_have_text(["Abel, Ada"])


def test_who_has_an_alert_is_a_filter_too(three: Clinic) -> None:
    bell, adams = three.at("bell"), three.at()
    bell.get_by_role("button", name="Take Abel, Ada").click()
    expect(bell.locator(".notice")).to_contain_text("Taken by you")
    narrow(bell, Owner="me")
    expect(people(bell)).to_have_text(["Abel, Ada"])
    narrow(adams, Owner="nobody")
    expect(people(adams)).to_have_text(["Baker, Bea"])
    narrow(adams, Owner="Bell the Tester")
    expect(people(adams)).to_have_text(["Abel, Ada"])


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_name_is_searched_for_and_stands_in_no_address(three: Clinic, script: bool) -> None:
    page = three.at(script=script)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("Name or identifier").fill("abel a")
    page.keyboard.press("Enter")
    expect(people(page)).to_have_text(["Abel, Ada"])
    assert f"{three.address}/search" in asked
    assert not any("abel" in each.lower() for each in asked)
    page.get_by_label("Name or identifier").fill("cole")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="No alert is like that")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_several_are_taken_at_once_and_each_that_cannot_be_says_why(three: Clinic, script: bool) -> None:
    adams, bell = three.at(script=script), three.at("bell")
    bell.get_by_role("button", name="Take Abel, Ada").click()
    expect(bell.locator(".notice")).to_contain_text("Taken by you")
    for name in ("Abel, Ada", "Baker, Bea"):
        adams.get_by_label(f"Tick {name}").check()
    adams.locator("#several").get_by_role("button", name="Take").click()
    told = adams.locator(".told")
    expect(told.filter(has_text="Baker, Bea")).to_contain_text("Taken by you")
    expect(told.filter(has_text="Abel, Ada")).to_contain_text("Taken by Bell the Tester")
    assert sorted(each.owner or "" for each in three.ward.alerts()) == ["Adams the Tester", "Bell the Tester"]


def test_several_are_snoozed_at_once_and_woken_one_by_one(three: Clinic) -> None:
    page = three.at()
    for name in ("Abel, Ada", "Baker, Bea"):
        page.get_by_label(f"Tick {name}").check()
    page.get_by_label("or the next result").first.check()
    page.locator("#several").get_by_role("button", name="Snooze").click()
    expect(page.locator(".told")).to_have_count(2)
    expect(page.get_by_role("heading", name="Nothing to do")).to_be_visible()
    assert {each.state for each in three.ward.alerts()} == {State.SNOOZED}
    page.get_by_role("button", name="Undo this decision about Abel, Ada").click()
    expect(people(page)).to_have_text(["Abel, Ada"])


def test_ticking_nothing_is_said_in_the_list_that_it_was_pressed_on(three: Clinic) -> None:
    page = three.at(address="/?tier=routine")
    page.locator("#several").get_by_role("button", name="Take").click()
    expect(page.get_by_role("alert")).to_have_text("Tick the alerts it is about first. Nothing was recorded.")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(people(page)).to_have_text(["Abel, Ada"])


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_filters_are_saved_as_a_view_which_is_shown_first(three: Clinic, script: bool) -> None:
    page = three.at(address="/?tier=routine", script=script)
    page.get_by_label("Name of a view with these filters").fill("Can wait")
    page.get_by_role("button", name="Save as a view").click()
    views = page.get_by_role("navigation", name="Saved views")
    expect(views.get_by_role("link", name="Can wait 1")).to_have_attribute("aria-current", "page")
    views.get_by_role("link", name="Change views").click()
    page.get_by_role("button", name="Show Can wait first").click()
    page.get_by_role("link", name="Worklist").click()
    expect(people(page)).to_have_text(["Abel, Ada"])
    views.get_by_role("link", name="All to do").click()
    expect(people(page)).to_have_text(["Baker, Bea", "Abel, Ada"])


def test_alerts_of_every_kind_are_found_by_their_kind(clinic: Clinic) -> None:
    clinic.desk.account()
    clinic.ward.load_samples()
    page = clinic.at()
    for kind in ("Transaminases (ALT, AST)", "Cholestatic (ALP, GGT)", "Bilirubin", "Follow-up missed"):
        narrow(page, Finding=kind)
        expect(people(page).first).to_be_visible()
