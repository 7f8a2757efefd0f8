"""What makes one panel urgent: severe elevation, jaundice, synthetic failure, pregnancy."""

from datetime import date, timedelta

import pytest

from service.clinical.analytes import Analyte
from service.clinical.episodes import Family, Kind, Tier
from service.clinical.results import Sex
from tests.clinical.records import (
    ALP,
    ALT,
    AST,
    DAY_0,
    DBIL,
    INR,
    TBIL,
    drug,
    findings,
    judged,
    man,
    multiples,
    only,
    patient,
    pregnancy,
    reasons,
    result,
    series,
)


def urgent(*results: object, **more: object) -> set[str]:
    assessment = judged(man(*results, **more))  # type: ignore[arg-type]
    return {reason.name for one in findings(assessment, kind=Kind.URGENT) for reason in one.reasons}


@pytest.mark.parametrize("analyte", [ALT, AST])
def test_severe_elevation_is_above_fifteen_times_the_limit(analyte: Analyte) -> None:
    assert urgent(multiples(analyte, {0: 15})) == set()
    assert urgent(multiples(analyte, {0: "15.01"})) == {"severe-elevation"}


def test_severe_elevation_is_a_thousand_units_whatever_the_limit() -> None:
    assert urgent(result(ALT, 0, 999, limits=(0, 100))) == set()
    assert urgent(result(ALT, 0, 1000, limits=(0, 100))) == {"severe-elevation"}
    assert urgent(result(ALT, 0, 1000, limits=(0, 100), comparator=">")) == {"severe-elevation"}


def test_severe_elevation_is_an_alert_of_the_highest_tier_at_once() -> None:
    episode = only(judged(man(multiples(AST, {0: 20}))), Family.TRANSAMINASE)
    assert (episode.tier, episode.alerts_from) == (Tier.URGENT, DAY_0)
    assert episode.findings[0].analyte is AST


def test_jaundice_is_three_times_the_limit() -> None:
    assert "jaundice" not in urgent(multiples(TBIL, {0: "2.99"}))
    assert "jaundice" in urgent(multiples(TBIL, {0: 3}))


def test_jaundice_shown_to_be_unconjugated_the_same_day_is_not_urgent() -> None:
    total = result(TBIL, 0, 100)
    assert "jaundice" not in urgent(total, result(DBIL, 0, "29.9"))
    assert "jaundice" in urgent(total, result(DBIL, 0, 30))
    assert "jaundice" in urgent(total, result(DBIL, -1, 10))
    assert "jaundice" not in urgent(total, result(DBIL, 0, 20, comparator=">="), result(DBIL, 0, 20))


def test_a_haemolysed_direct_bilirubin_shows_nothing() -> None:
    assert "jaundice" in urgent(result(TBIL, 0, 100), result(DBIL, 0, 10, flags=("haemolysed",)))


def test_a_jaundice_finding_belongs_to_bilirubin() -> None:
    episode = only(judged(man(multiples(TBIL, {0: 4}))), Family.BILIRUBIN)
    (finding,) = episode.findings
    assert (finding.analyte, finding.tier) == (TBIL, Tier.URGENT)


