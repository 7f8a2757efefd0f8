"""Deciding in the browser: two steps at most, undoable, with or without a script."""

from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from service.alerts.alert import Alert, RemarkKind, State
from service.store import remarks
from service.store.session import reading
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import ADAMS, AUDITOR, BELL, STRANGER, Ward, form, later, names
from tests.liver_files import persistent, person, result


@pytest.fixture
def one(ward: Ward) -> Ward:
    ward.feed([person("p1", name=[{"family": "Abel", "given": ["Ada"]}]), *persistent("p1")])
    return ward


def decide(client: TestClient, of: Alert, action: str, **more: str) -> Any:
    return client.post(f"/alerts/{of.id}/decide", data=form(of, action, **more))


def test_who_is_shown_a_name_with_the_forms_or_a_refusal_stands_in_the_audit(one: Ward) -> None:
    alert = one.alert()
    with one.client(script=True) as client:
        assert "Abel, Ada" in client.get(f"/alerts/{alert.id}/decide").text
        assert "Abel, Ada" in decide(client, alert, "override", reason="none of ours").text
    seen = one.audited("read-worklist")
    assert [(actor, detail["alerts"]) for actor, _, detail in seen] == [(ADAMS.id, [str(alert.id)])] * 2


def buttons(page: Page, name: str) -> list[str]:
    return [str(each["value"]) for _, each, _ in page.every("button") if each.get("name") == name]


@pytest.mark.parametrize(
    ("action", "more", "state", "owner"),
    [
        ("take", {}, State.TAKEN, "Nurse Adams"),
        ("assign", {"to": "Nurse Bell"}, State.TAKEN, "Nurse Bell"),
        ("snooze", {"until": later(10)}, State.SNOOZED, None),
        ("snooze", {"next_result": "yes", "until": ""}, State.SNOOZED, None),
        ("known-cause", {"until": later(90), "note": "Gilbert"}, State.MONITORING, None),
        ("known-cause", {"until": ""}, State.MONITORING, None),
        ("snooze", {"until": "9999-12-31"}, State.SNOOZED, None),
        ("known-cause", {"until": "9999-12-31"}, State.MONITORING, None),
        ("escalate", {"note": "please see"}, State.ESCALATED, None),
        ("refer", {}, State.REFERRED, None),
        ("override", {"reason": "duplicate"}, State.OVERRIDDEN, None),
    ],
)
@pytest.mark.parametrize("script", [True, False], ids=["script", "form"])
def test_every_decision_is_made_with_and_without_a_script(
    one: Ward, action: str, more: dict[str, str], state: State, owner: str | None, script: bool
) -> None:
    before = one.alert()
    with one.client(script=script) as client:
        answer = decide(client, before, action, **more)
    after = one.alert()
    assert (after.state, after.owner) == (state, owner)
    if script:
        assert answer.status_code == 200
        assert f'id="alert-{before.id}"' in answer.text
        assert 'role="status"' in answer.text
    else:
        assert (answer.status_code, answer.headers["location"]) == (303, f"/?done={before.id}")
    assert [actor for actor, *_ in one.audited(f"dispose-{action}")] == [ADAMS.name]


def test_what_was_done_is_told_where_one_came_from_and_undone_with_one_more_press(one: Ward) -> None:
    with one.client() as client:
        done = decide(client, one.alert(), "snooze", until=later(10), back="/?tier=routine")
        assert done.headers["location"] == f"/?tier=routine&done={one.alert().id}"
        shown = Page(client.get(done.headers["location"]).text)
        assert names(shown) == []  # it sleeps, and is told of above the list
        ((_, notice, words),) = [each for each in shown.every("div") if each[1].get("role") == "status"]
        assert words.startswith(f"Snoozed until {later(10)} by you Undo")
        assert notice["class"] == "notice"
        assert buttons(shown, "action") == ["reopen"]
        assert decide(client, one.alert(), "reopen").status_code == 303
    assert one.alert().state is State.OPEN


def test_an_undo_gives_an_alert_back_to_whom_it_was_taken_from(one: Ward) -> None:
    with one.client() as client:
        decide(client, one.alert(), "take")
    with one.client(BELL, script=True) as client:
        shown = Page(decide(client, one.alert(), "take").text)
        assert [each["value"] for _, each, _ in shown.every("input") if each.get("name") == "to"] == [
            "Nurse Adams"
        ]
        decide(client, one.alert(), "assign", to="Nurse Adams")
    assert one.alert().owner == "Nurse Adams"


