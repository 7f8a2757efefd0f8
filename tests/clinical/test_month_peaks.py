"""How high the tests of a person came, month by month."""

from datetime import date

import pytest

from service.clinical.bands import Band
from service.clinical.injury_pattern import InjuryPattern
from service.clinical.peaks import Peak
from tests.clinical.records import ALP, ALT, AST, TBIL, judged, man, multiples, result

JANUARY, MARCH = date(2020, 1, 1), date(2020, 3, 1)


def test_a_month_holds_the_higher_of_alt_and_ast_and_the_highest_bilirubin() -> None:
    record = man(multiples(ALT, {0: 2, 5: 4}), multiples(AST, {5: 6}), multiples(TBIL, {0: "0.5", 9: "2.5"}))
    (month,) = judged(record).peaks
    assert month.month == JANUARY
    assert month.enzyme is not None
    assert month.bilirubin is not None
    assert (month.enzyme.multiple, month.bilirubin.multiple) == (6, 2.5)
    assert month.band is Band.MODERATE


def test_months_are_told_apart_and_those_without_a_test_left_out() -> None:
    peaks = judged(man(multiples(ALT, {0: 2, 60: 3}))).peaks
    assert [each.month for each in peaks] == [JANUARY, MARCH]
    assert peaks[0].bilirubin is None


def test_a_value_is_held_against_the_median_of_the_year_before_it_and_never_against_itself() -> None:
    january, march = judged(man(multiples(ALT, {0: 2, 60: 5}))).peaks
    assert january.enzyme == Peak(2.0, None)
    assert march.enzyme == Peak(5.0, 2.5)


@pytest.mark.parametrize(
    ("alp", "pattern"),
    [({0: 1}, InjuryPattern.HEPATOCELLULAR), ({7: 3}, InjuryPattern.CHOLESTATIC), ({8: 3}, None), ({}, None)],
)
def test_the_pattern_is_that_of_the_highest_enzyme_and_the_alp_beside_it(
    alp: dict[int, object], pattern: InjuryPattern | None
) -> None:
    record = man(multiples(ALT, {0: 6, 20: 2}), multiples(ALP, alp))  # type: ignore[arg-type]
    assert judged(record).peaks[0].pattern is pattern


def test_more_than_a_line_is_above_it_even_where_the_number_is_the_same() -> None:
    (month,) = judged(man([result(ALT, 0, 99, comparator=">")])).peaks
    assert month.enzyme is not None
    assert 3 < month.enzyme.multiple < 3.001


def test_preliminary_results_make_no_peak() -> None:
    (month,) = judged(man(multiples(ALT, {0: 2}), [result(ALT, 3, 990, preliminary=True)])).peaks
    assert month.enzyme is not None
    assert month.enzyme.multiple == 2


def test_of_a_record_in_which_nothing_was_ever_elevated_there_are_none() -> None:
    assert judged(man(multiples(ALT, {0: 1, 60: "0.5"}), multiples(TBIL, {0: 1}))).peaks == ()
