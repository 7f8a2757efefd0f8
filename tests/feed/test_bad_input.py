"""What is not what it claims to be gets the right 4xx, which names the place and repeats nothing of it."""

import gzip
import json
import logging
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from tests.feed.conftest import Start
from tests.feed.sending import BEARER, FEED, bundle, check_refused, held, kept, observation, values

NUMBER = "4711471147114711"
"""A value. So many digits that no address or id in a log line holds them by chance."""
CANARY = f"Canary-{NUMBER}"
"""Stands for a patient's data: whatever is sent, it must appear in no answer and in no log line."""

GOOD = json.dumps(observation(CANARY, value=int(NUMBER), patient=CANARY)).encode()
VALUE = f": {NUMBER},".encode()


@dataclass(frozen=True)
class Bad:
    """A request and what becomes of it."""

    body: bytes
    status: int
    says: str
    """Words or a place that must be in the answer."""
    headers: dict[str, str] = field(default_factory=dict)


def without(good: bytes, bad: bytes) -> bytes:
    assert good in GOOD
    return GOOD.replace(good, bad, 1)


def nested(depth: int) -> bytes:
    return (
        b'{"resourceType":"Observation","id":"%s","extension":' % CANARY.encode()
        + b"[" * depth
        + b"]" * depth
        + b"}"
    )


BAD = {
    "cut off": Bad(GOOD[:-20], 400, "line 1"),
    "a comma missing": Bad(without(b'", "id"', b'"\n\n"id"'), 400, "line 3, column 1"),
    "something after it": Bad(GOOD + GOOD, 400, "line 1"),
    "a key twice": Bad(without(b'"id"', b'"id": "x", "id"'), 400, "same key twice"),
    "a key twice, once escaped": Bad(without(b'"id"', b'"\\u0069d": "x", "id"'), 400, "same key twice"),
    "NaN": Bad(without(VALUE, b": NaN,"), 400, "line 1"),
    "Infinity": Bad(without(VALUE, b": -Infinity,"), 400, "line 1"),
    "U+0000, escaped": Bad(without(b"Canary", b"\\u0000Canary"), 400, "U+0000"),
    "U+0000, raw": Bad(without(b"Canary", b"\0Canary"), 400, "line 1"),
    "half a surrogate pair": Bad(without(b"Canary", b"\\ud83dCanary"), 400, "line 1"),
    "half a surrogate pair, raw": Bad(without(b"Canary", b"\xed\xa0\xbdCanary"), 400, "UTF-8"),
    "not UTF-8": Bad(without(b"Canary", b"\xe4Canary"), 400, "UTF-8"),
    "UTF-16": Bad(GOOD.decode().encode("utf-16"), 400, "UTF-8"),
    "51 deep": Bad(nested(50), 400, "50 levels"),
    "10,000 deep": Bad(nested(10_000), 400, "50 levels"),
    "10,000 deep and never closed": Bad(b"[" * 10_000, 400, "50 levels"),
    "objects 10,000 deep": Bad(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "50 levels"),
    "a list": Bad(b"[%s]" % GOOD, 400, "resourceType"),
    "a string": Bad(b'"%s"' % CANARY.encode(), 400, "resourceType"),
    "a number": Bad(NUMBER.encode(), 400, "resourceType"),
    "null": Bad(b"null", 400, "resourceType"),
    "no resource": Bad(b'{"name": "%s"}' % CANARY.encode(), 400, "resourceType"),
    "a type that is none": Bad(b'{"resourceType": "%s"}' % CANARY.encode(), 400, "resourceType"),
    "a type that is a number": Bad(b'{"resourceType": %s}' % NUMBER.encode(), 400, "resourceType"),
    "XML that says it is JSON": Bad(
        b"<Observation><id value='%s'/></Observation>" % CANARY.encode(), 400, "line 1"
    ),
    "XML": Bad(b"<Observation/>", 415, "application/fhir+json", {"Content-Type": "application/fhir+xml"}),
    "plain text": Bad(GOOD, 415, "application/fhir+json", {"Content-Type": "text/plain; charset=x"}),
    "a form": Bad(
        b"a=b", 415, "application/fhir+json", {"Content-Type": "application/x-www-form-urlencoded"}
    ),
    "a type without sense": Bad(GOOD, 415, "application/fhir+json", {"Content-Type": f"{CANARY};/=,"}),
    "gzip": Bad(gzip.compress(GOOD), 415, "Content-Encoding", {"Content-Encoding": "gzip"}),
    "gzip that does not say so": Bad(gzip.compress(GOOD), 400, "UTF-8"),
    "an encoding of their own": Bad(GOOD, 415, "Content-Encoding", {"Content-Encoding": CANARY}),
    "a length of nobody's digits": Bad(GOOD, 400, "Content-Length", {"Content-Length": "\u00b2"}),
    "a length without end": Bad(GOOD, 400, "Content-Length", {"Content-Length": "9" * 5000}),
    "a length of 100 MB": Bad(GOOD, 413, "at most", {"Content-Length": "100000000"}),
}


