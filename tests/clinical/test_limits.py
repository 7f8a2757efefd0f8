"""Which limit of normal holds, and where it came from."""

from datetime import date
from decimal import Decimal

import pytest

from service.clinical.analytes import Analyte
from service.clinical.limits import (
    LABORATORY,
    RULEBOOK,
    RULEBOOK_IMPLAUSIBLE,
    RULEBOOK_SEX_UNKNOWN,
    RULEBOOK_SEX_UNKNOWN_IMPLAUSIBLE,
    Limit,
    LimitFinder,
    Person,
    limit_of,
)
from service.clinical.results import ReferenceRange, Sex
from service.clinical.rulebook import SHIPPED, Rulebook, parse_rulebook
from tests.clinical.records import ALB, ALP, ALT, AST, DBIL, GGT, INR, TBIL, ULN, result
from tests.clinical.records import RULEBOOK as SHIPPED_RULES

MAN = Person(Sex.MALE, Decimal(40))
WOMAN = Person(Sex.FEMALE, Decimal(40))
SOMEBODY = Person(None, Decimal(40))
BOY = Person(Sex.MALE, Decimal(12), child=True)
GIRL = Person(Sex.FEMALE, Decimal(12), child=True)
PREGNANT = Person(Sex.FEMALE, Decimal(30), pregnant=True)


def policy(name: str) -> Rulebook:
    text = SHIPPED.read_text(encoding="utf-8")
    return parse_rulebook(text.replace('policy = { value = "lab"', f'policy = {{ value = "{name}"'))


def within(low: object, high: object, **more: object) -> ReferenceRange:
    limits = (None if one is None else Decimal(str(one)) for one in (low, high))
    return ReferenceRange(*limits, **more)  # type: ignore[arg-type]


def limit(
    analyte: Analyte, person: Person, *ranges: ReferenceRange, rules: Rulebook = SHIPPED_RULES
) -> object:
    """The limit as (value, source), or None."""
    return limit_of(analyte, ranges, person, rules)


@pytest.mark.parametrize(
    ("analyte", "person", "value", "source"),
    [
        (ALT, MAN, 33, RULEBOOK),
        (ALT, WOMAN, 25, RULEBOOK),
        (ALT, SOMEBODY, 25, RULEBOOK_SEX_UNKNOWN),
        (ALT, BOY, 26, RULEBOOK),
        (ALT, GIRL, 22, RULEBOOK),
        (ALT, Person(None, Decimal(9), child=True), 22, RULEBOOK_SEX_UNKNOWN),
        (AST, SOMEBODY, 40, RULEBOOK),
        (AST, BOY, 40, RULEBOOK),
        (GGT, SOMEBODY, 40, RULEBOOK_SEX_UNKNOWN),
        (ALB, MAN, 35, RULEBOOK),
        (Analyte.PLATELETS, MAN, 150, RULEBOOK),
        (INR, WOMAN, Decimal("1.2"), RULEBOOK),
    ],
)
def test_without_a_laboratory_range_the_rulebook_decides(
    analyte: Analyte, person: Person, value: object, source: str
) -> None:
    assert limit(analyte, person) == (value, source)


@pytest.mark.parametrize("analyte", [Analyte.PROTHROMBIN_TIME, Analyte.PROTHROMBIN_ACTIVITY])
def test_prothrombin_has_no_limit_of_the_rulebook(analyte: Analyte) -> None:
    assert limit(analyte, MAN) is None


def test_a_fitting_laboratory_range_comes_first() -> None:
    assert limit(ALT, MAN, within(7, 55)) == (55, LABORATORY)
    assert limit(ALB, MAN, within(33, 49)) == (33, LABORATORY)


