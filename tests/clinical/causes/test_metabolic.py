"""Fatty liver, iron, copper, alpha-1-antitrypsin, thyroid: each bound from both sides, and the unknown."""

from datetime import date

import pytest

from service.clinical.causes.cause import CauseName
from service.clinical.causes.hfe import Copies, copies
from service.clinical.results import Answer, Measurement, PatientRecord, Sex
from tests.clinical.causes.weighed import (
    AGAINST,
    FOR,
    UNKNOWN,
    cause,
    measured,
    recorded,
    says,
    told,
    with_context,
    words,
)
from tests.clinical.records import ALT, AST, day_of, man, multiples, patient, pregnancy, series


def found_on_imaging(what: str, answer: Answer, when: int = 0) -> Measurement:
    return measured(what, None, when, answer=answer, text="as reported")


RAISED = man(multiples(ALT, {0: 2}), multiples(AST, {0: 2}))


@pytest.mark.parametrize(
    ("record", "side", "fragment"),
    [
        (man(series(AST, {0: 99}), series(ALT, {0: 100})), FOR, "AST/ALT 0.99"),
        (man(series(AST, {0: 201}), series(ALT, {0: 100})), AGAINST, "above 2"),
        (man(series(ALT, {0: 100})), UNKNOWN, "AST and ALT are not both known"),
        (with_context(RAISED, measured("bmi", 25)), FOR, "BMI 25 on 2020-01-01, at least 25"),
        (with_context(RAISED, measured("bmi", "24.9")), AGAINST, "BMI 24.9 on 2020-01-01, below 25"),
        (with_context(RAISED, measured("hba1c", "5.7")), FOR, "HbA1c 5.7 on 2020-01-01, at least 5.7"),
        (with_context(RAISED, measured("hba1c", "5.6")), AGAINST, "HbA1c 5.6"),
        (with_context(RAISED, measured("triglycerides", 150)), FOR, "Triglycerides 150"),
        (with_context(RAISED, measured("triglycerides", 149)), AGAINST, "Triglycerides 149"),
        (with_context(RAISED, measured("hdl-cholesterol", 40)), FOR, "HDL cholesterol 40"),
        (with_context(RAISED, measured("hdl-cholesterol", 41)), AGAINST, "HDL cholesterol 41"),
        (RAISED, UNKNOWN, "BMI: not in the record"),
        (with_context(RAISED, recorded("Type 2 diabetes mellitus")), FOR, "Type 2 diabetes mellitus"),
        (with_context(RAISED, recorded("Hyperlipidemia", 30)), FOR, "Hyperlipidemia, since 2020-01-31"),
        (with_context(RAISED, recorded("Steatosis of liver", -30)), FOR, "Steatosis of liver"),
    ],
)
def test_fatty_liver(record: PatientRecord, side: str, fragment: str) -> None:
    says(cause(record, CauseName.FATTY_LIVER), side, fragment)


@pytest.mark.parametrize(
    "over",
    [
        recorded("Obesity", -900, -1),
        recorded("Obesity", -900, active=False),
        recorded("Family history of obesity", -900),
        recorded("Risk of diabetes mellitus", -900),
    ],
)
def test_what_is_over_or_not_the_patients_own_is_not_named(over: Measurement) -> None:
    found = cause(with_context(RAISED, over), CauseName.FATTY_LIVER)
    assert "Recorded" not in words((*found.speaks_for, *found.speaks_against))


def test_the_lipids_of_a_child_are_not_read_by_the_bounds_of_adults() -> None:
    child = man(*multiples(ALT, {0: 20}), birth_date=date(2010, 1, 1))
    found = cause(with_context(child, measured("hba1c", 9)), CauseName.FATTY_LIVER)
    says(found, UNKNOWN, "HbA1c and lipids are not read")


