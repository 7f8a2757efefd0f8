"""From the results of a day to one day-value: censored, haemolysed and preliminary results."""

from datetime import date
from decimal import Decimal

import pytest

from service.clinical.analytes import Analyte
from service.clinical.day_values import DayResults, read_day
from service.clinical.limits import LimitFinder
from service.clinical.results import LabResult, Sex
from tests.clinical.records import ALB, ALT, AST, DBIL, RULEBOOK, TBIL, day_of, result


def read(*results: LabResult, child: bool = False) -> DayResults:
    limits = LimitFinder(RULEBOOK, Sex.MALE, date(1970, 1, 1))
    return read_day(results, day_of(0).toordinal(), limits, child=child, pregnant=False)


def value_of(*results: LabResult) -> Decimal | None:
    chosen = read(*results).finals.get(results[0].analyte)
    return None if chosen is None else chosen.value


@pytest.mark.parametrize(
    ("analyte", "comparator", "value", "elevated"),
    [
        (ALT, "", 33, False),
        (ALT, "", "33.1", True),
        (ALT, "<", 33, False),
        (ALT, "<", 34, None),
        (ALT, "<=", 33, False),
        (ALT, "<=", "33.1", None),
        (ALT, ">", 33, True),
        (ALT, ">", 32, None),
        (ALT, ">=", 33, None),
        (ALT, ">=", "33.1", True),
        (ALB, "", 35, False),
        (ALB, "", "34.9", True),
        (ALB, "<", 35, True),
        (ALB, "<", 36, None),
        (ALB, "<=", 35, None),
        (ALB, "<=", "34.9", True),
        (ALB, ">", 35, False),
        (ALB, ">=", 35, False),
        (ALB, ">", 34, None),
        (ALB, ">=", 34, None),
    ],
)
def test_a_censored_value_counts_only_where_it_is_surely_on_one_side(
    analyte: Analyte, comparator: str, value: object, elevated: bool | None
) -> None:
    day = read(result(analyte, 0, value, comparator=comparator))
    chosen = day.finals.get(analyte)
    assert (None if chosen is None else chosen.elevated) is elevated
    assert bool(day.left_out) is (elevated is None)


def test_more_than_a_threshold_holds_for_a_value_given_as_greater_than_it() -> None:
    exact = read(result(ALT, 0, 99)).finals[ALT]
    more = read(result(ALT, 0, 99, comparator=">")).finals[ALT]
    assert not exact.above(Decimal(3))
    assert more.above(Decimal(3))
    assert exact.at_least(Decimal(3))


def test_of_several_results_the_highest_multiple_makes_the_day_value() -> None:
    assert value_of(result(ALT, 0, 50), result(ALT, 0, 70), result(ALT, 0, 60)) == 70


def test_highest_means_multiple_and_not_number() -> None:
    against_20 = result(ALT, 0, 50, limits=(0, 20))
    against_50 = result(ALT, 0, 60, limits=(0, 50))
    assert value_of(against_50, against_20) == 50


def test_for_albumin_and_platelets_the_lowest_makes_the_day_value() -> None:
    assert value_of(result(ALB, 0, 40), result(ALB, 0, 30), result(ALB, 0, 36)) == 30
    platelets = [result(Analyte.PLATELETS, 0, value) for value in (200, 90, 150)]
    assert value_of(*platelets) == 90


def test_uncensored_comes_before_censored() -> None:
    assert value_of(result(ALT, 0, 500, comparator=">"), result(ALT, 0, 40)) == 40


def test_equal_results_leave_the_choice_to_the_first_key() -> None:
    first, second = result(ALT, 0, 50, key="a"), result(ALT, 0, 50, key="b")
    assert read(second, first).finals[ALT].result.key.observation_id == "a"
    assert read(first, second).finals[ALT].result.key.observation_id == "a"


def test_every_elevated_result_of_the_day_is_kept_not_only_the_highest() -> None:
    day = read(result(ALT, 0, 50, key="a"), result(ALT, 0, 70, key="b"), result(ALT, 0, 20, key="c"))
    assert {one.key.observation_id for one in day.elevated[ALT]} == {"a", "b"}


def test_preliminary_results_are_seen_by_the_urgent_rules_only() -> None:
    day = read(
        result(ALT, 0, 50), result(ALT, 0, 900, preliminary=True), result(TBIL, 0, 90, preliminary=True)
    )
    assert day.finals[ALT].value == 50
    assert TBIL not in day.finals
    assert day.urgents[ALT].value == 900
    assert day.urgents[TBIL].value == 90
    assert [one.value for one in day.elevated[ALT]] == [50]


def test_an_elevated_haemolysed_ast_is_left_out_and_a_normal_one_is_normal() -> None:
    assert value_of(result(AST, 0, 41, flags=("haemolysed",))) is None
    assert value_of(result(AST, 0, 40, flags=("haemolysed",))) == 40
    assert value_of(result(AST, 0, 90, flags=("haemolysed",)), result(AST, 0, 45)) == 45


def test_a_haemolysed_direct_bilirubin_is_left_out_whatever_it_says() -> None:
    assert value_of(result(DBIL, 0, 2, flags=("haemolysed",))) is None
    assert value_of(result(DBIL, 0, 20, flags=("haemolysed",))) is None


def test_haemolysis_does_not_touch_the_other_tests() -> None:
    assert value_of(result(ALT, 0, 90, flags=("haemolysed",))) == 90


def test_a_result_without_a_usable_limit_is_left_out() -> None:
    day = read(result(Analyte.ALP, 0, 300), child=True)
    assert not day.finals
    assert len(day.left_out) == 1
