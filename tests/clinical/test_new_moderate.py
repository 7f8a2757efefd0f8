"""A first moderate elevation alerts at once: neither missed nor told twice (clinical.md §8)."""

from datetime import date

import pytest

from service.clinical.analytes import Analyte
from service.clinical.episodes import Assessment, Family, Finding, Kind, Suppression, Tier
from service.clinical.results import Sex
from tests.clinical.records import (
    When,
    ALP,
    ALT,
    AST,
    DAY_0,
    GGT,
    TBIL,
    findings,
    judged,
    man,
    multiples,
    only,
    patient,
    pregnancy,
    result,
    series,
)


def found(assessment: Assessment, analyte: Analyte = ALT) -> list[Finding]:
    return findings(assessment, analyte, Kind.NEW_MODERATE)


@pytest.mark.parametrize("analyte", [ALT, AST])
@pytest.mark.parametrize(("multiple", "alerts"), [("4.99", False), (5, True), ("15", True)])
def test_a_first_result_from_five_times_the_limit_is_a_soon_alert_at_once(
    analyte: Analyte, multiple: object, alerts: bool
) -> None:
    record = man(result(analyte, 0, float(str(multiple)) * 40, limits=(None, 40)))
    episode = only(judged(record), Family.TRANSAMINASE)
    assert (episode.alerts_from, episode.tier) == ((DAY_0, Tier.SOON) if alerts else (None, None))
    assert [finding.tier for finding in found(judged(record), analyte)] == [Tier.SOON] * alerts


@pytest.mark.parametrize(("moderate", "mild"), [(ALT, AST), (AST, ALT)])
def test_a_moderate_result_alerts_beside_a_mild_one_of_the_other_enzyme(
    moderate: Analyte, mild: Analyte
) -> None:
    assessment = judged(man(multiples(moderate, {0: 6}), multiples(mild, {0: 2})))
    assert [finding.tier for finding in found(assessment, moderate)] == [Tier.SOON]
    assert found(assessment, mild) == []


def test_above_fifteen_times_the_limit_the_urgent_rule_speaks_alone() -> None:
    assessment = judged(man(result(ALT, 0, 601, limits=(None, 40))))
    assert {finding.kind for finding in findings(assessment)} == {Kind.URGENT}


def test_a_moderate_value_that_an_urgent_rule_meets_is_not_told_twice() -> None:
    assessment = judged(man(result(ALT, 0, 1000, limits=(None, 100))))
    assert {finding.kind for finding in findings(assessment)} == {Kind.URGENT}


@pytest.mark.parametrize("before", ["0.8", 3])
def test_a_rise_to_moderate_that_is_worsening_is_not_told_twice(before: object) -> None:
    assessment = judged(man(multiples(ALT, {0: before, 30: 6, 40: 6})))
    assert {finding.kind for finding in findings(assessment)} == {Kind.WORSENING}


def test_a_slow_rise_to_moderate_that_is_no_worsening_is_not_missed() -> None:
    (finding,) = found(judged(man(multiples(ALT, {0: "4.9", 30: "5.1"}))))
    assert (finding.met, finding.alerts_from, finding.tier) == (
        date(2020, 1, 31),
        date(2020, 1, 31),
        Tier.SOON,
    )


def test_a_baseline_older_than_a_year_makes_no_worsening_and_hides_no_moderate_elevation() -> None:
    (finding,) = found(judged(man(multiples(ALT, {0: "0.8", 366: 6}))))
    assert finding.met == date(2021, 1, 1)


def test_only_the_first_of_an_episode_is_new() -> None:
    (finding,) = found(judged(man(multiples(ALT, {0: 6, 20: 4, 40: 6, 60: 7}))))
    assert (finding.met, finding.last) == (DAY_0, DAY_0)


def test_a_fall_from_severe_to_moderate_is_not_new() -> None:
    assert found(judged(man(multiples(ALT, {0: 20, 10: 8})))) == []


def test_in_the_next_episode_it_is_new_again() -> None:
    values: dict[When, object] = {0: 6, 20: "0.5", 40: "0.5", 800: 6}
    assert [one.met for one in found(judged(man(multiples(ALT, values))))] == [DAY_0, date(2022, 3, 11)]


def test_a_persistent_elevation_that_reaches_moderate_tells_of_it_itself() -> None:
    assessment = judged(man(multiples(ALT, {0: "4.9", 200: "4.9", 230: "5.1"})))
    assert {finding.kind for finding in findings(assessment)} == {Kind.PERSISTENT}
    assert only(assessment, Family.TRANSAMINASE).tier is Tier.SOON


def test_alt_and_ast_of_one_panel_are_one_alert() -> None:
    assessment = judged(man(multiples(ALT, {0: 6}), multiples(AST, {0: 7})))
    episode = only(assessment, Family.TRANSAMINASE)
    assert {finding.analyte for finding in episode.findings} == {ALT, AST}


@pytest.mark.parametrize("analyte", [ALP, GGT, TBIL])
def test_other_tests_have_no_bands_and_are_not_judged_so(analyte: Analyte) -> None:
    assert found(judged(man(multiples(analyte, {0: 6}))), analyte) == []


def test_at_least_five_times_is_enough_where_the_value_is_censored() -> None:
    assert found(judged(man(result(ALT, 0, 200, comparator=">", limits=(None, 40)))))
    assert not found(judged(man(result(ALT, 0, 199, comparator=">", limits=(None, 40)))))


def test_neither_a_preliminary_nor_a_haemolysed_result_grounds_it() -> None:
    record = man(
        result(ALT, 0, 240, limits=(None, 40), preliminary=True),
        result(AST, 0, 240, limits=(None, 40), flags=("haemolysed",)),
    )
    assert findings(judged(record)) == []


def test_under_18_it_is_shown_only_until_the_first_one_after_the_eighteenth_birthday() -> None:
    values = multiples(ALT, {0: 6, 20: 6, 40: 6})
    (child,) = found(judged(patient(values, sex=Sex.MALE, birth_date=date(2010, 1, 1))))
    assert (child.suppressed, child.alerts_from) == (Suppression.UNDER_18, None)
    (grown,) = found(judged(patient(values, sex=Sex.MALE, birth_date=date(2002, 1, 15))))
    assert (grown.met, grown.alerts_from) == (DAY_0, date(2020, 1, 21))


def test_in_pregnancy_the_urgent_rule_speaks_alone() -> None:
    record = patient(series(ALT, {0: 240}), sex=Sex.FEMALE, conditions=[pregnancy(date(2019, 12, 1))])
    assert {finding.kind for finding in findings(judged(record))} == {Kind.URGENT}


def test_its_words_name_the_level_and_the_limit() -> None:
    (finding,) = found(judged(man(result(ALT, 0, 240, limits=(None, 40)))))
    assert finding.reasons[0].detail == (
        "ALT 6 × ULN (240 U/L, limit 40, laboratory) on 2020-01-01: "
        "the first in this episode in the band moderate."
    )
