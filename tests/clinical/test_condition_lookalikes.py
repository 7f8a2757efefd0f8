"""What names a condition without saying that the patient has it, and what is only spelt like one."""

import pytest

from service.clinical.catalogues.conditions import concepts_of
from service.clinical.results import Coding

ICD_10 = "http://hl7.org/fhir/sid/icd-10"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"


@pytest.mark.parametrize(
    "text",
    [
        "No history of hepatitis B",
        "Hepatitis B vaccination",
        "Vaccination against hepatitis B",
        "Hepatitis A and B vaccination",
        "Hepatitis B immune",
        "Hepatitis B, immune",
        "Immune to hepatitis B",
        "Hepatitis B surface antigen negative",
        "Hepatitis C antibody negative",
        "Hepatitis C screening",
        "Screening for diabetes mellitus",
        "Suspected sepsis",
        "?Hepatitis C",
        "Cirrhosis ruled out",
        "No evidence of cirrhosis",
        "Hepatitis C, resolved",
        "Hepatitis C treated, SVR achieved",
        "Family history of haemochromatosis",
        "FH: diabetes mellitus",
        "Mother has type 2 diabetes",
        "At risk of diabetes",
        "Genetic susceptibility to obesity",
        "Contact with and (suspected) exposure to viral hepatitis",
        "Unspecified maternal hypertension",
        "Syndrome of infant of a diabetic mother",
        "Hepatitis C: no",
        "Hepatitis C - none",
        "Cirrhosis, r/o",
        "Cirrhosis - rule out",
        "r/o cirrhosis",
        "Fatty liver?",
        "Fatty liver ?",
        "Awaiting liver transplant",
        "Hemochromatosis carrier",
        "Sickle cell trait",
    ],
)
def test_what_is_denied_prevented_only_suspected_or_another_persons_does_not_count(text: str) -> None:
    assert concepts_of((), text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "Gestational diabetes mellitus, diet controlled",
        "Diabetes mellitus arising in pregnancy",
        "Diabetes insipidus",
        "Alcohol-free",
        "Portal hypertension",
        "Ocular hypertension",
        "Pulmonary arterial hypertension",
        "Gestational [pregnancy-induced] hypertension",
        "White coat hypertension",
        "Elevated blood-pressure reading, without diagnosis of hypertension",
        "Fatty foods",
        "Fatty food intolerance",
        "Overweight",
        "Celiac artery compression syndrome",
        "Irritable bowel syndrome",
        "Cardiomyopathy",
        "Myositis ossificans",
        "Chronic hepatitis, a complication",
        "Drug-induced hepatitis",
        "Paget's disease of the breast",
        "Fractured dental filling",
        "Fracture of tooth",
        "Electric shock",
        "Hemolyzed specimen",
        "Group A beta-hemolytic streptococcus",
        "First degree burn",
        "Osteoporosis (disorder)",
        "Ex-smoker",
        "Non-smoker",
        "Smoking cessation counselling",
        "Preoperative state",
        "Exposure to cold",
        "Multiple superficial injuries of head",
        "Chronic respiratory failure, unspecified whether with hypoxia or hypercapnia",
        "Appendicitis",
        "",
    ],
)
def test_what_is_only_spelt_alike_does_not_count(text: str) -> None:
    assert concepts_of((), text) == set()


def test_the_mark_that_american_records_put_on_risk_adjusted_diagnoses_is_no_liver_cancer() -> None:
    assert concepts_of((), "Chronic systolic heart failure (HCC)") == {"heart-failure"}


@pytest.mark.parametrize("said", ["hepatitis b negative, ", "exposure to ", "metastatic ", "possible "])
def test_of_a_whole_letter_in_place_of_a_name_only_the_beginning_is_read(said: str) -> None:
    assert concepts_of((), "Obesity; " + said * 50_000 + "; cirrhosis") == {"obesity"}


@pytest.mark.parametrize("name", ["hepatitis C", "alcohol abuse", "hypertension", "ulcerative colitis"])
def test_a_history_of_a_chronic_condition_counts(name: str) -> None:
    assert concepts_of((), f"History of {name}") == concepts_of((), name) != set()


@pytest.mark.parametrize("name", ["sepsis", "cardiac arrest", "hepatitis A", "seizure", "fracture of hip"])
def test_a_history_of_an_acute_condition_does_not(name: str) -> None:
    assert concepts_of((), name)
    assert concepts_of((), f"History of {name} (situation)") == set()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hypertension, portal hypertension", {"hypertension"}),
        ("Hypertensive heart disease without heart failure", {"hypertension"}),
        ("Hypertension; no diabetes", {"hypertension"}),
        ("Family history of haemochromatosis. Obesity", {"obesity"}),
        ("Chronic hepatitis C, HIV negative", {"hepatitis-c"}),
        ("HBeAg negative chronic hepatitis B", {"hepatitis-b", "hepatitis-b-chronic"}),
        ("Hypothyroidism, not otherwise specified", {"hypothyroidism"}),
        ("Abnormal liver function tests due to fatty liver", {"fatty-liver"}),
        ("Alcohol dependence in remission", {"alcohol-use-disorder"}),
        ("Post-traumatic seizure", {"seizure"}),
        ("Diabetes with neuropathy of the left leg and negative urine test", {"diabetes"}),
    ],
)
def test_a_denial_takes_nothing_but_what_it_denies(text: str, names: set[str]) -> None:
    assert concepts_of((), text) == names


@pytest.mark.parametrize(
    ("system", "code", "name"),
    [
        (ICD_10, "O24.4", "diabetes"),
        (ICD_10, "K76.6", "hypertension"),
        (ICD_10, "D57.3", "sickle-cell-disease"),
        (ICD_10, "K83.0", "primary-sclerosing-cholangitis"),
        (ICD_10, "R65.2", "sepsis"),
        (ICD_10_CM, "E66.3", "obesity"),
        (ICD_10_CM, "F10.90", "alcohol-use-disorder"),
        (ICD_10_CM, "E83.10", "haemochromatosis"),
        (ICD_10_CM, "S02.5XXA", "fracture"),
        (ICD_10_CM, "Z83.3", "diabetes"),
    ],
)
def test_a_code_beside_those_of_a_condition_is_not_taken(system: str, code: str, name: str) -> None:
    assert name not in concepts_of((Coding(system, code),), "")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hepatitis C, no cirrhosis", "hepatitis-c"),
        ("Hepatitis C, r/o cirrhosis", "hepatitis-c"),
        ("Fatty liver. Cirrhosis?", "fatty-liver"),
    ],
)
def test_what_is_asked_of_another_condition_leaves_this_one_as_it_is(text: str, name: str) -> None:
    assert concepts_of((), text) >= {name}
    assert "cirrhosis" not in concepts_of((), text)
