"""Legal holds in the browser, and what is said of a record that has been erased."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.dashboard.access import Role
from service.holding import hold
from service.retention import Retention, erase_expired
from service.store.schema import alert
from service.store.session import reading
from tests.dashboard.front_desk import FrontDesk
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import NOW, Ward
from tests.liver_files import called, persistent, person

REASON = "Case <7> of the district court"


@pytest.fixture
def patient(desk: FrontDesk, tmp_path: Path) -> str:
    """A patient with an alert, an auditor and a nurse who see their source, and an auditor who does not."""
    Ward(desk.engine, tmp_path).feed([person("p1", name=called("Abel", "Ada")), *persistent("p1")])
    desk.account("cole", roles=(Role.AUDITOR,))
    desk.account("dunn", roles=(Role.AUDITOR,), sees=("annex",))
    desk.account("adams")
    return desk.patient()[1]


def held(desk: FrontDesk, patient: str, **fields: str) -> Any:
    browser = desk.at("cole")
    given = {"csrf_token": browser.token, "reason": REASON, **fields}
    return browser.post(f"/patients/{patient}/hold", data=given)


def test_an_auditor_places_a_hold_that_the_page_and_the_list_show(desk: FrontDesk, patient: str) -> None:
    answer = held(desk, patient)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/patients/{patient}#holds")
    browser = desk.at("cole")
    shown = browser.get(f"/patients/{patient}").text
    assert "Case &lt;7&gt; of the district court" in shown
    assert "This record is under legal hold" in shown
    (row,) = Page(browser.get("/holds").text).texts("tr")[1:]
    assert "Abel, Ada" in row
    assert "user:cole" in row
    assert REASON in row


def test_a_nurse_sees_that_it_is_held_and_not_why(desk: FrontDesk, patient: str) -> None:
    held(desk, patient)
    shown = desk.at("adams").get(f"/patients/{patient}").text
    assert "This record is under legal hold" in shown
    assert "district court" not in shown
    assert "/hold" not in {each["action"] for _, each, _ in Page(shown).every("form") if "action" in each}


def test_it_is_released_from_the_hold_that_the_form_names_alone(desk: FrontDesk, patient: str) -> None:
    held(desk, patient)
    held(desk, patient, reason="Another inquiry")
    browser = desk.at("cole")
    forms = Page(browser.get(f"/patients/{patient}").text).every("input")
    last, _first = [str(each["value"]) for _, each, _ in forms if each.get("name") == "hold"]
    sent = {"csrf_token": browser.token, "hold": last}
    assert browser.post(f"/patients/{patient}/release", data=sent).status_code == 303
    assert browser.post(f"/patients/{patient}/release", data=sent).status_code == 404
    shown = browser.get(f"/patients/{patient}").text
    assert "This record is under legal hold" in shown
    (row,) = Page(browser.get("/holds").text).texts("tr")[1:]
    assert REASON in row


@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001])
def test_a_hold_needs_a_reason(desk: FrontDesk, patient: str, reason: str) -> None:
    assert held(desk, patient, reason=reason).status_code == 422
    assert "No record is." in desk.at("cole").get("/holds").text


def test_who_does_not_see_the_source_neither_sees_nor_ends_the_hold(desk: FrontDesk, patient: str) -> None:
    held(desk, patient)
    browser = desk.at("dunn")
    assert "No record is." in browser.get("/holds").text
    sent = {"csrf_token": browser.token, "reason": "mine", "hold": patient}
    assert browser.post(f"/patients/{patient}/hold", data=sent).status_code == 404
    assert browser.post(f"/patients/{patient}/release", data=sent).status_code == 404


def test_holds_and_looks_at_the_list_are_audited_without_the_reason(desk: FrontDesk, patient: str) -> None:
    held(desk, patient)
    desk.at("cole").get("/holds")
    told = [(actor, action) for actor, action, _ in desk.audited() if "hold" in action]
    assert told == [("user:cole", "hold"), ("user:cole", "read-holds")]
    assert "court" not in str(desk.audited())
    page = Page(desk.at("cole").get(f"/patients/{patient}/looks").text)
    assert any("Placed the record under legal hold" in row for row in page.texts("tr"))


def test_of_an_erased_record_the_pages_say_so_to_those_who_saw_its_source(
    desk: FrontDesk, patient: str
) -> None:
    with reading(desk.engine) as connection:
        alert_id = connection.execute(select(alert.c.id)).scalar_one()
    late = NOW.replace(year=NOW.year + 12)
    with desk.engine.begin() as connection:
        connection.execute(alert.update().values(state="dormant"))
    assert erase_expired(desk.engine, Retention(years=10), late, by="liverwatch").records
    browser = desk.at("cole")
    for address in (f"/patients/{patient}", f"/alerts/{alert_id}/replay", f"/patients/{patient}/as-of"):
        answer = browser.get(address)
        assert answer.status_code == 410, address
        assert f"This record was erased on {late.date()}" in answer.text
        assert desk.at("dunn").get(address).status_code == 404


@pytest.mark.usefixtures("patient")
def test_a_hold_shows_once_for_a_person_under_the_record_that_others_were_merged_into(
    desk: FrontDesk, tmp_path: Path
) -> None:
    merged = person("p2", link=[{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}])
    ward = Ward(desk.engine, tmp_path)
    ward.count = 5
    ward.feed([merged])
    number, _ = desk.patient("p2")
    hold(desk.engine, number, REASON, by="cli:root", now=NOW)
    (row,) = Page(desk.at("cole").get("/holds").text).texts("tr")[1:]
    assert "Abel, Ada" in row
