"""The alert for rechecks that did not come: one at a time, closed by the repeat, answered by decisions."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from service.alerts.alert import Action, Disposition, State
from service.alerts.events import Change, EventKind
from service.alerts.follow_up import with_follow_up
from service.clinical.analytes import Analyte
from service.clinical.episodes import Episode, Family, Plan, Step, Tier
from service.clinical.recommendations import OVERDUE, OVERDUE_AFTER_REST, steps_of
from service.clinical.remarks import UNDER_18
from tests.alerts.making import (
    Clinic,
    day,
    decision,
    drug_cause,
    episode,
    keys,
    moment,
    ordered,
    recheck,
)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def kinds(*changes: Change) -> list[EventKind]:
    return [event.kind for change in changes for event in change.events]


def joined(*episodes: Episode, made: Iterable[Disposition] = (), on: int = 60) -> list[Episode]:
    """What is missed, as alerts are made of it."""
    found = with_follow_up(episodes, list(made), moment(on))
    return sorted((one for one in found if one.family is Family.FOLLOW_UP), key=lambda one: min(one.evidence))


AST = Analyte.AST


class TestOneAlertAtATime:
    def test_what_is_missing_at_the_same_time_is_one_episode(self) -> None:
        (one,) = joined(
            recheck(1, since=10, tier=Tier.SOON), recheck(5, since=20, analyte=Analyte.ALP, tier=Tier.URGENT)
        )
        assert (one.onset, one.alerts_from, one.resolved) == (day(1), day(10), None)
        assert one.evidence == keys(1, 5)
        assert one.tier is Tier.URGENT
        assert [(change.day, change.tier) for change in one.tier_changes] == [
            (day(10), Tier.SOON),
            (day(20), Tier.URGENT),
        ]
        assert [finding.analyte for finding in one.findings] == [Analyte.ALT, Analyte.ALP]

    def test_of_several_rises_on_one_day_only_the_highest_is_told(self) -> None:
        (one,) = joined(
            recheck(1, since=10),
            recheck(5, since=20, analyte=AST, tier=Tier.SOON),
            recheck(6, since=20, analyte=Analyte.ALP, tier=Tier.URGENT),
        )
        assert [(change.day, change.tier) for change in one.tier_changes] == [
            (day(10), Tier.ROUTINE),
            (day(20), Tier.URGENT),
        ]

    def test_a_lower_tier_in_between_is_no_rise(self) -> None:
        tiers = {10: Tier.SOON, 20: Tier.ROUTINE, 30: Tier.URGENT}
        missed = [
            recheck(n, since=since, analyte=analyte, tier=tier)
            for n, ((since, tier), analyte) in enumerate(zip(tiers.items(), Analyte, strict=False), 1)
        ]
        (one,) = joined(*missed)
        assert [(change.day, change.tier) for change in one.tier_changes] == [
            (day(10), Tier.SOON),
            (day(30), Tier.URGENT),
        ]

    def test_what_joins_one_that_is_missing_joins_those_that_ended_with_it(self) -> None:
        ended, missing = recheck(1, since=10, resolved=20), recheck(5, since=15, analyte=Analyte.ALP)
        (one,) = joined(ended, missing, recheck(8, since=30, analyte=AST))
        assert one.evidence == keys(1, 5, 8)

    def test_it_ends_with_the_last_repeat(self) -> None:
        one, two = recheck(1, since=10, resolved=30), recheck(5, since=20, resolved=25, analyte=Analyte.ALP)
        assert [each.resolved for each in joined(one, two)] == [day(30)]

    def test_what_is_missed_after_it_ended_is_another_one(self) -> None:
        first, second = recheck(1, since=10, resolved=20), recheck(20, since=50)
        assert joined(first, second) == [first, second]

    def test_what_becomes_overdue_on_the_day_of_the_repeat_is_another_one(self) -> None:
        first, second = recheck(1, since=10, resolved=20), recheck(7, since=20, analyte=AST)
        assert joined(first, second) == [first, second]

    def test_what_one_panel_asks_for_stays_together_although_it_is_not_missing_at_once(self) -> None:
        one, two = recheck(1, since=10, resolved=20), recheck(1, since=50, analyte=AST)
        (both,) = joined(one, two)
        assert (both.alerts_from, both.resolved) == (day(10), None)

    def test_what_is_for_the_panel_only_joins_nothing(self) -> None:
        silent, other = recheck(1, since=10, tier=None), recheck(5, since=20)
        assert joined(silent, other) == [silent, other]

    def test_it_is_lost_to_follow_up_once_everything_missing_in_it_is(self) -> None:
        lost, lately = recheck(1, since=10, dormant=True), recheck(5, since=20, analyte=Analyte.ALP)
        assert [one.dormant for one in joined(lost, lately)] == [False]
        repeated = recheck(5, since=20, resolved=30, analyte=Analyte.ALP)
        assert [one.dormant for one in joined(lost, repeated)] == [True]

    def test_the_order_in_which_they_are_given_decides_nothing(self) -> None:
        given = [recheck(n, since=10 + n, analyte=a) for n, a in enumerate(list(Analyte)[:4], 1)]
        assert joined(*given) == joined(*given[::-1])


class TestTheStep:
    def step(self, *missed: Episode) -> Step:
        step, *others = self.steps(*missed)
        assert not {OVERDUE, OVERDUE_AFTER_REST} & {other.name for other in others}
        return step

    def steps(self, *missed: Episode) -> Sequence[Step]:
        (one,) = joined(*missed)
        return steps_of(one)

    def test_is_the_panel_after_rest_where_all_that_is_missing_is_slight_due_since_the_first(self) -> None:
        step = self.step(recheck(1, since=10), recheck(5, since=20, analyte=AST))
        assert (step.name, step.due) == (OVERDUE_AFTER_REST, day(9))

    @pytest.mark.parametrize("other", [Tier.SOON, Tier.URGENT])
    def test_is_the_panel_at_once_where_more_is_missing(self, other: Tier) -> None:
        step = self.step(recheck(1, since=10), recheck(5, since=20, analyte=AST, tier=other))
        assert (step.name, step.due, step.priority) == (OVERDUE, day(9), other)

    def test_asks_for_what_is_missing_still_and_stays_as_it_was_once_nothing_is(self) -> None:
        came = recheck(1, since=10, tier=Tier.SOON, resolved=30)
        step = self.step(came, recheck(5, since=20, analyte=AST))
        assert (step.name, step.due) == (OVERDUE_AFTER_REST, day(19))
        step = self.step(came, recheck(5, since=20, analyte=AST, resolved=40))
        assert (step.name, step.due) == (OVERDUE, day(9))

    def test_goes_with_a_word_to_the_patient_due_since_the_first_day_that_it_is_overdue(self) -> None:
        later = recheck(5, since=20, analyte=AST, tier=Tier.SOON)
        panel, word = self.steps(recheck(1, since=10, resolved=25), later, recheck(5, since=30))
        assert (word.name, word.due, word.priority) == ("recheck-education", day(20), Tier.SOON)
        assert word.kinds == panel.kinds

    def test_goes_with_a_word_to_the_parent_or_guardian_of_a_child(self) -> None:
        of = recheck(1, since=10)
        young = replace(of, findings=(replace(of.findings[0], notes=(UNDER_18,)),))
        assert [step.name for step in self.steps(young)] == [OVERDUE_AFTER_REST, "guardian-recheck-education"]

    def test_goes_with_a_word_to_the_prescriber_where_drugs_are_in_question_for_any_that_is_missing(
        self,
    ) -> None:
        drugs = replace(recheck(1, since=10), plan=Plan((drug_cause(),)))
        both = (drugs, recheck(5, since=20, analyte=AST))
        assert "overdue-on-drugs" in {step.name for step in self.steps(*both)}
        came = replace(recheck(1, since=10, resolved=30), plan=Plan((drug_cause(),)))
        for others in ((came, recheck(5, since=20, analyte=AST)), (recheck(1, since=10),)):
            assert "overdue-on-drugs" not in {step.name for step in self.steps(*others)}

    def test_is_not_asked_for_where_the_panel_is_ordered_for_all_that_is_missing(self) -> None:
        one = replace(recheck(1, since=10), plan=Plan(done=(ordered(11),)))
        other = recheck(5, since=20, analyte=AST)
        assert self.step(one, other).name == OVERDUE_AFTER_REST
        both = (one, replace(other, plan=Plan(done=(ordered(15),))))
        assert [step.name for step in self.steps(*both)] == ["recheck-education"]
        assert [each.plan.done for each in joined(*both)] == [(ordered(15),)]

    def test_no_longer_names_drugs_once_a_decision_has_answered_it(self) -> None:
        drugs = replace(recheck(1, since=10), plan=Plan((drug_cause(),)))
        made = decision(1, Action.OVERRIDE, 1, at=12)
        elevated = episode(1, 2)
        (one,) = (
            each
            for each in with_follow_up([elevated, drugs], [made], moment(30))
            if each.family is Family.FOLLOW_UP
        )
        assert one.resolved == day(12)
        assert one.plan == Plan()

    def test_is_none_for_what_is_for_the_panel_only(self) -> None:
        assert steps_of(recheck(1, since=10, tier=None)) == ()


class TestTheAlert:
    def test_is_raised_while_it_is_missing_and_resolved_by_the_repeat(self, clinic: Clinic) -> None:
        (raised,) = clinic.judge(recheck(1, since=10), on=10)
        assert (raised.after.family, raised.after.state) == (Family.FOLLOW_UP, State.OPEN)
        (closed,) = clinic.judge(recheck(1, since=10, resolved=12), on=12)
        assert (closed.after.id, closed.after.state) == (raised.after.id, State.RESOLVED)
        assert EventKind.RESOLVED in kinds(closed)

    def test_is_never_raised_for_what_has_been_repeated_since(self, clinic: Clinic) -> None:
        past = [recheck(n, since=n + 5, resolved=n + 9) for n in range(0, 400, 10)]
        assert clinic.judge(*past, recheck(500, since=510), on=520) != ()
        assert len(clinic.alerts) == 1

    def test_is_never_raised_for_the_dead_and_closes_when_they_die(self, clinic: Clinic) -> None:
        assert clinic.judge(recheck(1, since=10, deceased=True), on=20) == ()
        clinic.judge(recheck(1, since=10), on=20)
        clinic.judge(recheck(1, since=10, deceased=True), on=21)
        assert clinic.only().state is State.RESOLVED

    def test_takes_in_what_is_missed_meanwhile(self, clinic: Clinic) -> None:
        clinic.judge(recheck(1, since=10), on=10)
        clinic.judge(recheck(1, since=10), recheck(5, since=20, tier=Tier.SOON, analyte=AST), on=20)
        assert (clinic.only().tier, clinic.only().episode.evidence) == (Tier.SOON, keys(1, 5))

    def test_of_a_second_recheck_is_another_one(self, clinic: Clinic) -> None:
        clinic.judge(recheck(1, since=10), on=10)
        clinic.judge(recheck(1, since=10, resolved=20), on=20)
        clinic.judge(recheck(1, since=10, resolved=20), recheck(20, since=50), on=50)
        assert [one.state for one in clinic.live()] == [State.RESOLVED, State.OPEN]

    def test_says_that_the_recheck_had_come_in_time_when_that_turns_out(self, clinic: Clinic) -> None:
        clinic.judge(recheck(1, since=10), on=10)
        (withdrawn,) = clinic.judge(on=11)
        assert withdrawn.after.state is State.ENTERED_IN_ERROR
        assert withdrawn.after.withdrawn is not None
        assert "in time" in withdrawn.after.withdrawn

    def test_is_reinstated_when_that_was_wrong(self, clinic: Clinic) -> None:
        (raised,) = clinic.judge(recheck(1, since=10), on=10)
        clinic.judge(on=11)
        clinic.judge(recheck(1, since=10), on=12)
        assert (clinic.only().id, clinic.only().state) == (raised.after.id, State.OPEN)

    def test_stands_beside_the_alert_for_the_elevation(self, clinic: Clinic) -> None:
        clinic.judge(episode(1, 2), recheck(2, since=10), on=10)
        assert {one.family for one in clinic.live()} == {Family.TRANSAMINASE, Family.FOLLOW_UP}

    def test_of_two_patients_is_two(self, clinic: Clinic) -> None:
        clinic.judge_pairs([(1, recheck(1, since=10)), (2, recheck(2, since=10))], on=20)
        assert len(clinic.live()) == 2

    def test_may_be_taken_like_any_other(self, clinic: Clinic) -> None:
        clinic.judge(recheck(1, since=10), on=10)
        clinic.dispositions.append(decision(1, Action.TAKE, 1, at=11, family=Family.FOLLOW_UP))
        clinic.judge(recheck(1, since=10), on=11)
        assert (clinic.only().state, clinic.only().owner) == (State.TAKEN, "nurse")

    def test_that_was_overridden_takes_in_nothing_that_is_missed_later(self, clinic: Clinic) -> None:
        clinic.judge(recheck(1, since=10), on=10)
        clinic.dispositions.append(decision(1, Action.OVERRIDE, 1, at=12, family=Family.FOLLOW_UP))
        clinic.judge(recheck(1, since=10), recheck(5, since=50, analyte=AST), on=50)
        assert [one.state for one in clinic.live()] == [State.OVERRIDDEN, State.OPEN]

    def test_that_was_overridden_keeps_what_was_missing_then(self, clinic: Clinic) -> None:
        both = [recheck(1, since=10), recheck(5, since=11, analyte=AST)]
        clinic.judge(*both, on=11)
        clinic.dispositions.append(decision(1, Action.OVERRIDE, 1, 5, at=12, family=Family.FOLLOW_UP))
        clinic.judge(*both, on=50)
        assert clinic.only().state is State.OVERRIDDEN


@pytest.mark.parametrize("action", [Action.KNOWN_CAUSE, Action.OVERRIDE])
class TestADecisionAboutTheElevation:
    def test_made_before_the_recheck_is_overdue_makes_it_needless(self, action: Action) -> None:
        made = [decision(1, action, 1, at=9, until=90)]
        assert joined(episode(1), recheck(1, since=10), made=made) == []
        assert joined(episode(1), recheck(1, since=10, resolved=30), made=made) == []

    def test_made_afterwards_closes_the_alert(self, action: Action, clinic: Clinic) -> None:
        clinic.judge(episode(1), recheck(1, since=10), on=10)
        clinic.dispositions.append(decision(1, action, 1, at=15, until=90))
        clinic.judge(episode(1), recheck(1, since=10), on=16)
        (of_recheck,) = [one for one in clinic.live() if one.family is Family.FOLLOW_UP]
        assert (of_recheck.state, of_recheck.episode.resolved) == (State.RESOLVED, day(15))
        (finding,) = of_recheck.episode.findings
        assert "not waited for since a decision of 2026-01-16" in finding.notes

    def test_made_after_the_repeat_changes_nothing(self, action: Action) -> None:
        past = recheck(1, since=10, resolved=12)
        assert joined(episode(1, 12), past, made=[decision(1, action, 1, 12, at=15, until=90)]) == [past]

    def test_says_nothing_of_results_that_came_later(self, action: Action) -> None:
        later = recheck(20, since=30)
        assert joined(episode(1, 20), later, made=[decision(1, action, 1, at=9, until=90)]) == [later]

    def test_that_the_state_did_not_permit_changes_nothing(self, action: Action) -> None:
        refused = [decision(1, Action.OVERRIDE, 1, at=20), decision(2, action, 1, at=30, until=90)]
        (ended,) = joined(episode(1), recheck(1, since=10), made=refused)
        assert ended.resolved == day(20)


@pytest.mark.parametrize("action", [Action.TAKE, Action.ESCALATE, Action.REFER, Action.SNOOZE, Action.REOPEN])
def test_other_decisions_leave_the_recheck_to_be_waited_for(action: Action) -> None:
    missing = recheck(1, since=10)
    made = [decision(1, Action.TAKE, 1, at=1), decision(2, action, 1, at=9, until=90)]
    assert joined(episode(1), missing, made=made) == [missing]