@pytest.mark.parametrize(
    ("context", "side", "fragment"),
    [
        (measured("ferritin", 301, unit="ug/L"), FOR, "Ferritin 301 µg/L on 2020-01-01, above 300"),
        (measured("ferritin", 300, unit="ug/L"), AGAINST, "Ferritin 300 µg/L on 2020-01-01, not above 300"),
        (measured("ferritin", 350, high=400), AGAINST, "not above 400 (limit of the laboratory)"),
        (measured("ferritin", 299, comparator=">"), UNKNOWN, "either side of 300"),
        (measured("ferritin", 900, when=-400), UNKNOWN, "more than 12 months before"),
        (measured("transferrin-saturation", "45.1", unit="%"), FOR, "above 45"),
        (measured("transferrin-saturation", 45, unit="%", high=50), AGAINST, "not above 45"),
        (recorded("Hereditary hemochromatosis", 60), FOR, "Hereditary hemochromatosis"),
        (told("hfe-genotype", "C282Y/C282Y", -4000), FOR, "Two copies of C282Y"),
        (told("hfe-genotype", "C282Y/H63D"), UNKNOWN, "One copy of C282Y is no proof"),
        (told("hfe-genotype", "negative"), AGAINST, "Without C282Y only the rarer forms remain"),
        (told("hfe-genotype", "see report"), UNKNOWN, "cannot be told"),
        (told("hfe-c282y", "Homozygous"), FOR, "HFE gene test on 2020-01-01: Homozygous. Two copies"),
        (recorded("Family history of hemochromatosis"), UNKNOWN, "Ferritin: not in the record"),
    ],
)
def test_haemochromatosis(context: Measurement, side: str, fragment: str) -> None:
    says(cause(with_context(RAISED, context), CauseName.HAEMOCHROMATOSIS), side, fragment)


@pytest.mark.parametrize(
    ("what", "text", "number"),
    [
        ("hfe-genotype", "Homozygous for the p.C282Y variant", Copies.TWO),
        ("hfe-genotype", "Homozygous for p.Cys282Tyr", Copies.TWO),
        ("hfe-genotype", "C282Y homozygote", Copies.TWO),
        ("hfe-genotype", "C282Y: heterozygous; H63D: homozygous", Copies.ONE),
        ("hfe-genotype", "Compound heterozygote", Copies.ONE),
        ("hfe-genotype", "H63D/H63D", None),
        ("hfe-genotype", "C282Y not detected, H63D heterozygous", Copies.NONE),
        ("hfe-genotype", "Not homozygous for C282Y", None),
        ("hfe-genotype", "C282Y positive", None),
        ("hfe-c282y", "Heterozygous", Copies.ONE),
        ("hfe-c282y", "Not detected", Copies.NONE),
        ("hfe-c282y", "Detected", None),
    ],
)
def test_how_many_copies_of_the_gene_variant_a_laboratory_reports(
    what: str, text: str, number: Copies | None
) -> None:
    assert copies(told(what, text)) is number


def test_of_two_gene_tests_the_newer_counts() -> None:
    older, newer = told("hfe-c282y", "Homozygous", -30), told("hfe-genotype", "negative")
    found = cause(with_context(RAISED, older, newer), CauseName.HAEMOCHROMATOSIS)
    assert "HFE" not in words(found.speaks_for)
    assert "Without C282Y" in words(found.speaks_against)


@pytest.mark.parametrize(
    ("context", "side", "fragment"),
    [
        (
            found_on_imaging("steatosis", Answer.POSITIVE),
            FOR,
            "Fat in the liver, reported on 2020-01-01: found",
        ),
        (
            found_on_imaging("steatosis", Answer.NEGATIVE),
            AGAINST,
            "not found (as reported). Ultrasound misses",
        ),
        (found_on_imaging("steatosis", Answer.UNCLEAR), UNKNOWN, "unclear (as reported)"),
        (found_on_imaging("steatosis", Answer.POSITIVE, -4000), FOR, "Fat in the liver"),
    ],
)
def test_what_imaging_says_of_fat_in_the_liver(context: Measurement, side: str, fragment: str) -> None:
    says(cause(with_context(RAISED, context), CauseName.FATTY_LIVER), side, fragment)


def test_that_imaging_found_no_fat_long_ago_says_nothing() -> None:
    old = found_on_imaging("steatosis", Answer.NEGATIVE, -400)
    found = cause(with_context(RAISED, old), CauseName.FATTY_LIVER)
    says(found, UNKNOWN, "Fat in the liver, reported on 2018-11-27 (as reported): more than 12 months before")


@pytest.mark.parametrize("sex", [Sex.FEMALE, None])
def test_a_woman_and_an_unknown_sex_have_the_lower_bound_of_ferritin(sex: Sex | None) -> None:
    record = with_context(patient(*RAISED.results, sex=sex), measured("ferritin", 201))
    says(cause(record, CauseName.HAEMOCHROMATOSIS), FOR, "above 200")


@pytest.mark.parametrize(("value", "side"), [(50, FOR), ("50.1", AGAINST)])
def test_a_woman_has_the_higher_bound_of_hdl_cholesterol(value: object, side: str) -> None:
    record = with_context(patient(*RAISED.results, sex=Sex.FEMALE), measured("hdl-cholesterol", value))
    says(cause(record, CauseName.FATTY_LIVER), side, f"HDL cholesterol {value}")


def aged(years: int) -> PatientRecord:
    return man(*RAISED.results, birth_date=date(2020 - years, 1, 1))


