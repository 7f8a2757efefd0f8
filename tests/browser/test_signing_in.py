"""Through the door and out again, as it looks from before the screen."""

import re

import pytest
from playwright.sync_api import Page, expect

from service.dashboard.access import Role
from tests.browser.clinic import Clinic, sign_in

pytestmark = pytest.mark.slow

A_MINUTE_TOO_LONG = 31


def at_the_door(page: Page) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def untold(clinic: Clinic) -> Page:
    """A worklist that is not told that its session is over, as one is in seconds: somebody acts before."""
    page = clinic.window()
    page.route("**/worklist/events*", lambda route: route.abort())
    page.goto("/")
    sign_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Worklist")
    return page


def test_who_asks_for_a_page_signs_in_and_is_led_to_it(clinic: Clinic) -> None:
    clinic.ward.feed_three()
    clinic.desk.account()
    page = clinic.window()
    page.goto("/?tier=urgent")
    sign_in(page, password="a password of another")
    expect(page.get_by_role("alert")).to_contain_text("The user name or the password is wrong")
    sign_in(page)
    expect(page).to_have_url(f"{clinic.address}/?tier=urgent")
    expect(page.get_by_role("heading", level=3)).to_have_text(["Baker, Bea"])
    expect(page.get_by_role("link", name="Adams the Tester")).to_be_visible()


def test_who_signs_out_leaves_nothing_behind_that_the_back_button_shows(clinic: Clinic) -> None:
    clinic.ward.feed_three()
    clinic.desk.account()
    page = clinic.at()
    page.get_by_role("link", name="Abel, Ada").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You have signed out.")
    page.go_back()
    at_the_door(page)
    page.goto("/")
    at_the_door(page)


def test_who_was_away_for_too_long_signs_in_again_and_goes_on_where_they_were(clinic: Clinic) -> None:
    clinic.ward.feed_three()
    clinic.desk.account()
    page = untold(clinic)
    clinic.desk.later(minutes=A_MINUTE_TOO_LONG)
    page.get_by_role("link", name="Abel, Ada").click()
    at_the_door(page)
    sign_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Abel, Ada")


def test_who_was_away_for_too_long_and_decides_is_led_to_the_door_and_nothing_is_recorded(
    clinic: Clinic,
) -> None:
    clinic.ward.feed_three()
    clinic.desk.account()
    before = clinic.ward.alerts()
    page = untold(clinic)
    clinic.desk.later(minutes=A_MINUTE_TOO_LONG)
    page.get_by_role("button", name="Take Abel, Ada").click()
    at_the_door(page)
    assert clinic.ward.alerts() == before


def test_who_is_away_for_too_long_finds_the_door_and_goes_on_with_the_same_list(clinic: Clinic) -> None:
    clinic.ward.feed_three()
    clinic.desk.account()
    page = clinic.window()
    page.goto("/?tier=urgent")
    with page.expect_response("**/worklist/events*"):  # by which it is told
        sign_in(page)
    clinic.desk.later(minutes=A_MINUTE_TOO_LONG)
    at_the_door(page)
    sign_in(page)
    expect(page).to_have_url(f"{clinic.address}/?tier=urgent")


def test_a_one_time_password_is_changed_before_anything_is_seen(clinic: Clinic) -> None:
    clinic.desk.account(one_time=True)
    page = clinic.at()
    expect(page.get_by_role("heading", level=1)).to_have_text("Change your password")
    chosen = "nine quiet otters by the weir"
    page.get_by_label("Your password so far").fill("seven grey herons at dusk")
    page.get_by_label("New password", exact=True).fill(chosen)
    page.get_by_label("New password again").fill("nine quiet otters by the well")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("alert")).to_contain_text("Type the same new password twice")
    page.get_by_label("Your password so far").fill("seven grey herons at dusk")
    page.get_by_label("New password", exact=True).fill(chosen)
    page.get_by_label("New password again").fill(chosen)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Worklist")


def test_a_record_of_another_source_opens_for_a_reason_and_the_auditor_reads_why(clinic: Clinic) -> None:
    clinic.ward.feed_three()
    clinic.desk.account()
    clinic.desk.account("audit", roles=(Role.AUDITOR,), sees=("annex",))
    page = clinic.at(address=clinic.patient("p3"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("a source that you do not see")
    page.get_by_label("I cover for a colleague").check()
    page.get_by_label("In your own words").fill("On call tonight, called by the ward")
    page.get_by_role("button", name="Open the record").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cole, Cy")
    expect(page.get_by_text("This record is not of your sources")).to_be_visible()
    expect(page.get_by_text("Decide", exact=True)).to_have_count(0)
    auditor = clinic.at("audit", "/break-glass")
    row = auditor.get_by_role("row").filter(has_text="Adams the Tester")
    expect(row).to_contain_text("On call tonight, called by the ward")


def test_an_auditor_sees_everything_and_is_offered_no_decision(clinic: Clinic) -> None:
    clinic.ward.feed_three()
    clinic.desk.account("audit", roles=(Role.AUDITOR,), sees=("clinic",))
    page = clinic.at("audit")
    expect(page.get_by_role("heading", level=3)).to_have_text(["Baker, Bea", "Abel, Ada"])
    offered = re.compile("Take|More|Decide|Snooze")
    expect(page.get_by_role("main").get_by_role("button", name=offered)).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(0)
    page.get_by_role("link", name="Abel, Ada").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text("Persistent elevation: ALT")
    expect(page.get_by_text("Decide", exact=True)).to_have_count(0)


def test_an_admin_adds_a_nurse_who_signs_in_and_is_removed_again(clinic: Clinic) -> None:
    clinic.desk.account("chief", roles=(Role.ADMIN,))
    chief = clinic.at("chief")
    chief.get_by_role("link", name="Accounts").click()
    chief.get_by_label("User name").fill("bell")
    chief.get_by_label("Name that others see").fill("Bell the Tester")
    chief.get_by_label("nurse").check()
    chief.get_by_label("clinic").check()
    chief.get_by_role("button", name="Add").click()
    password = chief.locator("code").inner_text()
    bell = clinic.window()
    bell.goto("/")
    sign_in(bell, "bell", password)
    expect(bell.get_by_role("heading", level=1)).to_have_text("Change your password")
    chief.get_by_role("link", name="All accounts").click()
    chief.get_by_role("link", name="bell", exact=True).click()
    chief.get_by_role("button", name="Remove the account").click()
    expect(chief.get_by_role("row").filter(has_text="Bell the Tester")).to_contain_text("removed")
    bell.reload()
    at_the_door(bell)
