"""FIB-4, APRI and the NAFLD fibrosis score at each bound and in each band of age, and as published."""

import re
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain

import pytest

from service.clinical.analytes import Analyte
from service.clinical.patterns import r_value
from service.clinical.readings import Interpretation, Readings
from service.clinical.results import Condition, Measurement, PatientRecord, ResultKey
from service.clinical.scores import scores
from tests.clinical.records import ALB, ALP, ALT, AST, DAY_0, RULEBOOK, man, result, series
from tests.clinical.test_interpretation import GDL2
from tests.clinical.test_real_data import NOW

PLT = Analyte.PLATELETS
TOO_HIGH_ALT = 5 * 33
"""U/L: above it no score is given."""
RISKS = {
    "Advanced fibrosis excluded": "low",
    "Further investigation": "indeterminate",
    "Advanced fibrosis (METAVIR stage F3-F4) likely": "high",
    "Use alternative fibrosis assessment": "",
}
"""The published words for the risk, and ours; no score is given where another assessment is asked for."""


def born(age: int, *, days_older: int = 0) -> date:
    """The birth date of who is that old on the first day, by so many days."""
    return DAY_0.replace(year=DAY_0.year - age) - timedelta(days=days_older)


def told(record: PatientRecord) -> dict[str, Interpretation]:
    return {each.name: each for each in scores(Readings(record, RULEBOOK, NOW), DAY_0)}


def fib4_of(birth_date: date, ast: object, plt: object, alt: object = 100) -> Interpretation:
    record = man(series(AST, {0: ast}), series(ALT, {0: alt}), series(PLT, {0: plt}), birth_date=birth_date)
    return told(record)["fib-4"]


@pytest.mark.parametrize(
    ("age", "ast", "score", "reading"),
    [
        (36, "12.99", "1.299", "low"),
        (36, "13", "1.3", "indeterminate"),
        (64, "12.99", "1.299", "low"),
        (64, "13", "1.3", "indeterminate"),
        (64, "19.99", "1.999", "indeterminate"),
        (64, "26.7", "2.67", "indeterminate"),
        (64, "26.71", "2.671", "high"),
        (65, "13", "1.3", "low"),
        (65, "19.99", "1.999", "low"),
        (65, "20", "2", "indeterminate"),
        (65, "26.7", "2.67", "indeterminate"),
        (65, "26.71", "2.671", "high"),
        (90, "19.99", "1.999", "low"),
        (90, "26.71", "2.671", "high"),
    ],
)
def test_fib4_at_its_bounds_in_each_band_of_age(age: int, ast: str, score: str, reading: str) -> None:
    """With as many platelets as years and an ALT of 100 the score is AST/10."""
    found = fib4_of(born(age), ast, age)
    assert (found.value, found.reading) == (Decimal(score), reading)


@pytest.mark.parametrize(
    ("birth_date", "reading"),
    [
        (born(36, days_older=-1), ""),
        (born(36), "low"),
        (born(65, days_older=-1), "indeterminate"),
        (born(65), "low"),
    ],
)
def test_a_band_of_age_begins_on_the_birthday(birth_date: date, reading: str) -> None:
    """Platelets 50, ALT 100: 36 x 15 / 500 = 1.08; 64 x 15 / 500 = 1.92; 65 x 15 / 500 = 1.95."""
    assert fib4_of(birth_date, 15, 50).reading == reading


@pytest.mark.parametrize(
    ("ast", "reading"),
    [("40", "low"), ("40.01", "indeterminate"), ("120", "indeterminate"), ("120.01", "high")],
)
@pytest.mark.parametrize("age", [20, 50, 80])
def test_apri_is_low_up_to_its_lower_and_high_above_its_upper_bound_at_any_age(
    age: int, ast: str, reading: str
) -> None:
    record = man(series(AST, {0: ast}), series(ALT, {0: 100}), series(PLT, {0: 200}), birth_date=born(age))
    assert told(record)["apri"].reading == reading


@pytest.mark.parametrize(
    ("age", "bmi", "platelets", "albumin", "score", "reading"),
    [
        (50, "20", 138, 41, "-1.455", "indeterminate"),
        (50, "20", 139, 41, "-1.468", "low"),
        (50, "29", 95, 30, "0.676", "indeterminate"),
        (50, "29", 94, 30, "0.689", "high"),
        (64, "20", 188, 39, "-1.455", "indeterminate"),
        (64, "20", 189, 39, "-1.468", "low"),
        (64, "20.5", 106, 32, "0.12", "indeterminate"),
        (64, "20.5", 107, 32, "0.107", "indeterminate"),
        (65, "20", 201, 37, "-1.455", "low"),
        (65, "20", 90, 35, "0.12", "indeterminate"),
        (65, "20", 91, 35, "0.107", "low"),
        (65, "22", 82, 31, "0.676", "indeterminate"),
        (65, "22", 81, 31, "0.689", "high"),
    ],
)
def test_the_nafld_score_at_its_bounds_in_each_band_of_age(
    age: int, bmi: str, platelets: int, albumin: int, score: str, reading: str
) -> None:
    found = told(nafld(age, bmi, platelets, albumin))["nfs"]
    assert (found.value, found.reading) == (Decimal(score), reading)


