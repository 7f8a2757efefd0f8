"""Haemolysis and Gilbert syndrome: where they can be at all, and what tells them apart."""

import pytest

from service.clinical.causes.cause import CauseName
from service.clinical.episodes import Family
from service.clinical.results import PatientRecord
from tests.clinical.causes.weighed import (
    AGAINST,
    FOR,
    UNKNOWN,
    cause,
    causes,
    measured,
    recorded,
    says,
    with_context,
)
from tests.clinical.records import ALP, ALT, AST, DBIL, TBIL, man, multiples, result, series

HIGH = man(series(TBIL, {0: 45, 200: 45}), multiples(ALT, {200: 1}), multiples(ALP, {200: 1}))


def with_direct(value: object) -> PatientRecord:
    return man(*HIGH.results, *series(DBIL, {200: value}))


@pytest.mark.parametrize(
    ("record", "side", "fragment"),
    [
        (with_direct(13), FOR, "direct/total below 0.3"),
        (with_direct("13.5"), AGAINST, "direct/total at least 0.3"),
        (HIGH, UNKNOWN, "Direct bilirubin is not known"),
        (
            with_context(HIGH, measured("haptoglobin", "0.29", 230, unit="g/L")),
            FOR,
            "below 0.3. A failing liver",
        ),
        (with_context(HIGH, measured("haptoglobin", "0.3", 230, unit="g/L")), AGAINST, "not below 0.3"),
        (with_context(HIGH, measured("haptoglobin", "0.1", 231)), UNKNOWN, "Haptoglobin: not in the record"),
        (with_context(HIGH, measured("ldh", 400, 200)), FOR, "LDH 400"),
        (with_context(HIGH, measured("ldh", 240, 200)), AGAINST, "LDH 240"),
        (with_context(HIGH, measured("reticulocytes", "2.6", 200, unit="%")), FOR, "Reticulocytes 2.6 %"),
        (with_context(HIGH, measured("reticulocytes", "2.5", 200, unit="%")), AGAINST, "Reticulocytes 2.5 %"),
        (with_context(HIGH, measured("haptoglobin", "0.35", 200, low="0.4")), FOR, "below 0.4 (limit of the"),
        (with_context(HIGH, measured("ldh", 260, 200, high=300)), AGAINST, "not above 300 (limit of the"),
        (with_context(HIGH, measured("reticulocytes", "2.6", 200, high=3)), AGAINST, "not above 3 (limit of"),
        (with_context(HIGH, recorded("Hereditary haemolytic anaemia", -900)), FOR, "haemolytic anaemia"),
    ],
)
def test_haemolysis(record: PatientRecord, side: str, fragment: str) -> None:
    says(cause(record, CauseName.HAEMOLYSIS), side, fragment)


def test_a_censored_share_of_direct_bilirubin_speaks_for_nothing() -> None:
    censored = man(*HIGH.results, result(DBIL, 200, 14, comparator="<", limits=(None, 20)))
    for name in (CauseName.HAEMOLYSIS, CauseName.GILBERT):
        says(cause(censored, name), UNKNOWN, "the share of direct bilirubin cannot be told")


def test_the_share_of_direct_bilirubin_is_that_of_the_nearest_day_with_a_raised_total() -> None:
    days = man(*HIGH.results, *series(TBIL, {150: 45, 190: 45}), *series(DBIL, {150: 13, 190: 20}))
    says(cause(days, CauseName.HAEMOLYSIS), AGAINST, "direct/total at least 0.3")


@pytest.mark.parametrize(("ast", "alt", "side"), [(3, 2, FOR), (2, 3, AGAINST)])
def test_red_cells_hold_more_ast_than_alt(ast: int, alt: int, side: str) -> None:
    record = man(multiples(AST, {0: ast}), multiples(ALT, {0: alt}))
    says(cause(record, CauseName.HAEMOLYSIS), side, "red cells hold AST rather than ALT")


@pytest.mark.parametrize(
    ("record", "side", "fragment"),
    [
        (with_direct(13), FOR, "direct/total below 0.3"),
        (with_direct("13.5"), AGAINST, "direct/total at least 0.3"),
        (HIGH, FOR, "ALP 1 × ULN (120 U/L, limit 120, rulebook) on 2020-07-19: normal"),
        (man(*HIGH.results, *multiples(AST, {200: "1.1"})), AGAINST, "AST 1.1 × ULN"),
        (man(series(TBIL, {0: 45, 200: 45})), UNKNOWN, "ALT and ALP are not both known"),
        (man(*HIGH.results, *series(TBIL, {100: "85.1"})), AGAINST, "above 85 µmol/L"),
        (with_context(HIGH, measured("haptoglobin", "0.2", 200)), AGAINST, "haemolysis"),
        (with_context(HIGH, measured("haptoglobin", 1, 200)), FOR, "no haemolysis"),
        (
            with_context(HIGH, measured("haptoglobin", "0.35", 200, low="0.4")),
            AGAINST,
            "below 0.4: haemolysis",
        ),
        (HIGH, UNKNOWN, "Haemolysis is not excluded"),
        (
            with_context(HIGH, measured("haptoglobin", 1, 200, comparator="<")),
            UNKNOWN,
            "it may be low or not",
        ),
        (with_context(HIGH, recorded("Sickle cell disease")), AGAINST, "Haemolysis raises bilirubin too"),
        (with_context(HIGH, recorded("Gilbert's syndrome", -2000)), FOR, "Gilbert's syndrome"),
    ],
)
def test_gilbert_syndrome(record: PatientRecord, side: str, fragment: str) -> None:
    says(cause(record, CauseName.GILBERT), side, fragment)


def test_without_raised_bilirubin_it_is_not_gilbert_syndrome_and_without_ast_no_haemolysis() -> None:
    names = {one.name for one in causes(man(multiples(ALT, {0: 3}), multiples(TBIL, {0: 1})))}
    assert names == set(CauseName) - {CauseName.GILBERT, CauseName.HAEMOLYSIS}


def test_raised_bilirubin_beside_raised_enzymes_is_weighed_with_them() -> None:
    record = man(multiples(ALT, {0: 4}), multiples(TBIL, {0: "1.5"}))
    says(cause(record, CauseName.GILBERT, Family.TRANSAMINASE), AGAINST, "ALT 4 × ULN")
