"""Who looked at a record, as those who audit see it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import update

from service.dashboard import look_pages
from service.dashboard.access import Role
from service.store.decisions import write_audit
from service.store.schema import patient
from service.store.session import writing
from service.store.sources import by_name
from tests.dashboard.front_desk import FrontDesk
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import Ward
from tests.liver_files import persistent, person

WORDS = "On call <b>tonight</b>"


def rows(desk: FrontDesk, public_id: str, who: str = "cole") -> list[str]:
    """The lines of the table, as an auditor's browser shows them."""
    answer = desk.at(who).get(f"/patients/{public_id}/looks")
    assert answer.status_code == 200
    return Page(answer.text).texts("tr")[1:]


def noted(desk: FrontDesk, actor: str, action: str, number: int | None = None, **detail: Any) -> None:
    with writing(desk.engine) as connection:
        write_audit(
            connection,
            at=datetime.now(UTC),
            actor=actor,
            action=action,
            source_id=by_name(connection, "clinic").id if number else None,
            patient_id=number,
            detail=detail,
        )


def test_everybody_who_looked_is_named_the_latest_first(desk: FrontDesk, tmp_path: Path) -> None:
    Ward(desk.engine, tmp_path).feed([person("p1"), *persistent("p1")])
    number, public_id = desk.patient()
    desk.account("cole", roles=(Role.AUDITOR,))
    desk.account()
    browser = desk.at()
    browser.get("/")
    browser.get(f"/patients/{public_id}")
    noted(desk, "reader:ward", "search", number, resource="DetectedIssue", count=2)
    noted(desk, "Nurse Bell", "dispose-take", number)
    noted(desk, "liverwatch", "ehr.write", number)
    decided, searched, read, worklist = rows(desk, public_id)
    assert "Nurse Bell Decided: take" in decided
    assert "reader:ward Searched over FHIR, 2 of DetectedIssue shown" in searched
    assert "Adams the Tester user:adams Read the patient's page" in read
    assert "user:adams Saw them on the worklist" in worklist
    assert "Read who looked at this record" in rows(desk, public_id)[0]


def test_those_who_audit_are_led_there_from_the_record_and_from_what_was_opened(
    desk: FrontDesk, tmp_path: Path
) -> None:
    Ward(desk.engine, tmp_path).feed([person("p1"), *persistent("p1")])
    _, public_id = desk.patient()
    for name, roles, sees in (
        ("cole", (Role.AUDITOR,), "clinic"),
        ("adams", (Role.NURSE,), "clinic"),
        ("bell", (Role.NURSE,), "annex"),
    ):
        desk.account(name, roles=roles, sees=(sees,))
    browser = desk.at("bell")
    given = {"csrf_token": browser.token, "reason": "cover", "words": WORDS}
    browser.post(f"/patients/{public_id}/break-glass", data=given)
    for who, page, led in (
        ("cole", f"/patients/{public_id}", True),
        ("cole", "/break-glass", True),
        ("adams", f"/patients/{public_id}", False),
    ):
        links = [each["href"] for _, each, _ in Page(desk.at(who).get(page).text).every("a")]
        assert (f"/patients/{public_id}/looks" in links) is led


def test_a_record_opened_for_a_reason_shows_whose_reason_it_was(desk: FrontDesk, tmp_path: Path) -> None:
    Ward(desk.engine, tmp_path).feed([person("p1"), *persistent("p1")])
    _, public_id = desk.patient()
    desk.account("cole", roles=(Role.AUDITOR,))
    desk.account("own")
    desk.account(sees=("annex",))
    browser = desk.at()
    given = {"csrf_token": browser.token, "reason": "cover", "words": WORDS}
    assert browser.post(f"/patients/{public_id}/break-glass", data=given).status_code == 303
    browser.get(f"/patients/{public_id}")
    desk.at("own").get(f"/patients/{public_id}")
    own, read, opened = rows(desk, public_id)
    for row in (read, opened):
        assert "I cover for a colleague" in row
        assert WORDS in row
    assert "cover" not in own


def test_looks_at_a_merged_record_and_at_whole_lists_are_shown(desk: FrontDesk) -> None:
    number, public_id = desk.patient()
    merged, its_id = desk.patient("p2")
    with writing(desk.engine) as connection:
        connection.execute(update(patient).where(patient.c.id == merged).values(survivor_id=number))
    noted(desk, "user:bell", "read-patient", merged)
    noted(desk, "cli:root", "read-alerts", one_patient=False)
    noted(desk, "cli:root", "sign-in")
    desk.account("cole", roles=(Role.AUDITOR,))
    for each in (public_id, its_id):
        whole, read = [row for row in rows(desk, each) if "who looked" not in row]
        assert "may have been on it" in whole
        assert "user:bell" in read
        assert "may have been" not in read


def test_only_those_who_audit_and_see_the_source_see_who_looked(desk: FrontDesk) -> None:
    _, public_id = desk.patient()
    desk.account("cole", roles=(Role.AUDITOR,))
    desk.account("dunn", roles=(Role.AUDITOR,), sees=("annex",))
    assert rows(desk, public_id) == []
    browser = desk.at("dunn")
    assert browser.get(f"/patients/{public_id}/looks").status_code == 404
    assert browser.get(f"/patients/{uuid4()}/looks").status_code == 404
    looked = [detail["found"] for actor, action, detail in desk.audited() if action == "read-looks"]
    assert looked == [True, False, False]


def test_a_long_list_goes_on_behind_the_last_look_shown(desk: FrontDesk) -> None:
    number, public_id = desk.patient()
    for each in range(look_pages.PAGE + 2):
        noted(desk, f"user:u{each}", "read-patient", number)
    desk.account("cole", roles=(Role.AUDITOR,))
    browser = desk.at("cole")
    first = Page(browser.get(f"/patients/{public_id}/looks").text)
    (more,) = [each["href"] for _, each, text in first.every("a") if text == "Earlier"]
    assert more is not None
    second = Page(browser.get(more).text)
    shown = [*first.texts("tr")[1:], *second.texts("tr")[1:]]
    assert [row.split()[2] for row in shown] == [f"user:u{each}" for each in reversed(range(len(shown)))]
    assert len(shown) == look_pages.PAGE + 2
    assert "Earlier" not in second.texts("a")
    assert browser.get(f"/patients/{public_id}/looks?before=x").status_code in (400, 422)


def test_who_tried_without_a_reason_is_named_and_saw_nothing(desk: FrontDesk, tmp_path: Path) -> None:
    Ward(desk.engine, tmp_path).feed([person("p1"), *persistent("p1")])
    _, public_id = desk.patient()
    desk.account("cole", roles=(Role.AUDITOR,))
    desk.account("stranger", sees=("annex",))
    assert desk.at("stranger").get(f"/patients/{public_id}").status_code == 303
    (tried,) = rows(desk, public_id)
    assert "user:stranger Asked for the record, which is not of their sources: nothing was shown" in tried