class TestSyntheticFailure:
    def test_high_inr_with_an_elevated_enzyme(self) -> None:
        assert urgent(series(INR, {0: "1.5"}), multiples(ALT, {0: "1.1"})) == {"synthetic-failure"}
        assert urgent(series(INR, {0: "1.49"}), multiples(ALT, {0: "1.1"})) == set()

    def test_high_inr_with_bilirubin_of_twice_the_limit(self) -> None:
        assert urgent(series(INR, {0: "1.5"}), multiples(TBIL, {0: 2})) == {"synthetic-failure"}
        assert urgent(series(INR, {0: "1.5"}), multiples(TBIL, {0: "1.99"})) == set()

    def test_high_inr_alone_is_not_enough(self) -> None:
        assert urgent(series(INR, {0: 3}), multiples(ALT, {0: 1})) == set()

    @pytest.mark.parametrize("first", [INR, ALT])
    def test_the_two_lie_at_most_fourteen_days_apart_in_either_order(self, first: Analyte) -> None:
        second = ALT if first is INR else INR
        values = {INR: "1.6", ALT: 80}
        for days, met in ((14, {"synthetic-failure"}), (15, set())):
            assert urgent(result(first, 0, values[first]), result(second, days, values[second])) == met

    def test_it_is_met_on_the_later_day_with_inr_as_its_analyte(self) -> None:
        episode = only(judged(man(result(INR, 0, "1.6"), result(ALT, 10, 80))), Family.TRANSAMINASE)
        (finding,) = episode.findings
        assert finding.analyte is INR
        assert (finding.first, finding.met) == (DAY_0, date(2020, 1, 11))
        assert {level.analyte for level in episode.latest} == {ALT, INR}

    def test_a_recorded_anticoagulant_explains_the_inr(self) -> None:
        panel = (result(INR, 0, "2.5"), result(ALT, 0, 80))
        started = date(2019, 12, 1)
        assert urgent(*panel, medications=[drug("Warfarin Sodium 5 MG Oral Tablet", started)]) == set()
        assert urgent(*panel, medications=[drug("Warfarin", date(2020, 1, 2))]) == {"synthetic-failure"}
        assert urgent(*panel, medications=[drug("Warfarin", started, date(2019, 12, 31))]) == {
            "synthetic-failure"
        }
        assert urgent(*panel, medications=[drug("Warfarin", started, current=False)]) == {"synthetic-failure"}
        assert urgent(*panel, medications=[drug("Warfarin", None)]) == set()
        assert urgent(*panel, medications=[drug("Heparin", started)]) == {"synthetic-failure"}


class TestPregnancy:
    def woman(
        self, *results: object, start: date | None = date(2019, 11, 1), end: date | None = None
    ) -> set[str]:
        record = patient(*results, sex=Sex.FEMALE, conditions=[pregnancy(start, end)])  # type: ignore[arg-type]
        return reasons(judged(record))

    def test_enzymes_of_twice_the_limit_are_urgent(self) -> None:
        assert self.woman(result(ALT, 0, "49.9")) == set()
        assert self.woman(result(ALT, 0, 50)) == {"pregnancy"}
        assert self.woman(result(AST, 0, 80)) == {"pregnancy"}

    def test_any_elevated_bilirubin_is_urgent(self) -> None:
        assert self.woman(result(TBIL, 0, "20.5")) == set()
        assert self.woman(result(TBIL, 0, "20.6")) == {"pregnancy"}

    def test_the_other_urgent_rules_still_hold(self) -> None:
        assert "severe-elevation" in self.woman(result(ALT, 0, 1000))

    def test_an_open_pregnancy_counts_for_at_most_294_days(self) -> None:
        start = DAY_0 - timedelta(days=294)
        assert self.woman(result(ALT, 0, 60), start=start) == {"pregnancy"}
        assert self.woman(result(ALT, 1, 60), start=start) == set()

    def test_a_recorded_end_is_believed(self) -> None:
        assert self.woman(result(ALT, 0, 60), end=date(2019, 12, 31)) == set()
        assert self.woman(result(ALT, 0, 60), end=DAY_0) == {"pregnancy"}
        assert self.woman(result(ALT, 0, 60), start=None, end=DAY_0) == {"pregnancy"}

    def test_a_pregnancy_without_any_date_cannot_be_placed(self) -> None:
        assert self.woman(result(ALT, 0, 60), start=None) == set()

    def test_before_the_pregnancy_nothing_changes(self) -> None:
        assert self.woman(result(ALT, 0, 60), start=date(2020, 1, 2)) == set()


