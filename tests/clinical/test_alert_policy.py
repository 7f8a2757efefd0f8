"""Which findings alert, which are shown only, and how another test changes that later."""

from collections.abc import Iterable
from datetime import date

import pytest

from service.clinical.episodes import Family, Finding, Kind, Suppression, Tier
from service.clinical.results import LabResult, Sex
from tests.clinical.records import (
    ALB,
    ALP,
    ALT,
    AST,
    DBIL,
    GGT,
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
    result,
    series,
)

PERSISTENT_ALP = multiples(ALP, {0: "1.5", 200: "1.5"})
PERSISTENT_BILIRUBIN = multiples(TBIL, {0: "1.3", 200: "1.3"})
GGT_UNKNOWN = "GGT unknown within 90 days: a bone source of the ALP is not excluded"


def alp(*others: LabResult) -> Finding:
    (finding,) = findings(judged(man(PERSISTENT_ALP, others)), ALP, Kind.PERSISTENT)
    return finding


def bilirubin(*others: Iterable[LabResult] | LabResult, **more: object) -> Finding:
    (finding,) = findings(judged(man(PERSISTENT_BILIRUBIN, *others, **more)), TBIL, Kind.PERSISTENT)
    return finding


def test_alt_and_ast_always_alert() -> None:
    for analyte in (ALT, AST):
        (finding,) = findings(judged(man(multiples(analyte, {0: "1.1", 200: "1.1"}))), analyte)
        assert finding.alerts_from == finding.met
        assert finding.suppressed is None


class TestAlp:
    def test_with_an_elevated_ggt_it_alerts(self) -> None:
        assert alp(result(GGT, 200, 90)).suppressed is None
        assert alp(result(GGT, 110, 90)).notes == ()

    def test_with_ggt_unknown_it_alerts_and_says_so(self) -> None:
        assert alp().alerts_from is not None
        assert alp().notes == (GGT_UNKNOWN,)
        assert alp(result(GGT, 109, 30)).notes == (GGT_UNKNOWN,)
        assert alp(result(GGT, 200, 61, comparator="<")).notes == (GGT_UNKNOWN,)

    def test_with_a_normal_ggt_a_bone_source_is_named_and_nothing_alerts(self) -> None:
        finding = alp(result(GGT, 110, 30))
        assert (finding.suppressed, finding.alerts_from) == (Suppression.BONE_SOURCE, None)

    def test_a_ggt_found_elevated_within_ninety_days_later_lets_it_alert_from_then_on(self) -> None:
        finding = alp(result(GGT, 200, 30), result(GGT, 290, 90))
        assert finding.alerts_from == date(2020, 10, 17)
        assert finding.suppressed is None
        assert alp(result(GGT, 200, 30), result(GGT, 291, 90)).suppressed is Suppression.BONE_SOURCE

    def test_once_it_alerts_a_normal_ggt_does_not_silence_it(self) -> None:
        assert alp(result(GGT, 210, 30)).alerts_from == date(2020, 7, 19)

    def test_worsening_follows_the_same_policy(self) -> None:
        record = man(multiples(ALP, {0: "1.5", 50: 4}), result(GGT, 50, 30))
        (finding,) = findings(judged(record), ALP, Kind.WORSENING)
        assert finding.suppressed is Suppression.BONE_SOURCE

    def test_a_suppressed_finding_gives_its_episode_no_tier(self) -> None:
        episode = only(judged(man(PERSISTENT_ALP, result(GGT, 200, 30))), Family.CHOLESTATIC)
        assert (episode.tier, episode.alerts_from, episode.tier_changes) == (None, None, ())
        assert episode.findings[0].tier is Tier.ROUTINE


