"""Everything but health needs a credential, and whoever reads is noted before they see anything."""

import sqlite3
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from service.api import reads
from service.api.targets import KINDS
from service.store import readers
from service.store.session import writing
from tests.api.reading_room import AUDITING, TOKEN, ReadingRoom, number
from tests.fhir.alert_examples import advising, alert

EVERYTHING = [
    ("GET", "/metrics"),
    ("GET", "/fhir/metadata"),
    ("GET", "/fhir/Device/liverwatch"),
    ("GET", f"/fhir/Measure/{number(1)}/$evaluate-measure"),
    *(
        each
        for kind in (
            *("DetectedIssue", "ServiceRequest", "CommunicationRequest", "Task", "Provenance"),
            *("PlanDefinition", "ActivityDefinition", "Library", "Measure"),
        )
        for each in (
            ("GET", f"/fhir/{kind}"),
            ("GET", f"/fhir/{kind}/{number(1)}"),
            ("POST", f"/fhir/{kind}/_search"),
        )
    ),
]
AUDIT = [
    ("GET", "/fhir/AuditEvent"),
    ("GET", "/fhir/AuditEvent/{id}"),
    ("POST", "/fhir/AuditEvent/_search"),
]
"""What a token that audits reads, and no other."""
SIGNED = [
    ("POST", "/cds-services/liverwatch-patient-view"),
    ("POST", "/cds-services/liverwatch-patient-view/feedback"),
]
"""What an EHR calls with a signed token of its own; a reader's token is none."""


def test_everything_but_health_needs_a_valid_reader_token(room: ReadingRoom) -> None:
    wrong: list[dict[str, str | bytes]] = [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer " + "x" * 10_000},
        {"Authorization": b"Bearer \xff\xfe"},
    ]
    with room.client(None) as anonymous:
        readers = {"Authorization": f"Bearer {TOKEN}"}
        for method, path in EVERYTHING + AUDIT + SIGNED:
            for headers in [*wrong, *([readers] if (method, path) in SIGNED else [])]:
                answer = anonymous.request(method, path, headers=headers)  # type: ignore[arg-type]
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.json()["issue"][0]["code"] == "login"
        assert room.audited() == []
        for method, path in EVERYTHING:
            answer = anonymous.request(method, path, headers={"Authorization": f"Bearer {TOKEN}"})
            assert answer.status_code in (200, 404)


def test_a_token_that_audits_reads_the_audit_log_and_no_patients_alerts(room: ReadingRoom) -> None:
    stored = room.put(1)
    ward, auditor = room.client(), room.client(AUDITING)
    for method, path in AUDIT:
        assert ward.request(method, path).status_code == 403
        assert auditor.request(method, path).status_code in (200, 404)
    for kind in KINDS:
        assert auditor.get(f"/fhir/{kind}").status_code == 403
        assert auditor.post(f"/fhir/{kind}/_search").status_code == 403
        assert auditor.get(f"/fhir/{kind}/{stored.id}").status_code == 403
    for report in ("summary", "subject-list"):
        period = {"periodStart": "2026", "periodEnd": "2026", "reportType": report}
        evaluated = "/fhir/Measure/alerts-raised/$evaluate-measure"
        assert auditor.get(evaluated, params=period).status_code == 403
    assert auditor.get("/fhir/metadata").status_code == 200
    assert {actor for actor, *_ in room.audited()} == {"reader:auditor"}


def test_every_route_of_the_read_side_is_in_that_list(room: ReadingRoom) -> None:
    from fastapi.routing import iter_route_contexts

    open_to_anybody = {"/health/live", "/health/ready", "/cds-services", "/.well-known/jwks.json"}
    listed = {(m, p.replace(str(number(1)), "{id}")) for m, p in EVERYTHING + AUDIT + SIGNED}
    found = set()
    for route in iter_route_contexts(room.app().routes):
        if route.path not in open_to_anybody:
            found |= {(method, route.path) for method in route.methods or ()}
    assert found == listed


def test_a_revoked_token_ends_at_once(room: ReadingRoom, client: TestClient) -> None:
    assert client.get("/fhir/DetectedIssue").status_code == 200
    with writing(room.engine) as connection:
        readers.revoke(connection, "ward", datetime.now(UTC))
    assert client.get("/fhir/DetectedIssue").status_code == 401