def check_silent(said: str, caplog: pytest.LogCaptureFixture) -> None:
    logged = "".join(
        f"{record.getMessage()}{record.exc_text or ''}{vars(record)}" for record in caplog.records
    )
    for text in (said, logged):
        assert "Canary" not in text
        assert NUMBER not in text


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_its_place_and_without_its_content(
    feed: TestClient, hospital: Engine, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bad = BAD[case]
    headers = {"Content-Type": "application/fhir+json"} | bad.headers
    answer = feed.post(
        FEED,
        content=bad.body,
        headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    )
    said = check_refused(answer, bad.status)
    assert bad.says in said
    caplog.handler.records[:] = [each for each in caplog.records if each.name.startswith("service")]
    check_silent(f"{said}{answer.text}{answer.headers}", caplog)
    assert kept(hospital) == {}
    assert held(hospital) == []


def test_a_bundle_of_too_many_entries_is_refused(start: Start, hospital: Engine) -> None:
    feed = start(max_bundle_entries=3)
    four = bundle("collection", *(observation(f"o{number}") for number in range(4)))
    assert "Bundle.entry" in check_refused(feed.post(FEED, json=four, headers=BEARER), 413)
    assert kept(hospital) == {}


def test_a_resource_may_be_smaller_than_a_bundle_only(start: Start, hospital: Engine) -> None:
    feed = start(max_body_bytes=2_000, max_bundle_bytes=6_000)
    large = observation(note=[{"text": "x" * 2_000}])
    assert "2000 bytes" in check_refused(feed.post(FEED, json=large, headers=BEARER), 413)
    assert feed.post(FEED, json=bundle("collection", large), headers=BEARER).status_code == 200
    too_large = bundle("collection", large, large)
    too_large["entry"] *= 2
    assert "6000" in check_refused(feed.post(FEED, json=too_large, headers=BEARER), 413)
    assert set(kept(hospital)) == {"Observation/o1"}


def test_a_source_that_does_not_exist_is_not_found(feed: TestClient) -> None:
    for name in ("nobody", "Hospital", "%00", "...", CANARY, "x" * 5_000):
        assert CANARY not in check_refused(feed.post(f"/feeds/{name}", json=observation()), 404)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", FEED), ("DELETE", FEED), ("PATCH", f"{FEED}/Patient/p1")]
)
def test_a_method_that_makes_no_sense_here_is_not_allowed(feed: TestClient, method: str, path: str) -> None:
    answer = feed.request(method, path)
    check_refused(answer, 405)
    assert answer.headers["Allow"]


def test_what_is_well_formed_and_unusable_is_taken_and_stays_visible(
    feed: TestClient, hospital: Engine
) -> None:
    unusable = {
        "no-id": observation() | {"id": None},
        "no-patient": observation("a") | {"subject": None},
        "no-time": observation("b") | {"effectiveDateTime": None},
        "unknown-unit": observation("c") | {"valueQuantity": {"value": 5, "unit": "furlongs"}},
        "implausible-value": observation("d", value=-5),
        "wrong-type": observation("e") | {"valueQuantity": "5 U/L"},
    }
    for resource in unusable.values():
        assert feed.post(FEED, json=resource).status_code == 200
    assert held(hospital) == list(unusable)
    assert values(hospital) == {}