@pytest.mark.parametrize("script", [True, False], ids=["script", "form"])
def test_the_second_of_two_nurses_is_told_who_was_first_and_nothing_is_overwritten(
    one: Ward, script: bool
) -> None:
    seen = one.alert()
    with one.client(BELL) as client:
        decide(client, seen, "take")
    after = one.alert()
    with one.client(ADAMS, script=script) as client:
        answer = decide(client, seen, "override", reason="duplicate")
    assert answer.status_code == 409
    shown = Page(answer.text)
    ((_, _, words),) = [each for each in shown.every("div") if each[1].get("role") == "alert"]
    assert words.startswith("This alert has changed since you saw it: Taken by Nurse Bell at 20")
    assert "Nothing of yours was recorded" in words
    assert one.alert() == after
    sent = [each["value"] for _, each, _ in shown.every("input") if each.get("name") == "revision"]
    assert set(sent) == {str(after.revision)}  # pressed again, it is about what is shown now


def test_who_decides_on_what_new_results_have_changed_is_told_that_they_have(one: Ward) -> None:
    seen = one.alert()
    one.feed([result("next", "p1", "2024-09-09", 900)])
    with one.client(script=True) as client:
        answer = decide(client, seen, "snooze", until=later(10))
    assert answer.status_code == 409
    assert "it has become more urgent" in answer.text
    assert one.alert().state is State.OPEN


@pytest.mark.parametrize(
    ("action", "more", "words"),
    [
        ("snooze", {"until": ""}, "snooze needs a date"),
        ("snooze", {"until": "2001-01-01"}, "after the day of the decision"),
        ("snooze", {"until": "soon"}, "year-month-day"),
        ("override", {"reason": ""}, "needs one of these reasons"),
        ("assign", {"to": " "}, "needs the name"),
        ("dance", {}, "choose what to do"),
        ("take", {"revision": "x"}, "which state of the alert"),
    ],
)
def test_what_is_missing_is_said_in_words_and_nothing_is_recorded(
    one: Ward, action: str, more: dict[str, str], words: str
) -> None:
    with one.client(script=True) as client:
        answer = decide(client, one.alert(), action, **more)
    assert answer.status_code == 422
    assert words.lower() in " ".join(Page(answer.text).texts("p")).lower()
    assert one.alert().state is State.OPEN


def test_what_the_state_does_not_permit_is_refused_and_not_offered(one: Ward) -> None:
    with one.client(script=True) as client:
        decide(client, one.alert(), "escalate")
        answer = decide(client, one.alert(), "snooze", until=later(10))
        assert answer.status_code == 409
        assert "not possible while the alert is escalated" in answer.text.lower()
        offered = Page(client.get(f"/alerts/{one.alert().id}/decide").text)
        assert "snooze" not in buttons(offered, "action")
        assert "refer" in buttons(offered, "action")


def test_remarks_are_kept_and_change_nothing(one: Ward) -> None:
    before = one.alert()
    with one.client(script=True) as client:
        for kind, text in (("comment", "called her"), ("useful", ""), ("not-useful", "old news")):
            answer = client.post(f"/alerts/{before.id}/say", data={"kind": kind, "text": text})
            assert answer.status_code == 200
        assert client.post(f"/alerts/{before.id}/say", data={"kind": "comment"}).status_code == 422
        assert client.post(f"/alerts/{before.id}/say", data={"kind": "shout"}).status_code == 422
        told = Page(client.get(f"/patients/{one.public_id('p1')}").text)
    assert one.alert() == before
    with reading(one.engine) as connection:
        kept = [(each.kind, each.text) for each in remarks.of_alerts(connection, [before.id])]
    assert kept == [
        (RemarkKind.COMMENT, "called her"), (RemarkKind.USEFUL, ""), (RemarkKind.NOT_USEFUL, "old news")
    ]  # fmt: skip
    assert any("Comment by Nurse Adams: called her" in text for text in told.texts("li"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"kind": "comment", "text": "called her"}, "Your comment is kept"),
        ({"kind": "useful"}, "Noted: useful"),
        ({"kind": "not-useful"}, "Noted: not useful"),
    ],
)
def test_a_remark_is_confirmed_on_the_page_it_was_made_on(one: Ward, said: dict[str, str], told: str) -> None:
    back, of = f"/patients/{one.public_id('p1')}", one.alert()
    with one.client(BELL) as client:
        client.post(f"/alerts/{of.id}/say", data={"kind": "useful", "text": "not by Adams"})
    with one.client() as client:
        decide(client, of, "take")
        answer = client.post(f"/alerts/{of.id}/say", data={**said, "back": back})
        assert answer.status_code == 303
        divisions = Page(client.get(answer.headers["location"]).text).every("div")
        assert [text for _, each, text in divisions if each.get("class") == "notice"] == [told]
        decide(client, one.alert(), "reopen")
        assert "Reopened by you" in client.get(answer.headers["location"]).text


