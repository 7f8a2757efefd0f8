"""The population as somebody looks at it: from a part of the picture to its people, in three ways."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.clinic import Clinic
from tests.liver_files import called, in_mg_per_dl, person, result

pytestmark = pytest.mark.slow

ADDRESS = "/population?from=2024-01&to=2024-12"
DAY = "2024-06-01"


@pytest.fixture
def two(clinic: Clinic) -> Clinic:
    """One in the upper right of the picture, and one in the lower left."""
    for patient, name, alt, bilirubin in (("p1", "Abel", 400, 8), ("p2", "Baker", 50, 0.5)):
        clinic.ward.feed(
            [
                person(patient, name=called(name, "Ada")),
                result(f"{patient}-a", patient, DAY, alt),
                result(f"{patient}-b", patient, DAY, analyte="bilirubin", **in_mg_per_dl(bilirubin, 1)),
            ]
        )
    clinic.desk.account()
    return clinic


def listed(page: Page) -> None:
    people = page.locator("#people")
    expect(people).to_contain_text("Abel, Ada")
    expect(people).not_to_contain_text("Baker")
    people.get_by_role("link", name="Abel, Ada").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Abel, Ada")


def test_who_is_dragged_over_is_listed_and_one_press_away(two: Clinic) -> None:
    page = two.at(address=ADDRESS)
    chart = page.locator(".chart svg")
    expect(chart).to_be_visible()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.98, box["y"] + box["height"] * 0.4, steps=4)
    page.mouse.up()
    listed(page)


def test_the_same_is_done_by_the_keyboard_alone(two: Clinic) -> None:
    page = two.at(address=ADDRESS)
    expect(
        page.get_by_text("Drag over a part of it to list its people.")
    ).to_be_visible()  # scripts are there
    page.get_by_label("ALT or AST from ×").focus()
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    listed(page)


def test_and_without_a_script(two: Clinic) -> None:
    page = two.at(address=ADDRESS, script=False)
    page.get_by_role("link", name="1 people, enzymes and bilirubin both high").click()
    page.get_by_role("link", name="Abel, Ada").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Abel, Ada")
