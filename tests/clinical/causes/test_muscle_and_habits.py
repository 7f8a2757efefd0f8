"""Muscle, sleep, alcohol and contributors: each bound from both sides, and what is not known."""

from datetime import date

import pytest

from service.clinical.analytes import Analyte
from service.clinical.causes.cause import CauseName
from service.clinical.results import Measurement, PatientRecord, Sex
from tests.clinical.causes.weighed import (
    AGAINST,
    FOR,
    UNKNOWN,
    causes,
    cause,
    measured,
    recorded,
    says,
    told,
    with_context,
    words,
)
from tests.clinical.records import (
    ALP,
    ALT,
    AST,
    GGT,
    day_of,
    man,
    multiples,
    patient,
    pregnancy,
    result,
    series,
)

CK = Analyte.CREATINE_KINASE
RAISED = man(multiples(ALT, {0: 2}), multiples(AST, {0: 2}))


def with_ck(value: object, when: int = 0, comparator: str = "") -> PatientRecord:
    return man(*RAISED.results, result(CK, when, value, comparator=comparator))


@pytest.mark.parametrize(
    ("record", "side", "fragment"),
    [
        (with_ck(1001), FOR, "above 5 × ULN"),
        (with_ck(1000), UNKNOWN, "raised, but not above 5 × ULN"),
        (with_ck(2000, comparator=">"), FOR, ">2000 U/L"),
        (
            with_ck(200),
            AGAINST,
            "Creatine kinase 1 × ULN (200 U/L, limit 200, rulebook) on 2020-01-01: normal",
        ),
        (with_ck(5000, when=8), UNKNOWN, "No creatine kinase (CK) within 7 days"),
        (man(multiples(ALT, {0: 2}), multiples(AST, {0: 3})), FOR, "AST is raised more than ALT"),
        (man(multiples(ALT, {0: 3}), multiples(AST, {0: 2})), AGAINST, "ALT is raised more than AST"),
        (with_context(RAISED, told("exercise", "Yes", -14)), FOR, "Strenuous exercise on 2019-12-18: Yes"),
        (with_context(RAISED, told("exercise", "No", -14)), AGAINST, "Strenuous exercise on 2019-12-18: No"),
        (with_context(RAISED, told("exercise", "a marathon", -2)), UNKNOWN, "a marathon"),
        (with_context(RAISED, told("exercise", "Yes", -15)), UNKNOWN, "Strenuous exercise within 14 days"),
        (with_context(RAISED, recorded("Rhabdomyolysis", -300)), FOR, "Rhabdomyolysis, since 2019-03-07"),
        (with_context(RAISED, recorded("Seizure (finding)", -14)), FOR, "Seizure (finding)"),
        (with_context(RAISED, recorded("Second degree burn", -40, -14)), FOR, "until 2019-12-18"),
    ],
)
def test_muscle(record: PatientRecord, side: str, fragment: str) -> None:
    says(cause(record, CauseName.MUSCLE), side, fragment)


@pytest.mark.parametrize(
    "event",
    [recorded("Seizure (finding)", -15), recorded("Seizure (finding)", 1), recorded("Seizure (finding)")],
    ids=["too long before", "afterwards", "at an unknown time"],
)
def test_an_injury_that_does_not_lie_just_before_is_not_named(event: object) -> None:
    found = cause(with_context(RAISED, event), CauseName.MUSCLE)  # type: ignore[arg-type]
    assert "Seizure" not in words((*found.speaks_for, *found.speaks_against, *found.unknown))


def test_muscle_cannot_explain_an_elevation_without_alt_and_ast() -> None:
    record = man(multiples(ALP, {0: 2, 200: 2}), multiples(GGT, {0: 2, 200: 2}))
    assert CauseName.MUSCLE not in {one.name for one in causes(record)}


@pytest.mark.parametrize(
    ("context", "side", "fragment"),
    [
        (measured("sleep-hours", "5.9", -90, unit="h"), FOR, "Sleep 5.9 h on 2019-10-03, below 6"),
        (measured("sleep-hours", 6, 90, unit="h"), AGAINST, "Sleep 6 h on 2020-03-31, not below 6"),
        (measured("sleep-hours", 5, -91, unit="h"), UNKNOWN, "Sleep: not in the record"),
        (recorded("Insomnia", -500), FOR, "Insomnia"),
    ],
)
def test_short_sleep(context: Measurement, side: str, fragment: str) -> None:
    says(cause(with_context(RAISED, context), CauseName.SLEEP), side, fragment)


