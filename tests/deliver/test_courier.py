"""An alert is in the EHR exactly once, as it stands, whatever the network and the server do."""

from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import Engine, select

from service.alerts.alert import Action, State
from service.deliver import DeliveryReport
from service.fhir.names import ALERT
from service.metrics import deliveries
from service.store import outbox, outbox_control
from service.store.schema import audit
from service.store.session import reading, writing
from tests.deliver.posting import Post, over
from tests.fhir.alert_examples import (
    ALERT_ID,
    OTHER_ID,
    alert,
    disposition,
    episode,
    revised,
    urgent,
    went_on,
)
from tests.fhir.fake_server import FakeServer, Handler, denied, dropped, status, unreachable


@pytest.fixture
def stored(engine: Engine, server: FakeServer) -> Post:
    """For what the outbox does: on each database."""
    return Post(engine, over(server.transport))


def test_a_new_alert_is_written_with_its_proposals_and_its_provenance(
    stored: Post, server: FakeServer
) -> None:
    report = stored.deliver(alert())
    assert (report.claimed, report.written) == (1, 1)
    issue = server.one("DetectedIssue")
    assert issue["identifier"] == [{"system": ALERT, "value": str(ALERT_ID)}]
    assert issue["author"] == {"reference": f"Device/{server.one('Device')['id']}"}
    assert {r["supportingInfo"][0]["reference"] for r in server.all("ServiceRequest")} == {
        f"DetectedIssue/{issue['id']}"
    }
    assert server.one("Provenance")["target"][0] == {"reference": f"DetectedIssue/{issue['id']}"}
    assert not stored.line().pending
    with reading(stored.engine) as connection:
        assert [row.action for row in connection.execute(select(audit))] == ["ehr.write"]


def test_attempts_are_counted_by_source_and_what_came_of_them(post: Post) -> None:
    def told() -> dict[str, float]:
        return {
            sample.labels["result"]: sample.value
            for family in deliveries.collect()
            for sample in family.samples
            if sample.name.endswith("_total") and sample.labels["source"] == "clinic"
        }

    before = told()
    post.deliver(alert())
    now = told()
    assert now["written"] == before.get("written", 0) + 1
    assert sum(now.values()) == sum(before.values()) + 1


def test_replaying_the_outbox_changes_nothing(stored: Post, server: FakeServer) -> None:
    stored.deliver(alert())
    before = server.writes
    stored.replay()
    assert stored.deliver() == DeliveryReport(claimed=1, unchanged=1)
    assert server.writes == before
    assert not stored.line().pending


def test_a_change_updates_the_same_resources_and_keeps_what_others_added(
    post: Post, server: FakeServer
) -> None:
    post.deliver(alert())
    extension = [{"url": "https://ehr.test/looked-at", "valueBoolean": True}]
    server.put({**server.one("DetectedIssue"), "extension": extension})
    made = disposition(Action.ESCALATE)
    post.decide(made)
    post.deliver(revised(alert(), seen=True, state=State.ESCALATED, dispositions=(made.id,)))
    issue = server.one("DetectedIssue")
    assert issue["status"] == "final"
    assert issue["mitigation"][0]["action"]["coding"][0]["code"] == "escalate"
    assert issue["extension"] == extension
    assert len(server.all("Provenance")) == 2


def test_a_revision_that_says_the_same_writes_no_new_version(post: Post, server: FakeServer) -> None:
    post.deliver(alert())
    server.requests.clear()
    post.deliver(revised(alert()))
    assert len(server.versions["DetectedIssue", server.one("DetectedIssue")["id"]]) == 1
    assert not any(path.startswith("/DetectedIssue") for _method, path in server.requests)
    assert not post.line().pending


def test_a_response_dropped_after_commit_makes_no_second_resource(stored: Post, server: FakeServer) -> None:
    server.next_answers["POST /"] = [dropped]
    assert stored.deliver(alert()).postponed == 1
    assert server.one("DetectedIssue")
    stored.later(hours=1)
    assert stored.deliver().written == 1
    assert server.one("DetectedIssue")
    assert server.one("Provenance")
    assert len(server.all("ServiceRequest")) == 2


def test_a_dropped_answer_to_the_provenance_makes_no_second_one_and_resends_nothing(
    stored: Post, server: FakeServer
) -> None:
    server.next_answers["POST /Provenance"] = [dropped]
    assert stored.deliver(alert()).postponed == 1
    server.requests.clear()
    stored.later(hours=1)
    assert stored.deliver().claimed == 1
    assert server.one("Provenance")
    assert ("POST", "/") not in server.requests


