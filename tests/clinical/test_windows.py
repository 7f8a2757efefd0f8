"""The sliding windows against their plain definitions."""

import itertools
import math
from collections.abc import Sequence
from decimal import Decimal
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.clinical.change_limits import exact_tail, trend_limits
from service.clinical.day_values import DayValue, read_day
from service.clinical.limits import LimitFinder
from service.clinical.results import Sex
from service.clinical.windows import MedianWindow, TrendWindow
from tests.clinical.records import ALT, RULEBOOK, day_of, result

LIMITS = trend_limits(Decimal("0.05"), 10)


def day_values(values: Sequence[int]) -> list[DayValue]:
    limits = LimitFinder(RULEBOOK, Sex.MALE, None)
    days = []
    for number, value in enumerate(values):
        one = result(ALT, number, value)
        days.append(
            read_day([one], day_of(number).toordinal(), limits, child=False, pregnant=False).finals[ALT]
        )
    return days


def kendall_s(values: Sequence[int]) -> int:
    return sum((later > earlier) - (later < earlier) for earlier, later in itertools.combinations(values, 2))


def permutation_p(values: Sequence[int]) -> float:
    """P(S at least as large) over every order of the values."""
    seen = kendall_s(values)
    orders = [kendall_s(order) for order in itertools.permutations(values)]
    return sum(s >= seen for s in orders) / len(orders)


def normal_p(values: Sequence[int]) -> float:
    n, s = len(values), kendall_s(values)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in (list(values).count(one) for one in set(values)))
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    if s <= 0 or variance <= 0:
        return 1.0
    return math.erfc((s - 1) / math.sqrt(variance) / math.sqrt(2)) / 2


moves = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12)


def slices(length: int, steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Slices that only move forward."""
    start = end = 0
    made = []
    for by_start, by_end in steps:
        start = min(start + by_start, length - 1)
        end = min(max(end + by_end, start + 1), length)
        made.append((start, end))
    return made


@given(st.lists(st.integers(1, 8), min_size=1, max_size=40), moves)
def test_the_running_median_is_the_median(values: list[int], steps: list[tuple[int, int]]) -> None:
    window = MedianWindow(day_values(values))
    for start, end in slices(len(values), steps):
        assert window.median(start, end) == median(map(Decimal, values[start:end]))


@given(st.lists(st.integers(1, 8), min_size=1, max_size=40), moves)
def test_the_running_trend_statistic_is_kendalls_s_with_its_ties(
    values: list[int], steps: list[tuple[int, int]]
) -> None:
    window = TrendWindow(day_values(values))
    for start, end in slices(len(values), steps):
        window.move(start, end)
        seen = values[start:end]
        assert window.s == kendall_s(seen)
        assert window.tie_term == sum(
            t * (t - 1) * (2 * t + 5) for t in (seen.count(one) for one in set(seen))
        )


@given(st.permutations(list(range(1, 8))).flatmap(lambda order: st.integers(2, 7).map(lambda n: order[:n])))
def test_few_untied_values_are_judged_by_every_permutation(values: list[int]) -> None:
    window = TrendWindow(day_values(values))
    window.move(0, len(values))
    assert window.significant(LIMITS) is (permutation_p(values) <= 0.05)


@given(st.lists(st.integers(1, 12), min_size=4, max_size=25))
def test_tied_or_many_values_are_judged_by_the_normal_approximation(values: list[int]) -> None:
    if len(set(values)) == len(values) and len(values) <= 10:
        return
    p = normal_p(values)
    if abs(p - 0.05) < 1e-9:
        return
    window = TrendWindow(day_values(values))
    window.move(0, len(values))
    assert window.significant(LIMITS) is (p <= 0.05)


@pytest.mark.parametrize("n", range(1, 8))
def test_the_exact_distribution_is_that_of_all_permutations(n: int) -> None:
    statistics = [kendall_s(order) for order in itertools.permutations(range(n))]
    for discordant, probability in enumerate(exact_tail(n)):
        s = n * (n - 1) // 2 - 2 * discordant
        expected = Decimal(sum(one >= s for one in statistics)) / Decimal(len(statistics))
        assert probability == expected


def test_four_values_are_significant_only_when_every_one_rises() -> None:
    assert LIMITS.exact[:11] == (None, None, None, None, 6, 8, 11, 13, 16, 18, 21)


def test_equal_values_have_no_trend() -> None:
    window = TrendWindow(day_values([5] * 20))
    window.move(0, 20)
    assert window.s == 0
    assert not window.significant(LIMITS)
