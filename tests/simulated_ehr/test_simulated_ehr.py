"""The simulated EHR behaves as a FHIR server does where Liverwatch relies on it."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2
import pytest

from service.simulated_ehr.running import running

TOKEN = "made-up-token"
PATIENT = {"resourceType": "Patient", "id": "p1", "meta": {"versionId": "3"}, "gender": "female"}
KEY = {"system": "https://example.org/keys", "value": "k-1"}
ISSUE: dict[str, Any] = {
    "resourceType": "DetectedIssue",
    "status": "final",
    "identifier": [KEY],
    "patient": {"reference": "Patient/p1"},
}
UNLESS_THERE = "identifier=https://example.org/keys|k-1"


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with running(TOKEN) as base_url:
        yield base_url


@pytest.fixture
def ehr(base_url: str) -> Iterator[httpx2.Client]:
    """An empty EHR would need a process a test: each test uses what it made itself."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx2.Client(base_url=base_url, headers=headers, trust_env=False, timeout=10) as client:
        yield client


def control(ehr: httpx2.Client, path: str, **request: Any) -> httpx2.Response:
    return ehr.post(str(ehr.base_url).replace("/fhir/", f"/control/{path}"), **request)


def arrive(ehr: httpx2.Client, resource: Any) -> list[int]:
    answer = control(ehr, "arrive", json=resource)
    assert answer.status_code == 200
    statuses: list[int] = answer.json()["answers"]
    return statuses


def transaction(*entries: Any) -> Any:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def conditional_create(resource: Any, query: str = UNLESS_THERE, url: str = "urn:uuid:1") -> Any:
    kind = resource["resourceType"]
    return {
        "fullUrl": url,
        "resource": resource,
        "request": {"method": "POST", "url": kind, "ifNoneExist": query},
    }


def issues(ehr: httpx2.Client, value: str = "k-1") -> list[Any]:
    found = ehr.get("DetectedIssue", params={"identifier": f"https://example.org/keys|{value}"}).json()
    return [entry["resource"] for entry in found.get("entry", [])]


def test_it_asks_for_its_token(base_url: str) -> None:
    assert httpx2.get(f"{base_url}/Patient/p1").status_code == 401
    assert httpx2.get(f"{base_url}/metadata").status_code == 200


