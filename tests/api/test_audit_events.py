"""The audit log over FHIR: what is found, by whom, and that looking at it leaves its own trace."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from service.fhir import names
from service.fhir.outgoing import validate_outgoing
from service.store.decisions import write_audit
from service.store.schema import audit
from service.store.session import reading, writing
from tests.api.reading_room import AUDITING, BASE, EHR, ReadingRoom, link, matches, number, pages
from tests.fhir.balp import broken


@pytest.fixture
def auditor(room: ReadingRoom) -> TestClient:
    """One who audits the source `clinic`."""
    return room.client(AUDITING)


def happened(room: ReadingRoom, action: str, actor: str = "user:adams", **more: Any) -> None:
    """Write a row a second after the last."""
    room.now += timedelta(seconds=1)
    if "patient_id" in more:
        more.setdefault("source_id", room.sources["clinic"])
    with writing(room.engine) as connection:
        write_audit(connection, at=room.now, actor=actor, action=action, **more)


def actions(answer: Any) -> list[str]:
    """What the log calls the events of a page."""
    assert answer.status_code == 200, answer.text
    found = []
    for entry in answer.json().get("entry", ()):
        validate_outgoing(entry["resource"])
        assert broken(entry["resource"]) == []
        (ours,) = [each for each in entry["resource"]["subtype"] if each["system"] == names.AUDITED]
        found.append(ours["code"])
    return found


def test_a_read_by_a_program_is_found_as_an_event_about_its_patient(
    room: ReadingRoom, client: TestClient, auditor: TestClient
) -> None:
    room.put(1)
    client.get(f"/fhir/DetectedIssue/{number(1)}")
    (entry,) = auditor.get("/fhir/AuditEvent?patient=p1").json()["entry"]
    event = entry["resource"]
    assert entry["fullUrl"] == f"{BASE}/AuditEvent/{event['id']}"
    assert event["meta"]["profile"] == [
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"
    ]
    assert event["entity"][0]["what"]["reference"] == f"DetectedIssue/{number(1)}"
    assert event["entity"][1]["what"]["reference"] == f"{EHR}/Patient/p1"
    assert auditor.get(f"/fhir/AuditEvent/{event['id']}").json() == event


def test_a_search_is_kept_as_it_was_understood_and_names_nobody(
    room: ReadingRoom, client: TestClient, auditor: TestClient
) -> None:
    opaque = room.public_id(room.put(1).subject)
    client.get("/fhir/DetectedIssue?patient=Patient/p1&status=preliminary")
    (entry,) = auditor.get("/fhir/AuditEvent?subtype=search-type").json()["entry"]
    asked = base64.b64decode(entry["resource"]["entity"][0]["query"]).decode()
    assert asked == f"DetectedIssue?patient={opaque}&status=preliminary&_count=50"


def test_events_are_found_by_who_when_and_what(room: ReadingRoom, auditor: TestClient) -> None:
    whom = room.patient("p1")
    happened(room, "sign-in", detail={"how": "password"})
    happened(room, "read-patient", patient_id=whom, detail={"found": True})
    happened(room, "dispose-take", "Nurse Bell", patient_id=whom, detail={"alert": str(number(1))})
    happened(room, "ehr.write", "liverwatch", patient_id=whom, detail={"alert": str(number(1))})
    for search, expected in {
        "agent:identifier=user:adams": ["sign-in", "read-patient"],
        f"agent:identifier={names.ACTOR}|user:adams&action=R": ["read-patient"],
        "agent=Device/liverwatch": ["ehr.write"],
        "agent=user:adams,Nurse%20Bell&action=R,U": ["read-patient", "dispose-take"],
        "action=E&type=110114": ["sign-in"],
        "type=http://dicom.nema.org/resources/ontology/DCM|110114": ["sign-in"],
        "type=rest": ["read-patient", "dispose-take", "ehr.write"],
        "subtype=110122": ["sign-in"],
        f"subtype={names.AUDITED}|dispose-take": ["dispose-take"],
        "type=rest&type=110114": [],
        "patient=p1": ["read-patient", "dispose-take", "ehr.write"],
        f"patient={room.public_id(whom)}&action=U": ["dispose-take", "ehr.write"],
        "patient=nobody": [],
        f"date=ge{(room.now - timedelta(seconds=1)).strftime('%Y-%m-%dT%H:%M:%SZ')}&type=rest": [
            "dispose-take",
            "ehr.write",
        ],
        "date=lt2020": [],
        "_sort=-date&type=rest": ["ehr.write", "dispose-take", "read-patient"],
    }.items():
        found = actions(auditor.get(f"/fhir/AuditEvent?{search}"))
        others = [each for each in found if each != "search"]  # the searches before this one
        assert others == expected, search


def test_a_reader_that_audits_sees_its_sources_and_what_is_about_none(
    room: ReadingRoom, auditor: TestClient
) -> None:
    there = room.patient("p1", "annex")
    happened(room, "read-patient", patient_id=there, source_id=room.sources["annex"])
    happened(room, "user-add", "cli:root", detail={"user": "bell"})
    assert actions(auditor.get("/fhir/AuditEvent")) == ["user-add"]
    assert actions(auditor.get("/fhir/AuditEvent?patient=p1")) == []
    assert auditor.get("/fhir/AuditEvent/1").status_code == 404


def test_pages_lose_nothing_and_their_links_name_nobody(room: ReadingRoom, auditor: TestClient) -> None:
    whom = room.patient("p1")
    for _ in range(7):
        happened(room, "read-patient", patient_id=whom, detail={"found": True})
    for order, reverse in (("", False), ("&_sort=-date", True)):
        found = list(pages(auditor, f"/fhir/AuditEvent?patient=p1&subtype=read-patient&_count=3{order}"))
        ids = [each for bundle in found for each in matches(bundle)]
        assert [len(matches(each)) for each in found] == [3, 3, 1]
        assert ids == [str(each) for each in sorted(map(int, ids), reverse=reverse)]
        assert len(set(ids)) == 7
        assert found[0]["total"] == 7
        for bundle in found:
            validate_outgoing(bundle)
            for relation in ("self", "next"):
                assert "p1" not in (link(bundle, relation) or "").replace(str(room.public_id(whom)), "")


def test_a_count_alone_shows_no_event(room: ReadingRoom, auditor: TestClient) -> None:
    happened(room, "sign-in")
    bundle = auditor.get("/fhir/AuditEvent?_summary=count").json()
    assert bundle["total"] == 1
    assert "entry" not in bundle
    assert "total" not in auditor.get("/fhir/AuditEvent?_total=none").json()


def test_reading_the_audit_log_is_audited(room: ReadingRoom, auditor: TestClient) -> None:
    whom = room.patient("p1")
    happened(room, "read-patient", patient_id=whom, detail={"found": True, "request": "r"})
    auditor.get("/fhir/AuditEvent")
    auditor.post("/fhir/AuditEvent/_search", data={"patient": "p1"})
    auditor.get("/fhir/AuditEvent/1")
    auditor.get("/fhir/AuditEvent/999")
    source = room.sources["clinic"]
    looked = [each for each in room.audited() if each[0] == "reader:auditor"]
    detail = {"resource": "AuditEvent", "count": 1}
    assert looked == [
        ("reader:auditor", "search", None, None, detail),
        ("reader:auditor", "search", source, whom, {**detail, "count": 1}),
        ("reader:auditor", "read", source, whom, detail),
        ("reader:auditor", "read", None, None, {**detail, "count": 0}),
    ]
    assert actions(auditor.get("/fhir/AuditEvent?patient=p1&_sort=-date"))[:2] == ["read", "search"]


def test_what_somebody_typed_is_kept_only_where_it_is_a_name_or_a_code_of_ours(
    room: ReadingRoom, auditor: TestClient
) -> None:
    for search in (
        "agent:identifier=Canary",
        "subtype=Canary&agent:identifier=user:adams&type=rest",
        "type=urn:x|Canary&_id=Canary,1&action=R&date=ge2020",
    ):
        assert auditor.get(f"/fhir/AuditEvent?{search}").status_code == 200
    with reading(room.engine) as connection:
        kept = [json.loads(each)["query"] for each in connection.execute(select(audit.c.detail)).scalars()]
    assert "Canary" not in str(kept)
    assert "agent:identifier=user:adams&type=rest" in kept[1]
    assert "action=R&date=ge2020" in kept[2]


def test_following_the_log_adds_one_event_a_search_and_not_one_an_event(
    room: ReadingRoom, auditor: TestClient
) -> None:
    for each in range(5):
        happened(room, "read-patient", patient_id=room.patient(f"p{each}"), detail={"request": "r"})
    before = len(room.audited())
    auditor.get("/fhir/AuditEvent")
    assert len(room.audited()) == before + 1


@pytest.mark.parametrize(
    "search",
    [
        *("action=X", "date=yesterday", "patient:exact=p1", "_after=x", "_after=-1", "type=", "agent=,"),
        *("date=2020,", "_count=many"),
    ],
)
def test_what_cannot_be_read_is_refused_and_never_repeated(auditor: TestClient, search: str) -> None:
    answer = auditor.get(f"/fhir/AuditEvent?{search}")
    assert answer.status_code == 400
    assert (
        search.partition("=")[2] not in ("yesterday", "many") or search.partition("=")[2] not in answer.text
    )


@pytest.mark.parametrize("event_id", ["0", "01", "+1", "x", "9" * 19, "9" * 40, "1e3", "%C2%B2"])
def test_what_is_no_number_of_an_event_is_not_found(
    room: ReadingRoom, auditor: TestClient, event_id: str
) -> None:
    happened(room, "sign-in")
    assert auditor.get(f"/fhir/AuditEvent/{event_id}").status_code == 404
    assert actions(auditor.get(f"/fhir/AuditEvent?_id={event_id}")) == []


def test_a_parameter_that_is_not_known_is_refused_to_a_strict_client(auditor: TestClient) -> None:
    strict = {"Prefer": "handling=strict"}
    assert auditor.get("/fhir/AuditEvent?site=x", headers=strict).status_code == 400
    assert auditor.get("/fhir/AuditEvent?_sort=type", headers=strict).status_code == 400
    assert auditor.get("/fhir/AuditEvent?site=x").status_code == 200
