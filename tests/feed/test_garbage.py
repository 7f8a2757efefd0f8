"""Whatever is sent, the feed answers with success or a 4xx that repeats nothing of it."""

import json
import string
from typing import Any
from urllib.parse import quote

import httpx2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.feed.sending import BEARER, FEED, bundle, observation

fuzzed = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

GOOD = json.dumps(bundle("transaction", observation("zebra"), observation("o2", value=120.5))).encode()
TOKENS = st.sampled_from(
    [
        *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b" ", b"\xff", b"\0", b"\xef\xbb\xbf"),
        *(b"\\u0000", b"\\ud800", b"null", b"true", b"0.1", b"-0", b"1e999", b"9" * 400),
        *(b'"id"', b'"Bundle"', b'"Observation"', b'"zebra"'),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS, lambda some: st.lists(some, max_size=4) | st.dictionaries(st.text(max_size=8), some)
)
FIELDS = st.sampled_from(
    [
        *("resourceType", "id", "meta", "status", "code", "subject", "effectiveDateTime", "effectivePeriod"),
        *("issued", "valueQuantity", "component", "referenceRange", "contained", "specimen", "note"),
        *("type", "entry", "link", "name", "birthDate", "identifier", "gender", "deceasedBoolean"),
    ]
)
LATIN = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)


def check(answer: httpx2.Response) -> None:
    assert answer.status_code == 200 or 400 <= answer.status_code < 500, answer.status_code
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert "zebra" not in answer.text


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    body = GOOD
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 12)))
        body = body[:start] + draw(TOKENS) + body[end:]
    return body


@fuzzed
@given(body=st.binary(max_size=200) | mutated())
def test_bytes_without_sense(feed: TestClient, body: bytes) -> None:
    check(feed.post(FEED, content=body))


@fuzzed
@given(
    kind=st.sampled_from(
        ["Observation", "Patient", "Condition", "MedicationRequest", "Bundle", "MedicationStatement"]
    ),
    fields=st.dictionaries(FIELDS, JSON, max_size=8),
)
def test_resources_with_anything_in_their_fields(feed: TestClient, kind: str, fields: dict[str, Any]) -> None:
    body = json.dumps(observation("zebra") | fields | {"resourceType": kind})
    check(feed.post(FEED, content=body.encode()))


@fuzzed
@given(
    path=st.text(st.sampled_from(string.ascii_letters + string.digits + "/%$._-~é\x00 ?#"), max_size=60),
    method=st.sampled_from(["POST", "PUT", "DELETE", "GET", "PATCH", "OPTIONS", "TRACE", "HEAD"]),
)
def test_addresses_without_sense(feed: TestClient, path: str, method: str) -> None:
    answer = feed.request(method, f"/feeds/{quote(path, safe='/%')}", follow_redirects=False)
    assert answer.status_code < 500


@fuzzed
@given(
    headers=st.dictionaries(
        st.sampled_from(
            ["Authorization", "X-Liverwatch-Secret", "Content-Type", "Content-Encoding", "Accept", "If-Match"]
        )
        | st.text(st.sampled_from(string.ascii_letters + "-"), min_size=1, max_size=20),
        LATIN,
        max_size=6,
    )
)
def test_headers_without_sense(feed: TestClient, headers: dict[str, str]) -> None:
    given_headers = {**BEARER, **headers}
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in given_headers.items()]
    answer = feed.post(FEED, content=json.dumps(observation()).encode(), headers=encoded)
    check(answer)