def test_what_arrives_keeps_its_version_and_number_as_they_stand(ehr: httpx2.Client) -> None:
    observation = {"resourceType": "Observation", "id": "o1", "status": "final"}
    content = '{"resourceType":"Observation","id":"o2","status":"final","valueQuantity":{"value":120.50}}'
    arrive(ehr, PATIENT)
    arrive(ehr, {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": observation}] * 2})
    control(ehr, "arrive", content=content)
    answer = ehr.get("Patient/p1")
    assert (answer.json()["meta"]["versionId"], answer.headers["ETag"]) == ("3", 'W/"3"')
    assert ehr.get("Observation/o1/_history").json()["total"] == 1
    assert "120.50" in ehr.get("Observation/o2").text


def test_a_conditional_create_makes_one_resource_however_often_it_is_sent(ehr: httpx2.Client) -> None:
    arrive(ehr, PATIENT)
    bundle = transaction(conditional_create(ISSUE))
    first, second = (ehr.post("", json=bundle).json()["entry"][0]["response"] for _ in range(2))
    assert (first["status"], second["status"]) == ("201 Created", "200 OK")
    assert first["location"] == second["location"]
    assert len(issues(ehr)) == 1
    single = ehr.post("DetectedIssue", json=ISSUE, headers={"If-None-Exist": UNLESS_THERE})
    assert single.status_code == 200


def test_references_within_a_transaction_lead_to_what_it_created(ehr: httpx2.Client) -> None:
    arrive(ehr, PATIENT)
    own = {**ISSUE, "identifier": [{**KEY, "value": "k-2"}]}
    request = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "proposal",
        "subject": {"reference": "Patient/p1"},
        "supportingInfo": [{"reference": "urn:uuid:1"}],
    }
    pointing = {"resource": request, "request": {"method": "POST", "url": "ServiceRequest"}}
    answer = ehr.post("", json=transaction(pointing, conditional_create(own, "identifier=k-2")))
    made = ehr.get(answer.json()["entry"][0]["response"]["location"]).json()
    leads_to = [{"reference": f"DetectedIssue/{issues(ehr, 'k-2')[0]['id']}"}]
    assert made == {**request, "supportingInfo": leads_to, "id": made["id"], "meta": made["meta"]}


def test_a_transaction_that_is_refused_leaves_nothing_behind(ehr: httpx2.Client) -> None:
    arrive(ehr, PATIENT)
    good = {**ISSUE, "identifier": [{**KEY, "value": "k-3"}]}
    bad = {**ISSUE, "patient": {"reference": "Patient/nobody"}}
    answer = ehr.post(
        "",
        json=transaction(conditional_create(good, "identifier=k-3"), conditional_create(bad, "identifier=x")),
    )
    assert answer.status_code == 422
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert issues(ehr, "k-3") == []


def test_in_a_batch_each_entry_stands_for_itself(ehr: httpx2.Client) -> None:
    arrive(ehr, PATIENT)
    good = {**ISSUE, "identifier": [{**KEY, "value": "k-4"}]}
    bad = {**ISSUE, "patient": {"reference": "Patient/nobody"}}
    batch = {
        **transaction(conditional_create(bad, "identifier=x"), conditional_create(good, "identifier=k-4"))
    }
    answers = ehr.post("", json={**batch, "type": "batch"}).json()["entry"]
    assert [each["response"]["status"][:3] for each in answers] == ["422", "201"]
    assert len(issues(ehr, "k-4")) == 1


def test_an_update_on_a_version_that_has_gone_is_refused(ehr: httpx2.Client) -> None:
    basic = {"resourceType": "Basic", "id": "b1"}
    assert ehr.put("Basic/b1", json=basic).status_code == 201
    assert ehr.put("Basic/b1", json=basic, headers={"If-Match": 'W/"1"'}).status_code == 200
    assert ehr.put("Basic/b1", json=basic, headers={"If-Match": 'W/"1"'}).status_code == 412
    entry = {"resource": basic, "request": {"method": "PUT", "url": "Basic/b1", "ifMatch": 'W/"1"'}}
    assert ehr.post("", json=transaction(entry)).status_code == 412
    assert ehr.get("Basic/b1").headers["ETag"] == 'W/"2"'
    assert ehr.put("Basic/b2", json=basic).status_code == 400


def test_what_was_deleted_is_gone_and_its_history_stays(ehr: httpx2.Client) -> None:
    ehr.put("Basic/b9", json={"resourceType": "Basic", "id": "b9"})
    assert ehr.delete("Basic/b9").status_code == 204
    assert ehr.get("Basic/b9").status_code == 410
    assert ehr.get("Basic/never").status_code == 404
    assert ehr.get("Basic/b9/_history/1").json()["id"] == "b9"


def test_a_search_comes_in_pages_and_refuses_what_it_does_not_know(ehr: httpx2.Client) -> None:
    for number in range(5):
        ehr.put(f"Flag/f{number}", json={"resourceType": "Flag", "id": f"f{number}"})
    url: str | None = f"{ehr.base_url}Flag?_count=2&_sort=_lastUpdated"
    found = []
    while url is not None:
        page = ehr.get(url).json()
        found += [entry["resource"]["id"] for entry in page["entry"]]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    assert found == ["f0", "f1", "f2", "f3", "f4"]
    assert ehr.get("Flag?unknown=1").status_code == 400
    assert ehr.get("Flag?_lastUpdated=gt2999-01-01T00:00:00Z").json()["total"] == 0
    assert ehr.get("Flag?_id=f1,f3").json()["total"] == 2
    assert ehr.post("Flag/_search", data={"_id": "f1,f3"}).json()["total"] == 2


def test_an_answer_can_be_lost_after_the_change_was_made(ehr: httpx2.Client) -> None:
    control(ehr, "lose-answers", params={"count": "1"})
    with pytest.raises(httpx2.TransportError):
        ehr.put("Basic/lost", json={"resourceType": "Basic", "id": "lost"})
    assert ehr.get("Basic/lost").json()["meta"]["versionId"] == "1"
    assert ehr.put("Basic/lost", json={"resourceType": "Basic", "id": "lost"}).status_code == 200


class Subscriber(BaseHTTPRequestHandler):
    """Notes what it is told."""

    told: list[tuple[str, str, bytes, str | None]]

    def _note(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.append((self.command, self.path, body, self.headers["Authorization"]))
        self.send_response(200)
        self.end_headers()

    do_POST = do_PUT = _note  # noqa: N815 - the names that http.server looks for

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def test_subscribers_are_told_in_the_very_bytes_that_arrived() -> None:
    told: list[tuple[str, str, bytes, str | None]] = []
    listener = ThreadingHTTPServer(("127.0.0.1", 0), type("Noting", (Subscriber,), {"told": told}))
    thread = Thread(target=listener.serve_forever)
    thread.start()
    try:
        with running() as base_url, httpx2.Client(base_url=base_url, trust_env=False) as ehr:
            endpoint = f"http://127.0.0.1:{listener.server_port}/feeds/x"
            channel = {"type": "rest-hook", "endpoint": endpoint, "header": ["Authorization: Bearer abc"]}
            ehr.post(
                "Subscription",
                json={"resourceType": "Subscription", "status": "requested", "channel": channel},
            )
            bare = b'{"resourceType" : "Observation","id":"o1",  "status":"final"}'
            bundle = b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":%s}]}' % bare
            for body in (bare, bundle):
                assert control(ehr, "arrive", content=body).json() == {"answers": [200]}
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
    assert told == [
        ("PUT", "/feeds/x/Observation/o1", bare, "Bearer abc"),
        ("POST", "/feeds/x", bundle, "Bearer abc"),
    ]


def test_it_ends_with_the_block_that_started_it() -> None:
    with running() as base_url:
        assert httpx2.get(f"{base_url}/metadata").status_code == 200
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{base_url}/metadata")