def test_the_range_of_the_patients_own_sex_is_more_specific_than_one_for_all() -> None:
    ranges = (within(0, 50), within(0, 41, sex=Sex.MALE), within(0, 31, sex=Sex.FEMALE))
    assert limit(ALT, MAN, *ranges) == (41, LABORATORY)
    assert limit(ALT, WOMAN, *ranges) == (31, LABORATORY)
    assert limit(ALT, SOMEBODY, *ranges) == (50, LABORATORY)


def test_with_unknown_sex_ranges_for_one_sex_only_do_not_fit() -> None:
    ranges = (within(0, 41, sex=Sex.MALE), within(0, 31, sex=Sex.FEMALE))
    assert limit(ALT, SOMEBODY, *ranges) == (25, RULEBOOK_SEX_UNKNOWN)


def test_the_narrower_age_range_is_more_specific() -> None:
    ranges = (
        within(0, 50),
        within(0, 45, age_low=Decimal(18)),
        within(0, 40, age_low=Decimal(30), age_high=Decimal(50)),
    )
    assert limit(ALT, MAN, *ranges) == (40, LABORATORY)
    assert limit(ALT, MAN._replace(age=Decimal(60)), *ranges) == (45, LABORATORY)
    assert limit(ALT, MAN._replace(age=None), *ranges) == (50, LABORATORY)


def test_to_17_years_holds_until_the_eighteenth_birthday() -> None:
    children = within(0, 350, age_high=Decimal(17))
    assert limit(ALP, BOY._replace(age=Decimal("17.9")), children) == (350, LABORATORY)
    assert limit(ALP, MAN._replace(age=Decimal(18)), children) == (120, RULEBOOK)


def test_where_two_age_ranges_touch_the_one_that_fits_exactly_wins() -> None:
    ranges = (within(0, 350, age_high=Decimal(18)), within(0, 130, age_low=Decimal(18)))
    assert limit(ALP, MAN._replace(age=Decimal("18.3")), *ranges) == (130, LABORATORY)
    assert limit(ALP, BOY._replace(age=Decimal("17.3")), *ranges) == (350, LABORATORY)
    assert limit(ALP, MAN._replace(age=Decimal(18)), *ranges) == (350, LABORATORY)  # both; the narrower


@pytest.mark.parametrize("high", ["6.59", "165.01", 400, 33 * 60])
@pytest.mark.parametrize("name", ["lab", "stricter", "guideline"])
def test_an_implausible_upper_limit_of_an_adult_is_not_believed_and_the_source_says_so(
    high: object, name: str
) -> None:
    source = RULEBOOK if name == "guideline" else RULEBOOK_IMPLAUSIBLE
    assert limit(ALT, MAN, within(None, high), rules=policy(name)) == (33, source)


@pytest.mark.parametrize("high", ["4.99", "125.01", 400])
def test_where_sex_is_not_known_either_both_are_said(high: object) -> None:
    assert limit(ALT, SOMEBODY, within(None, high)) == (25, RULEBOOK_SEX_UNKNOWN_IMPLAUSIBLE)


@pytest.mark.parametrize("high", ["6.6", "165"])
def test_the_rulebooks_bounds_are_still_believed(high: str) -> None:
    assert limit(ALT, MAN, within(None, high)) == (Decimal(high), LABORATORY)


@pytest.mark.parametrize("analyte", [ALT, AST, ALP, GGT, TBIL, DBIL])
@pytest.mark.parametrize("times", ["0.4", "2.8"])
def test_what_laboratories_really_state_is_believed(analyte: Analyte, times: str) -> None:
    high = Decimal(times) * ULN[analyte]
    assert limit(analyte, MAN, within(None, high)) == (high, LABORATORY)


def test_a_childs_fitting_range_is_believed_however_far_from_the_rulebooks() -> None:
    before_term = within(0, Decimal("273.6"), age_high=Decimal("0.1"))  # 16 mg/dL
    newborn = Person(None, Decimal("0.01"), child=True)
    assert limit(TBIL, newborn, before_term) == (Decimal("273.6"), LABORATORY)
    assert limit(ALP, BOY, within(0, 700)) == (700, LABORATORY)
    assert limit(ALT, BOY, within(0, 5)) == (5, LABORATORY)
    assert limit(ALT, BOY, within(0, 0)) == (26, RULEBOOK)


