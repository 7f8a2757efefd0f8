"""Failures as OperationOutcomes, in answers and logs alike without what was sent."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from service.api import reads
from service.errors import Conflict, LiverwatchError
from service.fhir.outgoing import validate_outgoing
from service.logs import configure_logging
from tests.api.reading_room import ReadingRoom, number

Logged = Callable[[], list[dict[str, Any]]]
SECRET = "Zebediah has ALT 99"


@pytest.fixture
def logged() -> Iterator[Logged]:
    """The lines that the service logs."""
    root, stream = logging.getLogger(), StringIO()
    level = root.level
    configure_logging("debug", stream)
    (ours,) = root.handlers
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(ours)
    root.setLevel(level)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ZeroDivisionError(SECRET), 500),
        (IntegrityError(SECRET, {"name": SECRET}, Exception(SECRET)), 500),
        (LiverwatchError("something of ours"), 500),
        (Conflict("it has changed"), 409),
    ],
)
def test_a_failure_is_told_without_what_it_was_about(
    room: ReadingRoom, monkeypatch: pytest.MonkeyPatch, logged: Logged, error: Exception, status: int
) -> None:
    def broken(*_given: object) -> None:
        raise error

    monkeypatch.setattr(reads.Desk, "_find", broken)
    answer = room.client().get(f"/fhir/DetectedIssue/{number(1)}")
    assert answer.status_code == status
    validate_outgoing(answer.json())
    lines = logged()
    assert SECRET not in answer.text + json.dumps(lines)
    (access,) = [line for line in lines if line["logger"] == "service.access"]
    assert (access["status"], access["route"]) == (status, "/fhir/DetectedIssue/{id}")


def test_a_logged_failure_names_types_and_places_and_no_foreign_words(logged: Logged) -> None:
    def fails() -> None:
        try:
            dict[str, str]()[SECRET]
        except KeyError as error:
            raise Conflict("our own words") from error

    try:
        fails()
    except Conflict:
        logging.getLogger("anybody").exception("it failed")
    (line,) = logged()
    own, foreign = line["failure"]
    assert (own["type"], own["message"]) == ("service.errors.Conflict", "our own words")
    assert own["at"][-1].endswith("fails")
    assert foreign["type"] == "builtins.KeyError"
    assert SECRET not in json.dumps(line)


def test_the_access_log_holds_neither_query_nor_path(room: ReadingRoom, logged: Logged) -> None:
    client = room.client()
    answer = client.get("/fhir/DetectedIssue?patient=MRN-4711471147114711")
    client.get("/fhir/Patient/MRN-4711471147114711?name=Smith")
    found, unknown = (line for line in logged() if line["logger"] == "service.access")
    assert found["request_id"] == answer.headers["x-request-id"]
    assert (found["route"], unknown["route"]) == ("/fhir/DetectedIssue", "unmatched")
    assert "4711471147114711" not in json.dumps([found, unknown])


def test_a_feeds_path_is_logged_as_its_template(logged: Logged) -> None:
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.testclient import TestClient

    from service.logs import AccessLog

    async def take(_request: object) -> Response:
        return Response()

    app = Starlette(
        routes=[Route("/feeds/{source}", take), Route("/feeds/{source}/{type}/{id}", take)],
    )
    app.add_middleware(AccessLog)
    TestClient(app).get("/feeds/clinic/Patient/MRN-4711471147114711")
    (line,) = (line for line in logged() if line["logger"] == "service.access")
    assert line["route"] == "/feeds/{source}/{type}/{id}"
    assert "4711471147114711" not in json.dumps(line)


def test_uvicorns_own_access_log_stays_silent(logged: Logged) -> None:
    logging.getLogger("uvicorn.access").info("GET /fhir/DetectedIssue?patient=MRN-4711471147114711")
    logging.getLogger("httpx2").info("GET https://ehr.test/Patient?name=Smith")
    logging.getLogger("uvicorn.error").info("started")
    assert [line["event"] for line in logged()] == ["started"]