@pytest.mark.parametrize(
    ("record", "side", "fragment"),
    [
        (aged(55), AGAINST, "55 years old"),
        (man(*RAISED.results, birth_date=None), UNKNOWN, "The age is not known"),
        (with_context(aged(30), measured("ceruloplasmin", "0.19", unit="g/L")), FOR, "below 0.2"),
        (with_context(aged(30), measured("ceruloplasmin", "0.2", unit="g/L")), AGAINST, "not below 0.2"),
        (with_context(aged(30), measured("ceruloplasmin", "0.21", low="0.22")), FOR, "below 0.22"),
        (aged(30), UNKNOWN, "Ceruloplasmin: not in the record"),
        (with_context(aged(30), measured("urine-copper", 101, unit="ug/(24.h)")), FOR, "101 µg a day"),
        (with_context(aged(30), measured("urine-copper", 100)), UNKNOWN, "above 40 but not surely above 100"),
        (with_context(aged(30), measured("urine-copper", 41)), UNKNOWN, "to be looked into"),
        (with_context(aged(30), measured("urine-copper", 40)), AGAINST, "not above 40"),
        (with_context(aged(30), measured("urine-copper", 90, -400)), UNKNOWN, "to be looked into"),
        (with_context(aged(30), recorded("Wilson's disease", 90)), FOR, "Wilson's disease"),
    ],
)
def test_wilson_disease(record: PatientRecord, side: str, fragment: str) -> None:
    says(cause(record, CauseName.WILSON), side, fragment)


def test_a_low_age_alone_does_not_speak_for_wilson_disease() -> None:
    assert cause(aged(20), CauseName.WILSON).speaks_for == ()


@pytest.mark.parametrize(("value", "side"), [("0.3", UNKNOWN), ("0.1", FOR)])
def test_a_normal_ceruloplasmin_says_nothing_in_pregnancy(value: str, side: str) -> None:
    mother = patient(*multiples(ALT, {0: 4}), sex=Sex.FEMALE, conditions=[pregnancy(day_of(-60))])
    found = cause(with_context(mother, measured("ceruloplasmin", value)), CauseName.WILSON)
    says(found, side, f"Ceruloplasmin {value}")


@pytest.mark.parametrize(
    ("context", "side", "fragment"),
    [
        (measured("a1at", "0.89", unit="g/L"), FOR, "below 0.9"),
        (measured("a1at", "0.9", unit="g/L"), AGAINST, "not below 0.9"),
        (measured("a1at", "0.9", low=1), FOR, "below 1 (limit of the laboratory)"),
        (told("a1at-phenotype", "PiZZ", -4000), FOR, "PiZZ"),
        (told("a1at-phenotype", "Pi*MZ"), FOR, "Pi*MZ"),
        (told("a1at-phenotype", "M1/Null"), FOR, "M1/Null"),
        (told("a1at-phenotype", "MM"), AGAINST, "MM"),
        (told("a1at-phenotype", "PI M1M2 phenotype"), AGAINST, "M1M2"),
        (told("a1at-phenotype", "MS"), UNKNOWN, "MS"),
        (told("a1at-phenotype", "see report"), UNKNOWN, "see report"),
        (recorded("Alpha-1 antitrypsin deficiency"), FOR, "Alpha-1 antitrypsin deficiency"),
        (recorded("Sinusitis"), UNKNOWN, "Alpha-1-antitrypsin: not in the record"),
    ],
)
def test_alpha_1_antitrypsin(context: Measurement, side: str, fragment: str) -> None:
    says(cause(with_context(RAISED, context), CauseName.ALPHA_1_ANTITRYPSIN), side, fragment)


@pytest.mark.parametrize(
    ("context", "side", "fragment"),
    [
        (measured("tsh", "4.1", unit="m[IU]/L"), FOR, "TSH 4.1 mU/L on 2020-01-01, above 4"),
        (measured("tsh", 4), AGAINST, "not above 4"),
        (measured("tsh", "0.39"), FOR, "below 0.4"),
        (measured("tsh", "0.4"), AGAINST, "TSH 0.4"),
        (measured("tsh", 5, low=1, high=6), AGAINST, "not above 6 (limit of the laboratory)"),
        (measured("tsh", "0.01", comparator="<"), FOR, "TSH <0.01"),
        (recorded("Graves' disease", -20), FOR, "Graves' disease"),
        (recorded("Sinusitis"), UNKNOWN, "TSH: not in the record"),
    ],
)
def test_thyroid(context: Measurement, side: str, fragment: str) -> None:
    says(cause(with_context(RAISED, context), CauseName.THYROID), side, fragment)
