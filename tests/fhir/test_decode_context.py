"""Patients, conditions and drugs: what changes how results are read."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.clinical.catalogues.drugs import hepatotoxic
from service.clinical.results import Coding, Condition, Medication, Sex
from service.fhir.incoming import Content, Deleted, Ignored, PatientFacts, Unusable
from tests.fhir.arriving import coded, decoded, refused

SUBJECT = {"subject": {"reference": "Patient/p1"}}
STATIN = {
    "coding": [{"system": "urn:rx", "code": "83367", "display": "atorvastatin"}],
    "text": "Atorvastatin 20",
}


def facts(**given: Any) -> PatientFacts:
    content = decoded({"resourceType": "Patient", "id": "p1", **given}).content
    assert isinstance(content, PatientFacts), content
    return content


def content(kind: str, **given: Any) -> Content:
    return decoded({"resourceType": kind, "id": "x1", **SUBJECT, **given}).content


def drug(kind: str = "MedicationRequest", **given: Any) -> Medication:
    if not {"medicationCodeableConcept", "medicationReference", "medication"} & given.keys():
        given["medicationCodeableConcept"] = STATIN
    read = content(kind, **{"status": "active", **given})
    assert isinstance(read, Medication), read
    return read


def condition(**given: Any) -> Condition:
    read = content("Condition", **{"code": coded("77386006", system="http://snomed.info/sct"), **given})
    assert isinstance(read, Condition), read
    return read


def state(code: str) -> dict[str, Any]:
    return coded(code, system="http://terminology.hl7.org/CodeSystem/condition")


def test_a_patient_is_its_own_patient() -> None:
    incoming = decoded({"resourceType": "Patient", "id": "p1", "meta": {"versionId": "2"}, "active": False})
    assert (incoming.patient, incoming.id, incoming.version_id) == ("p1", "p1", "2")
    assert incoming.content == PatientFacts(None, None, deceased=False)


@pytest.mark.parametrize(
    ("gender", "sex"),
    [
        ("female", Sex.FEMALE),
        ("male", Sex.MALE),
        ("other", None),
        ("unknown", None),
        ("F", None),
        (None, None),
    ],
)
def test_only_the_codes_of_fhir_give_a_sex(gender: str | None, sex: Sex | None) -> None:
    assert facts(gender=gender).sex is sex


@pytest.mark.parametrize(
    ("text", "day"),
    [("1950", date(1950, 1, 1)), ("1950-07", date(1950, 7, 1)), ("1950-07-09", date(1950, 7, 9))],
)
def test_a_partial_birth_date_is_its_first_day(text: str, day: date) -> None:
    assert facts(birthDate=text).birth_date == day


def test_an_unreadable_birth_date_is_unknown_and_told() -> None:
    read = facts(birthDate="9.7.1950", gender="male")
    assert (read.birth_date, read.sex) == (None, Sex.MALE)
    assert [each.where for each in read.problems] == ["Patient.birthDate"]


@pytest.mark.parametrize(
    ("given", "deceased"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2020"}, True),
    ],
)
def test_death_is_read(given: dict[str, Any], *, deceased: bool) -> None:
    assert facts(**given).deceased is deceased


def test_merges_are_read_both_ways() -> None:
    links = [
        {"type": "replaced-by", "other": {"reference": "http://x/fhir/Patient/p9"}},
        {"type": "replaces", "other": {"reference": "Patient/p2"}},
        {"type": "replaces", "other": {"reference": "Patient/p3"}},
        {"type": "seealso", "other": {"reference": "Patient/p4"}},
        {"type": "refer", "other": {"reference": "RelatedPerson/p5"}},
    ]
    read = facts(link=links)
    assert (read.replaced_by, read.replaces, read.problems) == ("p9", ("p2", "p3"), ())


@pytest.mark.parametrize("other", [None, {}, {"reference": "Patient/p1"}, {"reference": "urn:uuid:1"}])
def test_a_merge_that_leads_nowhere_is_told(other: dict[str, Any] | None) -> None:
    read = facts(link=[{"type": "replaced-by", "other": other}])
    assert read.replaced_by is None
    assert [(each.reason, each.where) for each in read.problems] == [
        ("unreadable-link", "Patient.link[0].other")
    ]


def test_a_patient_merged_into_two_is_told() -> None:
    links = [{"type": "replaced-by", "other": {"reference": f"Patient/{id_}"}} for id_ in ("a", "b", "a")]
    read = facts(link=links)
    assert read.replaced_by == "a"
    assert [each.reason for each in read.problems] == ["conflicting-link"]


def test_identifiers_are_read() -> None:
    read = facts(identifier=[{"system": "urn:mrn", "value": "7"}, {"value": "8"}, {"system": "urn:none"}])
    assert read.identifiers == (("urn:mrn", "7"), ("", "8"))


def test_a_condition_has_codes_words_and_a_period() -> None:
    read = condition(
        code={"coding": [{"system": "s", "code": "c", "display": "D"}]},
        onsetDateTime="2023-05",
        abatementDateTime="2023-11",
        clinicalStatus=state("resolved"),
    )
    assert read == Condition((Coding("s", "c"),), "D", date(2023, 5, 1), date(2023, 11, 30), active=True)


def test_without_an_onset_the_day_it_was_recorded_counts() -> None:
    assert condition(recordedDate="2023-05-04T10:00:00Z").start == date(2023, 5, 4)
    assert condition(onsetPeriod={"start": "2022", "end": "2023"}, recordedDate="2024").start == date(
        2022, 1, 1
    )
    assert condition(onsetAge={"value": 40}, abatementPeriod={"end": "2024-01-02"}).end == date(2024, 1, 2)
    assert condition().start is None


@pytest.mark.parametrize("status", ["inactive", "remission", "resolved"])
def test_a_condition_that_is_over_at_an_unknown_time_is_not_active(status: str) -> None:
    assert not condition(clinicalStatus=state(status)).active
    assert not condition(clinicalStatus={"text": status.title()}).active


def test_a_condition_over_at_an_unknown_time_held_at_most_until_that_was_written() -> None:
    over: dict[str, Any] = {
        "clinicalStatus": state("resolved"),
        "meta": {"lastUpdated": "2024-02-03T10:00:00Z"},
    }
    read = condition(onsetDateTime="2023-10-01", **over)
    assert (read.start, read.end, read.active) == (date(2023, 10, 1), date(2024, 2, 3), False)
    assert condition(**over).end is None
    assert condition(onsetDateTime="2023-10-01", **over | {"meta": {"lastUpdated": "soon"}}).end is None


@pytest.mark.parametrize("status", ["active", "recurrence", "relapse"])
def test_a_condition_that_lasts_is_active(status: str) -> None:
    assert condition(clinicalStatus=state(status)).active


@pytest.mark.parametrize("verification", ["refuted", "entered-in-error"])
def test_a_refuted_condition_is_a_tombstone(verification: str) -> None:
    assert content("Condition", verificationStatus=state(verification)) == Deleted()
    assert content("Condition", verificationStatus=state(verification), subject=None) == Deleted()


def test_a_condition_without_patient_or_code_is_quarantined() -> None:
    assert refused({"resourceType": "Condition", "id": "c"}) == ("no-patient", "Condition.subject")
    assert refused({"resourceType": "Condition", "id": "c", **SUBJECT}) == ("no-code", "Condition.code")
    group = {"subject": {"reference": "Group/g"}}
    assert content("Condition", **group) == Ignored("other-subject")


def test_an_order_is_current_while_it_is_active() -> None:
    read = drug(authoredOn="2024-01-02T10:00:00+01:00", intent="order")
    assert read == Medication(
        (Coding("urn:rx", "83367"),), "Atorvastatin 20; atorvastatin", date(2024, 1, 2), None, current=True
    )


@pytest.mark.parametrize("status", ["stopped", "completed", "on-hold", "ended", "unknown", "nonsense"])
def test_an_order_that_has_ended_is_not_current(status: str) -> None:
    assert not drug(status=status).current


@pytest.mark.parametrize(
    "given",
    [
        {"status": "draft"},
        {"status": "cancelled"},
        {"intent": "proposal"},
        {"intent": "plan"},
        {"doNotPerform": True},
    ],
)
def test_an_order_that_was_never_one_is_ignored(given: dict[str, Any]) -> None:
    read = content("MedicationRequest", **{"status": "active", "medicationCodeableConcept": STATIN, **given})
    assert read == Ignored("not-taken")


@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationStatement", "MedicationAdministration"])
def test_a_drug_entered_in_error_is_a_tombstone(kind: str) -> None:
    assert content(kind, status="entered-in-error") == Deleted()
    assert content(kind, status="entered-in-error", subject={}, medicationCodeableConcept=4) == Deleted()


def test_the_dosage_bounds_an_order() -> None:
    def dosage(**bounds: Any) -> list[dict[str, Any]]:
        return [{"timing": {"repeat": bounds}}]

    read = drug(authoredOn="2024-01-01", dosageInstruction=dosage(boundsPeriod={"start": "2024-01-05"}))
    assert (read.start, read.end) == (date(2024, 1, 5), None)
    steps = [
        *dosage(boundsPeriod={"start": "2024-01-05", "end": "2024-01-09"}),
        {"text": "as needed"},
        *dosage(boundsPeriod={"start": "2024-01-10", "end": "2024-02"}),
    ]
    read = drug(authoredOn="2024-01-01", dosageInstruction=steps)
    assert (read.start, read.end) == (date(2024, 1, 5), date(2024, 2, 29))
    week = {"value": 1, "unit": "wk", "system": "http://unitsofmeasure.org", "code": "wk"}
    assert drug(authoredOn="2024-01-01", dosageInstruction=dosage(boundsDuration=week)).end == date(
        2024, 1, 8
    )
    for odd in ({"value": "x", "code": "wk"}, {"value": 1e9, "code": "a"}, {"value": 1, "code": "x"}, {}):
        assert drug(authoredOn="2024-01-01", dosageInstruction=dosage(boundsDuration=odd)).end is None


def test_the_dispense_request_bounds_an_order_that_says_no_more_and_is_not_active() -> None:
    valid = {"validityPeriod": {"start": "2024-01-03", "end": "2024-03-03"}}
    read = drug(authoredOn="2024-01-01", dispenseRequest=valid, status="completed")
    assert (read.start, read.end) == (date(2024, 1, 3), date(2024, 3, 3))
    read = drug(authoredOn="2024-01-01", dispenseRequest=valid)
    assert (read.start, read.end, read.current) == (date(2024, 1, 3), None, True)
    week = [{"timing": {"repeat": {"boundsPeriod": {"end": "2024-01-09"}}}}]
    assert drug(dispenseRequest=valid, dosageInstruction=week).end == date(2024, 1, 9)


UPDATED: dict[str, Any] = {"meta": {"lastUpdated": "2024-02-03T22:30:00Z"}}


@pytest.mark.parametrize("status", ["stopped", "completed", "on-hold", "ended"])
def test_an_order_that_is_over_without_saying_since_when_was_taken_until_that_was_written(
    status: str,
) -> None:
    read = drug(status=status, authoredOn="2024-01-02", **UPDATED)
    assert (read.start, read.end, read.current) == (date(2024, 1, 2), date(2024, 2, 3), False)
    assert drug("MedicationStatement", status=status, **UPDATED).end == date(2024, 2, 3)
    assert drug(status=status, authoredOn="2024-01-02").end is None


@pytest.mark.parametrize("status", ["active", "unknown", "nonsense"])
def test_when_an_order_was_written_does_not_end_one_that_is_not_said_to_be_over(status: str) -> None:
    assert drug(status=status, authoredOn="2024-01-02", **UPDATED).end is None


def test_the_day_something_was_written_is_one_of_the_sources_zone() -> None:
    given = {"resourceType": "MedicationRequest", "id": "x1", **SUBJECT, **UPDATED}
    given |= {"status": "stopped", "medicationCodeableConcept": STATIN}
    read = decoded(given, zone=ZoneInfo("Australia/Sydney")).content
    assert isinstance(read, Medication)
    assert read.end == date(2024, 2, 4)


def test_an_order_stopped_was_taken_when_it_was_no_longer_to_be_dispensed() -> None:
    valid: dict[str, Any] = {"dispenseRequest": {"validityPeriod": {"end": "2024-01-31"}}}
    assert drug(status="stopped", **valid, **UPDATED).end == date(2024, 2, 3)
    assert drug(status="stopped", **valid).end == date(2024, 1, 31)
    assert drug(status="completed", **valid, **UPDATED).end == date(2024, 1, 31)


def test_an_administration_at_an_unknown_time_is_not_placed_by_when_it_was_written() -> None:
    assert drug("MedicationAdministration", status="completed", **UPDATED).end is None
    since: dict[str, Any] = {"effectivePeriod": {"start": "2024-01-01"}}
    assert drug("MedicationAdministration", status="completed", **since, **UPDATED).end == date(2024, 2, 3)


def test_a_statement_has_the_period_it_states() -> None:
    read = drug(
        "MedicationStatement", effectivePeriod={"start": "2023-01", "end": "2023-02"}, status="completed"
    )
    assert (read.start, read.end, read.current) == (date(2023, 1, 1), date(2023, 2, 28), False)
    read = drug("MedicationStatement", effectiveDateTime="2023-01-05", dateAsserted="2023-02-01")
    assert (read.start, read.end, read.current) == (date(2023, 1, 5), None, True)
    assert drug("MedicationStatement", dateAsserted="2023-02-01").start == date(2023, 2, 1)


@pytest.mark.parametrize("status", ["intended", "not-taken"])
def test_a_drug_not_taken_is_ignored(status: str) -> None:
    assert content("MedicationStatement", status=status) == Ignored("not-taken")


def test_an_administration_is_of_one_day() -> None:
    read = drug("MedicationAdministration", status="completed", effectiveDateTime="2023-01-05T10:00:00Z")
    assert (read.start, read.end, read.current) == (date(2023, 1, 5), date(2023, 1, 5), False)


def test_a_drug_is_known_by_a_contained_medication_or_by_its_name() -> None:
    contained = [{"resourceType": "Medication", "id": "m", "code": STATIN}]
    read = drug(medicationReference={"reference": "#m"}, contained=contained)
    assert (read.codings, read.text) == ((Coding("urn:rx", "83367"),), "Atorvastatin 20; atorvastatin")
    assert drug(medicationReference={"reference": "Medication/9", "display": "Warfarin"}).text == "Warfarin"
    assert drug(medication={"concept": STATIN}).text == "Atorvastatin 20; atorvastatin"
    assert drug(medication={"reference": {"display": "Warfarin"}}).text == "Warfarin"


def test_a_name_in_another_language_does_not_hide_the_display_of_its_code() -> None:
    concept = {"coding": [{"code": "1", "display": "Isoniazid"}, {"code": "2", "display": "异烟肼片"}]}
    read = drug(medicationCodeableConcept=concept | {"text": "异烟肼片"})
    assert read.text == "异烟肼片; Isoniazid"
    assert hepatotoxic(read.codings, read.text) == {"isoniazid"}


def test_a_drug_that_nobody_can_name_is_quarantined() -> None:
    read = content("MedicationRequest", status="active", medicationReference={"reference": "Medication/9"})
    assert isinstance(read, Unusable)
    assert (read.reason, read.where) == ("no-code", "MedicationRequest.medication")


def test_wrong_types_are_told_by_their_path() -> None:
    given = {"resourceType": "Patient", "id": "p1", "deceasedBoolean": "yes"}
    assert refused(given) == ("wrong-type", "Patient.deceasedBoolean")
    assert decoded(given).patient == "p1"
