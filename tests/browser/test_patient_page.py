"""What a patient's page does when it is worked with: its chart, its letters, and its way to the past."""

import re

import pytest
from playwright.sync_api import Page, expect

from service.dashboard.access import Role
from tests.browser.clinic import Clinic
from tests.letters.conftest import printed
from tests.liver_files import called, in_mg_per_dl, persistent, person, result

pytestmark = pytest.mark.slow


@pytest.fixture
def one(clinic: Clinic) -> Clinic:
    """A patient with ALT and bilirubin on record, a nurse and an auditor."""
    bilirubin = result("b1", "p1", "2024-09-03", analyte="bilirubin", **in_mg_per_dl(1, 1.2))
    clinic.ward.feed([person("p1", name=called("Abel", "Ada")), *persistent("p1"), bilirubin])
    clinic.desk.account()
    clinic.desk.account("audit", roles=(Role.AUDITOR,))
    return clinic


def drawn(clinic: Clinic) -> Page:
    page = clinic.at(address=clinic.patient("p1"))
    expect(page.locator("#course svg")).to_be_visible()
    return page


def test_the_chart_is_one_stop_and_its_results_are_walked_along_by_the_arrow_keys(one: Clinic) -> None:
    page = drawn(one)
    said, tip = page.locator("#course path:focus"), page.locator(".vg-tooltip.visible")
    page.locator("#course input:checked").focus()
    page.keyboard.press("Tab")
    expect(said).to_have_attribute("aria-label", "ALT, 2024-01-10: 80 U/L, 2 ×, counted")
    expect(tip).to_contain_text("80 U/L, 2 ×")
    for key, told in (
        ("ArrowRight", "ALT, 2024-03-12"),
        ("End", "ALT, 2024-09-03"),
        ("ArrowDown", "TBIL, 2024-09-03"),
        ("ArrowUp", "ALT, 2024-09-03"),
        ("Home", "ALT, 2024-01-10"),
    ):
        page.keyboard.press(key)
        expect(said).to_have_attribute("aria-label", re.compile(told))
    page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="table Results")).to_be_focused()


def test_the_chart_changes_to_other_units_and_says_so(one: Clinic) -> None:
    page = drawn(one)
    for scale, title, bilirubin in (
        ("SI units", "Liver tests in SI units, log scale", "17.1 µmol/L"),
        ("US units", "Liver tests in US units, log scale", "1 mg/dL"),
        ("× limit of normal", "Liver tests as multiples of the limit of normal, log scale", "0.83 ×"),
    ):
        page.get_by_label(scale).check()
        expect(page.locator("#course figcaption")).to_have_text(title)
        expect(page.locator(f"#course path[aria-label*='{bilirubin}']")).to_be_visible()


@pytest.mark.parametrize("language", ["English", "简体中文"])
def test_a_letter_is_downloaded(one: Clinic, language: str) -> None:
    printed("<p>PDFs can be made</p>")
    page = drawn(one)
    page.get_by_text("Letter", exact=True).click()
    page.get_by_label("To", exact=True).select_option("the patient")
    page.get_by_label("In", exact=True).select_option(language)
    with page.expect_download() as begun:
        page.get_by_role("button", name="Write the letter").click()
    assert begun.value.suggested_filename == "patient-letter.pdf"
    assert begun.value.path().read_bytes().startswith(b"%PDF-")


def test_an_auditor_has_the_decisions_behind_an_alert_made_again(one: Clinic) -> None:
    page = one.at("audit", one.patient("p1"))
    page.get_by_role("link", name="Make the decisions behind it again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Identical: every decision came out as it is recorded"
    )
    page.get_by_role("link", name="Abel, Ada").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Abel, Ada")


def test_what_was_known_on_another_day_is_asked_for(one: Clinic) -> None:
    page = one.at(address=one.patient("p1"))
    page.get_by_role("link", name="What was known on another day").click()
    for day, known in (("2024-09-10", "Persistent elevation: ALT"), ("2024-09-09", "Nothing was known yet.")):
        page.get_by_label("At the end of the day").fill(day)
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("main")).to_contain_text(known)
