"""The life of an episode: onset, tier changes, resolution, dormancy, evidence."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from service.clinical.assess import assess
from service.clinical.episodes import Family, Kind, Tier, TierChange, Trend
from service.clinical.results import PatientRecord
from tests.clinical.records import (
    ALP,
    ALT,
    AST,
    DAY_0,
    GGT,
    INR,
    RULEBOOK,
    TBIL,
    drug,
    elevations,
    findings,
    judged,
    man,
    multiples,
    only,
    patient,
    result,
    series,
)


def test_normal_results_make_no_episode() -> None:
    assessment = judged(man(series(ALT, {0: 33, 100: 20}), series(AST, {0: 40})))
    assert assessment.episodes == ()
    assert assessment.next_review is None


def test_no_results_make_no_episode() -> None:
    assert judged(man()).episodes == ()


def test_a_first_elevation_opens_an_episode_that_does_not_alert() -> None:
    episode = only(judged(man(series(ALT, {0: 40}))), Family.TRANSAMINASE)
    assert (episode.onset, episode.resolved, episode.tier, episode.findings) == (DAY_0, None, None, ())
    assert episode.trend is Trend.STABLE


def test_an_episode_resolves_with_two_normal_day_values_in_a_row() -> None:
    assert only(judged(man(series(ALT, {0: 40, 10: 30}))), Family.TRANSAMINASE).resolved is None
    assert (
        only(judged(man(series(ALT, {0: 40, 10: 30, 20: 40, 30: 30}))), Family.TRANSAMINASE).resolved is None
    )
    resolved = only(judged(man(series(ALT, {0: 40, 10: 30, 20: 30}))), Family.TRANSAMINASE)
    assert (resolved.resolved, resolved.last_result) == (date(2020, 1, 21), date(2020, 1, 21))
    assert resolved.trend is Trend.IMPROVING


def test_two_normal_results_of_one_day_are_one_day_value() -> None:
    record = man(result(ALT, 0, 40), result(ALT, 10, 30), result(ALT, 10, 20))
    assert only(judged(record), Family.TRANSAMINASE).resolved is None


def test_every_analyte_that_was_elevated_must_become_normal() -> None:
    alt = series(ALT, {0: 40, 10: 30, 20: 30})
    assert only(judged(man(alt, series(AST, {0: 50, 10: 30}))), Family.TRANSAMINASE).resolved is None
    both = only(judged(man(alt, series(AST, {0: 50, 10: 30, 40: 30}))), Family.TRANSAMINASE)
    assert both.resolved == date(2020, 2, 10)
    assert only(judged(man(alt, series(AST, {0: 30}))), Family.TRANSAMINASE).resolved == date(2020, 1, 21)


def test_a_gap_ends_a_run_but_never_an_episode() -> None:
    assessment = judged(man(series(ALT, {0: 60, 200: 60, 800: 60})))
    episode = only(assessment, Family.TRANSAMINASE)
    assert (episode.onset, episode.resolved) == (DAY_0, None)
    assert len(findings(assessment)) == 1


def test_a_later_rise_is_a_new_episode() -> None:
    assessment = judged(man(series(ALT, {0: 40, 10: 30, 20: 30, 30: 40})))
    first, second = elevations(assessment)
    assert (first.onset, first.resolved) == (DAY_0, date(2020, 1, 21))
    assert (second.onset, second.resolved) == (date(2020, 1, 31), None)
    assert not first.evidence & second.evidence


def test_families_have_episodes_of_their_own_in_order_of_onset() -> None:
    assessment = judged(
        man(series(TBIL, {0: 30}), series(ALP, {0: 200}), series(ALT, {5: 40}), series(GGT, {9: 90}))
    )
    assert [episode.family for episode in elevations(assessment)] == [
        Family.CHOLESTATIC,
        Family.BILIRUBIN,
        Family.TRANSAMINASE,
    ]
    assert {level.analyte for level in only(assessment, Family.CHOLESTATIC).latest} == {ALP, GGT}


def test_the_tier_rises_are_listed_and_the_tier_never_falls() -> None:
    record = man(multiples(ALT, {0: "1.5", 200: "1.5", 220: 3, 240: 16, 260: "1.5"}))
    episode = only(judged(record), Family.TRANSAMINASE)
    assert episode.tier_changes == (
        TierChange(date(2020, 7, 19), Tier.ROUTINE),
        TierChange(date(2020, 8, 8), Tier.SOON),
        TierChange(date(2020, 8, 28), Tier.URGENT),
    )
    assert (episode.tier, episode.alerts_from) == (Tier.URGENT, date(2020, 7, 19))


def test_a_day_lists_only_the_highest_tier_it_reached() -> None:
    record = man(multiples(ALT, {0: "1.5", 200: 20}))
    assert only(judged(record), Family.TRANSAMINASE).tier_changes == (
        TierChange(date(2020, 7, 19), Tier.URGENT),
    )


def test_evidence_is_every_elevated_result_and_results_are_all() -> None:
    before = result(ALT, -5, 20, key="before")
    record = man(
        before,
        result(ALT, 0, 60, key="high"),
        result(ALT, 0, 50, key="same-day"),
        result(AST, 0, 30, key="normal-ast"),
        result(ALT, 10, 30, key="normal"),
        result(ALT, 20, 70, key="again"),
        result(ALP, 0, 60, key="other-family"),
    )
    episode = only(judged(record), Family.TRANSAMINASE)
    assert {key.observation_id for key in episode.evidence} == {"high", "same-day", "again"}
    assert {key.observation_id for key in episode.results} == {
        "high",
        "same-day",
        "normal-ast",
        "normal",
        "again",
    }


def test_results_after_the_resolution_belong_to_no_episode() -> None:
    record = man(series(ALT, {0: 40, 10: 30, 20: 30}), result(ALT, 30, 20, key="after"))
    keys = {key.observation_id for key in only(judged(record), Family.TRANSAMINASE).results}
    assert "after" not in keys


def test_latest_and_peak_are_told_with_their_limits() -> None:
    record = man(result(ALT, 0, 99), result(ALT, 10, 44, limits=(0, 40)), result(AST, 10, 20))
    episode = only(judged(record), Family.TRANSAMINASE)
    (latest,), (peak,) = episode.latest, episode.peak
    assert (int(latest.value), int(latest.limit), latest.limit_source) == (44, 40, "laboratory")
    assert (int(peak.value), int(peak.multiple), peak.limit_source) == (99, 3, "rulebook")


class TestDormancy:
    RECORD = man(series(ALT, {0: 40}))

    def test_after_twenty_four_months_without_a_result_an_open_episode_is_dormant(self) -> None:
        assert not only(judged(self.RECORD, at=date(2022, 1, 1)), Family.TRANSAMINASE).dormant
        assert only(judged(self.RECORD, at=date(2022, 1, 2)), Family.TRANSAMINASE).dormant

    def test_the_next_review_is_the_first_dormant_day(self) -> None:
        assert judged(self.RECORD, at=date(2021, 1, 1)).next_review == date(2022, 1, 2)
        assert judged(self.RECORD, at=date(2022, 1, 2)).next_review is None

    def test_a_resolved_episode_is_never_dormant(self) -> None:
        episode = only(judged(man(series(ALT, {0: 40, 1: 30, 2: 30}))), Family.TRANSAMINASE)
        assert not episode.dormant

    def test_any_result_of_the_family_keeps_it_awake(self) -> None:
        record = man(series(ALT, {0: 40}), series(AST, {700: 20}))
        assert not only(judged(record, at=date(2022, 1, 2)), Family.TRANSAMINASE).dormant

    def test_dormancy_is_judged_in_utc(self) -> None:
        east = datetime.fromisoformat("2022-01-02T05:00:00+14:00")
        (episode,) = elevations(assess(self.RECORD, RULEBOOK, east))
        assert not episode.dormant


class TestTheFuture:
    NOW = datetime(2020, 6, 1, 12, tzinfo=UTC)

    def record(self, ahead: timedelta) -> PatientRecord:
        when = self.NOW + ahead
        return man(result(ALT, when.date(), 1500)._replace(effective=when))

    def test_results_up_to_a_day_ahead_are_judged(self) -> None:
        assert assess(self.record(timedelta(hours=24)), RULEBOOK, self.NOW).episodes

    def test_results_further_ahead_wait_for_their_time(self) -> None:
        ahead = assess(self.record(timedelta(hours=24, seconds=1)), RULEBOOK, self.NOW)
        assert ahead.episodes == ()
        assert ahead.next_review == date(2020, 6, 1)
        assert assess(self.record(timedelta(days=10)), RULEBOOK, self.NOW).next_review == date(2020, 6, 10)

    def test_a_result_that_is_judged_already_asks_for_no_review(self) -> None:
        times = (self.NOW + timedelta(hours=24), self.NOW + timedelta(days=10))
        record = man(result(ALT, when.date(), 20)._replace(effective=when) for when in times)
        assert assess(record, RULEBOOK, self.NOW).next_review == date(2020, 6, 10)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        assess(man(), RULEBOOK, datetime(2020, 1, 1))  # noqa: DTZ001


def test_the_deceased_are_marked() -> None:
    assert only(judged(man(series(ALT, {0: 40}), deceased=True)), Family.TRANSAMINASE).deceased


def test_what_was_not_known_is_said() -> None:
    episode = only(judged(patient(series(ALT, {0: 30}), birth_date=None)), Family.TRANSAMINASE)
    assert "sex unknown: the lower of the two limits was used" in episode.notes
    assert "birth date unknown: read as an adult" in episode.notes
    assert episode.latest[0].limit_source == "rulebook (sex unknown)"


@pytest.mark.parametrize("high", [400, 4])
def test_a_rise_under_an_implausible_limit_of_the_laboratory_is_found_and_the_limit_said(high: int) -> None:
    values = [result(ALT, day, 90, limits=(None, high)) for day in (0, 100, 200)]
    episode = only(judged(man(values)), Family.TRANSAMINASE)
    assert Kind.PERSISTENT in {finding.kind for finding in episode.findings}
    assert "the laboratory's upper limit is implausible: the rulebook's was used" in episode.notes
    assert episode.latest[0].limit_source == "rulebook (the laboratory's is implausible)"
    assert episode.latest[0].limit == 33


def test_what_was_left_out_is_said() -> None:
    record = man(
        series(ALT, {0: 60}),
        result(AST, 0, 90, flags=("haemolysed",)),
        result(ALT, 5, 50, comparator="<"),
        result(ALT, 9, 60, flags=("issued-time",)),
    )
    notes = only(judged(record), Family.TRANSAMINASE).notes
    assert "AST of 2020-01-01 left out: haemolysed specimen" in notes
    assert "ALT of 2020-01-06 left out: too imprecise to decide" in notes
    assert any(note.startswith("dated by the time of issue") for note in notes)


def test_a_single_inr_belongs_to_no_episode() -> None:
    assert judged(man(series(INR, {0: 3}))).episodes == ()


def test_an_inr_that_drove_an_urgent_finding_must_become_normal_too() -> None:
    enzymes = series(ALT, {0: 80, 10: 20, 20: 20})
    assert only(judged(man(enzymes, series(INR, {0: "1.8"}))), Family.TRANSAMINASE).resolved is None
    with_inr = series(INR, {0: "1.8", 10: "1.1", 30: "1.1"})
    assert only(judged(man(enzymes, with_inr)), Family.TRANSAMINASE).resolved == date(2020, 1, 31)


def test_an_inr_under_a_recorded_anticoagulant_holds_no_episode_open() -> None:
    enzymes = series(ALT, {0: 80, 10: 20, 20: 20})
    warfarin = drug("Warfarin", date(2020, 1, 5))

    def resolved(inr: dict[int | date, object], *, to: date | None = None) -> date | None:
        drugs = [drug("Warfarin", date(2020, 1, 5), to)] if to else [warfarin]
        record = man(enzymes, series(INR, {0: "1.8", **inr}), medications=drugs)
        return only(judged(record), Family.TRANSAMINASE).resolved

    assert resolved({3: "2.5"}) is None
    assert resolved({4: "2.5"}) == date(2020, 1, 21)
    assert resolved({30: "2.5"}) == date(2020, 1, 31)
    assert resolved({4: "2.5", 12: "1.3"}, to=date(2020, 1, 10)) is None


def test_an_inr_alone_in_its_episode_is_not_over_because_an_anticoagulant_was_begun() -> None:
    warfarin = [drug("Warfarin", date(2020, 1, 5))]
    record = man(series(INR, {0: "1.8", 10: "2.5", 20: "2.5"}), multiples(TBIL, {0: 2}), medications=warfarin)
    assert only(judged(record), Family.TRANSAMINASE).resolved is None


def test_an_inr_under_a_recorded_anticoagulant_opens_no_episode() -> None:
    warfarin = [drug("Warfarin", date(2019, 1, 1))]
    record = man(series(INR, {0: "2.5"}), multiples(TBIL, {0: 2}), medications=warfarin)
    assert {episode.family for episode in elevations(judged(record))} == {Family.BILIRUBIN}


def test_an_urgent_finding_after_the_resolution_opens_a_new_episode_with_its_own_evidence() -> None:
    record = man(
        multiples(ALT, {0: 4, 5: "0.5", 10: "0.5"}), multiples(TBIL, {20: 3}), multiples(ALP, {0: 1})
    )
    first, second = (one for one in judged(record).episodes if one.family is Family.TRANSAMINASE)
    assert first.resolved == date(2020, 1, 11)
    assert (second.onset, second.tier) == (date(2020, 1, 21), Tier.URGENT)
    assert second.evidence
    assert not first.evidence & second.evidence


def test_the_latest_level_is_the_last_known_one_also_where_an_older_one_drives_the_episode() -> None:
    alt = series(ALT, {0: 140, 3: 20, 6: 21})
    bilirubin = series(TBIL, {20: 60})
    second = elevations(judged(man(alt, bilirubin)))[-2]
    assert (second.family, second.onset) == (Family.TRANSAMINASE, date(2020, 1, 21))
    (latest,) = second.latest
    assert (latest.day, latest.value) == (date(2020, 1, 7), Decimal(21))
    assert second.peak[0].value == 140


def test_a_normal_inr_since_is_the_latest_one_of_a_synthetic_failure() -> None:
    record = man(series(INR, {0: "1.6", 3: 1, 6: "1.1"}), series(ALT, {0: 70, 3: 20, 6: 20, 12: 36}))
    first, second = (one for one in judged(record).episodes if one.family is Family.TRANSAMINASE)
    assert (first.resolved, second.tier) == (date(2020, 1, 7), Tier.URGENT)
    assert [(one.analyte, one.day, one.value) for one in second.latest] == [
        (ALT, date(2020, 1, 13), 36),
        (INR, date(2020, 1, 7), Decimal("1.1")),
    ]


def test_the_latest_level_of_a_resolved_episode_is_that_of_its_last_day() -> None:
    (episode,) = judged(man(series(ALT, {0: 60, 10: 20, 20: 21, 30: 22}))).episodes
    assert [one.value for one in episode.latest] == [21]


def test_what_was_left_out_is_said_in_one_order_whatever_the_order_of_results() -> None:
    spoilt = [result(analyte, 0, 50, comparator="<", key=analyte.value) for analyte in (AST, ALT)]
    elevated = series(ALT, {0: 60})
    assert judged(man(elevated, spoilt)) == judged(man(spoilt[::-1], elevated))
