"""One Observation → its result: status, codes, time and whose it is."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.clinical.analytes import Analyte
from service.clinical.results import Comparator, ResultKey
from service.errors import InvalidResource
from service.fhir.decode import decode_addressed
from service.fhir.incoming import Deleted, Ignored, Observed, Unusable
from service.fhir.origin import Origin
from tests.fhir.arriving import (
    ALT,
    AST,
    BILIRUBIN,
    RULEBOOK,
    alt,
    coded,
    decoded,
    problems,
    quantity,
    refused,
    result,
    results,
    without_value,
)


def test_a_plain_result_is_read_exactly() -> None:
    incoming = decoded(alt(valueQuantity=quantity(61)))
    assert (incoming.type, incoming.id, incoming.version_id) == ("Observation", "o1", "3")
    assert incoming.last_updated == datetime(2024, 3, 1, 10, 0, 0, 123000, tzinfo=UTC)
    assert (incoming.patient, incoming.patient_identifier) == ("p1", None)
    assert isinstance(incoming.content, Observed)
    (read,) = incoming.content.results
    assert read.key == ResultKey("lab", "o1", "")
    assert (read.analyte, read.value, read.comparator) == (Analyte.ALT, Decimal(61), Comparator.EXACT)
    assert read.effective == datetime(2024, 3, 1, 7, 15, tzinfo=UTC)
    assert read.effective.utcoffset() == timedelta(hours=1)
    assert read.day == date(2024, 3, 1)
    assert (read.ranges, read.preliminary, read.flags) == ((), False, ())


def test_the_bytes_are_kept_as_they_came() -> None:
    raw = b' {"resourceType" : "Observation", "id":"x","code":{}}\n'
    assert decoded(raw).raw == raw


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_final_amended_and_corrected_count(status: str) -> None:
    assert not result(alt(status=status)).preliminary


def test_preliminary_is_flagged() -> None:
    assert result(alt(status="preliminary")).preliminary


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"code": None, "subject": None, "effectiveDateTime": None, "valueQuantity": None},
        {"valueQuantity": "not a quantity", "subject": 7},
        {"code": coded("8302-2")},
    ],
    ids=["complete", "emptied", "broken", "another code"],
)
def test_a_retraction_is_a_tombstone_whatever_else_it_holds(status: str, changes: dict[str, Any]) -> None:
    incoming = decoded(alt(status=status, **changes))
    assert incoming.content == Deleted()
    assert (incoming.id, incoming.version_id) == ("o1", "3")


@pytest.mark.parametrize("status", ["registered", "unknown"])
def test_a_result_not_there_yet_has_no_results_but_replaces_what_was(status: str) -> None:
    assert decoded(alt(status=status)).content == Observed(())


def test_a_status_that_is_missing_or_unknown_to_fhir_is_quarantined() -> None:
    assert refused(alt(status=None)) == ("no-status", "Observation.status")
    assert refused(alt(status="bogus")) == ("unknown-status", "Observation.status")


def test_any_loinc_coding_among_local_ones_is_enough() -> None:
    code = {"coding": [{"system": "urn:local", "code": "GPT"}, {"code": "x"}, *coded("1743-4")["coding"]]}
    assert result(alt(code=code)).analyte is Analyte.ALT


def test_loinc_is_known_by_its_oid() -> None:
    assert result(alt(code=coded(ALT, system="urn:oid:2.16.840.1.113883.6.1"))).analyte is Analyte.ALT


@pytest.mark.parametrize(
    "code",
    [
        coded("8302-2"),
        coded(ALT, system="http://snomed.info/sct"),
        {"coding": [{"code": ALT}]},
        {"text": "ALT"},
        coded("1978-6"),
        {},
        None,
    ],
    ids=["height", "another system", "no system", "text", "urine bilirubin", "empty", "none"],
)
def test_what_is_not_coded_as_a_liver_test_is_ignored(code: dict[str, Any] | None) -> None:
    assert decoded(alt(code=code, subject=None, id=None)).content == Ignored("other-code")


def test_synonymous_codes_agree_and_different_tests_conflict() -> None:
    assert result(alt(code=coded("1743-4", ALT))).analyte is Analyte.ALT
    assert refused(alt(code=coded(ALT, AST))) == ("conflicting-codes", "Observation.code")


def test_a_resource_of_another_type_is_ignored_with_its_identity() -> None:
    incoming = decoded({"resourceType": "Claim", "id": "c", "meta": {"versionId": 4}, "code": 3})
    assert incoming.content == Ignored("other-type")
    assert (incoming.type, incoming.id, incoming.version_id) == ("Claim", "c", "4")


@pytest.mark.parametrize(
    "raw",
    ["{}", "[]", "3", "null", '"x"', '{"resourceType":3}', '{"resourceType":"<b>"}', '{"resourceType":null}'],
)
def test_what_is_no_resource_is_refused(raw: str) -> None:
    with pytest.raises(InvalidResource):
        decoded(raw)


def test_a_bundle_is_not_a_single_resource() -> None:
    with pytest.raises(InvalidResource, match="Bundle"):
        decoded('{"resourceType":"Bundle","type":"batch"}')


def test_a_result_without_a_usable_id_is_quarantined() -> None:
    assert refused(alt(id=None)) == ("no-id", "Observation.id")
    assert refused(alt(id="a/b")) == ("no-id", "Observation.id")
    assert refused(alt(id="x" * 129)) == ("no-id", "Observation.id")
    assert refused(alt(id=7))[0] == "no-id"
    assert result(alt(id="a_b-C.9")).key.observation_id == "a_b-C.9"


@pytest.mark.parametrize(
    ("meta", "version", "updated"),
    [
        (None, None, None),
        ({}, None, None),
        ({"versionId": "", "lastUpdated": "soon"}, None, None),
        ({"versionId": 12}, "12", None),
        ({"versionId": ["1"], "lastUpdated": 5}, None, None),
        ({"lastUpdated": "2024-03-01T10:00:00"}, None, None),
        ({"lastUpdated": "0001-01-01T00:00:00Z"}, None, None),
        (
            {"versionId": "W/x", "lastUpdated": "2024-03-01T10:00:00Z"},
            "W/x",
            datetime(2024, 3, 1, 10, tzinfo=UTC),
        ),
    ],
)
def test_what_is_unreadable_in_meta_is_only_unknown(
    meta: dict[str, Any] | None, version: str | None, updated: datetime | None
) -> None:
    incoming = decoded(alt(meta=meta))
    assert (incoming.version_id, incoming.last_updated) == (version, updated)
    assert isinstance(incoming.content, Observed)


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p1",
        "Patient/p1/_history/2",
        "http://ehr.example/fhir/Patient/p1",
        "https://ehr.example/fhir/Patient/p1/_history/2",
    ],
)
def test_every_form_of_reference_leads_to_the_patient(reference: str) -> None:
    assert decoded(alt(subject={"reference": reference})).patient == "p1"


@pytest.mark.parametrize(
    "subject",
    [
        {"identifier": {"system": "urn:mrn", "value": "77"}},
        {"reference": "#p", "display": "x"},
        {"reference": "Patient?identifier=urn%3Amrn|77"},
        {"reference": "urn:uuid:0", "identifier": {"system": "urn:mrn", "value": "77"}},
    ],
)
def test_a_patient_named_by_identifier_is_resolved_later(subject: dict[str, Any]) -> None:
    contained = [
        {"resourceType": "Patient", "id": "p", "identifier": [{}, {"system": "urn:mrn", "value": "77"}]}
    ]
    incoming = decoded(alt(subject=subject, contained=contained))
    assert (incoming.patient, incoming.patient_identifier) == (None, ("urn:mrn", "77"))
    assert isinstance(incoming.content, Observed)
    assert len(incoming.content.results) == 1


@pytest.mark.parametrize(
    ("subject", "where"),
    [
        (None, "Observation.subject"),
        ({}, "Observation.subject.reference"),
        ({"reference": "urn:uuid:f00"}, "Observation.subject.reference"),
        ({"reference": "#nobody"}, "Observation.subject.reference"),
        ({"reference": "Patient/"}, "Observation.subject.reference"),
        ({"reference": "Patient/a b"}, "Observation.subject.reference"),
        ({"identifier": {"system": "urn:mrn"}}, "Observation.subject.reference"),
        ({"display": "Someone"}, "Observation.subject.reference"),
    ],
)
def test_a_result_of_nobody_is_quarantined(subject: dict[str, Any] | None, where: str) -> None:
    assert refused(alt(subject=subject)) == ("no-patient", where)


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Group/g"},
        {"reference": "Device/d"},
        {"type": "Location", "display": "lab"},
        {"type": "http://hl7.org/fhir/StructureDefinition/Group"},
    ],
)
def test_a_result_of_a_group_or_device_is_not_ours(subject: dict[str, Any]) -> None:
    assert decoded(alt(subject=subject)).content == Ignored("other-subject")


def test_the_end_of_a_period_counts() -> None:
    period = {"start": "2024-01-01", "end": "2024-03-02T10:00:00+01:00"}
    assert result(alt(effectiveDateTime=None, effectivePeriod=period)).day == date(2024, 3, 2)


def test_an_instant_counts() -> None:
    assert result(alt(effectiveDateTime=None, effectiveInstant="2024-03-02T10:00:00Z")).day == date(
        2024, 3, 2
    )


@pytest.mark.parametrize("period", [None, {"start": "2024-01-01"}])
def test_without_an_effective_time_the_time_of_issue_stands_in_and_is_flagged(
    period: dict[str, str] | None,
) -> None:
    read = result(alt(effectiveDateTime=None, effectivePeriod=period, issued="2024-03-03T09:00:00Z"))
    assert (read.day, read.flags) == (date(2024, 3, 3), ("issued-time",))


def test_without_any_time_or_with_an_unreadable_one_it_is_quarantined() -> None:
    assert refused(alt(effectiveDateTime=None)) == ("no-time", "Observation.effective")
    open_end = alt(effectiveDateTime=None, effectivePeriod={"start": "2024-01-01"})
    assert refused(open_end) == ("no-time", "Observation.effective")
    timing = alt(effectiveDateTime=None, effectiveTiming={"event": ["2024-01-01"]}, issued="2024-01-02")
    assert refused(timing) == ("unreadable-time", "Observation.effectiveTiming")
    unreadable = alt(effectiveDateTime="01/02/2024", issued="2024-01-02")
    assert refused(unreadable) == ("unreadable-time", "Observation.effectiveDateTime")
    placeholder = alt(effectiveDateTime="0001-01-01T00:00:00Z")
    assert refused(placeholder) == ("implausible-time", "Observation.effectiveDateTime")


def test_a_time_without_zone_needs_that_of_the_source() -> None:
    given = alt(effectiveDateTime="2024-03-01T23:30:00")
    assert refused(given) == ("no-zone", "Observation.effectiveDateTime")
    read = result(given, zone=ZoneInfo("Asia/Tokyo"))
    assert (read.day, read.effective) == (date(2024, 3, 1), datetime(2024, 3, 1, 14, 30, tzinfo=UTC))


def test_the_day_is_that_of_the_results_own_offset() -> None:
    assert result(alt(effectiveDateTime="2024-03-01T23:30:00-11:00")).day == date(2024, 3, 1)
    assert result(alt(effectiveDateTime="2024-03-01")).day == date(2024, 3, 1)


@pytest.mark.parametrize("text", ["2024", "2024-03"])
def test_a_month_or_a_year_is_kept_but_not_trended(text: str) -> None:
    given = alt(effectiveDateTime=text)
    assert results(given) == ()
    assert problems(given) == [("imprecise-date", "Observation.effectiveDateTime", False)]


def test_a_reason_for_the_lack_of_a_value_is_kept_but_not_trended() -> None:
    given = without_value(dataAbsentReason={"coding": [{"code": "unknown"}]})
    assert results(given) == ()
    assert problems(given) == [("value-absent", "Observation.dataAbsentReason", False)]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"valueQuantity": {"value": []}}, "Observation.valueQuantity.value"),
        ({"valueQuantity": [1]}, "Observation.valueQuantity"),
        ({"status": 3}, "Observation.status"),
        ({"code": {"coding": {"system": "http://loinc.org"}}}, "Observation.code.coding"),
        ({"effectiveDateTime": {"x": 1}}, "Observation.effectiveDateTime"),
        ({"note": [{"text": 4}]}, "Observation.note[0].text"),
        ({"component": {}}, "Observation.component"),
    ],
)
def test_a_wrong_json_type_in_a_field_we_use_is_told_by_its_path(changes: dict[str, Any], where: str) -> None:
    incoming = decoded(alt(**changes))
    assert refused(alt(**changes))[1] == where
    assert (incoming.id, incoming.version_id, incoming.patient) == ("o1", "3", "p1")


def test_a_wrong_json_type_elsewhere_does_not_matter() -> None:
    given = alt(category=3, performer="x", method=[], extension={}, _effectiveDateTime=9, device=False)
    assert result(given).value == 61


def test_a_broken_observation_of_something_else_is_ignored_not_quarantined() -> None:
    assert decoded(alt(code=coded("8302-2"), valueQuantity="x")).content == Ignored("other-code")


def test_null_is_the_same_as_absent() -> None:
    given = alt() | {"valueString": None, "valueBoolean": None, "dataAbsentReason": None, "component": None}
    assert result(given).value == 61


def test_a_refusal_names_no_content() -> None:
    for given in (
        alt(status="SECRET"),
        alt(effectiveDateTime="SECRET"),
        alt(valueQuantity=quantity(1, "SECRET")),
        alt(valueQuantity="SECRET"),
        alt(id="SECRET SECRET"),
        without_value(valueString="SECRET"),
    ):
        assert "SECRET" not in str(decoded(given).content)


def test_bilirubin_in_milligrams_becomes_micromoles() -> None:
    read = result(alt(code=coded(BILIRUBIN), valueQuantity=quantity(2, "mg/dL")))
    assert (read.analyte, read.value) == (Analyte.TOTAL_BILIRUBIN, Decimal("34.2"))


@pytest.mark.parametrize("given", [{}, {"id": None}])
def test_a_resource_put_to_its_address_has_the_id_of_the_address(given: dict[str, Any]) -> None:
    raw = json.dumps(alt(**given)).encode()
    incoming = decode_addressed(raw, "Observation", "o1", origin=Origin("lab", None, RULEBOOK))
    assert (incoming.id, incoming.raw) == ("o1", raw)
    assert isinstance(incoming.content, Observed)
    assert incoming.content.results[0].key.observation_id == "o1"


@pytest.mark.parametrize(("type_", "id_"), [("Observation", "o2"), ("Patient", "o1"), ("Patient", "")])
def test_a_resource_put_to_the_address_of_another_is_quarantined(type_: str, id_: str) -> None:
    raw = json.dumps(alt()).encode()
    incoming = decode_addressed(raw, type_, id_, origin=Origin("lab", None, RULEBOOK))
    assert isinstance(incoming.content, Unusable)
    assert incoming.content.reason == "conflicting-id"
