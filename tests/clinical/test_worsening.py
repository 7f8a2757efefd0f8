"""Baseline, fold-rise, band-step and sustained-rise, at their edges."""

from datetime import date
from decimal import Decimal

import pytest

from service.clinical.episodes import Family, Kind, Tier, Trend
from tests.clinical.records import (
    ALP,
    ALT,
    AST,
    GGT,
    INR,
    RULEBOOK,
    TBIL,
    findings,
    judged,
    man,
    multiples,
    only,
    reasons,
    result,
    series,
)


def found(values: dict[int, object], analyte: object = ALT) -> set[str]:
    names = reasons(judged(man(multiples(analyte, values))), analyte)  # type: ignore[arg-type]
    return names & {"fold-rise", "band-step", "sustained-rise"}


@pytest.mark.parametrize(("value", "met"), [("2.99", False), ("3", True)])
def test_fold_rise_of_alt_is_one_and_a_half_times_an_elevated_baseline(value: str, met: bool) -> None:
    assert ("fold-rise" in found({0: 2, 30: value})) is met


@pytest.mark.parametrize("analyte", [ALP, GGT])
@pytest.mark.parametrize(("value", "met"), [("2.99", False), ("3", True)])
def test_fold_rise_of_alp_and_ggt_is_twice_the_baseline(analyte: object, value: str, met: bool) -> None:
    assert ("fold-rise" in found({0: "1.5", 30: value}, analyte)) is met


def test_fold_rise_of_bilirubin_must_also_pass_the_reference_change_limit() -> None:
    assert "fold-rise" not in found({0: 2, 30: "3.4"}, TBIL)
    assert "fold-rise" in found({0: 2, 30: "3.5"}, TBIL)


def test_fold_rise_needs_an_elevated_baseline() -> None:
    assert "fold-rise" not in found({0: 1, 30: "1.9"})
    assert "fold-rise" in found({0: "1.01", 30: "1.9"})


def test_the_baseline_is_the_median_of_the_year_before_without_the_day_itself() -> None:
    assert "fold-rise" in found({0: 2, 10: 2, 20: 9, 30: "3.1"})
    assert "fold-rise" in found({0: 2, 365: 3})
    assert "fold-rise" not in found({0: 2, 366: 3})
    same_day = man(multiples(ALT, {0: 2}), result(ALT, 30, 99), result(ALT, 30, 90))
    assert "fold-rise" in reasons(judged(same_day))


def test_the_baseline_of_an_even_number_is_the_mean_of_the_middle_two() -> None:
    assert "fold-rise" in found({0: 2, 10: "2.9", 30: "3.675"})
    assert "fold-rise" not in found({0: 2, 10: "2.9", 30: "3.67"})


def test_a_censored_value_makes_no_baseline_and_does_not_worsen() -> None:
    censored_before = man(result(ALT, 0, 60, comparator=">"), result(ALT, 30, 200))
    assert not reasons(judged(censored_before)) & {"fold-rise", "band-step"}
    censored_now = man(result(ALT, 0, 60), result(ALT, 30, 200, comparator=">"))
    assert not reasons(judged(censored_now)) & {"fold-rise", "band-step"}


def test_the_baseline_is_compared_with_todays_limit() -> None:
    tighter_now = man(result(ALT, 0, 38, limits=(0, 40)), result(ALT, 30, 60, limits=(0, 30)))
    assert "fold-rise" in reasons(judged(tighter_now))


@pytest.mark.parametrize(
    ("before", "now", "met"),
    [
        (1, "1.99", False),
        (1, "2", True),
        ("1.6", "2", False),
        ("1.5", "2", True),
        ("1.9", "2.4", False),
        ("1.9", "2.5", True),
        ("4.9", "5", False),
        ("3", "5", True),
        ("2", "4.9", False),
        ("14", "19", True),
    ],
)
def test_band_step_is_a_higher_band_at_least_mild_above_the_reference_change(
    before: object, now: object, met: bool
) -> None:
    assert ("band-step" in found({0: before, 30: now})) is met


def test_band_step_is_for_aminotransferases_only() -> None:
    assert "band-step" in found({0: 1, 30: 3}, AST)
    assert "band-step" not in found({0: 1, 30: 3}, ALP)


def test_the_reference_change_limit_itself_is_not_above_it() -> None:
    rise = RULEBOOK.change[ALT].rise
    baseline = Decimal(60)
    at_limit = man(result(ALT, 0, baseline), result(ALT, 30, baseline * rise))
    above = man(result(ALT, 0, baseline), result(ALT, 30, baseline * rise + Decimal("0.001")))
    assert "band-step" not in reasons(judged(at_limit))
    assert "band-step" in reasons(judged(above))


def test_sustained_rise_needs_four_values_over_twenty_eight_days() -> None:
    assert "sustained-rise" in found({0: "1.1", 10: "1.2", 20: "1.3", 28: "1.5"})
    assert "sustained-rise" not in found({0: "1.1", 10: "1.2", 20: "1.3", 27: "1.5"})
    assert "sustained-rise" not in found({0: "1.1", 20: "1.3", 28: "1.5"})


