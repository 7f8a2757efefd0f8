"""Bands of age."""

from datetime import date

import pytest

from service.clinical.ages import AGES, age_band


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2000, 6, 15), "0-17"),
        (date(2018, 6, 14), "0-17"),
        (date(2018, 6, 15), "18-39"),
        (date(2040, 6, 14), "18-39"),
        (date(2040, 6, 15), "40-64"),
        (date(2065, 6, 14), "40-64"),
        (date(2065, 6, 15), "65-"),
        (date(2120, 1, 1), "65-"),
    ],
)
def test_a_band_begins_on_a_birthday(day: date, expected: str) -> None:
    assert age_band(date(2000, 6, 15), day) == expected
    assert expected in AGES