class TestGgt:
    PERSISTENT = multiples(GGT, {0: "1.5", 200: "1.5"})

    def ggt(self, *others: LabResult) -> Finding:
        (finding,) = findings(judged(man(self.PERSISTENT, others)), GGT, Kind.PERSISTENT)
        return finding

    def test_alone_it_never_alerts(self) -> None:
        for others in ((), (result(ALP, 200, 120),), (result(ALT, 200, 90), result(TBIL, 200, 40))):
            finding = self.ggt(*others)
            assert (finding.suppressed, finding.alerts_from) == (Suppression.GGT_ALONE, None)

    def test_with_an_alp_elevated_within_ninety_days_it_alerts(self) -> None:
        for day in (110, 200):
            finding = self.ggt(result(ALP, day, 121))
            assert (finding.suppressed, finding.alerts_from) == (None, finding.met)
        assert self.ggt(result(ALP, 109, 121)).suppressed is Suppression.GGT_ALONE

    def test_an_alp_found_elevated_within_ninety_days_later_lets_it_alert_from_then_on(self) -> None:
        assert self.ggt(result(ALP, 200, 100), result(ALP, 290, 150)).alerts_from == date(2020, 10, 17)
        assert self.ggt(result(ALP, 200, 100), result(ALP, 291, 150)).suppressed is Suppression.GGT_ALONE

    def test_worsening_follows_the_same_policy(self) -> None:
        worse = multiples(GGT, {0: "1.5", 50: 4})
        (alone,) = findings(judged(man(worse)), GGT, Kind.WORSENING)
        (with_alp,) = findings(judged(man(worse, result(ALP, 40, 150))), GGT, Kind.WORSENING)
        assert (alone.suppressed, with_alp.suppressed) == (Suppression.GGT_ALONE, None)

    def test_without_its_own_range_the_alp_of_a_pregnancy_does_not_count(self) -> None:
        pregnant = [pregnancy(date(2020, 3, 1), date(2020, 7, 18))]
        record = man(self.PERSISTENT, result(ALP, 150, 200), conditions=pregnant)
        (finding,) = findings(judged(record), GGT, Kind.PERSISTENT)
        assert finding.suppressed is Suppression.GGT_ALONE


class TestBilirubin:
    def test_conjugated_it_alerts(self) -> None:
        share = multiples(TBIL, {150: "1.3"}), result(DBIL, 150, "7.995")
        assert bilirubin(*share).suppressed is None
        assert bilirubin(share[0], result(DBIL, 150, "7.99")).suppressed is Suppression.ISOLATED_BILIRUBIN

    def test_the_most_recent_share_within_ninety_days_counts(self) -> None:
        shares = (result(DBIL, 200, 2), multiples(TBIL, {120: "1.3"}), result(DBIL, 120, 20))
        assert bilirubin(*shares).suppressed is Suppression.ISOLATED_BILIRUBIN
        assert bilirubin(multiples(TBIL, {109: "1.3"}), result(DBIL, 109, 20)).suppressed is not None

    @pytest.mark.parametrize(
        "other",
        [
            result(ALT, 150, 34),
            result(AST, 110, 41),
            result(ALP, 200, 121),
            result(GGT, 200, 61),
            result(ALB, 200, 34),
            result(INR, 200, "1.3"),
            result(ALB, 110, 34),
            result(INR, 110, "1.3"),
        ],
        ids=lambda one: f"{one.analyte.value} on {one.day}",
    )
    def test_with_another_abnormal_liver_test_within_ninety_days_it_alerts(self, other: LabResult) -> None:
        assert bilirubin(other).suppressed is None

    def test_an_older_abnormal_test_or_an_explained_inr_is_none(self) -> None:
        assert bilirubin(result(ALT, 109, 90)).suppressed is Suppression.ISOLATED_BILIRUBIN
        on_warfarin = {"medications": [drug("Warfarin", date(2019, 1, 1))]}
        assert bilirubin(result(INR, 200, "2.5"), **on_warfarin).suppressed is not None

    def test_unconjugated_with_normal_enzymes_is_gilbert(self) -> None:
        share = result(DBIL, 200, 4)
        normal = (result(ALT, 200, 20), result(ALP, 190, 80))
        assert bilirubin(share, *normal).suppressed is Suppression.GILBERT
        older = (result(TBIL, 110, 21), result(DBIL, 110, 4))
        assert bilirubin(*older, *normal).suppressed is Suppression.GILBERT
        assert bilirubin(share, normal[0]).suppressed is Suppression.ISOLATED_BILIRUBIN
        assert bilirubin(share, normal[1]).suppressed is Suppression.ISOLATED_BILIRUBIN
        assert bilirubin(*normal).suppressed is Suppression.ISOLATED_BILIRUBIN

    @pytest.mark.parametrize(
        ("comparator", "suppressed"),
        [("", None), ("<", Suppression.GILBERT), ("<=", Suppression.ISOLATED_BILIRUBIN)],
    )
    def test_at_the_bound_a_censored_direct_bilirubin_tells_what_it_can(
        self, comparator: str, suppressed: Suppression | None
    ) -> None:
        share = result(DBIL, 200, "7.995", comparator=comparator, limits=(None, 9))
        assert bilirubin(share, result(ALT, 200, 20), result(ALP, 200, 80)).suppressed is suppressed

    def test_a_haemolysed_direct_bilirubin_tells_no_share(self) -> None:
        share = result(DBIL, 200, 20, flags=("haemolysed",))
        assert bilirubin(share).suppressed is Suppression.ISOLATED_BILIRUBIN

    def test_another_test_found_abnormal_later_lets_it_alert(self) -> None:
        assert bilirubin(result(ALT, 260, 90)).alerts_from == date(2020, 9, 17)
        assert bilirubin(result(ALT, 291, 90)).alerts_from is None

    def test_a_test_that_only_completes_the_picture_names_gilbert_later(self) -> None:
        finding = bilirubin(result(DBIL, 200, 4), result(ALT, 200, 20), result(ALP, 230, 80))
        assert finding.suppressed is Suppression.GILBERT


