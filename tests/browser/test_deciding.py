"""Every decision, as a nurse makes it: on the worklist, on the patient's page, with and without scripts."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from playwright.sync_api import Locator, Page, expect

from service.alerts.alert import State
from tests.browser.clinic import Clinic
from tests.dashboard.ward import later
from tests.liver_files import called, persistent, person

pytestmark = pytest.mark.slow


class Decision(NamedTuple):
    """How it is made in its forms, what is said of it, and where the alert stands then."""

    make: Callable[[Locator], None]
    said: str
    state: State


def take(forms: Locator) -> None:
    forms.get_by_role("button", name="Take").click()


def assign(forms: Locator) -> None:
    forms.get_by_label("Name", exact=True).fill("Bell the Tester")
    forms.get_by_role("button", name="Assign").click()


def snooze_until_a_day(forms: Locator) -> None:
    forms.get_by_label("Until", exact=True).fill(later(10))
    forms.get_by_role("button", name="Snooze").click()


def snooze_until_the_next_result(forms: Locator) -> None:
    forms.get_by_label("Until", exact=True).fill("")
    forms.get_by_label("or the next result").check()
    forms.get_by_role("button", name="Snooze").click()


def know_the_cause(forms: Locator) -> None:
    forms.get_by_label("Monitor again on").fill(later(90))
    forms.get_by_label("Cause", exact=True).fill("Gilbert")
    forms.get_by_role("button", name="Monitor").click()


def escalate(forms: Locator) -> None:
    forms.get_by_role("button", name="Escalate").click()


def refer(forms: Locator) -> None:
    forms.get_by_role("button", name="Referred").click()


def override(forms: Locator) -> None:
    forms.get_by_label("Because").select_option("Already managed")
    forms.get_by_role("button", name="Override").click()


DECISIONS = {
    "take": Decision(take, "Taken by you", State.TAKEN),
    "assign": Decision(assign, "Assigned to Bell the Tester by you", State.TAKEN),
    "snooze": Decision(snooze_until_a_day, f"Snoozed until {later(10)} by you", State.SNOOZED),
    "next-result": Decision(
        snooze_until_the_next_result, "Snoozed until the next result by you", State.SNOOZED
    ),
    "known-cause": Decision(know_the_cause, f"Known cause noted until {later(90)} by you", State.MONITORING),
    "escalate": Decision(escalate, "Escalated by you", State.ESCALATED),
    "refer": Decision(refer, "Referred by you", State.REFERRED),
    "override": Decision(override, "Overridden by you", State.OVERRIDDEN),
}


@pytest.fixture
def one(clinic: Clinic) -> Clinic:
    """A patient with one alert, and two nurses."""
    clinic.ward.feed([person("p1", name=called("Abel", "Ada")), *persistent("p1")])
    clinic.desk.account()
    clinic.desk.account("bell")
    return clinic


def more(page: Page) -> Locator:
    """The forms under the only row, opened."""
    page.get_by_text("More to decide about Abel, Ada").click()
    return page.get_by_role("region", name="Decide about Abel, Ada")


def told(page: Page) -> Locator:
    return page.locator(".notice")


@pytest.mark.parametrize("name", [name for name in DECISIONS if name != "take"])
def test_a_decision_is_made_in_the_row_and_undone_there(one: Clinic, name: str) -> None:
    decision = DECISIONS[name]
    page = one.at()
    decision.make(more(page))
    expect(told(page)).to_contain_text(decision.said)
    assert one.ward.alert().state is decision.state
    told(page).get_by_role("button", name="Undo").click()
    expect(told(page)).to_contain_text("Reopened by you")
    assert one.ward.alert().state is State.OPEN


def test_an_alert_is_taken_with_one_press_and_given_back_with_another(one: Clinic) -> None:
    page = one.at()
    page.get_by_role("button", name="Take Abel, Ada").click()
    expect(told(page)).to_contain_text("Taken by you")
    expect(page.get_by_role("listitem").filter(has_text="Abel, Ada")).to_contain_text("Adams the Tester")
    assert one.ward.alert().owner == "Adams the Tester"
    page.get_by_role("button", name="Undo this decision about Abel, Ada").click()
    expect(told(page)).to_contain_text("Reopened by you")
    assert one.ward.alert().owner is None


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_every_decision_is_made_and_undone_on_the_patients_page(one: Clinic, script: bool) -> None:
    page = one.at(address=one.patient("p1"), script=script)
    for decision in DECISIONS.values():
        page.get_by_text("Decide", exact=True).click()
        decision.make(page.get_by_role("region", name="Decide about Abel, Ada"))
        expect(told(page)).to_contain_text(decision.said)
        assert one.ward.alert().state is decision.state
        page.get_by_role("button", name="Undo").click()
        expect(told(page)).to_contain_text("Reopened by you")
        assert one.ward.alert().state is State.OPEN


def test_without_scripts_an_alert_is_taken_in_the_list_and_the_rest_is_a_link_away(one: Clinic) -> None:
    page = one.at(script=False)
    page.get_by_role("button", name="Take Abel, Ada").click()
    expect(told(page)).to_contain_text("Taken by you")
    told(page).get_by_role("button", name="Undo").click()
    expect(told(page)).to_contain_text("Reopened by you")
    page.get_by_text("More to decide about Abel, Ada").click()
    page.get_by_role("link", name="Decide on the patient's page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Abel, Ada")


def test_a_comment_and_whether_an_alert_was_useful_are_kept_and_told_on_the_patients_page(
    one: Clinic,
) -> None:
    page = one.at()
    forms = more(page)
    forms.get_by_label("Comment").fill("rang her, she comes on Monday")
    forms.get_by_role("button", name="Keep the comment").click()
    expect(told(page)).to_have_text("Your comment is kept")
    for press, said in (("Useful", "Noted: useful"), ("Not useful", "Noted: not useful")):
        more(page).get_by_role("button", name=press, exact=True).click()
        expect(told(page)).to_have_text(said)
    page.get_by_role("link", name="Abel, Ada").click()
    story = page.locator("#story").get_by_role("listitem")
    expect(story.filter(has_text="rang her, she comes on Monday")).to_contain_text("Adams the Tester")
    expect(story.filter(has_text="useful")).to_have_count(2)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_what_is_said_on_the_patients_page_is_confirmed_there(one: Clinic, script: bool) -> None:
    page = one.at(address=one.patient("p1"), script=script)
    for press, said in (
        ("Keep the comment", "Your comment is kept"),
        ("Useful", "Noted: useful"),
        ("Not useful", "Noted: not useful"),
    ):
        page.get_by_text("Decide", exact=True).click()
        page.get_by_label("Comment").fill("rang her")
        page.get_by_role("button", name=press, exact=True).click()
        expect(told(page)).to_have_text(said)


def test_what_is_missing_is_said_in_the_row_and_nothing_is_recorded(one: Clinic) -> None:
    page = one.at()
    forms = more(page)
    forms.get_by_label("Until", exact=True).fill("2001-01-01")
    forms.get_by_role("button", name="Snooze").click()
    expect(page.get_by_role("alert")).to_contain_text("after the day of the decision")
    assert one.ward.alert().state is State.OPEN


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_the_second_of_two_nurses_is_told_and_nothing_is_overwritten(one: Clinic, script: bool) -> None:
    adams, bell = one.at(script=script), one.at("bell")
    bell.get_by_role("button", name="Take Abel, Ada").click()
    expect(told(bell)).to_contain_text("Taken by you")
    after = one.ward.alert()
    adams.get_by_role("button", name="Take Abel, Ada").click()
    refused = adams.get_by_role("alert")
    expect(refused).to_contain_text("Taken by Bell the Tester")
    expect(refused).to_contain_text("Nothing of yours was recorded")
    expect(adams.get_by_role("listitem").filter(has_text="Abel, Ada")).to_contain_text("Bell the Tester")
    assert one.ward.alert() == after
    adams.get_by_role("button", name="Take Abel, Ada").click()
    expect(told(adams)).to_contain_text("Taken by you")
    assert one.ward.alert().owner == "Adams the Tester"


def test_why_a_patient_is_here_is_found_by_opening_what_the_row_says(one: Clinic) -> None:
    page = one.at()
    row = page.get_by_role("listitem").filter(has_text="Abel, Ada")
    expect(row).to_contain_text("Persistent elevation: ALT")
    expect(row).to_contain_text("2 × ULN")
    row.get_by_role("link", name="Abel, Ada").click()
    expect(page.get_by_text("ALT elevated from 2024-01-10 to 2024-09-03, 237 days")).to_be_visible()
    used = page.get_by_role("region", name="Results used").first
    expect(used.get_by_role("row")).to_have_count(5)
    expect(used.get_by_role("row").nth(1)).to_contain_text("to 40 U/L, laboratory")
    page.get_by_role("link", name="Persistent elevation", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Persistent elevation")
    expect(page.get_by_role("heading", name="Sources")).to_be_visible()
