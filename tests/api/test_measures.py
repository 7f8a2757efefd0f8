"""Measures and what they say of a period, as FHIR: valid, masked, and of one's own sources alone."""

import json
from datetime import timedelta
from typing import Any

import fhirkit
import pytest
from starlette.testclient import TestClient

from service.fhir import names
from service.fhir.outgoing import validate_outgoing
from service.quality.measures import MEASURES
from tests.api.reading_room import EHR, ReadingRoom
from tests.quality.measured_clinic import MeasuredClinic, at_nine, happened

PERIOD = {"periodStart": "2026-01", "periodEnd": "2026-06"}


@pytest.fixture
def clinic(room: ReadingRoom) -> MeasuredClinic:
    made = MeasuredClinic(room.engine)
    happened(made)
    return made


def evaluate(client: TestClient, measure: str, **more: str) -> dict[str, Any]:
    answer = client.get(f"/fhir/Measure/{measure}/$evaluate-measure", params=PERIOD | more)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    validate_outgoing(report)
    assert [str(issue) for issue in fhirkit.validate(json.dumps(report))] == []
    return report


def counts(group: dict[str, Any]) -> list[int | None]:
    return [each.get("count") for each in group["population"]]


def test_every_measure_is_published_with_what_it_counts(client: TestClient) -> None:
    found = client.get("/fhir/Measure").json()["entry"]
    assert [each["resource"]["id"] for each in found] == [measure.name for measure in MEASURES]
    taken = client.get("/fhir/Measure/taken-in-time").json()
    (group,) = taken["group"]
    assert [each["code"]["coding"][0]["code"] for each in group["population"]] == ["numerator", "denominator"]
    assert "withdrawn" in taken["guidance"]
    assert taken["relatedArtifact"]


@pytest.mark.parametrize("measure", [measure.name for measure in MEASURES])
@pytest.mark.usefixtures("clinic")
def test_every_report_is_valid(room: ReadingRoom, measure: str) -> None:
    with room.client("sees-both") as client:
        for kind in ("summary", "subject-list"):
            report = evaluate(client, measure, reportType=kind)
            assert report["type"] == kind
            assert report["period"] == {"start": "2026-01-01", "end": "2026-06-30"}
            assert report["measure"] == f"{names.ROOT}/Measure/{measure}|2026.1"


def references(of: dict[str, Any]) -> list[str]:
    return [entry["item"]["reference"] for entry in of["entry"]]


@pytest.mark.usefixtures("clinic")
def test_a_summary_says_that_small_cells_are_masked(room: ReadingRoom) -> None:
    with room.client("sees-both") as client:
        (group,) = evaluate(client, "overrides")["group"]
    assert counts(group) == [None, None]
    for hidden in (*(each["_count"] for each in group["population"]), group["measureScore"]):
        assert hidden["extension"][0]["valueCode"] == "masked"


@pytest.mark.usefixtures("clinic")
def test_a_summary_gives_what_is_not_small(room: ReadingRoom) -> None:
    app = room.app()
    app.state.settings = app.state.settings.model_copy(update={"smallest_cell": 1})
    with TestClient(app, headers={"Authorization": "Bearer sees-both"}) as client:
        (group,) = evaluate(client, "overrides")["group"]
    assert counts(group) == [2, 7]
    assert group["measureScore"] == {"value": 0.285714}
    (by_source,) = [each for each in group["stratifier"] if each["code"][0]["text"] == "Source"]
    assert {each["value"]["text"]: counts(each) for each in by_source["stratum"]} == {
        "clinic": [2, 6],
        "annex": [0, 1],
    }


def test_a_subject_list_names_the_patients_and_each_of_them_is_audited(
    clinic: MeasuredClinic, room: ReadingRoom
) -> None:
    with room.client("sees-both") as client:
        report = evaluate(client, "overrides", reportType="subject-list")
    lists = {
        each["id"]: [entry["item"]["reference"] for entry in each["entry"]] for each in report["contained"]
    }
    assert lists["numerator"] == [f"{EHR}/Patient/p2"]
    of_the_clinic = [f"{EHR}/Patient/p{n}" for n in (1, 2, 3, 5)]
    assert lists["denominator"] == [*of_the_clinic[:3], "Patient/p4", of_the_clinic[3]]
    (group,) = report["group"]
    results = [each["subjectResults"]["reference"] for each in group["population"]]
    assert results == ["#numerator", "#denominator"]
    seen = {person for _, action, _, person, _ in room.audited() if action == "evaluate-measure"}
    assert seen == set(clinic.people.values())


@pytest.mark.parametrize("measure", ["overrides", "feed-on-time", "feed-lost", "feed-unusable"])
def test_a_subject_list_counts_what_the_summary_counts(
    clinic: MeasuredClinic, room: ReadingRoom, measure: str
) -> None:
    clinic.received("Observation/n1", at_nine(2, 1), timedelta(minutes=1), fhir_id=None, held=True)
    app = room.app()
    app.state.settings = app.state.settings.model_copy(update={"smallest_cell": 1})
    with TestClient(app, headers={"Authorization": "Bearer sees-both"}) as client:
        told = [
            evaluate(client, measure, reportType=kind)["group"][0] for kind in ("summary", "subject-list")
        ]
    assert counts(told[0]) == counts(told[1])


@pytest.mark.usefixtures("clinic")
def test_a_reader_is_told_of_its_own_sources_alone(client: TestClient) -> None:
    report = evaluate(client, "overrides", reportType="subject-list")
    assert "p4" not in json.dumps(report)
    assert counts(report["group"][0]) == [2, 6]


@pytest.mark.usefixtures("clinic")
def test_more_patients_than_a_report_names_are_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api.measure_reports.MOST_SUBJECTS", 2)
    asked = PERIOD | {"reportType": "subject-list"}
    assert client.get("/fhir/Measure/overrides/$evaluate-measure", params=asked).status_code == 413


@pytest.mark.parametrize(
    ("measure", "parameters", "status"),
    [
        ("happiness", PERIOD, 404),
        ("overrides", {}, 400),
        ("overrides", {"periodStart": "2026-01"}, 400),
        ("overrides", PERIOD | {"periodStart": "ge2026-01"}, 400),
        ("overrides", PERIOD | {"periodStart": "2027"}, 400),
        ("overrides", PERIOD | {"subject": "Patient/p1"}, 400),
        ("overrides", PERIOD | {"reportType": "individual"}, 400),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    client: TestClient, measure: str, parameters: dict[str, str], status: int
) -> None:
    answer = client.get(f"/fhir/Measure/{measure}/$evaluate-measure", params=parameters)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