def test_sustained_rise_of_four_values_needs_every_one_to_rise() -> None:
    assert "sustained-rise" not in found({0: "1.1", 10: "1.3", 20: "1.2", 28: "1.5"})


def test_sustained_rise_must_pass_the_reference_change_from_first_to_last() -> None:
    assert "sustained-rise" not in found({0: "1.1", 10: "1.2", 20: "1.3", 28: "1.4"})
    assert "sustained-rise" in found({0: "1.1", 10: "1.2", 20: "1.3", 28: "1.45"})


def test_sustained_rise_looks_back_seven_hundred_and_thirty_days() -> None:
    assert "sustained-rise" in found({0: "1.1", 300: "1.2", 600: "1.3", 730: "1.5"})
    assert "sustained-rise" not in found({0: "1.1", 300: "1.2", 600: "1.3", 731: "1.5"})


def test_sustained_rise_is_judged_at_elevated_day_values_only() -> None:
    assert "sustained-rise" not in found({0: "0.5", 30: "0.6", 60: "0.7", 90: "0.9"})
    assert "sustained-rise" in found({0: "0.5", 30: "0.6", 60: "0.7", 90: "1.1"})


def test_a_sustained_rise_names_its_doubling_time() -> None:
    record = man(multiples(ALT, {0: "1.1", 100: "2.2", 200: "4.4", 300: "8.8"}))
    (finding,) = findings(judged(record), ALT, Kind.WORSENING)
    reason = next(one for one in finding.reasons if one.name == "sustained-rise")
    assert "Doubling time about 100 days" in reason.detail
    assert len(reason.evidence) == 4


@pytest.mark.parametrize(
    ("baseline", "value", "tier"),
    [
        ("1.5", "4.99", Tier.SOON),
        ("1.5", "5", Tier.URGENT),
        ("1.6", "4.79", Tier.SOON),
        ("2", "5.9", Tier.SOON),
        ("2", "6", Tier.URGENT),
    ],
)
def test_worsening_is_urgent_from_five_times_the_limit_with_three_times_the_baseline(
    baseline: str, value: str, tier: Tier
) -> None:
    (finding,) = findings(judged(man(multiples(ALT, {0: baseline, 30: value}))), ALT, Kind.WORSENING)
    assert finding.tier is tier


def test_worsening_of_one_analyte_is_one_finding_with_every_reason() -> None:
    record = man(multiples(ALT, {0: "1.5", 30: 3, 60: 7}))
    (finding,) = findings(judged(record), ALT, Kind.WORSENING)
    assert [reason.name for reason in finding.reasons] == ["fold-rise", "band-step"]
    assert finding.first == date(2020, 1, 1)
    assert (finding.met, finding.last) == (date(2020, 1, 31), date(2020, 3, 1))
    assert [len(reason.evidence) for reason in finding.reasons] == [3, 3]


def test_an_elevated_haemolysed_ast_neither_worsens_nor_makes_a_baseline() -> None:
    now = man(result(AST, 0, 60), result(AST, 30, 300, flags=("haemolysed",)))
    assert not reasons(judged(now))
    before = man(result(AST, 0, 60, flags=("haemolysed",)), result(AST, 30, 300))
    assert not reasons(judged(before)) & {"fold-rise", "band-step"}


def trend(*results: object) -> Trend:
    return only(judged(man(*results)), Family.TRANSAMINASE).trend  # type: ignore[arg-type]


def test_a_fall_below_the_reference_change_is_improving() -> None:
    assert trend(multiples(ALT, {0: 4, 30: 3})) is Trend.IMPROVING
    assert trend(multiples(ALT, {0: 4, 30: "3.2"})) is Trend.STABLE


def test_two_normal_day_values_are_improving_though_another_analyte_stays() -> None:
    assert trend(multiples(ALT, {0: 4}), multiples(AST, {0: "1.1", 1: "0.9", 2: "0.9"})) is Trend.IMPROVING


def test_the_latest_worsening_is_worsening() -> None:
    assert trend(multiples(ALT, {0: 2, 30: 4})) is Trend.WORSENING
    assert trend(multiples(ALT, {0: 2, 30: 4, 60: 3})) is Trend.STABLE


def test_falling_enzymes_with_high_or_rising_bilirubin_or_inr_are_never_improving() -> None:
    falling = multiples(ALT, {0: 8, 30: 3})
    assert trend(falling) is Trend.IMPROVING
    assert trend(falling, multiples(TBIL, {29: "1.1"})) is Trend.STABLE
    assert trend(falling, multiples(TBIL, {0: "0.4", 29: "0.9"})) is Trend.STABLE
    assert trend(falling, multiples(TBIL, {0: "0.6", 29: "0.6"})) is Trend.IMPROVING
    assert trend(falling, series(INR, {29: "1.3"})) is Trend.STABLE
    assert trend(falling, series(INR, {0: "1.0", 29: "1.1"})) is Trend.STABLE
    assert trend(falling, series(INR, {0: "1.0", 29: "1.0"})) is Trend.IMPROVING