def test_a_refused_provenance_leaves_the_issue_written_and_a_dead_letter(
    post: Post, server: FakeServer
) -> None:
    server.next_answers["POST /Provenance"] = [status(403), status(403)]
    assert post.deliver(alert()).buried == 1
    assert len(server.versions["DetectedIssue", server.one("DetectedIssue")["id"]]) == 1
    assert post.line().dead


def test_provenance_is_not_doubled_where_the_server_ignores_tags(sqlite: Engine) -> None:
    server = FakeServer(tags=False)
    post = Post(sqlite, over(server.transport))
    post.deliver(alert())
    post.deliver(revised(alert(), seen=True))
    post.replay()
    post.deliver()
    assert len(server.all("Provenance")) == 2


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504, 401, 302])
def test_what_may_pass_is_tried_again_for_ever(post: Post, server: FakeServer, code: int) -> None:
    server.next_answers["POST /"] = [status(code)] * 4
    post.want(alert())
    for attempt in range(4):
        assert post.deliver().postponed == 1, attempt
        post.later(hours=2)
    assert post.deliver().written == 1


def test_an_unreachable_server_is_left_alone_for_a_while_as_a_whole(stored: Post, server: FakeServer) -> None:
    server.next_answers["GET /Device"] = [unreachable]
    courier = stored.courier()
    stored.want(alert())
    assert courier.deliver_once().postponed == 1
    stored.want(replace(alert(), id=OTHER_ID))
    assert courier.deliver_once().claimed == 0
    stored.later(seconds=6)
    assert courier.deliver_once().written == 2


def test_the_time_a_server_asks_for_is_given(stored: Post, server: FakeServer) -> None:
    server.next_answers["POST /"] = [status(429, Retry_After="900")]
    stored.deliver(alert())
    assert stored.line().not_before - stored.now == timedelta(seconds=900)
    stored.later(seconds=899)
    assert stored.deliver().claimed == 0
    stored.later(seconds=1)
    assert stored.deliver().written == 1


def test_delays_grow_with_each_failure(stored: Post, server: FakeServer) -> None:
    server.next_answers["POST /"] = [status(500)] * 3
    stored.want(alert())
    delays = []
    for _attempt in range(3):
        stored.deliver()
        delays.append((stored.line().not_before - stored.now).total_seconds())
        stored.later(hours=2)
    assert delays == [5, 10, 20]


def test_a_permanent_refusal_goes_to_the_dead_letters_without_the_answers_text(
    stored: Post, server: FakeServer
) -> None:
    server.next_answers["POST /"] = [status(422)]
    assert stored.deliver(alert()).buried == 1
    line = stored.line()
    assert line.dead
    assert line.last_error == "POST transaction: HTTP 422"
    stored.later(days=30)
    assert stored.deliver().claimed == 0
    assert stored.deliver(revised(alert())).written == 1


def test_a_refusal_that_was_a_lost_race_is_not_believed(post: Post, server: FakeServer) -> None:

    server.next_answers["POST /"] = [denied]
    assert post.deliver(alert()).claimed == 1
    assert not post.line().dead
    assert server.one("DetectedIssue")
    assert not post.line().pending


@pytest.mark.parametrize("code", [409, 412])
def test_a_conflict_is_looked_at_again(post: Post, server: FakeServer, code: int) -> None:
    server.next_answers["POST /"] = [status(code), status(code)]
    assert post.deliver(alert()).written == 1
    assert server.one("DetectedIssue")


def test_a_change_made_meanwhile_is_not_overwritten_blindly(post: Post, server: FakeServer) -> None:
    post.deliver(alert())

    def meanwhile(handle: Handler, request: httpx2.Request) -> httpx2.Response:
        server.put({**server.one("DetectedIssue"), "language": "en"})
        return handle(request)

    server.next_answers["POST /"] = [meanwhile]
    assert post.deliver(revised(alert(), seen=True)).written == 1
    issue = server.one("DetectedIssue")
    assert (issue["status"], issue["language"]) == ("final", "en")


def test_of_two_made_by_a_race_the_oldest_stays_and_the_other_is_entered_in_error(sqlite: Engine) -> None:
    server = FakeServer(conditional=False)
    post = Post(sqlite, over(server.transport))

    def raced(handle: Handler, request: httpx2.Request) -> httpx2.Response:
        handle(request)
        return handle(request)

    server.next_answers["POST /"] = [raced]
    assert post.deliver(alert()).written == 1
    oldest, other = sorted(server.all("DetectedIssue"), key=lambda each: str(each["meta"]["lastUpdated"]))
    if oldest["status"] == "entered-in-error":
        oldest, other = other, oldest
    assert oldest["identifier"][0]["value"] == str(ALERT_ID)
    assert other["status"] == "entered-in-error"
    assert other["identifier"][0]["value"] == f"{ALERT_ID}:duplicate"
    assert int(oldest["id"].split("_")[1]) < int(other["id"].split("_")[1])
    assert len([r for r in server.all("ServiceRequest") if r["status"] == "active"]) == 2
    before = server.writes
    post.replay()
    post.deliver()
    assert server.writes == before


