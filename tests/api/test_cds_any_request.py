"""Whatever a client sends: a 4xx or an answer, never a 5xx, never an echo."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.api.cds_room import FEEDBACK, PUBLIC_URL, SERVICE, CdsRoom, call, cards, post, token
from tests.liver_files import persistent

CANARY = "Zebediah"
QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.just(CANARY),
)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def refused_or_answered(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code != 200:
        assert CANARY not in answer.text
        assert answer.json()["resourceType"] == "OperationOutcome"


@QUICK
@given(field=st.sampled_from(["hook", "hookInstance", "context", "fhirServer", "prefetch"]), value=anything)
def test_any_value_in_a_call(ehr: TestClient, field: str, value: Any) -> None:
    refused_or_answered(post(ehr, SERVICE, call(**{field: value})))


@QUICK
@given(patient=st.text(max_size=140), user=st.text(max_size=80))
def test_any_patient_and_user(ehr: TestClient, patient: str, user: str) -> None:
    refused_or_answered(post(ehr, SERVICE, call(context={"userId": "Practitioner/x", "patientId": patient})))
    refused_or_answered(post(ehr, SERVICE, call(context={"userId": user, "patientId": "p1"})))


@pytest.fixture
def shown(cds: CdsRoom, ehr: TestClient) -> str:
    """The id of a card that was shown."""
    cds.feed(persistent("p1"))
    return str(cards(ehr)[0]["uuid"])


@QUICK
@given(
    field=st.sampled_from(["card", "outcome", "acceptedSuggestions", "overrideReason", "outcomeTimestamp"]),
    value=anything | st.datetimes().map(lambda each: f"{each.isoformat()}+14:00"),
)
def test_any_value_in_feedback(ehr: TestClient, shown: str, field: str, value: Any) -> None:
    entry = {"card": shown, "outcome": "overridden", "outcomeTimestamp": "2024-09-10T10:00:00Z"}
    refused_or_answered(post(ehr, FEEDBACK, {"feedback": [{**entry, field: value}, entry]}))


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_no_calendar_holds_in_utc_is_refused(ehr: TestClient, shown: str, stamp: str) -> None:
    entry = {"card": shown, "outcome": "overridden", "outcomeTimestamp": stamp}
    assert post(ehr, FEEDBACK, {"feedback": [entry]}).status_code == 400


@QUICK
@given(body=st.binary(max_size=60) | anything.map(lambda each: json.dumps(each).encode()))
def test_any_body(ehr: TestClient, body: bytes) -> None:
    for path in (SERVICE, FEEDBACK):
        bearer = token(aud=f"{PUBLIC_URL}{path}")
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        refused_or_answered(ehr.post(path, content=body, headers=headers))


@QUICK
@given(credential=st.binary(max_size=80).filter(lambda raw: b"\n" not in raw and b"\r" not in raw))
def test_any_credential(ehr: TestClient, credential: bytes) -> None:
    answer = ehr.post(SERVICE, json=call(), headers={b"Authorization": b"Bearer " + credential})
    assert answer.status_code in (400, 401)


def test_a_body_that_is_too_large_compressed_or_no_json_is_not_read(ehr: TestClient) -> None:
    def sent(body: bytes, **headers: str) -> int:
        bearer = {"Authorization": f"Bearer {token()}", "Content-Type": "application/json"}
        return ehr.post(SERVICE, content=body, headers={**bearer, **headers}).status_code

    assert sent(b" " * (1024 * 1024 + 1)) == 413
    assert sent(b"{}", **{"Content-Type": "text/xml"}) == 415
    assert sent(b"{}", **{"Content-Encoding": "gzip"}) == 415
    assert sent(b"[" * 51 + b"]" * 51) == 400