def test_a_token_that_sees_no_source_is_forbidden(room: ReadingRoom) -> None:
    with writing(room.engine) as connection:
        readers.add(connection, "nobody", [], "sees-nothing", datetime.now(UTC))
    answer = room.client("sees-nothing").get("/fhir/DetectedIssue")
    assert answer.status_code == 403
    assert "www-authenticate" not in answer.headers


def test_a_read_is_audited_with_its_patient(room: ReadingRoom, client: TestClient) -> None:
    stored = room.put(1, advising(alert(), "patient-education"))
    client.get(f"/fhir/DetectedIssue/{number(1)}")
    client.get(f"/fhir/DetectedIssue/{number(1)}", headers={"If-None-Match": "*"})
    client.get(f"/fhir/ServiceRequest/{number(1)}-repeat-hepatic-panel")
    client.get(f"/fhir/CommunicationRequest/{number(1)}-patient-education")
    client.get(f"/fhir/Task/{number(1)}-patient-education")
    source = room.sources["clinic"]
    assert room.audited() == [
        ("reader:ward", "read", source, stored.subject, {"resource": "DetectedIssue", "count": 1}),
        ("reader:ward", "read", source, stored.subject, {"resource": "DetectedIssue", "count": 1}),
        *(
            ("reader:ward", "read", source, stored.subject, {"resource": kind, "count": 1})
            for kind in ("ServiceRequest", "CommunicationRequest", "Task")
        ),
    ]


def test_a_read_that_finds_nothing_is_audited_too(room: ReadingRoom, client: TestClient) -> None:
    room.put(1, source="annex")
    client.get(f"/fhir/DetectedIssue/{number(1)}")
    assert room.audited() == [("reader:ward", "read", None, None, {"resource": "DetectedIssue", "count": 0})]


def test_a_search_is_audited_for_each_patient_it_showed(room: ReadingRoom, client: TestClient) -> None:
    first, second = room.put(1, fhir_id="p1"), room.put(2, fhir_id="p2")
    room.put(3, fhir_id="p1")
    client.get("/fhir/DetectedIssue")
    source = room.sources["clinic"]
    assert sorted(room.audited(), key=repr) == [
        ("reader:ward", "search", source, first.subject, {"resource": "DetectedIssue", "count": 2}),
        ("reader:ward", "search", source, second.subject, {"resource": "DetectedIssue", "count": 1}),
    ]


def test_learning_that_a_patient_has_no_alert_is_audited(room: ReadingRoom, client: TestClient) -> None:
    known = room.patient("p9")
    client.get("/fhir/DetectedIssue?patient=p9")
    client.get("/fhir/DetectedIssue?patient=unknown")
    assert room.audited() == [
        ("reader:ward", "search", room.sources["clinic"], known, {"resource": "DetectedIssue", "count": 0}),
        ("reader:ward", "search", None, None, {"resource": "DetectedIssue", "count": 0}),
    ]


@pytest.mark.parametrize("path", [f"DetectedIssue/{number(1)}", *KINDS])
def test_without_a_committed_audit_row_there_is_no_answer(
    room: ReadingRoom, client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    room.put(1)

    def failing(*_given: object, **_more: object) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(reads, "write_audit", failing)
    answer = client.get(f"/fhir/{path}")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "alt-1" not in answer.text


def test_a_commit_that_fails_is_never_a_success(
    room: ReadingRoom, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import event

    room.put(1)

    def failing(_connection: object) -> None:
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

    client.get("/fhir/metadata")

    def broken(engine: object) -> object:
        event.listen(engine, "commit", failing, once=True)
        return writing(engine)  # type: ignore[arg-type]

    monkeypatch.setattr(reads, "writing", broken)
    answer = client.get(f"/fhir/DetectedIssue/{number(1)}")
    assert answer.status_code == 503
    assert "alt-1" not in answer.text
    assert room.audited() == []


def test_a_database_that_is_away_is_a_503(room: ReadingRoom) -> None:
    from service.store.session import open_engine

    client = room.client()
    client.app.state.engine = open_engine("sqlite:////nowhere/at/all.db")  # type: ignore[attr-defined]
    answer = client.get("/fhir/DetectedIssue")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["issue"][0]["code"] == "transient"