@pytest.mark.parametrize(
    ("record", "side", "fragment"),
    [
        (man(series(AST, {0: 201}), series(ALT, {0: 100})), FOR, "above 2"),
        (man(series(AST, {0: 99}), series(ALT, {0: 100})), AGAINST, "below 1"),
        (man(series(ALT, {0: 100})), UNKNOWN, "AST and ALT are not both known"),
        (man(*RAISED.results, *multiples(GGT, {0: "1.1"})), FOR, "GGT 1.1 × ULN"),
        (man(*RAISED.results, *multiples(GGT, {0: 1})), AGAINST, "GGT 1 × ULN"),
        (man(*RAISED.results, *multiples(GGT, {-91: 3})), UNKNOWN, "No GGT within 90 days"),
        (with_context(RAISED, measured("audit-c", 4)), FOR, "AUDIT-C 4 on 2020-01-01, at least 4"),
        (with_context(RAISED, measured("audit-c", 3)), AGAINST, "AUDIT-C 3 on 2020-01-01, below 4"),
        (with_context(RAISED, measured("audit-c", 0)), AGAINST, "AUDIT-C 0"),
        (with_context(RAISED, measured("audit-c", 9, -400)), UNKNOWN, "more than 12 months before"),
        (with_context(RAISED, measured("drinks-per-week", 16, unit="/wk")), FOR, "224 g, above 210 g a week"),
        (
            with_context(RAISED, measured("drinks-per-week", 15, unit="/wk")),
            AGAINST,
            "210 g, not above 210 g",
        ),
        (with_context(RAISED, measured("alcohol-units-per-week", 27, unit="/wk")), FOR, "216 g, above 210 g"),
        (
            with_context(RAISED, measured("drinks-per-week", 14, comparator=">")),
            UNKNOWN,
            "either side of 210 g",
        ),
        (RAISED, UNKNOWN, "How much alcohol is drunk in a week"),
        (with_context(RAISED, recorded("Alcoholic hepatitis", -50)), FOR, "Alcoholic hepatitis"),
    ],
)
def test_alcohol(record: PatientRecord, side: str, fragment: str) -> None:
    says(cause(record, CauseName.ALCOHOL), side, fragment)


@pytest.mark.parametrize("sex", [Sex.FEMALE, None])
def test_a_woman_and_an_unknown_sex_have_the_lower_bounds_of_alcohol(sex: Sex | None) -> None:
    record = patient(*RAISED.results, sex=sex)
    found = cause(
        with_context(record, measured("audit-c", 3), measured("drinks-per-week", 11, unit="/wk")),
        CauseName.ALCOHOL,
    )
    says(found, FOR, "AUDIT-C 3 on 2020-01-01, at least 3")
    says(found, FOR, "154 g, above 140 g a week")


@pytest.mark.parametrize(
    ("context", "side", "fragment"),
    [
        (measured("bmi", 30, -700, unit="kg/m2"), FOR, "BMI 30 kg/m2 on 2018-01-31, at least 30"),
        (measured("bmi", "29.9", unit="kg/m2"), AGAINST, "BMI 29.9 kg/m2 on 2020-01-01, below 30"),
        (measured("bmi", 40, -800, unit="kg/m2"), UNKNOWN, "more than 24 months before"),
        (measured("activity-minutes", 149, unit="min/wk"), FOR, "Physical activity 149 minutes a week"),
        (measured("activity-minutes", 150, unit="min/wk"), AGAINST, "not below 150"),
        (told("tobacco", "Smokes tobacco daily (finding)"), FOR, "Smokes tobacco daily"),
        (told("tobacco", "Current every day smoker"), FOR, "Current every day smoker"),
        (told("tobacco", "Never smoked tobacco (finding)"), AGAINST, "Never smoked"),
        (told("tobacco", "Current non-smoker"), AGAINST, "Current non-smoker"),
        (told("tobacco", "Ex-light cigarette smoker"), UNKNOWN, "Ex-light"),
        (told("tobacco", "Former smoker"), UNKNOWN, "Former smoker"),
        (told("tobacco", "Smoker, current status unknown"), UNKNOWN, "status unknown"),
        (told("tobacco", "Current every day smoker", -400), UNKNOWN, "Tobacco: not recorded"),
        (recorded("Obesity", -900), FOR, "Obesity"),
        (recorded("Occupational exposure to solvents", -90), FOR, "solvents, since 2019-10-03"),
    ],
)
def test_contributors(context: Measurement, side: str, fragment: str) -> None:
    says(cause(with_context(RAISED, context), CauseName.CONTRIBUTORS), side, fragment)


def test_body_mass_and_audit_c_are_not_read_by_the_bounds_of_adults_where_they_do_not_hold() -> None:
    heavy = (measured("bmi", 35, unit="kg/m2"), measured("audit-c", 8))
    child = with_context(man(*multiples(ALT, {0: 20}), birth_date=date(2010, 1, 1)), *heavy)
    says(cause(child, CauseName.CONTRIBUTORS), UNKNOWN, "BMI is not read")
    says(cause(child, CauseName.ALCOHOL), UNKNOWN, "AUDIT-C is not read")
    mother = with_context(
        patient(*multiples(ALT, {0: 4}), sex=Sex.FEMALE, conditions=[pregnancy(day_of(-60))]), *heavy
    )
    says(cause(mother, CauseName.CONTRIBUTORS), UNKNOWN, "BMI is not read in pregnancy")
