"""An auditor makes decisions again from the page; whoever may see a patient asks what was known on a day."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import delete

from service.dashboard.access import Role, User
from service.store.schema import raw_message
from service.store.session import writing
from tests.dashboard.front_desk import FrontDesk
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import ADAMS, AUDITOR, NOW, STRANGER, Ward
from tests.liver_files import persistent, person, result, write_lines

DAY = NOW.date().isoformat()
ELSEWHERE = User("u-else", "Auditor", frozenset({Role.AUDITOR}), frozenset({"annex"}))


@pytest.fixture
def one(ward: Ward) -> Ward:
    ward.feed([person("p1", name=[{"family": "Abel", "given": ["Ada"]}]), *persistent("p1")])
    return ward


def main_of(text: str) -> str:
    (found,) = Page(text).texts("main")
    return found


def test_an_auditor_sees_that_every_decision_behind_an_alert_is_identical_and_the_audit_says_so(
    one: Ward,
) -> None:
    alert = one.alert()
    with one.client(AUDITOR) as client:
        answer = client.get(f"/alerts/{alert.id}/replay")
    assert answer.status_code == 200
    assert Page(answer.text).texts("h1") == ["Identical: every decision came out as it is recorded"]
    assert "Decided 2024-09-10 12:00 UTC" in main_of(answer.text)
    ((actor, patient, detail),) = one.audited("replay")
    assert (actor, patient) == (AUDITOR.id, alert.subject)
    assert (detail["alert"], detail["identical"]) == (str(alert.id), True)


def test_a_message_that_is_gone_is_named_on_the_page(one: Ward) -> None:
    with writing(one.engine) as connection:
        connection.execute(delete(raw_message))
    with one.client(AUDITOR) as client:
        answer = client.get(f"/alerts/{one.alert().id}/replay")
    assert Page(answer.text).texts("h1") == ["Not identical: something is another than it is recorded"]
    assert "is missing (needed for Observation/p1-2024-03-12)" in main_of(answer.text)


def test_only_auditors_of_its_source_make_the_decisions_behind_an_alert_again(one: Ward) -> None:
    for user, status in ((ADAMS, 403), (ELSEWHERE, 404)):
        with one.client(user) as client:
            assert client.get(f"/alerts/{one.alert().id}/replay").status_code == status
    assert one.audited("replay") == []


def test_what_was_known_on_a_day_is_shown_as_it_was_and_audited(one: Ward) -> None:
    corrected = {"versionId": "2", "lastUpdated": "2024-09-12T10:00:00Z"}
    more = write_lines(
        one.folder / "later.ndjson", [result("p1-2024-09-03", "p1", "2024-09-03", 612, meta=corrected)]
    )
    one.load([more], at=NOW + timedelta(days=2))
    address = f"/patients/{one.public_id('p1')}/as-of"
    with one.client() as client:
        then, since = (client.get(address, params={"day": day}) for day in (DAY, "2024-09-12"))
        before, now = client.get(address, params={"day": "2024-09-09"}), client.get(address)
    assert Page(then.text).texts("h1") == [f"What was known of Abel, Ada on {DAY}"]
    assert "80 U/L" in main_of(then.text)
    assert "612 U/L" not in main_of(then.text)
    assert "612 U/L" in main_of(since.text)
    assert "Identical." in main_of(then.text)
    assert "Nothing was known yet." in main_of(before.text)
    assert "612 U/L" in main_of(now.text)
    (first, *_) = one.audited("read-as-of")
    assert first[:2] == (ADAMS.id, one.alert().subject)
    assert first[2]["day"] == DAY


def test_what_is_no_day_is_refused_in_words(one: Ward) -> None:
    with one.client() as client:
        answer = client.get(f"/patients/{one.public_id('p1')}/as-of", params={"day": "yesterday"})
        last = client.get(f"/patients/{one.public_id('p1')}/as-of", params={"day": "9999-12-31"})
    assert last.status_code == 200
    assert answer.status_code == 422
    assert f"such as {datetime.now(UTC).date()}" in main_of(answer.text)


def test_who_does_not_see_the_source_is_asked_for_a_reason_and_the_look_is_audited(one: Ward) -> None:
    address = f"/patients/{one.public_id('p1')}/as-of"
    with one.client(STRANGER) as client:
        answer = client.get(address, params={"day": DAY}, headers={"accept": "text/html"})
        assert client.get(f"/patients/{uuid4()}/as-of").status_code == 404
    assert (answer.status_code, answer.headers["location"]) == (303, address.replace("as-of", "break-glass"))
    assert [detail["found"] for _, _, detail in one.audited("read-as-of")] == [False, False]


def test_the_patients_page_leads_auditors_to_the_replay_and_everybody_to_other_days(
    desk: FrontDesk, tmp_path: Path
) -> None:
    one = Ward(desk.engine, tmp_path)
    one.feed(persistent("p1"))
    desk.account("carol", roles=(Role.AUDITOR,))
    desk.account("adams", roles=(Role.NURSE,))
    replay, other_days = f"/alerts/{one.alert().id}/replay", f"/patients/{one.public_id('p1')}/as-of"
    led = {
        name: {each.get("href") for _, each, _ in Page(desk.at(name).get(other_days[:-6]).text).every("a")}
        for name in ("carol", "adams")
    }
    assert {replay, other_days} <= led["carol"]
    assert other_days in led["adams"]
    assert replay not in led["adams"]
