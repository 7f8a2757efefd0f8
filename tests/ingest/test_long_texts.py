"""Texts and numbers longer than is kept are told so at the door: PostgreSQL would refuse them, SQLite not."""

import hashlib
import json
from typing import Any

import pytest

from service.clinical.analytes import Analyte
from service.clinical.rulebook import load_rulebook
from service.fhir.decode import decode_resource
from service.fhir.encode_origin import Origin, encode_provenance
from service.fhir.incoming import PatientFacts, Unusable
from service.fhir.strict_json import check_json
from tests.fhir.alert_examples import NOW, alert, episode, finding, key
from tests.fhir.test_encode import TO
from tests.ingest.feeding import Feed, Resource, observation, patient


def content_of(given: Resource) -> Any:
    raw = check_json(json.dumps(given).encode())
    return decode_resource(raw, source="clinic", zone=None, rulebook=load_rulebook()).content


def mrn(length: int, system: str = "urn:mrn") -> Resource:
    return {"system": system, "value": "9" * (length - len(system))}


def test_a_version_up_to_128_characters_is_kept_and_a_longer_one_by_its_digest(feed: Feed) -> None:
    feed.send(observation("a", version="é" * 128), observation("b", version="é" * 129))
    digest = hashlib.sha256(("é" * 129).encode()).hexdigest()
    versions = {each: feed.current(f"Observation/{each}") for each in "ab"}
    assert {each: found and found.version_id for each, found in versions.items()} == {
        "a": "é" * 128,
        "b": f"sha256:{digest}",
    }
    assert feed.send(observation("b", version="é" * 129)).counts == {"duplicate": 1}


def test_a_version_that_is_an_enormous_number_is_no_crash(feed: Feed) -> None:
    given = observation("a")
    given["meta"] = {"versionId": 10**200}
    feed.send(given)
    assert feed.results() == {"a": 120}


def test_what_is_written_names_no_version_that_the_server_does_not_know() -> None:
    versions = {"alt-1": "sha256:" + "0" * 64, "alt-2": "7"}
    given = alert(episode(finding(evidence=(key("alt-1"), key("alt-2")))))
    entities = encode_provenance(given, TO, ["DetectedIssue/i"], Origin("1", "2", versions), NOW)["entity"]
    assert [each["what"]["reference"] for each in entities] == [
        "Observation/alt-1",
        "Observation/alt-2/_history/7",
    ]


def test_an_identifier_of_500_characters_is_kept_and_a_longer_one_left_out_and_said(feed: Feed) -> None:
    given = patient("p1") | {"identifier": [mrn(501), mrn(500), mrn(20)]}
    said = content_of(given)
    assert isinstance(said, PatientFacts)
    assert [len(system) + len(value) for system, value in said.identifiers] == [500, 20]
    (problem,) = said.problems
    assert (problem.reason, problem.where, problem.quarantined) == (
        "identifier-too-long",
        "Patient.identifier[0]",
        False,
    )
    by_identifier = observation("o1", None, mrn="x")
    by_identifier["subject"] = {"identifier": mrn(500)}
    feed.send(given, by_identifier)
    assert (feed.results(), feed.reasons()) == ({"o1": 120}, [])


@pytest.mark.parametrize(
    "subject",
    [
        {"identifier": mrn(501)},
        {"reference": f"Patient?identifier=urn:mrn|{'9' * 500}"},
        {"reference": "#p"},
    ],
    ids=["identifier", "search", "contained"],
)
def test_a_result_whose_patient_is_named_by_a_longer_one_is_held(feed: Feed, subject: Resource) -> None:
    given = observation("o1") | {"subject": subject}
    given["contained"] = [{"resourceType": "Patient", "id": "p", "identifier": [mrn(501)]}]
    feed.send(given)
    assert feed.reasons() == ["no-patient"]


@pytest.mark.parametrize(("digits", "reasons"), [(37, []), (38, ["unreadable-number"])])
@pytest.mark.parametrize("zeros", [False, True])
def test_a_number_up_to_40_characters_is_kept_exactly(
    feed: Feed, digits: int, reasons: list[str], zeros: bool
) -> None:
    value = "50." + ("0" if zeros else "1") * digits
    raw = json.dumps(observation("o1")).replace('"value": 120.0', f'"value": {value}')
    assert value in raw
    incoming = decode_resource(check_json(raw.encode()), source="clinic", zone=None, rulebook=load_rulebook())
    feed.send(incoming)
    assert feed.reasons() == reasons
    assert [str(each) for each in feed.results().values()] == ([] if reasons else [value])


def test_the_digits_of_a_conversion_count_too() -> None:
    given = observation("o1", analyte=Analyte.TOTAL_BILIRUBIN, unit="mg/dL")
    given["valueQuantity"]["value"] = 1.5
    raw = json.dumps(given).replace('"value": 1.5', '"value": 1.' + "1" * 38)
    content = decode_resource(
        check_json(raw.encode()), source="clinic", zone=None, rulebook=load_rulebook()
    ).content
    assert isinstance(content, Unusable)
    assert content.reason == "unreadable-number"
    assert content.where == "Observation.valueQuantity"


def test_the_longest_names_of_resources_and_of_their_parts_fit(feed: Feed) -> None:
    longest = "x" * 128
    member = observation(longest, days_ago=9)
    del member["meta"]
    panel = observation(longest) | {"contained": [member], "component": [component()] * 20}
    feed.send(panel, observation("o2", "p" * 128))
    assert feed.reasons() == []
    assert len(feed.histories()["p1"]) == 22
    feed.delete("M" + "m" * 62, longest)


def component() -> Resource:
    given = observation("c")
    return {name: given[name] for name in ("code", "valueQuantity", "referenceRange")}
