"""Monitoring dates: what a known cause asks for, and one alert at a time when it was not done."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from service.alerts.alert import Action, Alert, Disposition, State
from service.alerts.follow_up import with_follow_up
from service.clinical.catalogues.rules import rules
from service.clinical.episodes import Episode, Family, Finding, Kind, Plan, Tier, TierChange
from service.clinical.recommendations import steps_of
from service.clinical.remarks import UNDER_18
from tests.alerts.making import (
    Clinic,
    day,
    decision,
    drug_cause,
    episode,
    key,
    keys,
    moment,
    ordered,
    recheck,
    urgent_finding,
)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def known(*evidence: int, at: int, until: int, number: int = 1) -> Disposition:
    """A known cause, decided on those results."""
    return decision(number, Action.KNOWN_CAUSE, *evidence, at=at, until=until)


def overdue(of: Episode, *made: Disposition, on: int) -> list[Episode]:
    return [one for one in with_follow_up([of], made, moment(on)) if one.family is Family.FOLLOW_UP]


def with_plan(plan: Plan, of: Episode | None = None) -> Episode:
    return replace(of or episode(1, 2), plan=plan)


def severe(*more: Finding) -> Episode:
    """One that is urgent for severe elevation, and whatever else."""
    return replace(episode(1, 2, tier=Tier.URGENT), findings=(urgent_finding("severe-elevation", 1), *more))


def open_ones(alerts: Iterable[Alert]) -> list[Family]:
    """The families of the alerts that somebody has to look at."""
    return [one.family for one in alerts if one.state is State.OPEN]


class TestTheDate:
    def test_is_overdue_from_the_day_after_it(self) -> None:
        assert overdue(episode(1, 2), known(1, 2, at=3, until=30), on=30) == []
        (one,) = overdue(episode(1, 2), known(1, 2, at=3, until=30), on=31)
        assert (one.alerts_from, one.resolved, one.tier) == (day(31), None, Tier.SOON)

    def test_asks_for_the_panel_and_for_a_word_to_the_patient_as_its_rule_lists(self) -> None:
        (one,) = overdue(episode(1, 2), known(1, 2, at=3, until=30), on=31)
        asked = [step.name for step in steps_of(one)]
        assert asked == ["overdue-recheck", "recheck-education"]
        assert set(asked) <= set(rules()["monitoring-overdue"].orders)

    def test_names_the_drugs_that_the_plan_of_the_elevation_has_in_question(self) -> None:
        (one,) = overdue(with_plan(Plan((drug_cause(),))), known(1, 2, at=3, until=30), on=31)
        asked = [step.name for step in steps_of(one)]
        assert asked == ["overdue-recheck", "overdue-on-drugs", "recheck-education"]
        assert one.plan.causes == (drug_cause(),)

    def test_does_not_ask_for_a_panel_that_is_ordered(self) -> None:
        (one,) = overdue(with_plan(Plan(done=(ordered(5),))), known(1, 2, at=3, until=30), on=31)
        assert [step.name for step in steps_of(one)] == ["recheck-education"]
        assert one.plan.done == (ordered(5),)

    def test_of_a_child_is_told_to_the_parent_or_guardian(self) -> None:
        of = episode(1, 2)
        young = replace(of, findings=tuple(replace(each, notes=(UNDER_18,)) for each in of.findings))
        (one,) = overdue(young, known(1, 2, at=3, until=30), on=31)
        assert [step.name for step in steps_of(one)] == ["overdue-recheck", "guardian-recheck-education"]

    def test_that_is_over_names_no_drug_any_more(self) -> None:
        repeated = with_plan(Plan((drug_cause(),)), episode(1, 2, 40))
        (one,) = overdue(repeated, known(1, 2, at=3, until=30), on=90)
        assert one.plan == Plan()

    @pytest.mark.parametrize("repeat", [4, 29, 30])
    def test_is_kept_by_any_repeat_after_the_decision_up_to_it(self, repeat: int) -> None:
        made = known(1, 2, at=3, until=30)
        assert overdue(episode(1, 2, repeat), made, on=90) == []
        assert overdue(episode(1, 2, normal=(repeat,)), made, on=90) == []

    def test_is_not_kept_by_a_result_of_the_day_of_the_decision_or_before(self) -> None:
        assert overdue(episode(1, 2, 3), known(1, 2, at=3, until=30), on=31)

    def test_ends_with_the_repeat(self) -> None:
        (one,) = overdue(episode(1, 2, 40), known(1, 2, at=3, until=30), on=90)
        assert (one.alerts_from, one.resolved, one.last_result) == (day(31), day(40), day(40))

    def test_ends_with_a_decision_that_is_made_before_the_repeat(self) -> None:
        made = [known(1, 2, at=3, until=30), decision(2, Action.TAKE, 2, at=35)]
        (one,) = overdue(episode(1, 2, 40), *made, on=90)
        assert (one.resolved, one.last_result) == (day(35), day(2))

    def test_ends_with_another_decision_and_passes_by_itself_again(self) -> None:
        first, second = known(1, 2, at=3, until=30), known(1, 2, at=35, until=60, number=2)
        (one,) = overdue(episode(1, 2), first, second, on=60)
        assert one.resolved == day(35)
        (both,) = overdue(episode(1, 2), first, second, on=61)
        assert (both.alerts_from, both.resolved) == (day(31), None)
        assert [finding.met for finding in both.findings] == [day(31), day(61)]

    def test_of_a_later_decision_ends_with_the_one_that_follows_it(self) -> None:
        first, second = known(1, 2, at=3, until=30), known(1, 2, at=35, until=60, number=2)
        (both,) = overdue(episode(1, 2), first, second, decision(3, Action.TAKE, 2, at=70), on=90)
        assert both.resolved == day(70)
        assert [finding.recheck and finding.recheck.ended for finding in both.findings] == [day(35), day(70)]

    def test_passes_as_one_also_where_a_correction_has_dated_a_result_after_the_decision(self) -> None:
        made = [known(6, at=4, until=5), known(6, at=7, until=8, number=2)]
        assert len(overdue(replace(episode(6), onset=day(1)), *made, on=9)) == 1

    @pytest.mark.parametrize("action", [Action.TAKE, Action.OVERRIDE, Action.REOPEN, Action.REFER])
    def test_does_not_count_once_something_else_was_decided_before_it(self, action: Action) -> None:
        made = [known(1, at=3, until=30), decision(2, action, 1, at=30)]
        assert overdue(episode(1), *made, on=90) == []

    def test_counts_on_after_a_decision_that_the_state_did_not_permit(self) -> None:
        made = [known(1, at=3, until=30), decision(2, Action.SNOOZE, 1, at=20, until=25)]
        assert overdue(episode(1), *made, on=31)

    def test_does_not_count_once_a_higher_tier_has_woken_the_alert(self) -> None:
        worse = replace(episode(1, 2), tier=Tier.URGENT, tier_changes=(TierChange(day(20), Tier.URGENT),))
        assert overdue(worse, known(1, at=3, until=30), on=90) == []

    def test_does_not_count_once_another_urgent_finding_has_woken_the_alert(self) -> None:
        made = replace(known(1, at=3, until=30), tier=Tier.URGENT, urgent=frozenset({"severe-elevation"}))
        assert overdue(severe(), made, on=31)
        assert overdue(severe(urgent_finding("synthetic-failure", 20)), made, on=31) == []

    def test_ends_with_another_urgent_finding(self) -> None:
        made = replace(known(1, at=3, until=30), tier=Tier.URGENT, urgent=frozenset({"severe-elevation"}))
        (one,) = overdue(severe(urgent_finding("synthetic-failure", 50)), made, on=90)
        assert (one.alerts_from, one.resolved) == (day(31), day(50))

    def test_goes_on_where_an_urgent_finding_is_for_the_panel_only(self) -> None:
        made = replace(known(1, at=3, until=30), tier=Tier.URGENT, urgent=frozenset({"severe-elevation"}))
        suppressed = replace(urgent_finding("jaundice", 20), alerts_from=None)
        (one,) = overdue(severe(suppressed), made, on=31)
        assert one.resolved is None

    def test_of_an_alert_that_has_resolved_does_not_count(self) -> None:
        assert overdue(episode(1, normal=(2, 3), resolved=3), known(1, at=4, until=30), on=90) == []

    def test_of_one_lost_to_follow_up_is_lost_too(self) -> None:
        (one,) = overdue(episode(1, dormant=True), known(1, at=3, until=30), on=90)
        assert one.dormant

    def test_of_a_follow_up_alert_is_the_day_it_wakes_and_no_more(self) -> None:
        made = decision(1, Action.KNOWN_CAUSE, 1, at=11, until=30, family=Family.FOLLOW_UP)
        missing = recheck(1, since=10)
        assert with_follow_up([missing], [made], moment(90)) == [missing]


class TestWhatItRestsOn:
    def test_is_the_last_elevation_that_was_known_when_it_was_decided(self) -> None:
        (one,) = overdue(episode(1, 2, normal=(3,)), known(1, 2, at=3, until=30), on=31)
        assert (one.evidence, one.onset) == (keys(2), day(2))

    def test_stays_the_same_when_the_repeat_comes(self) -> None:
        (one,) = overdue(episode(1, 2, 40, 50), known(1, 2, at=3, until=30), on=90)
        assert one.evidence == keys(2)

    def test_is_the_one_before_it_when_that_one_is_retracted(self) -> None:
        (one,) = overdue(episode(1), known(1, 2, at=3, until=30), on=31)
        assert one.evidence == keys(1)

    def test_is_any_result_that_it_was_decided_on_and_that_stands_when_no_day_tells(self) -> None:
        (one,) = overdue(replace(episode(1, 2), tested=()), known(1, 2, at=3, until=30), on=31)
        assert one.evidence == {key(1)}
        (one,) = overdue(replace(episode(2, 3), tested=()), known(1, 2, at=3, until=30), on=31)
        assert one.evidence == {key(2)}

    def test_says_when_it_was_decided_and_what_for(self) -> None:
        (one,) = overdue(episode(1, 2), known(1, 2, at=3, until=30), on=31)
        (finding,) = one.findings
        assert finding.kind is Kind.MONITORING_OVERDUE
        assert finding.reasons[0].detail == (
            "Known cause, decided on 2026-01-04: to be tested again by 2026-01-31, "
            "and no usable result up to then; none has come since."
        )
        assert finding.recheck is not None
        assert (finding.recheck.due, finding.recheck.ended) == (day(30), None)


class TestOneThingAtATime:
    def test_until_the_date_nothing_is_open(self, clinic: Clinic) -> None:
        clinic.dispositions.append(known(1, 2, at=3, until=30))
        clinic.judge(episode(1, 2), on=4)
        assert clinic.judge(episode(1, 2), on=30) == ()
        assert open_ones(clinic.live()) == []

    def test_after_it_without_a_repeat_only_the_missing_one_is(self, clinic: Clinic) -> None:
        clinic.dispositions.append(known(1, 2, at=3, until=30))
        clinic.judge(episode(1, 2), on=4)
        clinic.judge(episode(1, 2), on=31)
        assert open_ones(clinic.live()) == [Family.FOLLOW_UP]
        monitored = next(one for one in clinic.live() if one.family is Family.TRANSAMINASE)
        assert (monitored.state, monitored.wakes) == (State.MONITORING, day(30))

    def test_with_the_late_repeat_only_the_elevation_is(self, clinic: Clinic) -> None:
        clinic.dispositions.append(known(1, 2, at=3, until=30))
        clinic.judge(episode(1, 2), on=31)
        clinic.judge(episode(1, 2, 40), on=40)
        assert open_ones(clinic.live()) == [Family.TRANSAMINASE]

    def test_with_a_repeat_in_time_the_elevation_is_on_the_date(self, clinic: Clinic) -> None:
        clinic.dispositions.append(known(1, 2, at=3, until=30))
        clinic.judge(episode(1, 2, 20), on=20)
        assert open_ones(clinic.live()) == []
        clinic.judge(episode(1, 2, 20), on=30)
        assert open_ones(clinic.live()) == [Family.TRANSAMINASE]

    def test_a_repeat_that_is_dated_a_day_ahead_has_come_and_one_of_two_days_has_not(
        self, clinic: Clinic
    ) -> None:
        clinic.dispositions.append(known(1, 2, at=3, until=30))
        clinic.judge(episode(1, 2, 32), on=30)
        assert open_ones(clinic.live()) == []
        clinic.judge(episode(1, 2, 31), on=30)
        assert open_ones(clinic.live()) == [Family.TRANSAMINASE]

    def test_what_was_overdue_when_first_seen_and_repeated_since_raises_nothing(self, clinic: Clinic) -> None:
        clinic.dispositions.append(known(1, 2, at=3, until=30))
        clinic.judge(episode(1, 2, 40), on=90)
        assert [one.family for one in clinic.live()] == [Family.TRANSAMINASE]

    def test_once_an_urgent_finding_has_woken_the_elevation_only_that_is(self, clinic: Clinic) -> None:
        made = replace(known(1, 2, at=3, until=30), tier=Tier.URGENT, urgent=frozenset({"severe-elevation"}))
        clinic.dispositions.append(made)
        clinic.judge(severe(), on=31)
        assert open_ones(clinic.live()) == [Family.FOLLOW_UP]
        clinic.judge(severe(urgent_finding("synthetic-failure", 40)), on=40)
        assert open_ones(clinic.live()) == [Family.TRANSAMINASE]

    def test_a_missed_recheck_of_the_same_results_and_the_missed_date_are_one_alert(
        self, clinic: Clinic
    ) -> None:
        clinic.judge(episode(1, 2), recheck(2, since=10), on=10)
        clinic.dispositions.append(known(1, 2, at=15, until=30))
        clinic.judge(episode(1, 2), recheck(2, since=10), on=16)
        assert open_ones(clinic.live()) == []
        clinic.judge(episode(1, 2), recheck(2, since=10), on=31)
        (missed,) = [one for one in clinic.live() if one.family is Family.FOLLOW_UP]
        assert missed.state is State.OPEN
        assert [finding.kind for finding in missed.episode.findings] == [
            Kind.RECHECK_OVERDUE,
            Kind.MONITORING_OVERDUE,
        ]

    def test_what_is_decided_about_the_missing_one_stays_with_it(self, clinic: Clinic) -> None:
        clinic.dispositions.append(known(1, 2, at=3, until=30))
        clinic.judge(episode(1, 2), on=31)
        clinic.dispositions.append(decision(2, Action.TAKE, 2, at=32, family=Family.FOLLOW_UP))
        clinic.judge(episode(1, 2), on=33)
        missed = next(one for one in clinic.live() if one.family is Family.FOLLOW_UP)
        assert (missed.state, missed.owner) == (State.TAKEN, "nurse")