class TestUnder18:
    BORN = date(2002, 7, 19)

    def child(self, *results: Iterable[LabResult] | LabResult) -> list[Finding]:
        return findings(judged(patient(*results, sex=Sex.MALE, birth_date=self.BORN)))

    def test_nothing_but_urgent_findings_alerts_and_the_record_says_why(self) -> None:
        (finding,) = self.child(series(ALT, {-10: 40, 199: 40}))
        assert finding.suppressed is Suppression.UNDER_18
        episode = only(
            judged(patient(series(ALT, {0: 40}), sex=Sex.MALE, birth_date=self.BORN)), Family.TRANSAMINASE
        )
        assert "under 18: outside the validated population" in episode.notes

    def test_the_limit_of_a_child_counts_until_the_eighteenth_birthday(self) -> None:
        (episode,) = judged(
            patient(series(ALT, {199: 27, 200: 33}), sex=Sex.MALE, birth_date=self.BORN)
        ).episodes
        assert episode.peak[0].limit == 26
        assert episode.latest[0].limit == 33

    def test_on_the_eighteenth_birthday_a_lasting_elevation_alerts(self) -> None:
        (finding,) = self.child(series(ALT, {-10: 40, 199: 40, 200: 40}))
        assert (finding.met, finding.alerts_from) == (date(2020, 7, 18), date(2020, 7, 19))

    def test_worsening_of_the_urgent_tier_alerts_and_lesser_worsening_does_not(self) -> None:
        before = result(ALT, 0, 30, limits=(None, 30))
        (urgent,) = self.child(before, result(ALT, 10, 150, limits=(None, 30)))
        assert (urgent.kind, urgent.tier) == (Kind.WORSENING, Tier.URGENT)
        assert (urgent.alerts_from, urgent.suppressed) == (date(2020, 1, 11), None)
        assert "under 18: outside the validated population" in urgent.notes
        (lesser,) = self.child(before, result(ALT, 10, 149, limits=(None, 30)))
        assert (lesser.tier, lesser.suppressed) == (Tier.SOON, Suppression.UNDER_18)

    def test_an_urgent_worsening_that_falls_back_stays_the_alert_it_was(self) -> None:
        record = patient(series(ALT, {0: 20, 10: 300, 20: 320}), sex=Sex.MALE, birth_date=self.BORN)
        episode = only(judged(record), Family.TRANSAMINASE)
        assert (episode.tier, episode.alerts_from) == (Tier.URGENT, date(2020, 1, 11))

    def test_urgent_worsening_of_ggt_alone_is_shown_only_as_in_an_adult(self) -> None:
        (finding,) = self.child(multiples(GGT, {0: "1.5", 10: 6}))
        assert (finding.tier, finding.suppressed) == (Tier.URGENT, Suppression.GGT_ALONE)

    def test_urgent_findings_alert(self) -> None:
        (finding,) = self.child(series(ALT, {0: 1000}))
        assert (finding.kind, finding.alerts_from) == (Kind.URGENT, date(2020, 1, 1))


class TestPregnancy:
    def test_lasting_and_worsening_elevations_are_shown_only(self) -> None:
        record = patient(
            series(ALT, {-200: 30, 10: 48}),
            sex=Sex.FEMALE,
            conditions=[pregnancy(date(2020, 1, 1))],
        )
        assert {finding.suppressed for finding in findings(judged(record))} == {Suppression.PREGNANCY}

    def test_a_finding_that_alerted_before_goes_on_and_its_tier_stays(self) -> None:
        record = patient(
            series(ALT, {-300: 30, -50: 30, 10: 35}),
            sex=Sex.FEMALE,
            conditions=[pregnancy(date(2020, 1, 1))],
        )
        (finding,) = findings(judged(record), ALT, Kind.PERSISTENT)
        assert (finding.alerts_from, finding.suppressed) == (date(2019, 11, 12), None)

    def test_after_it_they_alert_again(self) -> None:
        record = patient(
            series(ALT, {-200: 30, 10: 45, 320: 45}),
            sex=Sex.FEMALE,
            conditions=[pregnancy(date(2020, 1, 1), date(2020, 9, 30))],
        )
        (finding,) = findings(judged(record), ALT, Kind.PERSISTENT)
        assert finding.alerts_from == date(2020, 11, 16)
