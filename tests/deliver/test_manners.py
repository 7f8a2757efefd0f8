"""One alert, one resource, also where a server takes no transactions, or not every type, or speaks R5."""

from typing import Any

import httpx2
import pytest

from service.alerts.alert import Action, State
from service.deliver import DeliveryReport, left_out
from service.fhir import names
from service.fhir.manner import CREATED, UPDATED
from service.fhir.outgoing import validate_outgoing
from service.metrics import left_out as counted
from service.store import sources
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.deliver.posting import Post
from tests.fhir.alert_examples import (
    ALERT_ID,
    advising,
    alert,
    disposition,
    revised,
    urgent,
    went_on,
)
from tests.fhir.fake_server import BASE, FakeServer, denied, dropped, status

EDUCATED = advising(alert(), "patient-education", "medication-review")
OURS = ("DetectedIssue", "ServiceRequest", "CommunicationRequest", "Task")


@pytest.fixture
def single(post: Post, server: FakeServer) -> Post:
    """To a server that takes one resource at a time."""
    use(post, write="single")
    server.refuses["Bundle"] = 405
    return post


def use(post: Post, **settings: Any) -> None:
    with writing(post.engine) as connection:
        sources.change(connection, "clinic", SourceSettings(fhir_base_url=BASE, tasks=True, **settings))


def told(post: Post) -> dict[str, str]:
    with reading(post.engine) as connection:
        return left_out(connection, post.line())


def states(server: FakeServer) -> dict[str, list[str]]:
    return {kind: sorted({each["status"] for each in server.all(kind)}) for kind in OURS}


def test_resource_by_resource_the_same_is_written_and_refers_to_what_is_there(
    single: Post, server: FakeServer
) -> None:
    assert single.deliver(EDUCATED).written == 1
    issue = server.one("DetectedIssue")
    assert len(server.all("Task")) == len(server.all("ServiceRequest") + server.all("CommunicationRequest"))
    for request in server.all("ServiceRequest"):
        assert request["supportingInfo"] == [{"reference": f"DetectedIssue/{issue['id']}"}]
    there = {f"{kind}/{each['id']}" for kind in OURS for each in server.all(kind)}
    assert {task["focus"]["reference"] for task in server.all("Task")} <= there
    assert server.one("Provenance")["target"][0] == {"reference": f"DetectedIssue/{issue['id']}"}
    assert ("POST", "/") not in server.requests


def test_resource_by_resource_replaying_changes_nothing(single: Post, server: FakeServer) -> None:
    single.deliver(EDUCATED)
    before = server.writes
    single.replay()
    assert single.deliver() == DeliveryReport(claimed=1, unchanged=1)
    assert server.writes == before


@pytest.mark.parametrize("path", ["DetectedIssue", "ServiceRequest", "Task", "Provenance"])
@pytest.mark.parametrize("fault", [dropped, denied, status(412), status(409)])
def test_resource_by_resource_no_fault_makes_a_second_one(
    single: Post, server: FakeServer, path: str, fault: Any
) -> None:
    server.next_answers[f"POST /{path}"] = [fault, fault]
    single.deliver(EDUCATED)
    for _round in range(3):
        single.later(hours=2)
        single.deliver()
    assert not single.line().pending
    server.one("DetectedIssue")
    server.one("Provenance")
    for kind in OURS:
        identifiers = [each["identifier"][0]["value"] for each in server.all(kind)]
        assert len(identifiers) == len(set(identifiers))
    assert told(single) == {}


def test_resource_by_resource_a_change_made_meanwhile_is_not_overwritten_blindly(
    single: Post, server: FakeServer
) -> None:
    single.deliver(alert())

    def meanwhile(handle: Any, request: Any) -> Any:
        server.put({**server.one("DetectedIssue"), "language": "en"})
        return handle(request)

    server.next_answers["PUT *"] = [meanwhile]
    assert single.deliver(revised(alert(), seen=True)).written == 1
    issue = server.one("DetectedIssue")
    assert (issue["status"], issue["language"]) == ("final", "en")


def test_resource_by_resource_of_two_made_by_a_race_the_oldest_stays(post: Post, server: FakeServer) -> None:
    use(post, write="single")
    server.conditional = False

    def raced(handle: Any, request: Any) -> Any:
        handle(request)
        return handle(request)

    server.next_answers["POST /DetectedIssue"] = [raced]
    post.deliver(alert())
    first, second = sorted(server.all("DetectedIssue"), key=lambda each: int(each["id"].split("_")[1]))
    assert (first["status"], second["status"]) == ("preliminary", "entered-in-error")
    assert first["identifier"][0]["value"] == str(ALERT_ID)


def test_resource_by_resource_what_was_created_is_known_by_where_it_is(
    single: Post, server: FakeServer
) -> None:
    server.tells_ids = False
    assert single.deliver(EDUCATED).written == 1
    server.one("DetectedIssue")


