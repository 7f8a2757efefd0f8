"""Units are converted by an explicit table, exactly, or refused."""

from decimal import Decimal
from fractions import Fraction

import pytest

from service.clinical.analytes import CANONICAL_UNIT, Analyte
from service.clinical.units import UnusableUnit, plausible, to_canonical
from service.errors import LiverwatchError
from tests.clinical.records import ALB, ALT, DBIL, INR, RULEBOOK, TBIL


@pytest.mark.parametrize("analyte", list(Analyte))
def test_a_value_in_its_canonical_unit_stays_as_it_was_written(analyte: Analyte) -> None:
    assert str(to_canonical(analyte, Decimal("120.50"), CANONICAL_UNIT[analyte])) == "120.50"


@pytest.mark.parametrize("unit", ["U/L", "U/l", "IU/L", "[IU]/L", "[iU]/L", "mU/mL"])
def test_international_units_are_read_as_units_per_litre(unit: str) -> None:
    assert to_canonical(ALT, Decimal(41), unit) == 41


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "canonical"),
    [
        (ALT, "0.55", "ukat/L", "33"),
        (ALT, "0.55", "\u00b5kat/L", "33"),
        (ALT, "0.55", "\u03bckat/L", "33"),
        (ALT, "550", "nkat/L", "33"),
        (TBIL, "1.2", "mg/dL", "20.52"),
        (DBIL, "0.3", "mg/dL", "5.13"),
        (TBIL, "12", "mg/L", "20.52"),
        (TBIL, "20.5", "\u03bcmol/L", "20.5"),
        (ALB, "3.8", "g/dL", "38"),
        (ALB, "602", "umol/L", "39.995074"),
        (Analyte.PLATELETS, "150", "10*3/uL", "150"),
        (Analyte.PLATELETS, "150", "10^9/L", "150"),
        (Analyte.PLATELETS, "150000", "/uL", "150"),
        (Analyte.PLATELETS, "150", "G/L", "150"),
        (INR, "1.1", "{INR}", "1.1"),
        (INR, "1.1", "", "1.1"),
    ],
)
def test_other_units_are_converted_exactly(analyte: Analyte, value: str, unit: str, canonical: str) -> None:
    assert to_canonical(analyte, Decimal(value), unit) == Decimal(canonical)


def test_a_long_decimal_is_not_rounded() -> None:
    value = Decimal("1.23456789012345678901234567890123456789")
    assert Fraction(to_canonical(TBIL, value, "mg/dL")) == Fraction(value) * Fraction("17.1")


@pytest.mark.parametrize(
    ("analyte", "unit"),
    [
        (ALT, "mg/dL"),
        (ALT, ""),
        (TBIL, "U/L"),
        (ALB, "%"),
        (INR, "s"),
        (ALT, "U"),
        (ALT, "furlong"),
        (ALT, "u/L"),
    ],
)
def test_an_unknown_or_wrong_unit_is_refused_and_never_guessed(analyte: Analyte, unit: str) -> None:
    with pytest.raises(UnusableUnit) as refused:
        to_canonical(analyte, Decimal(41), unit)
    assert isinstance(refused.value, LiverwatchError)
    assert CANONICAL_UNIT[analyte] in refused.value.message


def test_a_refusal_repeats_neither_the_value_nor_a_long_text_in_the_unit_field() -> None:
    with pytest.raises(UnusableUnit) as refused:
        to_canonical(ALT, Decimal("98765.4321"), "John Smith born 1970-01-01")
    assert "Smith" not in refused.value.message
    assert "98765" not in refused.value.message


@pytest.mark.parametrize(
    ("analyte", "value", "possible"),
    [
        (ALT, "0", False),
        (ALT, "-1", False),
        (ALT, "0.1", True),
        (ALT, "50000", True),
        (ALT, "50000.1", False),
        (TBIL, "1500", True),
        (TBIL, "1500.1", False),
        (INR, "30", True),
        (INR, "30.1", False),
        (Analyte.PLATELETS, "5000", True),
        (Analyte.PLATELETS, "5000.1", False),
        (Analyte.GGT, "60000", True),
        (ALT, "NaN", False),
        (ALT, "Infinity", False),
    ],
)
def test_impossible_values_are_told_apart(analyte: Analyte, value: str, possible: bool) -> None:
    assert plausible(analyte, Decimal(value), RULEBOOK) is possible