def test_in_an_implausible_ranges_place_the_next_that_fits_holds() -> None:
    ranges = (within(7, 55), within(7, 550, sex=Sex.MALE))
    assert limit(ALT, MAN, *ranges) == (55, LABORATORY)


def test_an_implausible_range_for_others_is_nothing_to_doubt() -> None:
    assert limit(ALT, MAN, within(0, 550, sex=Sex.FEMALE)) == (33, RULEBOOK)


def test_alp_in_pregnancy_has_no_limit_where_the_laboratorys_is_implausible() -> None:
    assert limit(ALP, PREGNANT, within(0, 1200)) is None
    assert limit(ALP, PREGNANT, within(0, 420)) == (420, LABORATORY)


def test_a_lower_limit_of_zero_is_none() -> None:
    assert limit(ALB, MAN, within(0, 50)) == (35, RULEBOOK)


def test_a_range_for_a_group_that_cannot_be_checked_is_never_used() -> None:
    assert limit(ALT, MAN, within(0, 99, other_population=True)) == (33, RULEBOOK)


def test_a_range_without_the_needed_side_is_not_used() -> None:
    assert limit(ALT, MAN, within(5, None)) == (33, RULEBOOK)
    assert limit(ALB, MAN, within(None, 50)) == (35, RULEBOOK)


def test_of_two_equally_specific_ranges_the_stricter_counts() -> None:
    assert limit(ALT, MAN, within(0, 50), within(0, 45)) == (45, LABORATORY)
    assert limit(ALB, MAN, within(33, 50), within(35, 52)) == (35, LABORATORY)


def test_policy_guideline_always_takes_the_rulebook() -> None:
    assert limit(ALT, MAN, within(0, 55), rules=policy("guideline")) == (33, RULEBOOK)


def test_policy_stricter_takes_the_lower_upper_limit_and_the_higher_lower_one() -> None:
    rules = policy("stricter")
    assert limit(ALT, MAN, within(0, 55), rules=rules) == (33, RULEBOOK)
    assert limit(ALT, MAN, within(0, 30), rules=rules) == (30, LABORATORY)
    assert limit(ALB, MAN, within(30, 50), rules=rules) == (35, RULEBOOK)
    assert limit(ALB, MAN, within(38, 50), rules=rules) == (38, LABORATORY)
    assert limit(ALT, MAN, within(0, 33), rules=rules) == (33, LABORATORY)


@pytest.mark.parametrize("ages", [{"age_low": Decimal(50)}, {"age_high": Decimal(49)}])
def test_a_range_for_an_age_holds_or_not_by_the_birthday_also_where_it_is_open_on_one_side(
    ages: dict[str, Decimal],
) -> None:
    finder = LimitFinder(SHIPPED_RULES, Sex.MALE, date(1970, 1, 11))
    found = [
        finder.find(
            result(ALT, when, 40)._replace(ranges=(within(0, 55, **ages),)), child=False, pregnant=False
        )
        for when in (9, 10)
    ]
    own, ours = Limit(Decimal(55), LABORATORY), Limit(Decimal(33), RULEBOOK)
    assert found == ([ours, own] if "age_low" in ages else [own, ours])


@pytest.mark.parametrize("person", [BOY, GIRL, PREGNANT])
@pytest.mark.parametrize("name", ["lab", "guideline", "stricter"])
def test_alp_of_a_child_or_in_pregnancy_needs_the_laboratorys_own_range(person: Person, name: str) -> None:
    assert limit(ALP, person, rules=policy(name)) is None
    assert limit(ALP, person, within(0, 390), rules=policy(name)) == (390, LABORATORY)
    assert limit(ALP, person, within(0, 130, age_low=Decimal(50)), rules=policy(name)) is None