def nafld(age: int, bmi: str, platelets: int, albumin: int, **more: object) -> PatientRecord:
    """As many units of AST as of ALT; albumin in g/L."""
    results = (series(AST, {0: 60}), series(ALT, {0: 60}), series(PLT, {0: platelets}))
    weighed = Measurement(ResultKey("lab", "b"), "bmi", DAY_0, Decimal(bmi), unit="kg/m2")
    return man(*results, series(ALB, {0: albumin}), measurements=[weighed], birth_date=born(age), **more)


def test_diabetes_can_move_the_nafld_score_over_its_bound() -> None:
    diabetes = Condition((), "Type 2 diabetes", born(10), None, True)
    found = told(nafld(50, "20", 139, 41, conditions=[diabetes]))["nfs"]
    assert (found.value, found.reading) == (Decimal("-0.338"), "indeterminate")


@pytest.mark.parametrize(("alt", "given"), [("165", True), ("165.01", False)])
def test_no_score_is_given_above_five_times_the_limit_of_alt(alt: str, given: bool) -> None:
    results = (series(AST, {0: 60}), series(ALT, {0: alt}), series(PLT, {0: 200}), series(ALB, {0: 40}))
    weighed = Measurement(ResultKey("lab", "b"), "bmi", DAY_0, Decimal(30), unit="kg/m2")
    found = told(man(*results, measurements=[weighed]))
    assert {name: one.given for name, one in found.items()} == dict.fromkeys(("fib-4", "apri", "nfs"), given)


def published(name: str) -> list[dict[str, str]]:
    """What each case states, in its own words: numbers without their units."""
    text = next(GDL2.glob(name)).read_text(encoding="utf-8")
    lines = re.compile(r"\|([^|\n]+?): ([^\n]+)")
    cases = ([*lines.findall(case)] for case in re.split(r"\n- id:", text)[1:])
    return [
        {key: value.partition(",")[0] if value[0].isdigit() else value for key, value in case}
        for case in cases
    ]


@pytest.mark.skipif(not GDL2.is_dir(), reason=f"the published cases are not at {GDL2}")
def test_the_risk_read_from_fib4_is_the_published_one() -> None:
    """But above 5 x the limit of ALT, where the published rule warns and goes on and ours gives no score."""
    cases = [case for case in published("Fibrosis*") if "Diagnose advanced fibrosis" in case]
    high_alt = 0
    for case in cases:
        found = fib4_of(born(int(case["Age"])), case["AST"], case["Platelet count"], case["ALT"])
        if Decimal(case["ALT"]) > TOO_HIGH_ALT:
            assert not found.given
            high_alt += 1
        else:
            assert found.reading == RISKS[case["Diagnose advanced fibrosis"]], case
    assert (len(cases), high_alt) == (8, 2)


@pytest.mark.skipif(not GDL2.is_dir(), reason=f"the published cases are not at {GDL2}")
def test_the_injury_read_from_r_is_the_published_one() -> None:
    """But where ALT and ALP are normal (the case that states no limits): then nothing is injured, for us."""
    normal = 0
    for case in published("R_factor*"):
        stated = dict(chain.from_iterable(_of_test(key, value) for key, value in case.items()))
        results = [
            result(analyte, 0, stated[name], limits=(1, stated.get(f"{name} limit", upper)))
            for analyte, name, upper in ((ALT, "ALT", 35), (ALP, "ALP", 140))
        ]
        found = r_value(Readings(man(results), RULEBOOK, NOW), DAY_0)
        if found.value is None:
            assert "were normal" in found.words
            normal += 1
        else:
            assert f"|{found.reading}|" in case["Injury type"].casefold()
            assert abs(found.value - Decimal(case["R factor"])) <= Decimal("0.1")  # cut, not rounded
    assert normal == 1


def _of_test(key: str, value: str) -> list[tuple[str, str]]:
    """`Patient's ALT (...)` and `Upper limit of normal ALT according to ...`, by the test's short name."""
    test = re.search(r"\b(ALT|ALP)\b", key)
    if test is None:
        return []
    return [(test[1] if key.startswith("Patient's") else f"{test[1]} limit", value)]