def test_an_alert_that_is_again_as_it_was_before_a_lost_answer_is_written_again(
    stored: Post, server: FakeServer
) -> None:
    first, second = alert(), went_on(alert(), urgent())
    stored.deliver(first)
    server.next_answers["POST /"] = [dropped]
    assert stored.deliver(second).postponed == 1
    assert server.one("DetectedIssue")["severity"] == "high"
    stored.later(hours=1)
    stored.deliver(went_on(second, first))
    assert server.one("DetectedIssue")["severity"] == "low"


def test_an_alert_that_is_again_as_it_was_before_a_sender_died_is_written_again(
    stored: Post, server: FakeServer
) -> None:
    first, second = alert(), went_on(alert(), urgent())
    stored.deliver(first)

    def die(handle: Handler, request: httpx2.Request) -> httpx2.Response:
        handle(request)
        raise KeyboardInterrupt

    server.next_answers["POST /"] = [die]
    with pytest.raises(KeyboardInterrupt):
        stored.deliver(second)
    stored.want(went_on(second, first))
    stored.later(minutes=6)
    [claim] = stored.claim()
    with writing(stored.engine) as connection:
        assert outbox.release(connection, claim, stored.now)
    stored.deliver()
    assert server.one("DetectedIssue")["severity"] == "low"


def test_a_sender_whose_row_was_cancelled_never_overwrites_what_is_wanted_later(
    stored: Post, server: FakeServer
) -> None:
    first, second, third = alert(), went_on(alert(), urgent()), went_on(went_on(alert(), urgent()), alert())
    stored.deliver(first)

    def meanwhile(handle: Handler, request: httpx2.Request) -> httpx2.Response:
        with writing(stored.engine) as connection:
            assert outbox_control.stop(connection, ALERT_ID, "by mistake", by="Ada")
        stored.deliver(third)
        return handle(request)

    server.next_answers["POST /"] = [meanwhile]
    stored.deliver(second)
    stored.later(minutes=6)
    stored.deliver()
    assert server.one("DetectedIssue")["severity"] == "low"
    assert not stored.line().pending


def test_what_was_deleted_at_the_ehr_is_made_again_once(post: Post, server: FakeServer) -> None:
    post.deliver(alert())
    server.remove(server.one("DetectedIssue"))
    post.deliver(revised(alert(), seen=True))
    assert server.one("DetectedIssue")["status"] == "final"
    assert len(server.all("ServiceRequest")) == 2


def test_what_was_moved_to_another_id_at_the_ehr_is_found_by_its_identifier(
    post: Post, server: FakeServer
) -> None:
    post.deliver(alert())
    issue = server.one("DetectedIssue")
    server.remove(issue)
    server.put({**issue, "id": "moved"})
    post.deliver(revised(alert(), seen=True))
    assert server.one("DetectedIssue")["id"] == "moved"


def test_an_alert_that_vanished_before_it_was_sent_is_not_written(post: Post, server: FakeServer) -> None:
    post.want(alert())
    assert post.deliver(revised(alert(), state=State.ENTERED_IN_ERROR, withdrawn="corrected")).unchanged == 1
    assert server.writes == 0
    assert not post.line().pending


def test_a_withdrawn_alert_is_entered_in_error_and_its_steps_revoked(post: Post, server: FakeServer) -> None:
    post.deliver(alert())
    post.deliver(revised(alert(), state=State.ENTERED_IN_ERROR, withdrawn="a result was corrected"))
    assert server.one("DetectedIssue")["status"] == "entered-in-error"
    assert {r["status"] for r in server.all("ServiceRequest")} == {"revoked"}
    before = server.writes
    post.replay()
    post.deliver()
    assert server.writes == before


@pytest.mark.parametrize(
    "ended", [{"state": State.ENTERED_IN_ERROR, "withdrawn": "corrected"}, {"state": State.MERGED}]
)
def test_the_steps_of_an_ended_alert_are_revoked_though_the_ehr_has_lost_its_issue(
    post: Post, server: FakeServer, ended: dict[str, object]
) -> None:
    post.deliver(alert())
    server.remove(server.one("DetectedIssue"))
    post.deliver(revised(alert(), merged_into=OTHER_ID, **ended))
    assert server.all("DetectedIssue") == []
    assert [r["status"] for r in server.all("ServiceRequest")] == ["revoked", "revoked"]
    assert not any("supportingInfo" in r for r in server.all("ServiceRequest"))
    before = server.writes
    post.replay()
    post.deliver()
    assert server.writes == before


