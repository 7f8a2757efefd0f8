"""Rechecks that did not come in time (clinical.md §8)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from service.clinical.analytes import Analyte
from service.clinical.assess import assess
from service.clinical.episodes import AskedRecheck, Episode, Family, Kind, Plan, Suppression, Tier
from service.clinical.recommendations import steps_of
from service.clinical.results import Done, LabResult, Medication, PatientRecord, Progress, Sex
from tests.clinical.records import (
    ALP,
    ALT,
    AST,
    DAY_0,
    DBIL,
    GGT,
    INR,
    RULEBOOK,
    TBIL,
    When,
    day_of,
    drug,
    judged,
    man,
    missed,
    multiples,
    only,
    patient,
    pregnancy,
    result,
    series,
)

LEVELS = [
    (ALT, "1.01", 90, Tier.ROUTINE),
    (ALT, "1.99", 90, Tier.ROUTINE),
    (AST, "2", 30, Tier.ROUTINE),
    (ALT, "4.99", 30, Tier.ROUTINE),
    (ALT, "5", 14, Tier.SOON),
    (AST, "15", 14, Tier.SOON),
    (ALT, "15.01", 2, Tier.URGENT),
    (AST, "300", 2, Tier.URGENT),
    (ALP, "2.5", 30, Tier.ROUTINE),
    (ALP, "2.51", 14, Tier.SOON),
    (ALP, "5", 14, Tier.SOON),
    (ALP, "5.01", 2, Tier.SOON),
    (GGT, "2.5", 30, Tier.ROUTINE),
    (GGT, "5.01", 2, Tier.SOON),
    (TBIL, "1.5", 30, Tier.ROUTINE),
    (TBIL, "1.51", 14, Tier.SOON),
    (TBIL, "3", 14, Tier.SOON),
    (TBIL, "3.01", 2, Tier.SOON),
]
"""Analyte, multiple of the limit, the last day on which the recheck is in time, and the tier after that."""


def at(analyte: Analyte, multiple: str, when: int = 0) -> list[LabResult]:
    return multiples(analyte, {when: multiple})


def with_company(analyte: Analyte, when: int) -> list[LabResult]:
    """Another elevated test, repeated at once, because of which GGT and bilirubin may alert."""
    other = ALT if analyte is TBIL else ALP
    return multiples(other, {when: "1.1", when + 1: "0.5"}) if analyte in (GGT, TBIL) else []


def one_missed(*results: object, on: int | date, **more: object) -> Episode:
    (episode,) = missed(judged(man(*results, **more), at=on))  # type: ignore[arg-type]
    return episode


@pytest.mark.parametrize(("analyte", "multiple", "days", "tier"), LEVELS)
class TestEveryLevel:
    def test_is_overdue_from_the_day_after_its_grace(
        self, analyte: Analyte, multiple: str, days: int, tier: Tier
    ) -> None:
        record = man(at(analyte, multiple), with_company(analyte, 0))
        assert missed(judged(record, at=days), analyte) == []
        (episode,) = missed(judged(record, at=days + 1), analyte)
        assert (episode.alerts_from, episode.tier) == (day_of(days + 1), tier)
        assert (episode.onset, episode.resolved) == (DAY_0, None)

    def test_is_in_time_on_the_last_day_of_its_grace_and_closed_by_a_later_repeat(
        self, analyte: Analyte, multiple: str, days: int, tier: Tier
    ) -> None:
        del tier
        first = [*at(analyte, multiple), *with_company(analyte, 0)]
        in_time = man(first, at(analyte, "0.5", days))
        assert missed(judged(in_time), analyte) == []
        late = man(first, at(analyte, "0.5", days + 1))
        (episode,) = missed(judged(late), analyte)
        assert (episode.alerts_from, episode.resolved) == (day_of(days + 1), day_of(days + 1))

    def test_the_next_review_is_the_first_overdue_day(
        self, analyte: Analyte, multiple: str, days: int, tier: Tier
    ) -> None:
        del tier
        for when in (0, days):
            assert judged(man(at(analyte, multiple)), at=when).next_review == day_of(days + 1)


def test_a_borderline_bilirubin_has_no_borderline_days_but_those_of_grade_one() -> None:
    assert one_missed(at(TBIL, "1.01"), with_company(TBIL, 0), on=31).alerts_from == day_of(31)


class TestWhatOpensAWatch:
    def test_a_normal_result_does_not(self) -> None:
        assert missed(judged(man(at(ALT, "1")))) == []

    def test_the_second_of_two_elevated_results_does_although_the_first_was_repeated(self) -> None:
        episode = one_missed(multiples(ALT, {0: "1.5", 60: "1.6"}), on=60 + 91)
        assert (episode.onset, episode.resolved) == (day_of(60), None)

    def test_a_result_in_a_run_that_is_persistent_does_not(self) -> None:
        assert missed(judged(man(multiples(ALT, {0: "1.5", 80: "1.5", 160: "1.5", 240: "1.5"})))) == []

    def test_one_that_worsens_does_even_then(self) -> None:
        values: dict[When, object] = {0: "1.5", 80: "1.5", 160: "1.5", 240: "1.5", 300: "4"}
        assert one_missed(multiples(ALT, values), on=331).onset == day_of(300)

    def test_one_that_is_urgent_does_even_then(self) -> None:
        values: dict[When, object] = {0: "14.9", 100: "14.9", 190: "14.9", 240: "15.1"}
        last = missed(judged(man(multiples(ALT, values)), at=243))[-1]
        assert (last.onset, last.resolved, last.tier) == (day_of(240), None, Tier.URGENT)

    def test_an_urgent_finding_that_needs_a_preliminary_result_does_not(self) -> None:
        run = multiples(ALT, {0: "3.5", 29: "3.5", 58: "3.5", 87: "3.5", 116: "3.5", 145: "3.5", 174: "3.5"})
        last = multiples(ALT, {200: "3.5"})
        early = result(TBIL, 200, 60, preliminary=True)
        assert missed(judged(man(run, last, early), at=300)) == []
        assert missed(judged(man(run, last, result(TBIL, 200, 60)), at=300), ALT)

    def test_after_a_gap_too_long_to_know_of_the_run_begins_anew_and_so_do_watches(self) -> None:
        values: dict[When, object] = {0: "1.5", 80: "1.5", 160: "1.5", 240: "1.5", 800: "1.5"}
        assert one_missed(multiples(ALT, values), on=800 + 91).onset == day_of(800)

    def test_neither_a_preliminary_nor_a_haemolysed_nor_an_undecidable_result_does(self) -> None:
        record = man(
            result(ALT, 0, 60, preliminary=True),
            result(AST, 0, 90, flags=("haemolysed",)),
            result(ALP, 0, 200, comparator="<"),
        )
        assert judged(record).next_review is None

    def test_a_value_that_is_at_least_so_high_does(self) -> None:
        assert one_missed(result(ALT, 0, 33, comparator=">"), on=91).alerts_from == day_of(91)

    def test_other_tests_do_not(self) -> None:
        assert missed(judged(man(result(INR, 0, 3), result(DBIL, 0, 50)))) == []

    def test_what_is_elevated_follows_from_the_limit_that_counts(self) -> None:
        assert missed(judged(man(result(ALT, 0, 45, limits=(0, 45))))) == []
        assert missed(judged(man(result(ALT, 0, 45, limits=(0, 44)))))


class TestWhatClosesIt:
    def test_a_normal_and_an_elevated_result_alike(self) -> None:
        for multiple in ("0.5", "1.2"):
            assert missed(judged(man(at(ALT, "1.5"), at(ALT, multiple, 50)), at=100)) == []

    def test_not_another_test(self) -> None:
        assert one_missed(at(ALT, "1.5"), at(AST, "0.5", 50), on=91).findings[0].analyte is ALT

    def test_not_a_result_that_cannot_be_used(self) -> None:
        unusable = [
            result(AST, 20, 30, preliminary=True),
            result(AST, 21, 90, flags=("haemolysed",)),
            result(AST, 22, 90, comparator="<"),
        ]
        assert missed(judged(man(at(AST, "1.5"), unusable), at=91))
        assert not missed(judged(man(at(AST, "1.5"), result(AST, 20, 30, flags=("haemolysed",))), at=91))

    def test_another_result_of_the_same_day_is_no_repeat(self) -> None:
        record = man(at(ALT, "1.5"), result(ALT, 0, 20))
        assert only(judged(record, at=91), Family.FOLLOW_UP).resolved is None

    def test_a_repeat_found_later_but_taken_in_time_undoes_the_lapse(self) -> None:
        assert missed(judged(man(at(ALT, "1.5")), at=200))
        assert not missed(judged(man(at(ALT, "1.5"), at(ALT, "0.5", 90)), at=200))


class TestWhatHoldsTheAlertBack:
    def suppressed(self, *results: object, on: int = 100, **more: object) -> Suppression | None:
        episode = one_missed(*results, on=on, **more)
        (finding,) = episode.findings
        assert (episode.alerts_from is None) is (finding.suppressed is not None)
        assert (episode.tier is None) is (finding.suppressed is not None)
        return finding.suppressed

    def test_ggt_alone(self) -> None:
        assert self.suppressed(at(GGT, "2")) is Suppression.GGT_ALONE

    @pytest.mark.parametrize(("when", "held"), [(30, True), (31, False)])
    def test_a_normal_ggt_beside_an_alp_if_it_is_known_before_the_first_overdue_day(
        self, when: int, held: bool
    ) -> None:
        found = self.suppressed(at(ALP, "2"), at(GGT, "0.5", when))
        assert found is (Suppression.BONE_SOURCE if held else None)

    def test_with_a_ggt_unknown_the_alp_alerts_and_says_so(self) -> None:
        (finding,) = one_missed(at(ALP, "2"), on=31).findings
        assert finding.suppressed is None
        assert "GGT unknown within 90 days: a bone source of the ALP is not excluded" in finding.notes

    def test_an_isolated_bilirubin(self) -> None:
        assert self.suppressed(at(TBIL, "1.4")) is Suppression.ISOLATED_BILIRUBIN
        gilbert = [*at(TBIL, "1.4"), *series(DBIL, {0: 2}), *at(ALT, "0.5"), *at(ALP, "0.5")]
        assert self.suppressed(gilbert) is Suppression.GILBERT

    def test_an_age_under_18_on_the_day_of_the_result_unless_it_is_urgent(self) -> None:
        born = date(2002, 1, 2)  # eighteen the day after the result
        child = patient(at(ALT, "2"), sex=Sex.MALE, birth_date=born)
        (finding,) = only(judged(child, at=100), Family.FOLLOW_UP).findings
        assert finding.suppressed is Suppression.UNDER_18
        ill = patient(at(ALT, "20"), sex=Sex.MALE, birth_date=born)
        (finding,) = only(judged(ill, at=100), Family.FOLLOW_UP).findings
        assert finding.suppressed is None
        assert "under 18: outside the validated population" in finding.notes
        grown = patient(at(ALT, "2", 1), sex=Sex.MALE, birth_date=born)
        assert only(judged(grown, at=100), Family.FOLLOW_UP).tier is Tier.ROUTINE

    def test_a_pregnancy_on_the_day_of_the_result(self) -> None:
        expecting = pregnancy(date(2019, 12, 1), date(2020, 1, 1))
        assert self.suppressed(at(ALT, "1.5"), conditions=[expecting]) is Suppression.PREGNANCY
        assert self.suppressed(at(ALT, "1.5", 1), conditions=[expecting]) is None

    def test_nothing_else(self) -> None:
        assert self.suppressed(at(ALT, "1.5")) is None


class TestItsEpisode:
    def test_rests_on_every_elevated_result_of_that_analyte_and_day(self) -> None:
        record = man(
            result(ALT, 0, 60, key="first"),
            result(ALT, 0, 50, key="second"),
            result(ALT, 0, 20, key="normal"),
            result(AST, 0, 60, key="other"),
            result(ALT, 95, 20, key="repeat"),
        )
        (episode,) = missed(judged(record, at=100), ALT)
        assert {key.observation_id for key in episode.evidence} == {"first", "second"}
        assert {key.observation_id for key in episode.results} == {"first", "second", "repeat"}
        assert [episode.peak[0].value, episode.latest[0].value] == [60, 20]

    def test_says_what_was_to_be_repeated_by_when_and_whether_it_was(self) -> None:
        (finding,) = one_missed(result(ALT, 0, 60, limits=(0, 40)), on=91).findings
        assert finding.kind is Kind.RECHECK_OVERDUE
        assert finding.reasons[0].detail == (
            "ALT 1.5 × ULN (60 U/L, limit 40, laboratory) on 2020-01-01, band borderline: to be repeated by "
            "2020-01-15, and no usable result of ALT up to 2020-03-31; it has not been repeated."
        )
        repeated = one_missed(at(ALP, "2"), at(ALP, "0.5", 100), on=200).findings[0]
        assert "CTCAE grade 1" in repeated.reasons[0].detail
        assert repeated.reasons[0].detail.endswith("; repeated on 2020-04-10.")

    def test_knows_when_it_was_due_and_when_it_ended(self) -> None:
        recheck = one_missed(at(ALT, "3"), on=31).findings[0].recheck
        assert recheck is not None
        assert (recheck.due, recheck.ended) == (day_of(14), None)
        recheck = one_missed(at(ALT, "3"), at(ALT, "0.5", 40), on=50).findings[0].recheck
        assert recheck is not None
        assert recheck.ended == day_of(40)

    def test_two_analytes_of_one_panel_are_told_in_one_order(self) -> None:
        results = [*at(AST, "1.5"), *at(ALT, "1.5")]
        told = missed(judged(man(results), at=91))
        assert [one.findings[0].analyte for one in told] == [ALT, AST]
        assert told == missed(judged(man(results[::-1]), at=91))

    def test_of_the_dead_is_closed(self) -> None:
        assert one_missed(at(ALT, "1.5"), on=91, deceased=True).deceased

    def test_is_lost_to_follow_up_after_twenty_four_months_without_a_result(self) -> None:
        record = man(at(ALT, "1.5"))
        assert not only(judged(record, at=date(2022, 1, 1)), Family.FOLLOW_UP).dormant
        assert only(judged(record, at=date(2022, 1, 2)), Family.FOLLOW_UP).dormant
        assert judged(record, at=91).next_review == date(2022, 1, 2)

    def test_says_that_sex_and_age_are_not_known(self) -> None:
        record = PatientRecord([result(ALT, 0, 30)])
        notes = only(judged(record, at=91), Family.FOLLOW_UP).notes
        assert "sex unknown: the lower of the two limits was used" in notes
        assert "birth date unknown: read as an adult" in notes


class TestTheClock:
    def test_the_day_is_the_utc_day(self) -> None:
        record = man(at(ALT, "1.5"))
        last = datetime(2020, 3, 31, 23, 59, tzinfo=UTC)  # day 90, already day 91 further east
        assert missed(assess(record, RULEBOOK, last)) == []
        assert missed(assess(record, RULEBOOK, last + timedelta(minutes=1)))

    def test_another_test_dated_a_little_ahead_does_not_hasten_it(self) -> None:
        tomorrow = result(AST, 91, 20)
        assert missed(judged(man(at(ALT, "1.5"), tomorrow), at=90)) == []

    def test_a_late_repeat_dated_a_little_ahead_ends_it_as_of_then(self) -> None:
        ahead = man(at(ALT, "1.5"), at(ALT, "0.5", 91))
        assert judged(ahead, at=90).episodes == judged(ahead, at=91).episodes

    def test_a_site_may_set_other_days(self) -> None:
        from service.clinical.rulebook import SHIPPED, parse_rulebook

        text = SHIPPED.read_text(encoding="utf-8")
        assert text.count("borderline = { value = 76,") == 1
        other = parse_rulebook(text.replace("borderline = { value = 76,", "borderline = { value = 16,"))
        record = man(at(ALT, "1.5"))
        assert missed(judged(record, at=30, rulebook=other)) == []
        assert missed(judged(record, at=31, rulebook=other))


def test_ten_years_of_late_rechecks_leave_only_the_last_one_missing() -> None:
    values: dict[When, object] = {
        365 * year: Decimal("1.5") if year % 3 else Decimal("0.9") for year in range(11)
    }
    episodes = missed(judged(man(multiples(ALT, values)), at=3650 + 91))
    assert [one.resolved is None for one in episodes] == [False] * (len(episodes) - 1) + [True]
    assert len(episodes) > 3


class TestItsAdvice:
    def given(self, *results: list[LabResult], on: int = 100, **more: object) -> Episode:
        (episode,) = missed(judged(man(*results, **more), at=on), ALT)
        return episode

    def asked(self, *results: list[LabResult], on: int = 100, **more: object) -> list[str]:
        return [step.name for step in steps_of(self.given(*results, on=on, **more))]

    def test_is_for_the_prescriber_too_where_a_drug_was_begun_before_the_elevation(self) -> None:
        begun = drug("Isoniazid", day_of(-30))
        assert "overdue-on-drugs" in self.asked(at(ALT, "1.5"), medications=[begun])
        (cause,) = self.given(at(ALT, "1.5"), medications=[begun]).plan.causes
        assert "Isoniazid" in cause.speaks_for[0].words

    @pytest.mark.parametrize(
        "other", [[], [drug("Isoniazid", day_of(5))], [drug("Vitamin C", day_of(-30))]], ids=str
    )
    def test_is_not_where_no_drug_is_in_question(self, other: list[Medication]) -> None:
        assert self.asked(at(ALT, "1.5"), medications=other) == [
            *("overdue-recheck-after-rest", "recheck-education"),
        ]

    def test_names_the_same_drugs_as_the_alert_for_the_elevation(self) -> None:
        # Begun before the first elevation of the episode, and long before the one that was not repeated.
        course = multiples(ALT, {0: "1.5", 60: "1.5", 120: "6"})
        judgement = judged(man(course, medications=[drug("Isoniazid", day_of(-30))]), at=140)
        (overdue,) = missed(judgement, ALT)
        elevation = only(judgement, Family.TRANSAMINASE)
        (cause,) = overdue.plan.causes
        assert cause in elevation.plan.causes
        assert f"onset on {day_of(0)}" in cause.speaks_for[0].words

    @pytest.mark.parametrize(
        ("ordered_on", "asked"), [(0, True), (1, False), (99, False)], ids=["with it", "after it", "lately"]
    )
    def test_leaves_out_the_panel_where_one_is_ordered_after_the_result(
        self, ordered_on: int, asked: bool
    ) -> None:
        order = Done("ServiceRequest/s1", "hepatic-panel", day_of(ordered_on), Progress.ORDERED)
        names = self.asked(at(ALT, "1.5"), done=[order])
        assert ("overdue-recheck-after-rest" in names) is asked
        assert "recheck-education" in names
        done = self.given(at(ALT, "1.5"), done=[order]).plan.done
        assert [each.shown_by for each in done] == ([] if asked else [("ServiceRequest/s1",)])

    def test_of_a_child_is_for_the_parent_or_guardian(self) -> None:
        young = self.asked(at(ALT, "20"), on=3, birth_date=date(2012, 1, 1))
        assert young == ["overdue-recheck", "guardian-recheck-education"]

    def test_names_no_drug_once_the_repeat_has_come_nor_of_the_dead(self) -> None:
        begun = [drug("Isoniazid", day_of(-30))]
        repeated = self.given(at(ALT, "1.5"), at(ALT, "0.5", 95), medications=begun)
        dead = self.given(at(ALT, "1.5"), medications=begun, deceased=True)
        assert repeated.plan == dead.plan == Plan()


class TestWhatWasAskedFor:
    def test_each_elevated_result_asks_for_a_repeat_that_the_next_one_is(self) -> None:
        record = man(multiples(ALT, {0: "1.5", 20: "2.5", 60: "0.8"}))
        assert judged(record).rechecks == (
            AskedRecheck(ALT, day_of(0), day_of(90), day_of(20)),  # borderline: 14 days and 76 of grace
            AskedRecheck(ALT, day_of(20), day_of(50), day_of(60)),  # mild: 14 and 16; it came late
        )

    def test_one_that_has_not_come_is_told_before_and_after_its_time(self) -> None:
        record = man(multiples(AST, {0: "6"}))
        for days in (1, 100):
            as_of = datetime.combine(day_of(days), datetime.min.time(), UTC)
            assert assess(record, RULEBOOK, as_of).rechecks == (
                AskedRecheck(AST, day_of(0), day_of(14), None),  # moderate: 7 days and 7 of grace
            )

    def test_nobody_is_asked_who_was_never_elevated(self) -> None:
        assert judged(man(multiples(ALT, {0: "0.5", 20: "0.9"}))).rechecks == ()
