"""Runs, persistence and the intermittent pattern, at their edges."""

from collections.abc import Mapping
from datetime import date

import pytest

from service.clinical.episodes import Family, Kind, Tier
from tests.clinical.records import (
    ALP,
    ALT,
    AST,
    GGT,
    TBIL,
    When,
    elevations,
    findings,
    judged,
    man,
    multiples,
    only,
    reasons,
    result,
    series,
)


def persists(*days: date) -> bool:
    return "persistent-6-months" in reasons(judged(man(series(ALT, dict.fromkeys(days, 60)))))


@pytest.mark.parametrize(
    ("first", "last", "persistent"),
    [
        (date(2023, 1, 15), date(2023, 7, 15), False),
        (date(2023, 1, 15), date(2023, 7, 16), True),
        (date(2022, 8, 31), date(2023, 2, 28), False),
        (date(2022, 8, 31), date(2023, 3, 1), True),
        (date(2023, 8, 31), date(2024, 2, 29), False),
        (date(2023, 8, 31), date(2024, 3, 1), True),
    ],
)
def test_a_run_persists_when_it_lasts_longer_than_six_calendar_months(
    first: date, last: date, persistent: bool
) -> None:
    assert persists(first, last) is persistent


@pytest.mark.parametrize(("second", "persistent"), [(date(2024, 4, 10), True), (date(2024, 4, 11), False)])
def test_a_gap_over_fifteen_months_begins_a_new_run(second: date, persistent: bool) -> None:
    assert persists(date(2023, 1, 10), second) is persistent


def test_one_elevated_result_does_not_persist() -> None:
    assert not persists(date(2023, 1, 10))


def test_a_normal_day_value_ends_the_run() -> None:
    record = man(series(ALT, {0: 60, 100: 30, 200: 60, 300: 60}))
    assert "persistent-6-months" not in reasons(judged(record))


def test_a_censored_value_that_tells_nothing_does_not_end_the_run() -> None:
    unclear = result(ALT, 100, 50, comparator="<")
    record = man(series(ALT, {0: 60, 200: 60}), unclear)
    assert "persistent-6-months" in reasons(judged(record))


def test_a_value_given_as_greater_than_counts_as_elevated() -> None:
    record = man(result(ALT, 0, 60), result(ALT, 200, 60, comparator=">"))
    assert "persistent-6-months" in reasons(judged(record))


def test_every_persistent_run_of_an_episode_is_a_finding_of_its_own() -> None:
    record = man(series(ALT, {0: 60, 200: 60, 250: 20, 300: 60, 500: 60}))
    assessment = judged(record)
    first, second = findings(assessment, ALT, Kind.PERSISTENT)
    assert len(elevations(assessment)) == 1
    assert (first.first, first.met, first.last) == (date(2020, 1, 1), date(2020, 7, 19), date(2020, 7, 19))
    assert (second.first, second.met) == (date(2020, 10, 27), date(2021, 5, 15))


def test_a_finding_says_when_it_was_met_and_how_long_it_lasts() -> None:
    record = man(series(ALT, {0: 60, 200: 66, 300: 99, 700: 60, 1100: 66}))
    (finding,) = findings(judged(record), ALT, Kind.PERSISTENT)
    (reason,) = finding.reasons
    assert (reason.met, reason.last) == (date(2020, 7, 19), date(2023, 1, 5))
    assert len(reason.evidence) == 5
    assert "1100 days, over 5 days of testing" in reason.detail
    assert "Highest ALT 3 × ULN (99 U/L, limit 33, rulebook) on 2020-10-27" in reason.detail
    assert "latest ALT 2 × ULN" in reason.detail
    assert "Still elevated after 24 months." in reason.detail


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (366, None),
        (367, "Still elevated after 12 months."),
        (731, "12 months."),
        (732, "Still elevated after 24 months."),
    ],
)
def test_persistence_of_twelve_and_twenty_four_months_is_said(days: int, said: str | None) -> None:
    record = man(series(ALT, {0: 60, 200: 60, 366: 60, days: 60}))
    (finding,) = findings(judged(record), ALT, Kind.PERSISTENT)
    if said is None:
        assert "Still elevated" not in finding.reasons[0].detail
    else:
        assert said in finding.reasons[0].detail


