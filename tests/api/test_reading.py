"""Reading single resources: what they say, who may see them, and when they need not be sent again."""

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from starlette.testclient import TestClient

from service.alerts.alert import State
from service.clinical.episodes import Tier
from service.deliver.letters import read_letter
from service.fhir import names
from service.fhir.changes import Known
from service.fhir.encode import encode_issue, instant
from service.fhir.outgoing import validate_outgoing
from service.store import alerts, sources
from service.store.decisions import write_audit
from service.store.schema import resource
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.api.reading_room import EHR, PUBLIC_URL, ReadingRoom, number
from tests.fhir.alert_examples import advising, alert, disposition, episode, revised, urgent, went_on


def test_an_alert_reads_as_a_valid_detected_issue_under_our_id(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    answer = client.get(f"/fhir/DetectedIssue/{number(1)}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["cache-control"] == "no-store"
    issue = answer.json()
    validate_outgoing(issue)
    assert issue["id"] == str(number(1))
    assert issue["status"] == "preliminary"
    assert issue["patient"] == {"reference": f"{EHR}/Patient/p1"}
    assert issue["implicated"][0] == {"reference": f"{EHR}/Observation/alt-1"}
    assert issue["meta"]["versionId"].startswith("1-")
    assert issue["meta"]["lastUpdated"] == instant(room.now)
    assert issue["meta"]["tag"][0]["code"] == "clinic"


def test_of_an_alert_that_was_erased_it_says_so_to_who_might_have_read_it(
    room: ReadingRoom, client: TestClient
) -> None:
    for each, source in ((1, "clinic"), (2, "annex")):
        patient = room.patient(f"p{each}", source)
        with writing(room.engine) as connection:
            write_audit(
                connection,
                at=room.now,
                actor="liverwatch",
                action="erase",
                source_id=sources.by_name(connection, source).id,
                patient_id=patient,
                detail={"alerts": [str(number(each))], "request": "of nobody"},
            )
    for address in (f"DetectedIssue/{number(1)}", f"ServiceRequest/{number(1)}-liver-ultrasound"):
        answer = client.get(f"/fhir/{address}")
        assert answer.status_code == 410
        assert answer.json()["issue"][0]["code"] == "deleted"
    assert client.get(f"/fhir/DetectedIssue/{number(2)}").status_code == 404
    assert [action for _, action, *_ in room.audited()].count("read") == 3


def test_its_steps_read_as_valid_service_requests(room: ReadingRoom, client: TestClient) -> None:
    room.put(1, urgent())
    for step in ("repeat-hepatic-panel", "liver-ultrasound", "same-day-assessment"):
        request = client.get(f"/fhir/ServiceRequest/{number(1)}-{step}").json()
        validate_outgoing(request)
        assert request["id"] == f"{number(1)}-{step}"
        assert (request["status"], request["intent"]) == ("active", "proposal")
        assert request["supportingInfo"] == [{"reference": f"DetectedIssue/{number(1)}"}]


def test_its_advice_reads_as_valid_communication_requests_in_the_language_of_the_source(
    room: ReadingRoom, client: TestClient
) -> None:
    room.put(1, advising(urgent(), "medication-review", "patient-education"))
    with writing(room.engine) as connection:
        sources.change(connection, "clinic", SourceSettings(fhir_base_url=EHR, language="zh-CN"))
    education = client.get(f"/fhir/CommunicationRequest/{number(1)}-patient-education").json()
    review = client.get(f"/fhir/CommunicationRequest/{number(1)}-medication-review").json()
    for each in (education, review):
        validate_outgoing(each)
        assert each["about"] == [{"reference": f"DetectedIssue/{number(1)}"}]
    assert education["language"] == "zh-CN"
    assert "2024年8月21日" in education["payload"][0]["contentString"]
    assert review["payload"][0]["contentString"].startswith("The record shows")
    assert client.get(f"/fhir/ServiceRequest/{number(1)}-patient-education").status_code == 404
    assert client.get(f"/fhir/CommunicationRequest/{number(1)}-liver-ultrasound").status_code == 404


def test_a_task_leads_to_its_request_where_the_source_has_tasks(
    room: ReadingRoom, client: TestClient
) -> None:
    room.put(1, advising(alert(), "patient-education"))
    for kind, step in (("ServiceRequest", "liver-ultrasound"), ("CommunicationRequest", "patient-education")):
        task = client.get(f"/fhir/Task/{number(1)}-{step}").json()
        validate_outgoing(task)
        assert task["status"] == "requested"
        assert task["focus"] == {"reference": f"{kind}/{number(1)}-{step}"}
        assert client.get(f"/fhir/{task['focus']['reference']}").status_code == 200
    with writing(room.engine) as connection:
        sources.change(connection, "clinic", SourceSettings(fhir_base_url=EHR))
    assert client.get(f"/fhir/Task/{number(1)}-liver-ultrasound").status_code == 404
    assert client.get("/fhir/Task").json()["total"] == 0


def test_its_author_can_be_read_where_the_reference_leads(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    author = client.get(f"/fhir/DetectedIssue/{number(1)}").json()["author"]["reference"]
    device = client.get(f"/fhir/{author}").json()
    validate_outgoing(device)
    assert device["resourceType"] == "Device"


def test_a_source_without_a_known_server_is_referred_to_relatively(room: ReadingRoom) -> None:
    room.put(1, source="annex")
    issue = room.client("sees-both").get(f"/fhir/DetectedIssue/{number(1)}").json()
    assert issue["patient"] == {"reference": "Patient/p1"}


def test_a_withdrawn_alert_stays_readable_as_entered_in_error(room: ReadingRoom, client: TestClient) -> None:
    gone = replace(alert(state=State.ENTERED_IN_ERROR), withdrawn="its results were corrected")
    room.put(1, gone)
    assert client.get(f"/fhir/DetectedIssue/{number(1)}").json()["status"] == "entered-in-error"
    step = client.get(f"/fhir/ServiceRequest/{number(1)}-repeat-hepatic-panel").json()
    assert step["status"] == "revoked"


def test_a_step_no_longer_advised_stays_readable_as_the_ehr_has_it(
    room: ReadingRoom, client: TestClient
) -> None:
    room.put(1, urgent())
    room.put(1, went_on(urgent(), alert()))
    answer = client.get(f"/fhir/ServiceRequest/{number(1)}-same-day-assessment")
    validate_outgoing(answer.json())
    assert answer.json()["status"] == "revoked"
    assert answer.json()["subject"] == {"reference": f"{EHR}/Patient/p1"}
    assert client.get(f"/fhir/ServiceRequest/{number(1)}-liver-ultrasound").json()["status"] == "active"


def test_what_people_decided_is_read_as_mitigation(room: ReadingRoom, client: TestClient) -> None:
    made = disposition()
    stored = room.put(1, replace(alert(state=State.TAKEN, seen=True), dispositions=(made.id,)))
    with writing(room.engine) as connection:
        alerts.add_disposition(connection, made, stored.subject, stored.id)
    issue = client.get(f"/fhir/DetectedIssue/{number(1)}").json()
    assert issue["status"] == "final"
    assert issue["mitigation"][0]["author"]["display"] == "N. Nurse"


def test_what_is_not_there_is_a_404_that_echoes_nothing(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    for path in (
        f"DetectedIssue/{number(2)}",
        "DetectedIssue/not-an-id",
        f"DetectedIssue/{{{number(1)}}}",
        f"DetectedIssue/{str(number(1)).upper()}",
        f"DetectedIssue/{number(1)}-repeat-hepatic-panel",
        f"ServiceRequest/{number(1)}",
        f"ServiceRequest/{number(1)}-liver-biopsy",
        "DetectedIssue/%00",
        "DetectedIssue/%ff",
        "Patient/p1",
    ):
        answer = client.get(f"/fhir/{path}")
        assert answer.status_code == 404
        assert answer.json()["issue"][0]["code"] == "not-found"
        assert str(number(1)) not in answer.text.lower()


def test_an_alert_of_a_foreign_source_is_not_there(room: ReadingRoom, client: TestClient) -> None:
    room.put(1, source="annex")
    foreign = client.get(f"/fhir/DetectedIssue/{number(1)}")
    absent = client.get(f"/fhir/DetectedIssue/{number(2)}")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content
    assert client.get(f"/fhir/ServiceRequest/{number(1)}-repeat-hepatic-panel").status_code == 404
    assert room.client("sees-both").get(f"/fhir/DetectedIssue/{number(1)}").status_code == 200


def test_a_version_the_reader_has_is_not_sent_again(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    address = f"/fhir/DetectedIssue/{number(1)}"
    first = client.get(address)
    etag = first.headers["etag"]
    assert etag == f'W/"{first.json()["meta"]["versionId"]}"'
    assert first.headers["last-modified"] == format_datetime(room.now.astimezone(UTC), usegmt=True)
    for known in (etag, etag.removeprefix("W/"), f'W/"0", {etag}', "*"):
        again = client.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    room.put(1, revised(alert(episode(tier=Tier.SOON))))
    changed = client.get(address, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"].startswith('W/"2-')


def test_the_same_revision_under_other_rules_or_addresses_is_another_version(
    room: ReadingRoom, client: TestClient
) -> None:
    room.put(1)
    address = f"/fhir/DetectedIssue/{number(1)}"
    etag = client.get(address).headers["etag"]
    with writing(room.engine) as connection:
        moved = SourceSettings(fhir_base_url="https://elsewhere.clinic.test/r4")
        sources.change(connection, "clinic", moved)
    again = client.get(address, headers={"If-None-Match": etag})
    assert again.status_code == 200
    assert again.headers["etag"] != etag


def served(key: str) -> str:
    """Where what is written to an EHR can be read here."""
    kind, _, step = key.partition("/")
    return f"{kind}/{number(1)}-{step}".rstrip("-")


def test_it_says_what_an_ehr_is_written(room: ReadingRoom) -> None:
    made = disposition()
    advised = advising(urgent(), "medication-review", "patient-education")
    taken = replace(advised, state=State.TAKEN, seen=True, dispositions=(made.id,))
    stored = room.put(1, taken, source="annex")
    with writing(room.engine) as connection:
        alerts.add_disposition(connection, made, stored.subject, stored.id)
        known = resource.insert().values(
            source_id=room.sources["annex"],
            key="Observation/alt-1",
            received=room.now,
            state="deleted",
            since_revision=1,
            way="feed",
        )
        connection.execute(known)
    with reading(room.engine) as connection:
        letter = read_letter(connection, number(1), software="", rulebook_digest="")
    wanted = letter.wanted("Device/liverwatch", PUBLIC_URL, "2026.1", Known())
    both = room.client("sees-both")
    for written in wanted.encode(served):
        read = both.get(f"/fhir/{served(names.key_of(written))}").json()
        assert {name: value for name, value in read.items() if name not in ("id", "meta")} == {
            name: value for name, value in written.items() if name != "meta"
        }


def test_one_version_says_one_thing(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    before = client.get(f"/fhir/DetectedIssue/{number(1)}").json()
    room.put(1, replace(alert(), review_since=datetime(2024, 8, 21, tzinfo=UTC)))
    after = client.get(f"/fhir/DetectedIssue/{number(1)}").json()
    assert before.pop("meta")["versionId"] == after.pop("meta")["versionId"]
    assert before == after


def test_json_is_what_there_is(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    for accept, content_type in (
        ("*/*", "application/fhir+json"),
        ("application/fhir+json; fhirVersion=4.0", "application/fhir+json"),
        ("application/json", "application/json"),
        ("application/xml;q=0.9, application/json;q=0.1", "application/json"),
        ("application/fhir+xml, */*;q=0.1", "application/fhir+json"),
    ):
        answer = client.get(f"/fhir/DetectedIssue/{number(1)}", headers={"Accept": accept})
        assert answer.headers["content-type"] == content_type
    for accept in (
        "application/fhir+xml",
        "text/html",
        "application/json;q=0",
        "application/json;q=x",
        "application/fhir+json; fhirVersion=5.0",
    ):
        answer = client.get(f"/fhir/DetectedIssue/{number(1)}", headers={"Accept": accept})
        assert answer.status_code == 406
        assert answer.json()["resourceType"] == "OperationOutcome"


def test_the_format_parameter_wins_over_the_header(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    for path in (f"DetectedIssue/{number(1)}", "DetectedIssue", "metadata"):
        for wanted in ("json", "application/fhir+json", "application/fhir%2Bjson"):
            answer = client.get(f"/fhir/{path}?_format={wanted}", headers={"Accept": "text/html"})
            assert answer.status_code == 200
        assert client.get(f"/fhir/{path}?_format=xml").status_code == 406


def test_an_invalid_resource_does_not_leave(
    room: ReadingRoom, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.api import presenting

    room.put(1)
    room.put(2)
    encode = encode_issue

    def spoilt(of: object, *given: object, **more: object) -> dict[str, object]:
        made = encode(of, *given, **more)  # type: ignore[arg-type]
        return {**made, "severity": "critical"} if made["id"] == str(number(1)) else made

    monkeypatch.setattr(presenting, "encode_issue", spoilt)
    answer = client.get(f"/fhir/DetectedIssue/{number(1)}")
    assert answer.status_code == 500
    assert answer.json()["resourceType"] == "OperationOutcome"
    bundle = client.get("/fhir/DetectedIssue").json()
    validate_outgoing(bundle)
    assert [each["search"]["mode"] for each in bundle["entry"]] == ["outcome", "match"]
    assert bundle["entry"][1]["resource"]["id"] == str(number(2))
