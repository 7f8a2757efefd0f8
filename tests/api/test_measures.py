"""Measures and what they say of a period, as FHIR: valid, masked, and of one's own sources alone."""

import json
from collections.abc import Iterator
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
    group, *others = taken["group"]
    assert [each["code"]["coding"][0]["code"] for each in group["population"]] == ["numerator", "denominator"]
    assert [each["code"]["text"] for each in others] == [
        "Median of the hours from the alert to the first decision",
        "90th percentile of the hours from the alert to the first decision",
    ]
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
        group, reasons = evaluate(client, "overrides")["group"]
    assert counts(group) == [None, None]
    assert counts(reasons) == [None]
    for hidden in (*(each["_count"] for each in group["population"]), group["measureScore"]):
        assert hidden["extension"][0]["valueCode"] == "masked"
    assert 'count"' not in json.dumps(reasons).replace('"_count"', "")


def strata(group: dict[str, Any], heading: str) -> dict[str, dict[str, Any]]:
    (found,) = [each for each in group["stratifier"] if each["code"][0]["text"] == heading]
    return {each["value"]["text"]: each for each in found["stratum"]}


@pytest.fixture
def unmasked(room: ReadingRoom) -> Iterator[TestClient]:
    """Whoever sees both sources, where no cell is small."""
    app = room.app()
    app.state.settings = app.state.settings.model_copy(update={"smallest_cell": 1})
    with TestClient(app, headers={"Authorization": "Bearer sees-both"}) as client:
        yield client


@pytest.mark.usefixtures("clinic")
def test_a_summary_gives_what_is_not_small(unmasked: TestClient) -> None:
    group, reasons = evaluate(unmasked, "overrides")["group"]
    assert counts(group) == [2, 7]
    assert group["measureScore"] == {"value": 0.285714}
    by_source = {label: counts(each) for label, each in strata(group, "Source").items()}
    assert by_source == {"clinic": [2, 6], "annex": [0, 1]}
    by_urgency = {label: counts(each) for label, each in strata(group, "Urgency when raised").items()}
    assert by_urgency == {"urgent": [1, 3], "soon": [0, 2], "routine": [1, 2]}
    assert counts(reasons) == [7]
    why = {label: counts(each) for label, each in strata(reasons, "Reason of the last override").items()}
    assert why == {"wrong data": [1], "already managed": [1]}


@pytest.mark.usefixtures("clinic")
def test_a_summary_gives_median_and_90th_percentile_in_their_unit_and_by_strata(unmasked: TestClient) -> None:
    _, median, most = evaluate(unmasked, "feed-on-time")["group"]
    minutes = {"unit": "minutes", "system": "http://unitsofmeasure.org", "code": "min"}
    assert median["measureScore"] == {"value": 10, **minutes}
    assert most["measureScore"] == {"value": 120, **minutes}
    by_sex = {label: each["measureScore"]["value"] for label, each in strata(most, "Sex").items()}
    assert by_sex == {"female": 120}


def test_a_stratum_without_any_amount_is_told_in_the_proportion_alone(
    clinic: MeasuredClinic, unmasked: TestClient
) -> None:
    clinic.received("Observation/n1", at_nine(3, 1), timedelta(minutes=1), fhir_id="p2")  # which was not lost
    proportion, median, _ = evaluate(unmasked, "feed-lost")["group"]
    assert strata(proportion, "Sex").keys() == {"female", "male"}
    assert strata(median, "Sex").keys() == {"female"}


@pytest.mark.parametrize("measure", [measure.name for measure in MEASURES])
@pytest.mark.usefixtures("clinic")
def test_a_report_has_the_groups_and_stratifiers_that_its_measure_defines(
    unmasked: TestClient, measure: str
) -> None:
    groups = unmasked.get(f"/fhir/Measure/{measure}").json()["group"]
    wanted = [(each["code"], [by["code"]["text"] for by in each["stratifier"]]) for each in groups]
    told = evaluate(unmasked, measure)["group"]
    assert [(each["code"], [by["code"][0]["text"] for by in each["stratifier"]]) for each in told] == wanted


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
    clinic: MeasuredClinic, unmasked: TestClient, measure: str
) -> None:
    clinic.received("Observation/n1", at_nine(2, 1), timedelta(minutes=1), fhir_id=None, held=True)
    kinds = ("summary", "subject-list")
    told = [evaluate(unmasked, measure, reportType=kind)["group"][0] for kind in kinds]
    assert told[0]["code"] == told[1]["code"]
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