def test_resource_by_resource_a_withdrawn_alert_ends_with_all_that_was_asked_for(
    single: Post, server: FakeServer
) -> None:
    single.deliver(EDUCATED)
    single.deliver(revised(EDUCATED, state=State.ENTERED_IN_ERROR, withdrawn="a result was corrected"))
    assert states(server) == {
        "DetectedIssue": ["entered-in-error"],
        "ServiceRequest": ["revoked"],
        "CommunicationRequest": ["revoked"],
        "Task": ["cancelled"],
    }


@pytest.mark.parametrize("code", [400, 403, 404, 405, 422])
@pytest.mark.parametrize("kind", ["ServiceRequest", "CommunicationRequest", "Task"])
def test_a_type_that_is_refused_is_left_out_and_the_rest_written(
    single: Post, server: FakeServer, kind: str, code: int
) -> None:
    # It can be searched for and not be written.
    server.next_answers[f"POST /{kind}"] = [status(code)] * 50
    assert single.deliver(EDUCATED).written == 1
    assert {each for each in OURS if server.all(each)} == set(OURS) - {kind}
    assert told(single) == {kind: f"POST {kind}: HTTP {code}"}
    assert not single.line().dead
    before = server.writes
    single.replay()
    single.deliver()
    assert server.writes == before
    server.next_answers.clear()
    single.deliver(revised(EDUCATED, seen=True))
    assert server.all(kind)
    assert told(single) == {}


@pytest.mark.parametrize("kind", ["Device", "Provenance", "DetectedIssue"])
def test_even_what_all_else_names_may_be_refused(single: Post, server: FakeServer, kind: str) -> None:
    server.next_answers[f"POST /{kind}"] = [status(403)] * 50
    assert single.deliver(EDUCATED).written == 1
    assert told(single) == {kind: f"POST {kind}: HTTP 403"}
    assert server.all(kind) == []
    asked = server.all("ServiceRequest")
    assert {each["status"] for each in asked} == {"active"}
    if kind == "DetectedIssue":
        named = {"system": names.ALERT, "value": str(ALERT_ID)}
        assert asked[0]["supportingInfo"] == [{"type": "DetectedIssue", "identifier": named}]
        single.deliver(revised(EDUCATED, state=State.ENTERED_IN_ERROR, withdrawn="corrected"))
        assert {each["status"] for each in server.all("ServiceRequest")} == {"revoked"}


def test_an_issue_that_is_invalid_there_is_a_dead_letter_and_not_merely_left_out(
    single: Post, server: FakeServer
) -> None:
    server.next_answers["POST /DetectedIssue"] = [status(422)] * 5
    assert single.deliver(alert()).buried == 1


def test_a_server_is_asked_once_what_it_offers_and_written_to_so(post: Post, server: FakeServer) -> None:
    use(post)
    server.offers("DetectedIssue", "ServiceRequest", "CommunicationRequest", "Device", transactions=False)
    server.refuses = {"Task": 404, "Provenance": 404, "Bundle": 405}
    before = counted.labels("clinic", "Task")._value.get()
    courier = post.courier()
    post.want(EDUCATED)
    assert courier.deliver_once().written == 1
    post.want(revised(EDUCATED, seen=True))
    assert courier.deliver_once().written == 1
    assert server.requests.count(("GET", "/metadata")) == 1
    assert told(post).keys() == {"Task", "Provenance"}
    assert counted.labels("clinic", "Task")._value.get() == before + 2
    assert server.one("DetectedIssue")["status"] == "final"
    post.later(days=2)
    post.want(revised(EDUCATED, revision=9))
    courier.deliver_once()
    assert server.requests.count(("GET", "/metadata")) == 2


def test_an_ehr_without_detected_issues_still_gets_what_is_advised(post: Post, server: FakeServer) -> None:
    use(post)
    server.offers("ServiceRequest")
    server.refuses = dict.fromkeys(("DetectedIssue", "CommunicationRequest", "Task", *CREATED), 404)
    assert post.deliver(EDUCATED).written == 1
    assert len(server.all("ServiceRequest")) == 2
    before = server.writes
    post.replay()
    post.deliver()
    assert server.writes == before
    worse = went_on(EDUCATED, urgent())
    post.deliver(worse)
    assert server.step("same-day-assessment")["status"] == "active"
    post.deliver(revised(worse, state=State.MERGED, merged_into=ALERT_ID))
    assert {each["status"] for each in server.all("ServiceRequest")} == {"revoked"}


def test_an_alert_that_vanished_is_not_begun_where_issues_are_not_taken(
    post: Post, server: FakeServer
) -> None:
    use(post)
    server.offers("ServiceRequest")
    server.refuses = dict.fromkeys(("DetectedIssue", "CommunicationRequest", "Task", *CREATED), 404)
    server.next_answers["POST /"] = [status(503)]
    post.want(EDUCATED)
    post.deliver()
    post.later(hours=1)
    post.deliver(revised(EDUCATED, state=State.ENTERED_IN_ERROR, withdrawn="corrected"))
    assert server.writes == 0
    assert not post.line().pending