def test_one_withdrawn_after_a_dropped_response_is_found_and_entered_in_error(
    post: Post, server: FakeServer
) -> None:
    server.next_answers["POST /"] = [dropped]
    post.deliver(alert())
    post.later(hours=1)
    post.deliver(revised(alert(), state=State.ENTERED_IN_ERROR, withdrawn="a result was corrected"))
    assert server.one("DetectedIssue")["status"] == "entered-in-error"


def test_a_merged_alert_names_its_survivor(post: Post, server: FakeServer) -> None:
    post.deliver(alert())
    post.deliver(revised(alert(), state=State.MERGED, merged_into=OTHER_ID))
    issue = server.one("DetectedIssue")
    assert issue["status"] == "entered-in-error"
    assert str(OTHER_ID) in issue["detail"]


def test_a_resolved_alert_ends_and_reopens_in_place(post: Post, server: FakeServer) -> None:
    post.deliver(alert())
    over_ = revised(alert(episode(resolved=alert().episode.last_result)), state=State.RESOLVED)
    post.deliver(over_)
    issue = server.one("DetectedIssue")
    assert issue["identifiedPeriod"]["end"] == "2024-08-20"
    assert "identifiedDateTime" not in issue
    assert server.step("repeat-hepatic-panel")["status"] == "revoked"
    post.deliver(revised(over_, state=State.OPEN, episode=episode()))
    assert "identifiedPeriod" not in server.one("DetectedIssue")
    assert server.step("repeat-hepatic-panel")["status"] == "active"


def test_a_step_no_longer_advised_is_revoked_and_a_new_one_added(post: Post, server: FakeServer) -> None:
    post.deliver(urgent())
    assert server.step("same-day-assessment")["status"] == "active"
    calmer = went_on(urgent(), alert())
    post.deliver(calmer)
    assert server.step("same-day-assessment")["status"] == "revoked"
    assert "<b>No longer advised: Clinical" in server.step("same-day-assessment")["text"]["div"]
    before = server.writes
    post.replay()
    post.deliver()
    assert server.writes == before
    post.deliver(went_on(calmer, urgent()))
    assert server.step("same-day-assessment")["status"] == "active"


def test_a_step_that_was_over_before_it_could_be_sent_is_not_sent(post: Post, server: FakeServer) -> None:
    post.deliver(went_on(urgent(), alert()))
    steps = {each["identifier"][0]["value"].partition(":")[2] for each in server.all("ServiceRequest")}
    assert steps == {"liver-ultrasound", "repeat-hepatic-panel"}


def test_what_others_added_to_a_step_that_is_revoked_stays(post: Post, server: FakeServer) -> None:
    post.deliver(urgent())
    server.put({**server.step("same-day-assessment"), "patientInstruction": "come at nine"})
    post.deliver(went_on(urgent(), alert()))
    step = server.step("same-day-assessment")
    assert (step["status"], step["patientInstruction"]) == ("revoked", "come at nine")


@pytest.mark.parametrize("theirs", ["completed", "revoked", "on-hold"])
def test_what_the_ehr_has_decided_about_a_step_stands(post: Post, server: FakeServer, theirs: str) -> None:
    post.deliver(alert())
    server.put({**server.step("repeat-hepatic-panel"), "status": theirs})
    post.deliver(urgent())
    post.deliver(revised(urgent()))
    assert server.step("repeat-hepatic-panel")["status"] == theirs


def test_a_dormant_alert_is_not_begun_but_kept_up(post: Post, server: FakeServer) -> None:
    post.deliver(alert(state=State.DORMANT))
    assert server.writes == 0
    post.deliver(revised(alert()))
    post.deliver(replace(alert(), revision=3, state=State.DORMANT))
    assert server.one("DetectedIssue")["detail"].startswith("Lost to follow-up")


def test_a_source_that_is_not_written_to_keeps_its_rows_unsent(sqlite: Engine, server: FakeServer) -> None:
    post = Post(sqlite, over(server.transport), base_url=None)
    assert post.deliver(alert()).claimed == 0
    assert post.line().pending
    assert server.requests == []


def test_a_defect_in_one_alert_does_not_stop_the_others(stored: Post) -> None:
    broken = replace(alert(), id=OTHER_ID, episode=replace(episode(), peak=None))  # type: ignore[arg-type]
    stored.want(broken)
    stored.want(alert())
    report = stored.deliver()
    assert (report.written, report.postponed) == (1, 1)


def test_the_courier_runs_until_it_is_stopped(stored: Post, server: FakeServer) -> None:
    import threading

    stored.want(alert())
    stop = threading.Event()
    thread = threading.Thread(target=stored.courier().run, args=(stop,))
    thread.start()
    for _wait in range(500):
        if not stored.line().pending:
            break
        stop.wait(0.01)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert server.one("DetectedIssue")
