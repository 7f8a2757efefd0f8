"""The FHIR client stays at its base URL and shows nothing of what a server says."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx2
import pytest

from service.errors import ConfigurationError, RemoteError
from service.fhir.client import FhirClient
from service.fhir.remote import RemoteConflict, RemoteRefused, RemoteUnavailable, failure, retry_seconds
from tests.fhir.fake_server import BASE

Answer = Callable[[httpx2.Request], httpx2.Response]


def client(answer: Answer, base: str = BASE, **more: int) -> FhirClient:
    return FhirClient(base, "token", transport=httpx2.MockTransport(answer), **more)


def page(next_url: str | None) -> httpx2.Response:
    links = [{"relation": "next", "url": next_url}] if next_url else []
    entry = [{"resource": {"resourceType": "Device", "id": "d"}}, {"resource": {"resourceType": "Patient"}}]
    return httpx2.Response(200, json={"resourceType": "Bundle", "link": links, "entry": entry})


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test/fhir/Device?page=2",
        "https://ehr.test/other/Device?page=2",
        "https://ehr.test:8443/fhir/Device",
        "http://ehr.test/fhir/Device",
        "//evil.test/fhir/Device",
        "/fhirs/Device",
        "https://ehr.test/fhir/../admin",
        "https://ehr.test/fhir/%2e%2e/admin",
        "https://user@ehr.test/fhir/Device",
        "https://ehr.test@evil.test/fhir/Device",
        "file:///etc/passwd",
    ],
)
def test_a_next_link_that_leaves_the_base_is_not_followed(elsewhere: str) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return page(elsewhere)

    with pytest.raises(RemoteRefused):
        client(answer).search("Device", {"identifier": "a|b"})
    assert asked == ["https://ehr.test/fhir/Device?identifier=a%7Cb"]


@pytest.mark.parametrize(
    "following", ["https://ehr.test/fhir?page=2", "Device?page=2", "/fhir/Device?page=2"]
)
def test_pages_within_the_base_are_followed(following: str) -> None:
    pages = [page(following), page(None)]
    found = client(lambda _request: pages.pop(0)).search("Device", {})
    assert [each["resourceType"] for each in found] == ["Device", "Device"]


def test_pages_without_end_are_not_followed_for_ever() -> None:
    with pytest.raises(RemoteRefused, match="pages"):
        client(lambda _request: page("Device?page=again")).search("Device", {})


def test_a_port_that_the_scheme_means_anyway_is_the_same_place() -> None:
    pages = [page("https://ehr.test:443/fhir/Device?page=2"), page(None)]
    assert len(client(lambda _request: pages.pop(0)).search("Device", {})) == 2


def test_a_page_is_asked_for_when_it_is_wanted_and_the_cap_is_the_callers() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return page("Device?page=next")

    pages = client(answer).pages("Device", {}, max_pages=2)
    assert asked == []
    assert [each["id"] for each in next(pages)] == ["d"]
    assert len(asked) == 1
    assert len(next(pages)) == 1
    with pytest.raises(RemoteRefused, match="more than 2 pages"):
        next(pages)
    assert len(asked) == 2


def test_raw_matches_are_the_servers_own_bytes_without_what_is_said_about_the_search() -> None:
    first = b'{"resourceType": "Observation",  "id": "o1", "valueQuantity": {"value": 120.50}}'
    second = '{"id":"o2","note":"\u00b5","resourceType":"Observation"}'.encode()
    body = (
        b'\xef\xbb\xbf{"resourceType":"Bundle","entry":['
        b'{"resource":' + first + b',"search":{"mode":"match"}},'
        b'{"resource":{"resourceType":"Patient","id":"p1"},"search":{"mode":"include"}},'
        b'{"resource":{"resourceType":"OperationOutcome"},"search":{"mode":"outcome"}},'
        b'{"fullUrl":"urn:uuid:1"},{"resource":' + second + b"}]}"
    )
    pages = client(lambda _request: httpx2.Response(200, content=body)).raw_pages("Observation", {})
    assert [[bytes(each) for each in found] for found in pages] == [[first, second]]


@pytest.mark.parametrize(
    "body", [b'{"resourceType":"Patient"}', b"[]", b"{", b'{"resourceType":"Bundle","entry":3}']
)
def test_a_page_that_is_none_may_come_right_later(body: bytes) -> None:
    with pytest.raises(RemoteUnavailable, match="Bundle"):
        list(client(lambda _request: httpx2.Response(200, content=body)).raw_pages("Observation", {}))


def test_a_resource_is_read_as_the_bytes_it_came_as() -> None:
    body = b'{"resourceType":"Observation","id":"o1","valueQuantity":{"value":1.10}}'
    reading = client(lambda _request: httpx2.Response(200, content=body))
    assert reading.read_raw("Observation", "o1") == body
    with pytest.raises(RemoteUnavailable, match="no Patient"):
        reading.read_raw("Patient", "o1")
    assert client(lambda _request: httpx2.Response(410)).read_raw("Observation", "o1") is None


def test_decimals_that_others_wrote_go_back_with_every_digit() -> None:
    body = b'{"resourceType":"Device","id":"d1","extension":[{"url":"https://a.test/x","valueDecimal":1.10}]}'
    sent: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.content)
        return httpx2.Response(200, content=body)

    device = client(answer).read("Device", "d1")
    assert device is not None
    client(answer).update(device)
    assert b'"valueDecimal":1.10' in sent[-1]


@pytest.mark.parametrize("etag", ['W/"7"', '"7"'])
def test_the_version_is_known_by_its_etag_where_the_resource_does_not_say(etag: str) -> None:
    body = {"resourceType": "Device", "id": "d1"}
    reading = client(lambda _request: httpx2.Response(200, json=body, headers={"ETag": etag}))
    device = reading.read("Device", "d1")
    assert device is not None
    assert device["meta"] == {"versionId": "7"}
    answer = reading.fetch("Device", "d1")
    assert answer is not None
    assert answer.etag == etag


def test_an_update_is_of_the_version_that_was_seen() -> None:
    seen: list[tuple[str, str, str | None]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append((request.method, request.url.path, request.headers.get("If-Match")))
        return httpx2.Response(412)

    with pytest.raises(RemoteConflict):
        client(answer).update({"resourceType": "Device", "id": "d1"}, if_match='W/"3"')
    assert seen == [("PUT", "/fhir/Device/d1", 'W/"3"')]


class Passing:
    """A credential that can be renewed `left` times."""

    def __init__(self, left: int) -> None:
        self.left = left

    def header(self) -> str:
        return f"Bearer {self.left}"

    def renew(self) -> bool:
        self.left -= 1
        return self.left >= 0


@pytest.mark.parametrize(("left", "sent"), [(0, ["Bearer 0"]), (2, ["Bearer 2", "Bearer 1"])])
def test_a_credential_that_ran_out_is_renewed_once(left: int, sent: list[str]) -> None:
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers["Authorization"])
        return httpx2.Response(401)

    with pytest.raises(RemoteUnavailable, match="401"):
        FhirClient(BASE, Passing(left), transport=httpx2.MockTransport(answer)).read("Device", "d1")
    assert seen == sent


def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(307, headers={"Location": "https://evil.test/"})

    with pytest.raises(RemoteUnavailable):
        client(answer).read("Device", "d1")
    assert len(asked) == 1


def test_the_token_goes_with_each_request() -> None:
    seen: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers.get("Authorization"))
        return httpx2.Response(200, json={"resourceType": "Device", "id": "d1"})

    client(answer).read("Device", "d1")
    assert seen == ["Bearer token"]


@pytest.mark.parametrize("odd", ["../Patient/1", "a/b", "", "..", "a?b", "a b"])
def test_an_id_that_is_none_is_not_asked_for(odd: str) -> None:
    with pytest.raises(RemoteRefused):
        client(lambda _request: httpx2.Response(500)).read("Device", odd)


@pytest.mark.parametrize("code", [404, 410])
def test_what_is_not_there_is_none(code: int) -> None:
    assert client(lambda _request: httpx2.Response(code)).read("Device", "d1") is None


@pytest.mark.parametrize("body", [b"<html>", b"[" * 5000, b"\xff"])
def test_an_answer_that_is_no_json_may_come_right_later(body: bytes) -> None:
    with pytest.raises(RemoteUnavailable):
        client(lambda _request: httpx2.Response(200, content=body)).search("Device", {})


def test_an_answer_without_end_is_cut_off() -> None:
    with pytest.raises(RemoteUnavailable, match="longer than 100 bytes"):
        client(lambda _request: httpx2.Response(200, content=b" " * 101), max_response_bytes=100).read(
            "Device", "d1"
        )


def test_an_error_names_codes_and_places_and_nothing_the_server_says() -> None:
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [
            {"code": "required", "expression": ["DetectedIssue.patient"], "diagnostics": "Jane Smith"},
            {"code": "made-up"},
            {"code": "value", "expression": ["Patient.where(name='Smith')"]},
        ],
    }
    with pytest.raises(RemoteRefused) as refused:
        client(lambda _request: httpx2.Response(422, json=outcome)).read("Device", "d1")
    assert refused.value.message == "GET Device: HTTP 422 (required at DetectedIssue.patient, value)"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, RemoteRefused),
        (403, RemoteRefused),
        (404, RemoteRefused),
        (422, RemoteRefused),
        (409, RemoteConflict),
        (412, RemoteConflict),
        (401, RemoteUnavailable),
        (429, RemoteUnavailable),
        (500, RemoteUnavailable),
        (503, RemoteUnavailable),
        (0, RemoteUnavailable),
    ],
)
def test_a_status_says_whether_trying_again_helps(code: int, kind: type[RemoteError]) -> None:
    assert type(failure(code, "GET Device")) is kind


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("999999999999", 86400),
        ("Tue, 20 Aug 2024 12:00:30 GMT", 31),
        ("Tue, 20 Aug 2024 11:00:00 GMT", 0),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: int | None) -> None:
    assert retry_seconds(header, datetime(2024, 8, 20, 12, 0, tzinfo=UTC)) == seconds


def test_a_transaction_is_refused_if_any_part_of_it_was() -> None:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        entries = [{"response": {"status": "422"}}]
        return httpx2.Response(200, json={"resourceType": "Bundle", "entry": entries})

    device = {"resourceType": "Device"}
    with pytest.raises(RemoteRefused, match="entry 0: HTTP 422"):
        client(answer).transaction([{"resource": device, "request": {"method": "POST", "url": "Device"}}])


@pytest.mark.parametrize(
    "base", ["ftp://ehr.test", "ehr.test/fhir", "https://ehr.test/fhir?x=1", "https:///fhir"]
)
def test_a_base_that_is_none_is_refused(base: str) -> None:
    with pytest.raises(ConfigurationError):
        FhirClient(base)
