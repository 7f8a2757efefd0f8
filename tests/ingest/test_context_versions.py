"""Context Observations follow their versions: corrected, given away and deleted like conditions."""

from decimal import Decimal

from service.clinical.results import Measurement
from service.store import histories
from service.store.people import people
from service.store.session import reading
from tests.ingest.contexts import measurement
from tests.ingest.feeding import Feed, Resource, observation, report


def bmi(value: int, version: int = 1) -> Resource:
    return observation("b1", version=version) | {
        "code": {"coding": [{"system": "http://loinc.org", "code": "39156-5"}]},
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "kg/m2"},
    }


def measured(feed: Feed) -> list[Measurement]:
    with reading(feed.engine) as connection:
        everybody = people(connection, after=0, limit=100)
        names = {row.source_id: "lab" for rows in everybody.values() for row in rows}
        records = histories.records(connection, everybody, names)
    return [each for record in records.values() for each in record.measurements]


def test_a_correction_takes_the_place_of_a_measurement_whatever_the_order(feed: Feed) -> None:
    feed.send(bmi(31, 2))
    feed.send(bmi(29, 1))
    assert [each.value for each in measured(feed)] == [Decimal(31)]
    receipt = feed.send(bmi(33, 3))
    assert receipt.counts["ignored:other-code"] == 0
    assert [each.value for each in measured(feed)] == [Decimal(33)]


def test_a_deleted_measurement_is_gone(feed: Feed) -> None:
    feed.send(bmi(31))
    feed.delete("Observation", "b1")
    assert measured(feed) == []


def test_a_newer_version_of_a_report_replaces_its_context_too(feed: Feed) -> None:
    iron = {"code": {"text": "Iron studies"}, "effectiveDateTime": "2026-01-05"}
    feed.send(report("r", observation("alt"), measurement("f"), version=1) | iron)
    ((name, said),) = feed.contexts().items()
    assert (name, {key for key, _ in said}, len(said)) == ("p1", {"DiagnosticReport/r"}, 2)
    feed.send(report("r", observation("alt"), version=2))
    assert (feed.contexts(), feed.results()) == ({}, {"DiagnosticReport/r": 120})
    feed.send(report("r", measurement("f", value=90.0), version=3, patient="p2"))
    assert {name: len(said) for name, said in feed.contexts().items()} == {"p2": 1}
    assert feed.histories() == {}
    feed.delete("DiagnosticReport", "r")
    assert feed.contexts() == {}
