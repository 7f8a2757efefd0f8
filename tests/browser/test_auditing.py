"""An auditor at work: from a number to a person, to an alert, to its decisions, to the source of its rule."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from service.dashboard.access import Role
from tests.browser.clinic import Clinic
from tests.liver_files import called, person, result, write_lines

pytestmark = pytest.mark.slow

WEEKS_AGO = (40, 30, 20, 10)


def test_a_measure_leads_to_a_person_an_alert_its_replay_and_the_source_of_its_rule(
    clinic: Clinic, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    days = [(now - timedelta(weeks=weeks)).date().isoformat() for weeks in WEEKS_AGO]
    raised = [result(f"alt-{day}", "p1", day) for day in days]
    everything = [person("p1", name=called("Abel", "Ada")), *raised]
    clinic.ward.load([write_lines(tmp_path / "feed.ndjson", everything)], at=now)
    clinic.desk.account("audit", roles=(Role.AUDITOR,))
    page = clinic.at("audit")
    page.get_by_role("link", name="Measures").click()
    page.get_by_role("link", name="Alerts overridden").click()
    page.get_by_role("link", name="All: who they are").click()
    page.get_by_role("link", name="Abel, Ada").click()
    page.get_by_role("link", name="Make the decisions behind it again, and compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Identical: every decision came out as it is recorded"
    )
    page.get_by_role("link", name="Abel, Ada").click()
    page.get_by_role("link", name="Persistent elevation", exact=True).click()
    expect(page.get_by_role("heading", name="Sources")).to_be_visible()
    expect(page.locator("dd", has_text="Am Fam Physician")).to_be_visible()