@pytest.mark.parametrize("kind", ["ServiceRequest", "CommunicationRequest", "Task"])
def test_a_transaction_that_is_refused_for_one_type_is_sent_in_parts_without_it(
    post: Post, server: FakeServer, kind: str
) -> None:
    use(post)

    def refused(handle: Any, request: Any) -> Any:
        return httpx2.Response(422) if f'"{kind}"'.encode() in request.content else handle(request)

    server.next_answers["POST /"] = [refused] * 20
    server.next_answers[f"POST /{kind}"] = [status(422)] * 20
    assert post.deliver(EDUCATED).written == 1
    assert {each for each in OURS if server.all(each)} == set(OURS) - {kind}
    assert told(post) == {kind: f"POST {kind}: HTTP 422"}
    assert server.one("Provenance")


def test_a_transaction_that_is_refused_for_its_issue_is_a_dead_letter(post: Post, server: FakeServer) -> None:
    use(post)
    server.next_answers["POST /"] = [status(422)]
    server.next_answers["POST /DetectedIssue"] = [status(422)]
    assert post.deliver(EDUCATED).buried == 1
    assert post.line().last_error == "POST DetectedIssue: HTTP 422"


@pytest.mark.parametrize("write", ["auto", "single"])
def test_a_proposal_refused_because_our_device_is_gone_is_written_by_a_new_one(
    post: Post, server: FakeServer, write: str
) -> None:
    use(post, write=write)
    courier = post.courier()
    post.want(alert())
    courier.deliver_once()
    gone = server.one("Device")
    server.remove(gone)

    def strict(handle: Any, request: Any) -> Any:
        names_it = f"Device/{gone['id']}".encode() in request.content
        return httpx2.Response(422) if names_it and b"ServiceRequest" in request.content else handle(request)

    for method in ("POST", "PUT"):
        server.next_answers[f"{method} *"] = [strict] * 50
    post.want(went_on(alert(), urgent()))
    courier.deliver_once()
    assert not post.line().pending
    assert told(post) == {}
    assert server.step("same-day-assessment")["requester"] == {
        "reference": f"Device/{server.one('Device')['id']}"
    }


def test_a_server_that_cannot_say_what_it_offers_is_sent_transactions(post: Post, server: FakeServer) -> None:
    server.next_answers["GET /metadata"] = [status(500)]
    assert post.deliver(alert()).written == 1
    assert ("POST", "/") in server.requests


def test_a_source_that_is_not_to_be_written_to_is_left_alone(post: Post, server: FakeServer) -> None:
    use(post, write="none")
    assert post.deliver(alert()).claimed == 0
    assert server.requests == []


@pytest.mark.parametrize("write", ["bundle", "single"])
def test_an_r5_server_gets_what_r5_asks_for(post: Post, server: FakeServer, write: str) -> None:
    use(post, write=write)
    server.offers(*UPDATED, *CREATED, version="5.0.0")
    made = disposition(Action.OVERRIDE)
    post.want(EDUCATED)
    post.decide(made)
    post.deliver(revised(EDUCATED, seen=True, state=State.OVERRIDDEN, dispositions=(made.id,)))
    post.deliver(EDUCATED_LATER)
    for kind in (*UPDATED, *CREATED):
        assert server.all(kind)
        for each in server.all(kind):
            validate_outgoing(each, "R5")
    issue = server.one("DetectedIssue")
    assert issue["subject"] == {"reference": "Patient/p1"}
    assert "patient" not in issue
    order = server.step("repeat-hepatic-panel")
    assert order["supportingInfo"] == [{"reference": {"reference": f"DetectedIssue/{issue['id']}"}}]
    assert {each["intent"] for each in server.all("CommunicationRequest")} == {"proposal"}
    before = server.writes
    post.replay()
    post.deliver()
    assert server.writes == before


EDUCATED_LATER = revised(EDUCATED, seen=True, revision=7)


def test_in_r5_an_issue_that_somebody_decided_about_is_mitigated(post: Post, server: FakeServer) -> None:
    use(post, fhir_version="R5")
    made = disposition(Action.OVERRIDE)
    post.want(alert())
    post.decide(made)
    post.deliver(revised(alert(), seen=True, state=State.OVERRIDDEN, dispositions=(made.id,)))
    issue = server.one("DetectedIssue")
    assert issue["status"] == "mitigated"
    validate_outgoing(issue, "R5")
    post.deliver(revised(alert(), seen=True, revision=9))
    assert server.one("DetectedIssue")["status"] == "final"


def test_in_r5_the_steps_of_an_issue_that_the_ehr_has_lost_refer_to_nothing(
    post: Post, server: FakeServer
) -> None:
    use(post, fhir_version="R5")
    post.deliver(alert())
    server.remove(server.one("DetectedIssue"))
    post.deliver(revised(alert(), state=State.ENTERED_IN_ERROR, withdrawn="corrected"))
    assert server.all("DetectedIssue") == []
    assert not any("supportingInfo" in each for each in server.all("ServiceRequest"))
