"""A nurse's shift without a mouse: everything is reached, in a sensible order, and one sees where one is."""

import time
from dataclasses import dataclass
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from service.alerts.alert import State
from tests.browser.clinic import PATIENCE_MILLISECONDS, Clinic
from tests.dashboard.front_desk import PASSWORD

pytestmark = pytest.mark.slow

_FARTHEST: Final = 60
"""Presses of Tab, beyond which something cannot be said to be reached."""
_FOCUSED: Final = """() => {
    const focused = document.activeElement;
    if (focused === document.body) return null;
    const style = getComputedStyle(focused), box = focused.getBoundingClientRect();
    const drawn = focused instanceof SVGElement; // a mark of a chart, too small for an outline
    return [
        focused.labels?.[0]?.innerText ?? focused.ariaLabel ?? focused.textContent,
        drawn ? parseFloat(style.strokeWidth) >= 5
            : style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    ];
}"""


@dataclass(frozen=True)
class Keyboard:
    """All that somebody has of a page beside the screen."""

    page: Page

    @property
    def focused(self) -> str:
        """What has the focus, which one sees; empty between the end of the page and its beginning."""
        deadline = time.monotonic() + PATIENCE_MILLISECONDS / 1000
        while (found := self.page.evaluate(_FOCUSED)) is not None:
            name, marked, on_screen = found
            assert marked, f"one cannot see that the focus is on {name}"
            if on_screen:
                return " ".join(name.split())
            # A chart that is drawn above moves the page; the browser moves it back at the next frame.
            assert time.monotonic() < deadline, f"one cannot see {name}, which has the focus"
            self.page.wait_for_timeout(50)
        return ""

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        self.page.keyboard.type(text)

    def to(self, name: str, by: str = "Tab") -> None:
        """Go on until it has the focus; every step on the way shows where one is."""
        passed = []
        for _ in range(_FARTHEST):
            self.press(by)
            passed.append(self.focused)
            if passed[-1] == name:
                return
        raise AssertionError(f"{name} is not reached, only {passed}")


def sit_down(clinic: Clinic) -> tuple[Page, Keyboard]:
    """Two patients to work on, and a nurse who has just signed in."""
    clinic.ward.feed_three()
    clinic.desk.account()
    page = clinic.window()
    keyboard = Keyboard(page)
    page.goto("/")
    keyboard.to("User name")
    keyboard.write("adams")
    keyboard.to("Password")
    keyboard.write(PASSWORD)
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Worklist")
    return page, keyboard


def test_one_alert_after_the_other_is_worked_off(clinic: Clinic) -> None:
    page, keyboard = sit_down(clinic)
    urgent, routine = clinic.ward.alerts()
    row, notice = page.get_by_role("listitem").filter(has_text="Baker, Bea"), page.locator(".notice")
    keyboard.to("Take Baker, Bea")
    keyboard.press("Enter")
    expect(notice).to_contain_text("Taken by you")
    expect(row).to_be_focused()
    keyboard.press("Tab")
    assert keyboard.focused == "Undo this decision about Baker, Bea"
    keyboard.press("Space")
    expect(notice).to_contain_text("Reopened by you")
    expect(row).to_be_focused()
    keyboard.to("More to decide about Abel, Ada")
    keyboard.press("Enter")
    expect(page.get_by_role("button", name="Override")).to_be_visible()
    keyboard.to("or the next result")
    keyboard.press("Space")
    keyboard.to("Snooze")
    keyboard.press("Enter")
    expect(page.get_by_text("or until the next result by you")).to_be_visible()
    states = {each.id: each.state for each in clinic.ward.alerts()}
    assert states == {urgent.id: State.OPEN, routine.id: State.SNOOZED}


def test_what_could_not_be_recorded_is_where_one_goes_on(clinic: Clinic) -> None:
    page, keyboard = sit_down(clinic)
    keyboard.to("More to decide about Baker, Bea")
    keyboard.press("Enter")
    expect(page.get_by_role("button", name="Override")).to_be_visible()
    keyboard.to("Keep the comment")
    keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was recorded")
    expect(page.get_by_role("listitem").filter(has_text="Baker, Bea")).to_be_focused()
    keyboard.to("More to decide about Baker, Bea")


def test_a_patient_is_searched_for_read_about_and_decided_about(clinic: Clinic) -> None:
    page, keyboard = sit_down(clinic)
    keyboard.to("Skip to the content")
    keyboard.press("Enter")
    keyboard.to("Name or identifier")
    keyboard.write("baker")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=3)).to_have_text(["Baker, Bea"])
    keyboard.to("Baker, Bea")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Baker, Bea")
    keyboard.to("Decide")
    keyboard.press("Space")
    keyboard.to("Comment")
    keyboard.write("seen on the ward")
    keyboard.to("Keep the comment")
    keyboard.press("Enter")
    expect(page.locator("#story")).to_contain_text("seen on the ward")
    keyboard.to("What happened")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What happened")).to_be_in_viewport()


def test_several_are_narrowed_down_ticked_and_taken_and_one_signs_out(clinic: Clinic) -> None:
    page, keyboard = sit_down(clinic)
    keyboard.to("Filter")
    keyboard.press("Enter")
    keyboard.to("Urgency")
    keyboard.write("Routine")
    keyboard.to("Show")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=3)).to_have_text(["Abel, Ada"])
    keyboard.to("Clear all")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=3)).to_have_count(2)
    for name in ("Tick Baker, Bea, Severe elevation: ALT", "Tick Abel, Ada, Persistent elevation: ALT"):
        keyboard.to(name)
        keyboard.press("Space")
    keyboard.to("Take", by="Shift+Tab")
    keyboard.press("Enter")
    expect(page.locator(".told")).to_have_count(2)
    expect(page.locator(".notice").first).to_be_focused()
    assert {each.owner for each in clinic.ward.alerts()} == {"Adams the Tester"}
    keyboard.to("Sign out", by="Shift+Tab")
    keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("You have signed out.")