class TestPreliminary:
    def test_a_preliminary_result_is_enough_for_an_urgent_rule_and_says_so(self) -> None:
        episode = only(judged(man(result(ALT, 0, 900, preliminary=True))), Family.TRANSAMINASE)
        (finding,) = episode.findings
        assert finding.kind is Kind.URGENT
        assert "rests on a preliminary result" in finding.notes
        assert len(episode.evidence) == 1
        assert episode.latest[0].value == 900

    def test_a_preliminary_result_never_hides_a_final_one(self) -> None:
        final = result(ALT, 0, 5000, comparator=">")
        assert "severe-elevation" in urgent(final, result(ALT, 0, 30, preliminary=True))
        panel = [result(ALT, 0, 140), result(TBIL, 0, 60), result(ALP, 0, 100)]
        assert urgent(panel) == {"hys-law"}
        with_alp = urgent(panel, result(ALP, 0, 300, preliminary=True))
        assert with_alp == {"hys-law", "cholestatic-jaundice"}

    def test_final_results_hidden_on_one_day_still_combine_with_preliminary_ones_of_the_next(self) -> None:
        finals = result(ALT, 0, 5000, comparator=">"), result(ALP, 0, 100)
        hidden = result(ALT, 0, 30, preliminary=True)
        assert "hys-law" in urgent(finals, hidden, result(TBIL, 1, 60, preliminary=True))

    def test_what_final_results_show_is_not_said_to_rest_on_a_preliminary_one(self) -> None:
        record = man(result(ALT, 0, 600), result(ALT, 0, 700, preliminary=True))
        (finding,) = findings(judged(record), ALT, Kind.URGENT)
        assert finding.notes == ()
        assert "18.18 × ULN" in finding.reasons[0].detail

    def test_a_preliminary_alp_that_shows_hys_law_leaves_no_possible_one(self) -> None:
        panel = [result(ALT, 0, 140), result(TBIL, 0, 60)]
        assert urgent(panel, result(ALP, 0, 100, preliminary=True)) == {"hys-law"}
        assert "possible-hys-law" in urgent(panel, result(ALP, 0, 300, preliminary=True))

    def test_a_preliminary_result_never_ends_a_lasting_elevation_under_a_drug(self) -> None:
        drugs = [drug("Simvastatin 20 MG Oral Tablet", date(2019, 1, 1))]
        low = result(ALT, 8, 30, preliminary=True)
        assert "dili-stop" in urgent(multiples(ALT, {0: 6, 20: 6}), low, medications=drugs)
        first = result(ALT, 0, 200, preliminary=True)
        assert "dili-stop" in urgent(first, low, multiples(ALT, {20: 6}), medications=drugs)

    def test_a_preliminary_result_drives_nothing_else(self) -> None:
        record = man(*(result(ALT, day, 90, preliminary=True) for day in (0, 100, 200, 300)))
        assert not judged(record).episodes

    def test_a_preliminary_result_does_not_end_an_episode(self) -> None:
        normal = [result(ALT, day, 20, preliminary=True) for day in (10, 20)]
        assert only(judged(man(result(ALT, 0, 90), normal)), Family.TRANSAMINASE).resolved is None

    def test_an_episode_opened_by_a_preliminary_result_ends_with_two_normal_final_ones(self) -> None:
        record = man(result(ALT, 0, 900, preliminary=True), series(ALT, {10: 20, 20: 20}))
        assert only(judged(record), Family.TRANSAMINASE).resolved == date(2020, 1, 21)


def test_a_haemolysed_ast_is_never_severe_by_itself() -> None:
    assert urgent(result(AST, 0, 5000, flags=("haemolysed",))) == set()
    assert urgent(result(ALT, 0, 900, flags=("haemolysed",))) == {"severe-elevation"}


def test_the_combination_of_alp_and_bilirubin_takes_the_place_of_jaundice() -> None:
    assert urgent(multiples(TBIL, {0: 4}), multiples(ALP, {0: 3})) == {"cholestatic-jaundice"}


@pytest.mark.parametrize("analyte", [ALT, AST])
@pytest.mark.parametrize("high", [10, 100, 165, 1500])
def test_a_severe_value_is_urgent_whatever_limit_the_laboratory_states(high: int, analyte: Analyte) -> None:
    assert "severe-elevation" in urgent(result(analyte, 0, "1000", limits=(None, high)))


@pytest.mark.parametrize("analyte", [ALT, AST])
@pytest.mark.parametrize(("high", "born"), [(165, date(1970, 1, 1)), (1500, date(2010, 1, 1))])
def test_under_a_high_limit_that_is_believed_the_value_by_itself_is_severe(
    high: int, born: date, analyte: Analyte
) -> None:
    assert "severe-elevation" in urgent(result(analyte, 0, "1000", limits=(None, high)), birth_date=born)
    assert "severe-elevation" not in urgent(result(analyte, 0, "999", limits=(None, high)), birth_date=born)