@pytest.mark.parametrize(
    ("multiple", "tier"), [("1.1", Tier.ROUTINE), ("4.99", Tier.ROUTINE), ("5", Tier.SOON), ("14", Tier.SOON)]
)
def test_persistent_aminotransferases_are_soon_from_the_moderate_band(multiple: str, tier: Tier) -> None:
    (finding,) = findings(judged(man(multiples(AST, {0: multiple, 200: multiple}))), AST, Kind.PERSISTENT)
    assert finding.tier is tier


@pytest.mark.parametrize(("multiple", "tier"), [("2.5", Tier.ROUTINE), ("2.51", Tier.SOON), ("6", Tier.SOON)])
def test_persistent_alp_is_soon_from_grade_two(multiple: str, tier: Tier) -> None:
    record = man(multiples(ALP, {0: multiple, 200: multiple}))
    (finding,) = findings(judged(record), ALP, Kind.PERSISTENT)
    assert finding.tier is tier


@pytest.mark.parametrize(("multiple", "tier"), [("1.5", Tier.ROUTINE), ("1.51", Tier.SOON)])
def test_persistent_bilirubin_is_soon_from_grade_two(multiple: str, tier: Tier) -> None:
    record = man(multiples(TBIL, {0: multiple, 200: multiple}), series(ALT, {200: 60}))
    (finding,) = findings(judged(record), TBIL, Kind.PERSISTENT)
    assert finding.tier is tier


def test_the_tier_counts_from_the_day_the_run_persists_and_never_falls() -> None:
    record = man(multiples(ALP, {0: 3, 200: 2, 250: 3, 300: 2}))
    episode = only(judged(record), Family.CHOLESTATIC)
    assert [(change.day, change.tier) for change in episode.tier_changes] == [
        (date(2020, 7, 19), Tier.ROUTINE),
        (date(2020, 9, 7), Tier.SOON),
    ]


def intermittent(values: Mapping[When, object]) -> bool:
    return "intermittent" in reasons(judged(man(series(ALT, values))), ALT)


def test_elevated_again_and_again_is_intermittent() -> None:
    assert intermittent({0: 60, 60: 20, 120: 60, 180: 20, 240: 60})


def test_intermittent_needs_three_elevated_of_the_latest_five() -> None:
    assert not intermittent({0: 60, 60: 20, 120: 20, 180: 20, 240: 60})
    assert not intermittent({0: 60, 60: 60, 120: 20, 180: 20, 200: 20, 240: 60})


def test_intermittent_needs_its_first_and_last_more_than_six_months_apart() -> None:
    apart: dict[When, object] = {
        date(2023, 1, 15): 60,
        date(2023, 2, 15): 20,
        date(2023, 3, 15): 60,
        date(2023, 4, 15): 20,
    }
    assert not intermittent({**apart, date(2023, 7, 15): 60})
    assert intermittent({**apart, date(2023, 7, 16): 60})


def test_intermittent_looks_back_twenty_four_months() -> None:
    apart: dict[When, object] = {
        date(2022, 1, 15): 60,
        date(2022, 2, 15): 20,
        date(2023, 3, 15): 60,
        date(2023, 4, 15): 20,
    }
    assert intermittent({**apart, date(2024, 1, 15): 60})
    assert not intermittent({**apart, date(2024, 1, 16): 60})


def test_a_persistent_run_among_the_five_is_not_intermittent() -> None:
    assert not intermittent({0: 60, 200: 60, 230: 20, 260: 60, 290: 20, 320: 60})


def test_intermittent_goes_by_the_band_of_the_latest() -> None:
    record = man(multiples(ALT, {0: 2, 60: 0.5, 120: 2, 180: 0.5, 240: 6}))
    (finding,) = findings(judged(record), ALT, Kind.INTERMITTENT)
    assert (finding.first, finding.tier) == (date(2020, 1, 1), Tier.SOON)
    assert len(finding.reasons[0].evidence) == 3
    assert "on 3 of the last 5 days of testing" in finding.reasons[0].detail


def test_ggt_and_alp_runs_are_found_too() -> None:
    assessment = judged(man(multiples(GGT, {0: 2, 200: 2}), multiples(ALP, {0: 2, 200: 2})))
    assert len(findings(assessment, GGT, Kind.PERSISTENT)) == 1
    assert len(findings(assessment, ALP, Kind.PERSISTENT)) == 1