def test_several_are_taken_at_once_and_each_that_cannot_be_says_why(one: Ward) -> None:
    one.feed([person("p2", name=[{"text": "Bo"}]), *persistent("p2")])
    first, second = one.alerts()
    with one.client(BELL) as client:
        decide(client, second, "take")
    ticked = [f"{each.id}:{each.revision}" for each in (first, second)]
    with one.client() as client:
        answer = client.post("/decide", data={"alert": ticked, "action": "take"})
        assert answer.status_code == 409
        words = [text for _, each, text in Page(answer.text).every("div") if each.get("class") == "told"]
        assert ["Taken by you" in each for each in words] == [True, False]
        assert "Taken by Nurse Bell" in words[1]
        assert {each.owner for each in one.alerts()} == {"Nurse Adams", "Nurse Bell"}


@pytest.mark.parametrize("ticked", [[], ["no alert:1"]], ids=["nothing", "nonsense"])
def test_where_nothing_was_ticked_the_worklist_stays_as_it_was_narrowed_and_says_so(
    one: Ward, ticked: list[str]
) -> None:
    one.feed([result("s1", "p2", "2024-09-01", 30), result("s2", "p2", "2024-09-02", 1300)])
    with one.client() as client:
        answer = client.post("/decide", data={"alert": ticked, "action": "take", "tier": "routine"})
    assert answer.status_code == 422
    page = Page(answer.text)
    assert names(page) == ["Abel, Ada"]
    alerts = [text for _, each, text in page.every("p") if each.get("role") == "alert"]
    assert len(alerts) == 1
    assert alerts[0].endswith("Nothing was recorded.")


def test_of_several_none_is_taken_where_one_may_not_be_seen(one: Ward) -> None:
    one.feed(persistent("p3"), "annex")
    both = [*one.alerts(), *one.alerts("annex")]
    ticked = [f"{each.id}:{each.revision}" for each in both]
    with one.client() as client:
        assert client.post("/decide", data={"alert": ticked, "action": "take"}).status_code == 404
    assert [*one.alerts(), *one.alerts("annex")] == both


def test_several_are_snoozed_until_the_next_result(one: Ward) -> None:
    one.feed(persistent("p2"))
    ticked = [f"{each.id}:{each.revision}" for each in one.alerts()]
    with one.client() as client:
        data = {"alert": ticked, "action": "snooze", "until": "", "next_result": "yes"}
        assert client.post("/decide", data=data).status_code == 200
    assert [each.state for each in one.alerts()] == [State.SNOOZED, State.SNOOZED]


def test_nobody_decides_about_what_they_may_not_see_or_with_a_role_that_only_looks(one: Ward) -> None:
    of = one.alert()
    for user, status in ((STRANGER, 404), (AUDITOR, 403), (None, 401)):
        with one.client(user) as client:
            assert decide(client, of, "take").status_code == status
            assert client.post(f"/alerts/{of.id}/say", data={"kind": "useful"}).status_code == status
            assert client.get(f"/alerts/{of.id}/decide").status_code == status
            many = client.post("/decide", data={"alert": f"{of.id}:1", "action": "take"})
            assert many.status_code == status
    assert one.alert() == of
    with one.client() as client:
        assert client.post(f"/alerts/{uuid4()}/decide", data=form(of, "take")).status_code == 404


@pytest.mark.parametrize(
    "back", ["https://evil.test/", "//evil.test", "/\\evil.test", "/rules", "", "/?a=b\nc"]
)
def test_nobody_is_sent_anywhere_but_to_a_page_of_ours(one: Ward, back: str) -> None:
    with one.client() as client:
        assert (
            decide(client, one.alert(), "take", back=back).headers["location"] == f"/?done={one.alert().id}"
        )


def test_a_form_that_is_none_or_too_large_is_refused(one: Ward) -> None:
    address = f"/alerts/{one.alert().id}/decide"
    with one.client() as client:
        assert client.post(address, content=b"\xff").status_code == 400
        assert client.post(address, content=b"a=" + b"b" * 70_000).status_code == 413
