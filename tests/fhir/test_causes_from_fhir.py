"""The whole road: resources as an EHR sends them, decoded, and what they say of the causes."""

from typing import Any

import pytest

from service.clinical.causes.cause import CauseName
from service.clinical.results import Condition, LabResult, Measurement, Medication, PatientRecord, Sex
from service.fhir.incoming import Deleted, Observed, PatientFacts
from tests.clinical.causes.weighed import AGAINST, FOR, UNKNOWN, cause, says, words
from tests.fhir.arriving import ALP, ALT, AST, BILIRUBIN, coded, decoded, quantity

SUBJECT = {"subject": {"reference": "Patient/p1"}}
SNOMED, ICD10, ICD10CM = (
    "http://snomed.info/sct",
    "http://hl7.org/fhir/sid/icd-10",
    "http://hl7.org/fhir/sid/icd-10-cm",
)
RXNORM, ATC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://www.whocc.no/atc"
MAN = {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1970-05-01"}


def observed(number: str, code: dict[str, Any], day: str = "2024-03-01", **value: Any) -> dict[str, Any]:
    given = {"resourceType": "Observation", "id": number, "status": "final", "code": code, **SUBJECT}
    return {**given, "effectiveDateTime": f"{day}T08:00:00Z", **value}


def enzyme(number: str, code: str, value: object, high: object, day: str = "2024-03-01") -> dict[str, Any]:
    limit = [{"high": quantity(high)}]
    return observed(number, coded(code), day, valueQuantity=quantity(value), referenceRange=limit)


def diagnosed(number: str, code: dict[str, Any], since: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": number,
        "code": code,
        "onsetDateTime": since,
        **SUBJECT,
        **more,
    }


def ordered(number: str, concept: dict[str, Any], since: str, **more: Any) -> dict[str, Any]:
    given = {"resourceType": "MedicationRequest", "id": number, "status": "active", "intent": "order"}
    return {**given, "medicationCodeableConcept": concept, "authoredOn": since, **SUBJECT, **more}


def record(*resources: dict[str, Any]) -> PatientRecord:
    """What the service keeps of these resources of one patient."""
    results: list[LabResult] = []
    measurements: list[Measurement] = []
    conditions: list[Condition] = []
    medications: list[Medication] = []
    sex, born = None, None
    for given in resources:
        content = decoded(given).content
        if isinstance(content, Observed):
            results += content.results
            measurements += content.measurements
        elif isinstance(content, PatientFacts):
            sex, born = content.sex, content.birth_date
        elif isinstance(content, Condition):
            conditions.append(content)
        elif isinstance(content, Medication):
            medications.append(content)
        else:
            assert isinstance(content, Deleted), content
    return PatientRecord(
        results, sex, born, conditions=conditions, medications=medications, measurements=measurements
    )


LIVER = (enzyme("alt", ALT, 240, 40), enzyme("ast", AST, 90, 40), enzyme("alp", ALP, 110, 120))


def test_metabolic_fatty_liver_from_codes_and_observations() -> None:
    fat = record(
        MAN,
        *LIVER,
        diagnosed("dm", coded("44054006", system=SNOMED), "2019-02-03"),
        diagnosed("htn", coded("I10", system=ICD10), "2010"),
        observed("bmi", coded("39156-5"), "2023-12-01", valueQuantity=quantity(31.2, "kg/m2")),
        observed("tg", coded("2571-8"), "2024-01-01", valueQuantity=quantity(1.70, "mmol/L")),
        observed("hdl", coded("2085-9"), "2024-01-01", valueQuantity=quantity(1.3, "mmol/L")),
    )
    found = cause(fat, CauseName.FATTY_LIVER)
    assert fat.sex is Sex.MALE
    for fragment in (
        "AST/ALT 0.38",
        "diabetes type 2 (44054006)",
        "hypertension (I10)",
        "BMI 31.2 kg/m2",
        "Triglycerides 150.57 mg/dL",
    ):
        says(found, FOR, fragment)
    says(found, AGAINST, "HDL cholesterol 50.27 mg/dL")
    assert {one for each in found.speaks_for for one in each.resources} == {"Condition/dm", "Condition/htn"}


def test_hepatitis_c_from_icd_10_cm_and_serology_in_words() -> None:
    told = record(
        MAN,
        *LIVER,
        diagnosed("hcv", coded("B18.2", system=ICD10CM), "2012-01-01"),
        observed("ab", coded("16128-1"), "2012-01-01", valueCodeableConcept={"text": "Reactive"}),
        observed("rna", coded("11011-4"), "2024-03-05", valueString="No HCV RNA detected"),
        observed("hbsag", coded("5195-3"), "2024-03-05", valueCodeableConcept={"text": "Not detected"}),
    )
    found = cause(told, CauseName.HEPATITIS_C)
    says(found, FOR, "hepatitis c (B18.2)")
    says(found, AGAINST, "HCV RNA on 2024-03-05: negative: no virus found")
    assert "Anti-HCV on 2012-01-01: positive" in words(found.notes)
    says(cause(told, CauseName.HEPATITIS_B), AGAINST, "HBsAg on 2024-03-05: negative (Not detected)")


@pytest.mark.parametrize(
    "concept",
    [
        coded("6038", system=RXNORM),
        coded("J04AC01", system=ATC),
        {"text": "Isoniazid 300 MG Oral Tablet"},
        {"coding": [{"system": RXNORM, "code": "311166", "display": "isoniazid 300 MG Oral Tablet"}]},
    ],
    ids=["RxNorm", "ATC", "text", "a product by its display"],
)
def test_a_drug_by_each_way_in_which_it_may_be_named(concept: dict[str, Any]) -> None:
    found = cause(record(MAN, *LIVER, ordered("inh", concept, "2024-01-10")), CauseName.DRUG)
    (evidence,) = found.speaks_for
    assert "Isoniazid (antituberculosis; LiverTox category A" in evidence.words
    assert "begun 2024-01-10, still taken; onset on 2024-03-01: suggestive" in evidence.words
    assert evidence.resources == ("MedicationRequest/inh",)


def test_shock_and_a_fall_within_days() -> None:
    shocked = record(
        MAN,
        enzyme("a1", ALT, 2400, 40, "2024-03-01"),
        enzyme("a2", ALT, 900, 40, "2024-03-03"),
        diagnosed("shock", {"text": "Septic shock"}, "2024-02-28"),
        observed("ldh", coded("2532-0"), "2024-03-01", valueQuantity=quantity(2100)),
    )
    found = cause(shocked, CauseName.CIRCULATORY)
    for fragment in ("fallen to 0.5 of it within 3 days", "Septic shock", "LDH 2100 U/L"):
        says(found, FOR, fragment)


def test_gilbert_syndrome_and_habits_in_words() -> None:
    yellow = record(
        MAN,
        observed("t", coded(BILIRUBIN), valueQuantity=quantity(2.6, "mg/dL")),
        observed("d", coded("1968-7"), valueQuantity=quantity(0.3, "mg/dL")),
        enzyme("alt", ALT, 22, 40),
        enzyme("alp", ALP, 80, 120),
        observed("t2", coded(BILIRUBIN), "2024-01-01", valueQuantity=quantity(2.4, "mg/dL")),
        observed("smoke", coded("72166-2"), valueCodeableConcept={"text": "Former smoker"}),
        observed("run", {"text": "Strenuous exercise"}, valueBoolean=True),
        observed("units", {"text": "Alcohol units per week"}, valueQuantity=quantity(30, "/wk")),
        observed("walk", {"text": "Exercise minutes per week"}, valueQuantity=quantity(60, "min/wk")),
    )
    says(cause(yellow, CauseName.GILBERT), FOR, "direct/total below 0.3")
    says(cause(yellow, CauseName.GILBERT), FOR, "ALP 0.67 × ULN")
    says(cause(yellow, CauseName.CONTRIBUTORS), UNKNOWN, "Former smoker")
    says(cause(yellow, CauseName.CONTRIBUTORS), FOR, "Physical activity 60 minutes a week")
    says(cause(yellow, CauseName.ALCOHOL), FOR, "240 g, above 210 g a week")


@pytest.mark.parametrize(
    ("code", "value", "name", "side", "fragment"),
    [
        ({"text": "Strenuous exercise"}, {"valueBoolean": True}, CauseName.MUSCLE, FOR, "Strenuous exercise"),
        (
            {"text": "Vigorous exercise"},
            {"valueString": "No"},
            CauseName.MUSCLE,
            AGAINST,
            "Strenuous exercise",
        ),
        (coded("17284-1"), {"valueString": "Positive 1:160"}, CauseName.BILIARY, FOR, "(AMA)"),
        (coded("31017-7"), {"valueString": "negative"}, CauseName.COELIAC, AGAINST, "(tTG-IgA)"),
        (coded("8061-4"), {"valueString": "1:320"}, CauseName.AUTOIMMUNE, FOR, "positive (1:320)"),
        (coded("13950-1"), {"valueString": "Nonreactive"}, CauseName.ACUTE_VIRAL, AGAINST, "Hepatitis A IgM"),
        (
            {"text": "Alpha-1-antitrypsin phenotype"},
            {"valueString": "PiZZ"},
            CauseName.ALPHA_1_ANTITRYPSIN,
            FOR,
            "PiZZ",
        ),
        (
            coded("4679-7"),
            {"valueQuantity": quantity(4, "%")},
            CauseName.HAEMOLYSIS,
            FOR,
            "Reticulocytes 4 %",
        ),
        (
            coded("2064-4"),
            {"valueQuantity": quantity(12, "mg/dL")},
            CauseName.WILSON,
            FOR,
            "Ceruloplasmin 0.12 g/L",
        ),
        (coded("93832-4"), {"valueQuantity": quantity(5, "h")}, CauseName.SLEEP, FOR, "Sleep 5 h"),
        (coded("3016-3"), {"valueQuantity": quantity(9, "mU/L")}, CauseName.THYROID, FOR, "TSH 9 mU/L"),
        (
            coded("2276-4"),
            {"valueQuantity": quantity(90, "ng/mL")},
            CauseName.HAEMOCHROMATOSIS,
            AGAINST,
            "90",
        ),
    ],
)
def test_an_observation_reaches_its_cause(
    code: dict[str, Any], value: dict[str, Any], name: CauseName, side: str, fragment: str
) -> None:
    says(cause(record(MAN, *LIVER, observed("x", code, **value)), name), side, fragment)


def test_a_family_history_and_a_refuted_condition_do_not_count() -> None:
    refuted = {
        "verificationStatus": coded("refuted", system="http://terminology.hl7.org/CodeSystem/condition-ver")
    }
    family = diagnosed("f", {"text": "Family history of hemochromatosis"}, "2000")
    assert cause(record(MAN, *LIVER, family), CauseName.HAEMOCHROMATOSIS).speaks_for == ()
    wilson = diagnosed("w", {"text": "Wilson's disease"}, "2000", **refuted)
    assert cause(record(MAN, *LIVER, wilson), CauseName.WILSON).speaks_for == ()
