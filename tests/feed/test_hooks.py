"""What the feed takes: resources and Bundles, by POST, PUT and DELETE."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from service.store import sources
from service.store.schema import lab_result
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.feed.conftest import Start
from tests.feed.sending import BEARER, FEED, bundle, counted, held, kept, observation, unjudged, values

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1970-01-01"}
CARRIERS = ("batch", "transaction", "collection", "searchset")


def check_taken(answer: Any) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert answer.json()["issue"][0]["severity"] == "information"


def test_a_bare_resource_is_taken_by_post(feed: TestClient, hospital: Engine) -> None:
    check_taken(feed.post(FEED, json=observation()))
    assert values(hospital) == {"o1": "50"}
    assert unjudged(hospital) == 0


def test_a_bare_resource_is_taken_by_put_to_its_own_address(feed: TestClient, hospital: Engine) -> None:
    check_taken(feed.put(f"{FEED}/Observation/o1", json=observation()))
    check_taken(feed.post(f"{FEED}/Patient/p1", json=PATIENT))
    assert set(kept(hospital)) == {"Observation/o1", "Patient/p1"}


def test_a_resource_sent_to_the_address_of_another_is_refused(feed: TestClient, hospital: Engine) -> None:
    for path in ("Observation/o2", "Patient/o1"):
        answer = feed.put(f"{FEED}/{path}", json=observation())
        assert answer.status_code == 400
        assert answer.json()["issue"][0]["expression"] == ["Resource.id"]
    assert feed.put(f"{FEED}/Bundle/b1", json=bundle("batch", observation())).status_code == 400
    assert kept(hospital) == {}


def test_a_delete_leaves_a_tombstone_that_no_older_version_revives(
    feed: TestClient, hospital: Engine
) -> None:
    check_taken(feed.post(FEED, json=observation()))
    check_taken(feed.delete(f"{FEED}/Observation/o1"))
    check_taken(feed.post(FEED, json=observation()))
    assert kept(hospital)["Observation/o1"][1] == "deleted"
    assert values(hospital) == {}
    assert unjudged(hospital) == 0


def test_a_delete_of_something_never_seen_is_taken(feed: TestClient) -> None:
    check_taken(feed.delete(f"{FEED}/Observation/never"))


@pytest.mark.parametrize("path", ["observation/o1", "Observation/a%20b", "Observation/%00", "O-/o1"])
def test_a_delete_of_what_can_be_no_resource_is_refused(
    feed: TestClient, hospital: Engine, path: str
) -> None:
    assert feed.delete(f"{FEED}/{path}").status_code == 400
    assert kept(hospital) == {}


@pytest.mark.parametrize("type_", CARRIERS)
def test_every_resource_of_a_bundle_is_taken(feed: TestClient, hospital: Engine, type_: str) -> None:
    check_taken(feed.post(FEED, json=bundle(type_, PATIENT, observation("o1"), observation("o2", value=60))))
    assert set(kept(hospital)) == {"Patient/p1", "Observation/o1", "Observation/o2"}
    assert values(hospital) == {"o1": "50", "o2": "60"}


def test_an_empty_bundle_is_taken(feed: TestClient) -> None:
    check_taken(feed.post(FEED, json={"resourceType": "Bundle", "type": "searchset", "total": 0}))


def test_a_delete_within_a_bundle_deletes(feed: TestClient, hospital: Engine) -> None:
    feed.post(FEED, json=observation())
    gone = {"request": {"method": "DELETE", "url": "Observation/o1"}}
    check_taken(feed.post(FEED, json={"resourceType": "Bundle", "type": "transaction", "entry": [gone]}))
    assert values(hospital) == {}


def test_one_unusable_entry_never_takes_another_with_it(feed: TestClient, hospital: Engine) -> None:
    unusable = observation("o2") | {"valueQuantity": {"value": 1, "unit": "furlongs"}}
    check_taken(feed.post(FEED, json=bundle("collection", observation("o1"), unusable, observation("o3"))))
    assert set(values(hospital)) == {"o1", "o3"}
    assert held(hospital) == ["unknown-unit"]


@pytest.mark.parametrize("type_", ["subscription-notification", "document", "message", None, 7])
def test_a_bundle_of_another_type_is_refused_by_its_place(feed: TestClient, type_: Any) -> None:
    answer = feed.post(FEED, json={"resourceType": "Bundle", "type": type_, "entry": []})
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"][0].startswith("Bundle")


def test_irrelevant_resources_are_counted_and_not_kept(feed: TestClient, hospital: Engine) -> None:
    other = observation() | {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}}
    check_taken(feed.post(FEED, json={"resourceType": "Encounter", "id": "e1"}))
    check_taken(feed.post(FEED, json=other))
    assert kept(hospital) == {}
    assert counted(hospital) == {"other-type": 1, "other-code": 1}


def test_a_repeated_version_changes_nothing_and_a_newer_one_replaces_it(
    feed: TestClient, hospital: Engine
) -> None:
    for version, value in ((2, 70), (2, 70), (1, 50)):
        check_taken(feed.post(FEED, json=observation(version=version, value=value)))
    assert values(hospital) == {"o1": "70"}
    check_taken(feed.post(FEED, json=observation(version=3, value=90)))
    assert kept(hospital) == {"Observation/o1": ("3", "live")}
    assert values(hospital) == {"o1": "90"}


def test_a_byte_order_mark_is_accepted(feed: TestClient, hospital: Engine) -> None:
    check_taken(feed.post(FEED, content=b"\xef\xbb\xbf" + json.dumps(observation()).encode()))
    assert values(hospital) == {"o1": "50"}


@pytest.mark.parametrize(
    "stated", [None, "application/fhir+json", "application/json; charset=utf-8", "APPLICATION/FHIR+JSON"]
)
def test_json_is_taken_under_each_of_its_names(feed: TestClient, stated: str | None) -> None:
    headers = {"Content-Type": stated} if stated else {}
    check_taken(feed.post(FEED, content=json.dumps(observation()).encode(), headers=headers))


def test_the_same_id_from_two_sources_is_two_resources(start: Start, hospital: Engine) -> None:
    with writing(hospital) as connection:
        sources.add(connection, "clinic", SourceSettings(), "clinics-secret", datetime.now(UTC))
    service = start()
    check_taken(service.post(FEED, json=observation(value=50), headers=BEARER))
    at_clinic = {"Authorization": "Bearer clinics-secret"}
    check_taken(service.post("/feeds/clinic", json=observation(value=60), headers=at_clinic))
    with reading(hospital) as connection:
        assert sorted(connection.execute(select(lab_result.c.value)).scalars()) == ["50", "60"]
