"""Numbers and quantities as a reader sees them: rounded, and never onto a threshold."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.clinical.saying import capitalised, number, quantity
from tests.clinical.records import ALB, ALT, INR, TBIL


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("3", "3"),
        ("180.0", "180"),
        ("4.20", "4.2"),
        ("120.50", "120.5"),
        ("1E+3", "1000"),
        ("1.615", "1.62"),
        ("1.6149", "1.61"),
        ("0", "0"),
    ],
)
def test_numbers_are_rounded_half_up_to_two_decimals_without_trailing_zeros(value: str, text: str) -> None:
    assert number(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.996", "1.996"),
        ("2.9999", "2.9999"),
        ("2.4951", "2.495"),
        ("1.9949", "1.99"),
        ("3.004", "3.004"),
        ("1.0003", "1.0003"),
        ("0.001", "0.001"),
    ],
)
def test_a_number_beside_a_threshold_never_reads_as_the_threshold(value: str, text: str) -> None:
    assert number(Decimal(value)) == text


@given(st.decimals("0", "5000", places=6), st.sampled_from([1, "1.5", 2, "2.5", 3, 5, 8, 15, 20]))
def test_what_is_said_lies_on_the_same_side_of_every_threshold(value: Decimal, given: int | str) -> None:
    threshold, said = Decimal(given), Decimal(number(value))
    assert (said > threshold, said < threshold) == (value > threshold, value < threshold)
    assert abs(said - value) <= Decimal("0.005")


def test_a_quantity_has_the_unit_a_reader_writes_and_a_ratio_has_none() -> None:
    assert quantity(TBIL, Decimal("61.50")) == "61.5 µmol/L"
    assert quantity(ALT, Decimal(168)) == "168 U/L"
    assert quantity(ALB, Decimal("30.0")) == "30 g/L"
    assert quantity(INR, Decimal("1.8")) == "1.8"


def test_capitals_within_a_text_stay() -> None:
    assert capitalised("total bilirubin of Hy") == "Total bilirubin of Hy"
