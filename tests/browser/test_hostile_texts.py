"""Whatever stands in a text from the EHR, or is typed by a person: nothing runs, and nothing is fetched."""

import pytest
from playwright.sync_api import Page, expect

from service.dashboard.access import Role
from tests.browser.clinic import Clinic
from tests.browser.watching import CANARY
from tests.dashboard.hostile_texts import CORPUS, record
from tests.dashboard.ward import NOW

pytestmark = pytest.mark.slow

TRAP = f"""<html lang="en"><title>x</title><script>alert(hostile=1)</script><p style="color: red">x</p>
<img src="http://{CANARY}/x" onerror="alert(hostile=1)">"""


@pytest.mark.timeout(300)
def test_nothing_runs_on_any_page_whatever_a_record_or_a_person_says(clinic: Clinic) -> None:
    people = {f"p{number}": text for number, text in enumerate(CORPUS)}
    clinic.ward.feed(each for patient, text in people.items() for each in record(text, patient))
    clinic.desk.account()
    page = clinic.at(address="/?state=all")
    expect(page.get_by_role("heading", level=3)).to_have_count(len(CORPUS))
    page.get_by_text("More to decide about").first.click()
    expect(page.get_by_role("button", name="Override")).to_be_visible()
    for patient, text in people.items():
        page.goto(clinic.patient(patient))
        if text.isprintable():
            expect(page.get_by_role("heading", level=1)).to_contain_text(text)
        _say_and_give_to(page, text)
    page.goto("/?state=all&owner=me")
    page.get_by_label("Name or identifier").fill(CORPUS[0])
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name or identifier")).to_have_value(CORPUS[0])


def test_nothing_runs_on_the_auditors_page_whatever_the_reason_was(clinic: Clinic) -> None:
    clinic.ward.feed(record(CORPUS[0]))
    clinic.desk.account(sees=("annex",))
    clinic.desk.account("audit", roles=(Role.AUDITOR,), sees=("clinic",))
    page = clinic.at(address=clinic.patient("p1"))
    page.get_by_label("Another reason").check()
    page.get_by_label("In your own words").fill(" ".join(CORPUS))
    page.get_by_role("button", name="Open the record").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(CORPUS[0])
    auditor = clinic.at("audit", "/break-glass")
    expect(auditor.get_by_role("row").last).to_contain_text(CORPUS[2])


@pytest.mark.timeout(300)
def test_nothing_runs_in_a_charts_tips_or_where_the_past_is_looked_at(clinic: Clinic) -> None:
    people = {f"p{number}": text for number, text in enumerate(CORPUS)}
    clinic.ward.feed(each for patient, text in people.items() for each in record(text, patient))
    clinic.desk.account("audit", roles=(Role.AUDITOR,))
    page = clinic.at("audit", "/?state=all")
    for patient in people:
        page.goto(clinic.patient(patient))
        page.locator("#course [tabindex='0']").focus()
        for stop in page.locator("#course [tabindex='-1']").all():
            stop.focus()
            expect(page.locator(".vg-tooltip.visible")).to_be_visible()
        page.get_by_role("link", name="Make the decisions behind it again").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Identical")
        page.goto(f"{clinic.patient(patient)}/as-of?day={NOW:%Y-%m-%d}")
        expect(page.get_by_role("heading", level=2).first).to_contain_text("As decided")


def test_what_would_run_is_seen(clinic: Clinic) -> None:
    page, noted = clinic.window(), clinic.watch.noted
    page.route("**/trap", lambda route: route.fulfill(body=TRAP, content_type="text/html"))
    page.goto("/trap")
    assert set(noted) == {"a script ran", "a dialog opened: alert", f"asked for http://{CANARY}/x"}
    noted.clear()


def test_what_our_policy_stops_is_seen(clinic: Clinic) -> None:
    page, noted = clinic.window(), clinic.watch.noted
    page.route("**/sign-in", lambda route: route.fulfill(response=route.fetch(), body=TRAP))
    page.goto("/sign-in")
    assert {"script-src-elem stopped inline", "style-src-attr stopped inline"} < set(noted)
    assert "a script ran" not in noted
    noted.clear()


def _say_and_give_to(page: Page, text: str) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.get_by_label("Comment").fill(text)
    page.get_by_role("button", name="Keep the comment").click()
    expect(page.locator("#story").get_by_role("listitem").first).to_contain_text("Comment")
    page.get_by_text("Decide", exact=True).click()
    page.get_by_label("Name", exact=True).fill(text)
    page.get_by_role("button", name="Assign").click()
    expect(page.locator(".notice")).to_contain_text("Assigned")
