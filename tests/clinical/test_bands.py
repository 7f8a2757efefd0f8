"""Bands of ALT and AST, and CTCAE grades, at their edges."""

from decimal import Decimal

import pytest

from service.clinical.analytes import Analyte
from service.clinical.bands import Band, band, grade, grade_from_baseline
from tests.clinical.records import ALP, ALT, GGT, RULEBOOK, TBIL

LIMIT = Decimal(40)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("40", Band.NORMAL),
        ("40.01", Band.BORDERLINE),
        ("79.99", Band.BORDERLINE),
        ("80", Band.MILD),
        ("199.9", Band.MILD),
        ("200", Band.MODERATE),
        ("600", Band.MODERATE),
        ("600.1", Band.SEVERE),
        ("10000", Band.SEVERE),
        ("10000.1", Band.MASSIVE),
    ],
)
def test_bands_change_at_their_multiples(value: str, expected: Band) -> None:
    assert band(Decimal(value), LIMIT, RULEBOOK.rules.bands) is expected


@pytest.mark.parametrize(
    ("analyte", "edges"),
    [
        (ALT, ("1", "3", "5", "20")),
        (Analyte.AST, ("1", "3", "5", "20")),
        (ALP, ("1", "2.5", "5", "20")),
        (GGT, ("1", "2.5", "5", "20")),
        (TBIL, ("1", "1.5", "3", "10")),
        (Analyte.CREATINE_KINASE, ("1", "2.5", "5", "10")),
    ],
)
def test_ctcae_grades_begin_above_their_multiples(analyte: Analyte, edges: tuple[str, ...]) -> None:
    grades = RULEBOOK.rules.ctcae[analyte]
    for number, edge in enumerate(edges):
        assert grade(Decimal(edge) * LIMIT, LIMIT, grades) == number
        assert grade(Decimal(edge) * LIMIT + Decimal("0.01"), LIMIT, grades) == number + 1


@pytest.mark.parametrize(
    ("analyte", "value", "expected"),
    [
        (ALT, "1.49", 0),
        (ALT, "1.5", 1),
        (ALT, "3", 1),
        (ALT, "3.01", 2),
        (ALT, "20.01", 4),
        (ALP, "1.99", 0),
        (ALP, "2", 1),
        (ALP, "2.51", 2),
        (TBIL, "1", 0),
        (TBIL, "1.01", 1),
    ],
)
def test_from_an_abnormal_baseline_grades_are_multiples_of_it(
    analyte: Analyte, value: str, expected: int
) -> None:
    baseline = Decimal(100)
    assert grade_from_baseline(Decimal(value) * baseline, baseline, RULEBOOK.rules.ctcae[analyte]) == expected
