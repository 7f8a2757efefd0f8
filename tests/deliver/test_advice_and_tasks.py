"""Advice and tasks are in the EHR exactly once, as they stand, by the same road as orders."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine

from service.alerts.alert import State
from service.deliver import DeliveryReport
from service.fhir import names
from service.store import outbox_control, sources
from service.store.session import writing
from service.store.source_settings import SourceSettings
from tests.deliver.posting import Post, over
from tests.fhir.alert_examples import ALERT_ID, advising, alert, revised, urgent, went_on
from tests.fhir.fake_server import BASE, FakeServer, Handler, dropped

EDUCATED = advising(alert(), "patient-education", "medication-review")
KINDS = ("ServiceRequest", "CommunicationRequest", "Task")


def set_source(post: Post, **settings: Any) -> None:
    """As `liverwatch source set` does."""
    with writing(post.engine) as connection:
        sources.change(connection, "clinic", SourceSettings(fhir_base_url=BASE, **settings))
        outbox_control.rewrite(connection, post.source_id, post.now)


def counts(server: FakeServer) -> list[int]:
    return [len(server.all(kind)) for kind in KINDS]


def test_advice_is_written_beside_the_orders_and_refers_to_the_alert(post: Post, server: FakeServer) -> None:
    assert post.deliver(EDUCATED).written == 1
    assert counts(server) == [2, 2, 0]
    issue = f"DetectedIssue/{server.one('DetectedIssue')['id']}"
    education = server.step("patient-education", "CommunicationRequest")
    assert education["about"] == [{"reference": issue}]
    assert {"reference": f"CommunicationRequest/{education['id']}"} in server.one("Provenance")["target"]


def test_without_the_setting_no_task_is_even_looked_for(post: Post, server: FakeServer) -> None:
    post.deliver(EDUCATED)
    post.deliver(revised(EDUCATED, seen=True, state=State.TAKEN))
    assert not any(path.startswith("/Task") for _method, path in server.requests)


def test_each_request_gets_a_task_that_leads_to_it_in_the_same_transaction(
    post: Post, server: FakeServer
) -> None:
    set_source(post, tasks=True)
    post.deliver(advising(alert(), "patient-education"))
    assert counts(server) == [2, 1, 3]
    assert server.requests.count(("POST", "/")) == 1
    for kind, step in (("ServiceRequest", "liver-ultrasound"), ("CommunicationRequest", "patient-education")):
        task = server.step(step, "Task")
        assert task["focus"] == {"reference": f"{kind}/{server.step(step, kind)['id']}"}
        assert task["identifier"] == [{"system": names.TASK, "value": f"{ALERT_ID}:{step}"}]


def test_replaying_changes_nothing_and_a_lost_answer_makes_nothing_twice(
    post: Post, server: FakeServer
) -> None:
    set_source(post, tasks=True)
    server.next_answers["POST /"] = [dropped]
    assert post.deliver(EDUCATED).postponed == 1
    post.later(hours=1)
    assert post.deliver().claimed == 1
    assert counts(server) == [2, 2, 4]
    before = server.writes
    post.replay()
    assert post.deliver() == DeliveryReport(claimed=1, unchanged=1)
    assert server.writes == before


def test_what_is_no_longer_advised_is_revoked_its_task_cancelled_and_both_come_back(
    post: Post, server: FakeServer
) -> None:
    set_source(post, tasks=True)
    post.deliver(EDUCATED)
    plain = went_on(EDUCATED, alert())
    post.deliver(plain)
    assert server.step("patient-education", "CommunicationRequest")["status"] == "revoked"
    assert server.step("patient-education", "Task")["status"] == "cancelled"
    assert server.step("liver-ultrasound", "Task")["status"] == "requested"
    before = server.writes
    post.replay()
    post.deliver()
    assert server.writes == before
    post.deliver(went_on(plain, EDUCATED))
    assert server.step("patient-education", "CommunicationRequest")["status"] == "active"
    assert server.step("patient-education", "Task")["status"] == "requested"


def test_of_two_made_by_a_race_one_stays(sqlite: Engine) -> None:
    server = FakeServer(conditional=False)
    post = Post(sqlite, over(server.transport))
    set_source(post, tasks=True)

    def raced(handle: Any, request: Any) -> Any:
        handle(request)
        return handle(request)

    server.next_answers["POST /"] = [raced]
    assert post.deliver(advising(alert(), "patient-education")).written == 1
    for kind, live in zip(KINDS, ("active", "active", "requested"), strict=True):
        statuses = sorted(each["status"] for each in server.all(kind))
        half = len(statuses) // 2
        assert sorted([live] * half + ["entered-in-error"] * half) == statuses
    before = server.writes
    post.replay()
    post.deliver()
    assert server.writes == before


@pytest.mark.parametrize("theirs", ["completed", "rejected", "on-hold", "cancelled"])
def test_what_the_ehr_has_decided_about_a_task_stands(post: Post, server: FakeServer, theirs: str) -> None:
    set_source(post, tasks=True)
    post.deliver(EDUCATED)
    server.put({**server.step("repeat-hepatic-panel", "Task"), "status": theirs})
    post.deliver(went_on(EDUCATED, urgent()))
    assert server.step("repeat-hepatic-panel", "Task")["status"] == theirs


def test_a_task_under_way_goes_on_while_it_is_advised_and_is_cancelled_after(
    post: Post, server: FakeServer
) -> None:
    set_source(post, tasks=True)
    post.deliver(EDUCATED)
    owner = {"reference": "Practitioner/nurse"}
    for step in ("repeat-hepatic-panel", "patient-education"):
        server.put({**server.step(step, "Task"), "status": "in-progress", "owner": owner})
    grave = went_on(EDUCATED, urgent())  # without education, and the panel is due sooner
    post.deliver(grave)
    panel = server.step("repeat-hepatic-panel", "Task")
    assert (panel["status"], panel["owner"]) == ("in-progress", owner)
    assert panel["restriction"]["period"]["end"] == "2024-08-21"
    assert server.step("patient-education", "Task")["status"] == "cancelled"
    before = server.writes
    post.replay()
    post.deliver()
    assert server.writes == before


def test_no_task_is_begun_for_what_is_done_at_the_ehr(post: Post, server: FakeServer) -> None:
    post.deliver(EDUCATED)
    server.put({**server.step("repeat-hepatic-panel"), "status": "completed"})
    set_source(post, tasks=True)
    post.deliver(revised(EDUCATED, seen=True, state=State.TAKEN))
    assert counts(server) == [2, 2, 3]


def test_tasks_that_a_site_wants_no_more_are_cancelled_and_the_requests_stay(
    post: Post, server: FakeServer
) -> None:
    set_source(post, tasks=True)
    post.deliver(EDUCATED)
    set_source(post, tasks=False)
    assert post.deliver().written == 1
    assert {task["status"] for task in server.all("Task")} == {"cancelled"}
    assert {each["status"] for kind in KINDS[:2] for each in server.all(kind)} == {"active"}
    set_source(post, tasks=True)
    post.deliver()
    assert {task["status"] for task in server.all("Task")} == {"requested"}


def test_a_site_that_changes_its_language_has_its_patients_written_to_anew(
    post: Post, server: FakeServer
) -> None:
    post.deliver(EDUCATED)
    set_source(post, language="zh-CN")
    assert post.deliver().written == 1
    education = server.step("patient-education", "CommunicationRequest")
    assert (education["language"], education["meta"]["versionId"]) == ("zh-CN", "2")
    assert "2024年11月12日" in education["payload"][0]["contentString"]
    assert server.step("medication-review", "CommunicationRequest")["meta"]["versionId"] == "1"


def test_what_is_too_much_for_one_transaction_is_sent_in_parts_each_of_which_stands_by_itself(
    post: Post, server: FakeServer
) -> None:
    set_source(post, tasks=True)
    many = advising(EDUCATED, "long-term-risks", "sleep-advice", "rest-advice", "lifestyle-advice")
    assert post.deliver(many).written == 1
    assert counts(server) == [2, 6, 8]
    assert server.requests.count(("POST", "/")) == 3
    for task in server.all("Task"):
        assert task["focus"]["reference"].partition("/")[0] in KINDS
    assert all(len(history) == 1 for history in server.versions.values())
    post.replay()
    assert post.deliver() == DeliveryReport(claimed=1, unchanged=1)
    assert post.deliver(revised(many, state=State.RESOLVED)).written == 1
    assert all(len(history) <= 2 for history in server.versions.values())


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_part_whose_answer_is_lost_is_recognised_and_the_rest_is_sent(
    post: Post, server: FakeServer, lost: int
) -> None:
    set_source(post, tasks=True)
    server.next_answers["POST /"] = [*[_carried_out] * lost, dropped]
    many = advising(EDUCATED, "long-term-risks", "sleep-advice", "rest-advice", "lifestyle-advice")
    assert post.deliver(many).postponed == 1
    post.later(hours=1)
    assert post.deliver().claimed == 1
    assert counts(server) == [2, 6, 8]
    assert len(server.all("DetectedIssue")) == 1
    assert not post.line().pending


def _carried_out(handle: Any, request: Any) -> Any:
    return handle(request)


def test_a_sender_at_work_while_the_way_of_writing_changes_is_never_overtaken(
    post: Post, server: FakeServer
) -> None:
    post.deliver(alert())

    def meanwhile(handle: Handler, request: httpx2.Request) -> httpx2.Response:
        set_source(post, tasks=True)
        assert post.deliver().claimed == 0
        return handle(request)

    server.next_answers["POST /"] = [meanwhile]
    post.deliver(went_on(alert(), urgent()))
    post.later(minutes=6)
    assert post.deliver().written == 1
    assert len(server.all("Task")) == len(server.all("ServiceRequest"))
    assert not post.line().pending


def test_what_is_to_be_written_another_way_waits_for_whoever_is_sending_it(post: Post) -> None:
    post.deliver(alert())
    post.want(went_on(alert(), urgent()))
    assert len(post.claim()) == 1
    set_source(post, tasks=True)
    assert post.claim() == []
    post.later(minutes=6)
    assert len(post.claim()) == 1


def test_advice_and_tasks_of_an_ended_alert_are_taken_back_though_the_ehr_has_lost_its_issue(
    post: Post, server: FakeServer
) -> None:
    set_source(post, tasks=True)
    post.deliver(EDUCATED)
    server.remove(server.one("DetectedIssue"))
    post.deliver(revised(EDUCATED, state=State.ENTERED_IN_ERROR, withdrawn="Corrected."))
    assert server.all("DetectedIssue") == []
    assert {r["status"] for kind in KINDS[:2] for r in server.all(kind)} == {"revoked"}
    assert {task["status"] for task in server.all("Task")} == {"cancelled"}
    assert not any("urn:uuid:" in str(r) for kind in KINDS for r in server.all(kind))
