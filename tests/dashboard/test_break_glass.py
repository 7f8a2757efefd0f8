"""A record of another source: open for a reason, for a while, seen by auditors, and closed to others."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from service.dashboard.access import Role, User
from service.dashboard.break_glass import BehindGlass, admitted
from service.errors import NotFound
from service.store.schema import audit, break_glass
from service.store.session import reading, writing
from tests.dashboard.front_desk import Browser, FrontDesk
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import Ward
from tests.liver_files import persistent, person

WORDS = "On call tonight, called by the ward"


def given(browser: Browser, patient: str, **fields: str) -> int:
    sent = {"csrf_token": browser.token, "reason": "cover", "words": WORDS, **fields}
    answer = browser.post(f"/patients/{patient}/break-glass", data=sent)
    if answer.status_code == 303:
        assert answer.headers["location"] == f"/patients/{patient}"
    return answer.status_code


def may_see(
    desk: FrontDesk, patient: str, name: str = "adams", sources: frozenset[str] = frozenset({"annex"})
) -> bool:
    user = User(f"user:{name}", name, frozenset({Role.NURSE}), sources)
    with reading(desk.engine) as connection:
        try:
            admitted(connection, user, UUID(patient), datetime.now(UTC))
        except BehindGlass:
            return False
    return True


def test_whoever_sees_the_source_needs_no_reason(desk: FrontDesk) -> None:
    _, patient = desk.patient()
    desk.account(sees=("clinic",))
    assert may_see(desk, patient, sources=frozenset({"clinic"}))
    browser = desk.at()
    answer = browser.get(f"/patients/{patient}/break-glass")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/patients/{patient}")
    assert given(browser, patient) == 303
    assert [action for _, action, _ in desk.audited()] == ["sign-in"]


def test_a_reason_opens_one_record_to_one_person_for_an_hour(desk: FrontDesk) -> None:
    number, patient = desk.patient()
    _, another = desk.patient("p2")
    desk.account(sees=("annex",))
    assert not may_see(desk, patient)
    assert given(desk.at(), patient) == 303
    assert may_see(desk, patient)
    assert not may_see(desk, another)
    assert not may_see(desk, patient, "bell")
    with writing(desk.engine) as connection:
        (until,) = connection.execute(select(break_glass.c.until)).scalars()
        assert timedelta(minutes=59) < until - datetime.now(UTC) <= timedelta(minutes=60)
        connection.execute(break_glass.update().values(until=datetime.now(UTC)))
    assert not may_see(desk, patient)
    with reading(desk.engine) as connection:
        row = connection.execute(select(audit).where(audit.c.action == "break-glass")).one()
    assert (row.actor, row.patient_id) == ("user:adams", number)
    assert '"reason":"cover"' in row.detail
    assert "ward" not in row.detail


def test_a_site_says_for_how_long(desk: FrontDesk) -> None:
    desk.given["break_glass_minutes"] = 5
    _, patient = desk.patient()
    desk.account(sees=())
    browser = desk.at()
    assert "for 5 minutes" in " ".join(
        Page(browser.get(f"/patients/{patient}/break-glass").text).texts("main")
    )
    given(browser, patient)
    with reading(desk.engine) as connection:
        (until,) = connection.execute(select(break_glass.c.until)).scalars()
    assert until - datetime.now(UTC) <= timedelta(minutes=5)


@pytest.mark.parametrize(
    ("fields", "link"),
    [
        ({"reason": ""}, "#reason"),
        ({"reason": "curiosity"}, "#reason"),
        ({"words": ""}, "#words"),
        ({"words": "because"}, "#words"),
        ({"words": "x" * 1001}, "#words"),
    ],
)
def test_without_a_reason_nothing_opens(desk: FrontDesk, fields: dict[str, str], link: str) -> None:
    _, patient = desk.patient()
    desk.account(sees=("annex",))
    browser = desk.at()
    sent = {"csrf_token": browser.token, "reason": "cover", "words": WORDS, **fields}
    answer = browser.post(f"/patients/{patient}/break-glass", data=sent)
    assert answer.status_code == 422
    assert link in {each["href"] for _, each, _ in Page(answer.text).every("a")}
    assert not may_see(desk, patient)


def test_a_patient_that_there_is_not_is_not_found(desk: FrontDesk) -> None:
    desk.account()
    browser = desk.at()
    assert browser.get(f"/patients/{uuid4()}/break-glass").status_code == 404
    assert given(browser, str(uuid4())) == 404
    user = User("user:adams", "Adams", frozenset(), frozenset())
    with reading(desk.engine) as connection, pytest.raises(NotFound):
        admitted(connection, user, uuid4(), datetime.now(UTC))


def test_what_is_open_is_shown_to_the_person_and_what_was_to_auditors_of_the_source(desk: FrontDesk) -> None:
    _, patient = desk.patient()
    desk.account(sees=("annex",))
    desk.account("cole", roles=(Role.AUDITOR,), sees=("clinic",))
    desk.account("dunn", roles=(Role.AUDITOR,), sees=("annex",))
    browser = desk.at()
    given(browser, patient, words="<b>called</b> by the ward")
    account = Page(browser.get("/account").text)
    assert f"/patients/{patient}" in {each["href"] for _, each, _ in account.every("a")}
    shown = Page(desk.at("cole").get("/break-glass").text)
    (row,) = [text for text in shown.texts("tr") if "Adams the Tester" in text]
    assert "<b>called</b> by the ward" in row
    assert "open until" in row
    assert shown.texts("b") == []
    assert "None has been" in desk.at("dunn").get("/break-glass").text
    assert ("user:cole", "read-break-glass", {"count": 1}) in desk.audited()


def test_a_record_opened_for_a_reason_is_shown_and_says_so_and_offers_no_decision(
    desk: FrontDesk, tmp_path: Path
) -> None:
    Ward(desk.engine, tmp_path).feed([person("p1"), *persistent("p1")])
    _, patient = desk.patient()
    desk.account("own", sees=("clinic",))
    desk.account("foreign", sees=("annex",))
    address = f"/patients/{patient}"
    assert "Take it" in desk.at("own").get(address).text
    browser = desk.at("foreign")
    assert browser.get(address).headers["location"] == f"{address}/break-glass"
    assert given(browser, patient) == 303
    shown = browser.get(address)
    assert shown.status_code == 200
    assert "not of your sources" in shown.text
    assert "Persistent elevation" in shown.text
    assert "Take it" not in shown.text
    assert "/decide" not in shown.text
