"""Calendar months and age."""

from datetime import date
from decimal import Decimal

import pytest

from service.clinical.months import add_months, age_in_years


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
        (date(2022, 8, 31), 6, date(2023, 2, 28)),
        (date(2023, 8, 29), 6, date(2024, 2, 29)),
        (date(2023, 12, 31), 2, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2024, 1, 15), 6, date(2024, 7, 15)),
        (date(2024, 11, 30), 3, date(2025, 2, 28)),
        (date(2024, 10, 5), 15, date(2026, 1, 5)),
    ],
)
def test_months_end_on_the_last_day_where_the_month_is_shorter(start: date, months: int, end: date) -> None:
    assert add_months(start, months) == end


@pytest.mark.parametrize(
    ("day", "years"),
    [(date(2018, 2, 28), 18), (date(2018, 2, 27), 17), (date(2020, 2, 29), 20), (date(1999, 1, 1), 0)],
)
def test_age_counts_full_years_from_the_birthday(day: date, years: int) -> None:
    assert int(age_in_years(date(2000, 2, 29) if day.year > 2018 else date(2000, 2, 28), day)) == years


def test_age_runs_on_between_birthdays() -> None:
    age = age_in_years(date(2000, 1, 1), date(2000, 7, 2))
    assert Decimal("0.49") < age < Decimal("0.51")
    assert age_in_years(date(2000, 1, 1), date(2000, 12, 31)) < 1
