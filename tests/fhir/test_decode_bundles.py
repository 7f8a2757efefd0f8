"""Bundles: every entry by itself, references within, deletes, and what is not taken."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from service.clinical.results import Medication
from service.errors import InvalidResource, TooLarge
from service.fhir.bundles import decode_bundle
from service.fhir.decode import decode_resource
from service.fhir.incoming import Deleted, Ignored, Incoming, Observed, PatientFacts, Unusable
from service.fhir.strict_json import check_json
from tests.fhir.arriving import RULEBOOK, alt, coded, decoded_bundle

PATIENT = {"resourceType": "Patient", "id": "p1"}
URN = "urn:uuid:11111111-0000-0000-0000-000000000001"


def post(resource: dict[str, Any], full_url: str | None = None) -> dict[str, Any]:
    entry = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
    return entry | ({"fullUrl": full_url} if full_url else {})


def put(resource: dict[str, Any], url: str) -> dict[str, Any]:
    return {"resource": resource, "request": {"method": "PUT", "url": url}}


def only(incoming: list[Incoming]) -> Incoming:
    (one,) = incoming
    return one


def reason(incoming: Incoming) -> tuple[str, str]:
    assert isinstance(incoming.content, Unusable), incoming
    return incoming.content.reason, incoming.content.where


@pytest.mark.parametrize("kind", ["batch", "transaction", "collection", "searchset"])
def test_every_bundle_of_resources_is_taken_in_its_order(kind: str) -> None:
    taken = decoded_bundle(kind, {"resource": PATIENT}, {"resource": alt()}, {"resource": alt(id="o2")})
    assert [(each.type, each.id) for each in taken] == [
        ("Patient", "p1"),
        ("Observation", "o1"),
        ("Observation", "o2"),
    ]


@pytest.mark.parametrize("entry", ["", ',"entry":[]', ',"entry":null'])
def test_a_bundle_without_entries_is_fine(entry: str) -> None:
    raw = f'{{"resourceType":"Bundle","type":"searchset"{entry}}}'.encode()
    assert decode_bundle(raw, source="lab", zone=None, rulebook=RULEBOOK) == []


@pytest.mark.parametrize("kind", ["history", "subscription-notification", "document", "message", "nonsense"])
def test_other_bundles_are_refused_as_not_supported(kind: str) -> None:
    with pytest.raises(InvalidResource, match="not supported"):
        decoded_bundle(kind)


@pytest.mark.parametrize(
    "raw", ["[]", '{"resourceType":"Bundle"}', '{"resourceType":"Patient","type":"batch"}', '{"type":[]}']
)
def test_what_is_no_bundle_is_refused(raw: str) -> None:
    with pytest.raises(InvalidResource):
        decode_bundle(raw.encode(), source="lab", zone=None, rulebook=RULEBOOK)


def test_more_entries_than_allowed_are_too_many() -> None:
    entries = [{"resource": alt(id=f"o{number}")} for number in range(5)]
    assert len(decoded_bundle("batch", *entries, max_entries=5)) == 5
    with pytest.raises(TooLarge):
        decoded_bundle("batch", *entries, max_entries=4)


def test_the_bytes_of_an_entry_are_its_own_slice() -> None:
    inner = b'{ "resourceType":"Observation","id" : "o1", "code":{} }'
    raw = b'{"resourceType":"Bundle","type":"batch","entry":[ {"resource": ' + inner + b"}]}"
    assert only(decode_bundle(raw, source="lab", zone=None, rulebook=RULEBOOK)).raw == inner


def test_a_reference_to_a_full_url_leads_to_the_resource_of_that_entry() -> None:
    subject = {"reference": URN}
    for entries in (
        [post(PATIENT, URN), post(alt(subject=subject))],
        [post(alt(subject=subject)), post(PATIENT, URN)],
    ):
        taken = {each.type: each for each in decoded_bundle("transaction", *entries)}
        assert taken["Observation"].patient == "p1"
        assert isinstance(taken["Observation"].content, Observed)


def test_a_reference_to_an_entry_that_is_no_patient_is_of_another_subject() -> None:
    group = post({"resourceType": "Group", "id": "g"}, URN)
    assert decoded_bundle("transaction", group, post(alt(subject={"reference": URN})))[1].content == Ignored(
        "other-subject"
    )


def test_a_patient_to_whom_the_server_gives_the_id_cannot_be_resolved() -> None:
    nameless = {"resourceType": "Patient"}
    patient, result = decoded_bundle(
        "transaction", post(nameless, URN), post(alt(subject={"reference": URN}))
    )
    assert reason(patient) == ("no-id", "Patient.id")
    assert reason(result) == ("no-patient", "Observation.subject.reference")


def test_a_put_gives_its_id_to_a_resource_without_one() -> None:
    nameless = alt(id=None)
    taken = only(decoded_bundle("batch", put(nameless, "Observation/o7")))
    assert taken.id == "o7"
    assert isinstance(taken.content, Observed)
    assert taken.content.results[0].key.observation_id == "o7"
    assert "id" not in json.loads(taken.raw)
    put_patient = put({"resourceType": "Patient"}, "Patient/p8") | {"fullUrl": URN}
    taken = decoded_bundle("transaction", put_patient, post(alt(subject={"reference": URN})))[1]
    assert taken.patient == "p8"


def test_a_put_to_another_id_or_type_is_quarantined() -> None:
    for url in ("Observation/o9", "http://x/fhir/Observation/o9"):
        assert reason(only(decoded_bundle("batch", put(alt(), url)))) == (
            "conflicting-id",
            "Bundle.entry[0].request.url",
        )
    other = put(alt(id=None), "Patient/o9")
    assert reason(only(decoded_bundle("batch", other))) == ("conflicting-id", "Bundle.entry[0].request.url")
    conditional = put(alt(id=None), "Observation?identifier=7")
    assert reason(only(decoded_bundle("batch", conditional))) == ("no-id", "Observation.id")


@pytest.mark.parametrize("url", ["Observation/o1", "/Observation/o1", "http://x/fhir/Observation/o1"])
def test_a_delete_is_a_tombstone(url: str) -> None:
    taken = only(decoded_bundle("transaction", {"request": {"method": "DELETE", "url": url}}))
    assert (taken.type, taken.id, taken.content) == ("Observation", "o1", Deleted())


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "DELETE", "url": "Observation?code=x"},
        {"method": "DELETE"},
        {"method": "PATCH", "url": "Observation/o1"},
        {"method": "TRACE"},
    ],
)
def test_a_request_that_cannot_be_obeyed_is_quarantined(request_: dict[str, str]) -> None:
    taken = only(decoded_bundle("batch", {"request": request_, "resource": alt()}))
    assert reason(taken) == ("unsupported-request", "Bundle.entry[0].request")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_within_a_batch_is_ignored(method: str) -> None:
    taken = only(decoded_bundle("batch", {"request": {"method": method, "url": "Patient/p1"}}))
    assert taken.content == Ignored("read-request")


def test_a_searchset_has_matches_and_includes_but_its_outcome_is_left_out() -> None:
    outcome = {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}
    taken = decoded_bundle(
        "searchset",
        {"resource": alt(), "search": {"mode": "match"}},
        outcome,
        {"resource": PATIENT, "search": {"mode": "include"}},
    )
    assert [each.type for each in taken] == ["Observation", "Patient"]


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (3, ("wrong-type", "Bundle.entry[1]")),
        ({"request": []}, ("wrong-type", "Bundle.entry[1]")),
        ({}, ("no-resource", "Bundle.entry[1].resource")),
        ({"resource": []}, ("no-resource", "Bundle.entry[1].resource")),
        ({"resource": {"id": "x"}}, ("no-resource", "Bundle.entry[1].resource")),
        (
            {"resource": {"resourceType": "Bundle", "type": "batch"}},
            ("no-resource", "Bundle.entry[1].resource"),
        ),
        (
            {"resource": {"resourceType": "Observation", "status": 3, "id": "x"}},
            ("wrong-type", "Observation.status"),
        ),
    ],
)
def test_one_bad_entry_does_not_spoil_the_others(entry: Any, found: tuple[str, str]) -> None:
    first, bad, last = decoded_bundle("batch", {"resource": alt()}, entry, {"resource": alt(id="o3")})
    assert isinstance(first.content, Observed)
    assert isinstance(last.content, Observed)
    assert reason(bad) == found


def test_a_drug_is_named_by_the_medication_in_the_same_bundle() -> None:
    medication = post({"resourceType": "Medication", "id": "m", "code": coded("83367")}, URN)
    order = {
        "resourceType": "MedicationRequest",
        "id": "r",
        "status": "active",
        "subject": {"reference": "Patient/p1"},
        "medicationReference": {"reference": URN},
    }
    taken = decoded_bundle("transaction", medication, post(order))[1].content
    assert isinstance(taken, Medication)
    assert taken.codings[0].code == "83367"


def test_merged_patients_may_be_named_by_full_url() -> None:
    old = {
        "resourceType": "Patient",
        "id": "old",
        "link": [{"type": "replaced-by", "other": {"reference": URN}}],
    }
    taken = decoded_bundle("transaction", post(PATIENT, URN), post(old))[1].content
    assert isinstance(taken, PatientFacts)
    assert taken.replaced_by == "p1"


def test_an_entry_that_hangs_on_others_says_the_same_when_its_bytes_are_read_again() -> None:
    medication = {"resourceType": "Medication", "id": "m", "code": coded("83367")}
    order = {
        "resourceType": "MedicationRequest",
        "id": "r",
        "status": "active",
        "subject": {"reference": URN},
        "medicationReference": {"reference": f"{URN}2"},
    }
    taken = decoded_bundle(
        "transaction",
        post(PATIENT, URN),
        post(medication, f"{URN}2"),
        post(order),
        post(alt(subject={"reference": URN})),
        put(alt(id=None), "Observation/o7"),
        put(alt(), "Observation/o8"),
        {"request": {"method": "DELETE", "url": "Observation/o1"}},
        {"request": {"method": "PATCH", "url": "Observation/o1"}},
        {"resource": 3},
    )
    again = [decode_resource(each.raw, source="lab", zone=None, rulebook=RULEBOOK) for each in taken]
    assert [_placeless(each) for each in again] == [_placeless(each) for each in taken]
    assert [type(each.content).__name__ for each in taken[2:]] == [
        "Medication",
        "Observed",
        "Observed",
        "Unusable",
        "Deleted",
        "Unusable",
        "Unusable",
    ]


def _placeless(incoming: Incoming) -> Incoming:
    """Its place in the Bundle aside."""
    if isinstance(incoming.content, Unusable):
        return incoming._replace(content=incoming.content._replace(where=""))
    return incoming


def test_an_entry_that_stands_alone_keeps_its_own_bytes() -> None:
    assert only(decoded_bundle("transaction", post(alt()))).raw == json.dumps(alt()).encode()


def _lines(path: Path) -> list[bytes]:
    with gzip.open(path) as lines:
        return [line.strip() for line in lines]


def test_a_synthea_patient_is_the_same_from_a_bundle_as_from_ndjson(shared_data: Path) -> None:
    bundles = sorted((shared_data / "synthea_bundles").glob("*.json.gz"))
    assert bundles
    from_lines: dict[tuple[str, str], Incoming] = {}
    for kind in ("Patient", "Observation", "Condition", "MedicationRequest", "DiagnosticReport"):
        for raw_line in _lines(shared_data / f"synthea.{kind}.ndjson.gz"):
            (each,) = decode_bundle(
                b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":' + raw_line + b"}]}",
                source="lab",
                zone=None,
                rulebook=RULEBOOK,
            )
            from_lines[each.type, each.id] = each
    for path in bundles:
        raw = check_json(gzip.decompress(path.read_bytes()))
        taken = decode_bundle(raw, source="lab", zone=None, rulebook=RULEBOOK)
        relevant = [each for each in taken if not isinstance(each.content, Ignored)]
        patient = path.name.removesuffix(".json.gz")
        assert sum(isinstance(each.content, Observed) for each in relevant) > 0
        for each in relevant:
            twin = from_lines.pop((each.type, each.id))
            assert each._replace(raw=b"") == twin._replace(raw=b"")
            assert each.patient == patient
        left = [each for each in from_lines.values() if each.patient == patient]
        assert [each for each in left if not isinstance(each.content, Ignored)] == []
