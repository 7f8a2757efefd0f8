"""What several alerts of one patient ask for is one order."""

from dataclasses import replace

from service.alerts.advising import allot, standing_with
from service.alerts.alert import State
from service.clinical.episodes import Episode, Family, Plan, Tier
from tests.alerts.making import Clinic, drug_cause, episode, recheck

REPEAT = "repeat-hepatic-panel"


def soon() -> Episode:
    return episode(1, tier=Tier.SOON)


def urgent() -> Episode:
    return episode(5, tier=Tier.URGENT, family=Family.CHOLESTATIC)


def test_a_step_that_two_alerts_ask_for_stands_on_the_more_urgent_one() -> None:
    first, second = allot([(1, soon(), State.OPEN), (1, urgent(), State.TAKEN)])
    assert REPEAT not in first
    assert REPEAT in second


def test_of_two_as_urgent_it_stands_where_it_is_due_first() -> None:
    later = replace(episode(9, tier=Tier.SOON), family=Family.CHOLESTATIC)
    first, second = allot([(1, later, State.OPEN), (1, soon(), State.OPEN)])
    assert REPEAT not in first
    assert REPEAT in second


def test_an_overridden_alert_takes_no_step_from_another_and_keeps_its_own() -> None:
    first, second = allot([(1, soon(), State.OPEN), (1, urgent(), State.OVERRIDDEN)])
    assert REPEAT in first
    assert REPEAT in second


def test_a_dormant_alert_takes_no_step_that_one_on_the_worklist_asks_for() -> None:
    first, second = allot([(1, soon(), State.OPEN), (1, urgent(), State.DORMANT)])
    assert REPEAT in first
    assert REPEAT not in second
    assert REPEAT in allot([(1, urgent(), State.DORMANT)])[0]


def test_who_is_seen_the_same_day_is_not_asked_in_again_for_another_alert() -> None:
    same_day, later = (
        replace(one, plan=Plan(steps=(replace(one.plan.steps[0], name=name),)))
        for one, name in ((urgent(), "same-day-assessment"), (soon(), "liver-history"))
    )
    assert allot([(1, same_day, State.OPEN), (1, later, State.OPEN)]) == [{"same-day-assessment"}, set()]


def test_an_alert_tells_the_steps_that_were_given_to_it() -> None:
    clinic = Clinic()
    clinic.judge(soon(), urgent())
    told = {alert.tier: [step.name for step in alert.steps] for alert in clinic.live()}
    assert REPEAT in told[Tier.URGENT]
    assert REPEAT not in told[Tier.SOON]


def test_an_alert_knows_which_other_one_its_steps_stand_with() -> None:
    clinic = Clinic()
    clinic.judge(soon(), urgent())
    less, more = sorted(clinic.live(), key=lambda alert: alert.tier)
    assert standing_with(less, [less, more]) == [more]
    assert standing_with(more, [less, more]) == []
    assert standing_with(replace(less, state=State.RESOLVED), [more]) == []
    assert standing_with(less, [replace(more, subject=2)]) == []
    assert standing_with(less, [replace(more, state=State.OVERRIDDEN)]) == []


def test_a_visit_that_is_sooner_for_another_alert_is_the_visit_of_both() -> None:
    clinic = Clinic()
    same_day, later = (
        replace(one, plan=Plan(steps=(replace(one.plan.steps[0], name=name),)))
        for one, name in ((urgent(), "same-day-assessment"), (soon(), "liver-history"))
    )
    clinic.judge(same_day, later)
    less, more = sorted(clinic.live(), key=lambda alert: alert.tier)
    assert standing_with(less, [more]) == [more]


def test_alerts_of_two_patients_do_not_share_a_step() -> None:
    assert all(REPEAT in names for names in allot([(1, soon(), State.OPEN), (2, urgent(), State.OPEN)]))


def test_every_step_asked_for_stands_on_some_alert() -> None:
    grounds = [(1, soon(), State.OPEN), (1, urgent(), State.SNOOZED)]
    asked = {step.name for _, one, _ in grounds for step in one.plan.steps}
    assert frozenset().union(*allot(grounds)) == asked


def late(tier: Tier = Tier.SOON) -> Episode:
    """A recheck that is overdue, with a drug in question."""
    return replace(recheck(1, since=10, tier=tier), plan=Plan((drug_cause(),)))


ALL_OF_IT = {"overdue-recheck", "overdue-on-drugs", "recheck-education"}


def test_a_late_test_by_itself_is_asked_for_with_all_that_is_to_be_said_about_it() -> None:
    assert allot([(1, late(), State.OPEN)]) == [ALL_OF_IT]


def test_a_late_test_that_a_graver_alert_asks_for_is_asked_for_once_and_still_said_to_be_late() -> None:
    graver, said = allot([(1, urgent(), State.OPEN), (1, late(), State.OPEN)])
    assert REPEAT in graver
    assert said == ALL_OF_IT - {"overdue-recheck"}


def test_what_is_said_of_a_late_test_stands_beside_what_another_alert_says() -> None:
    other = replace(soon(), plan=Plan(steps=(replace(soon().plan.steps[0], name="patient-education"),)))
    assert allot([(1, other, State.OPEN), (1, late(), State.OPEN)]) == [{"patient-education"}, ALL_OF_IT]


def test_who_is_asked_to_review_drugs_is_not_told_of_them_again_for_the_late_test() -> None:
    review = replace(soon(), plan=Plan(steps=(replace(soon().plan.steps[0], name="medication-review"),)))
    told = allot([(1, review, State.OPEN), (1, late(), State.OPEN)])
    assert told == [{"medication-review"}, ALL_OF_IT - {"overdue-on-drugs"}]
    assert allot([(2, review, State.OPEN), (1, late(), State.OPEN)])[1] == ALL_OF_IT


def test_what_is_said_of_a_late_test_is_not_lost_to_an_alert_that_is_over() -> None:
    review = replace(urgent(), plan=Plan(steps=(replace(soon().plan.steps[0], name="medication-review"),)))
    assert allot([(1, review, State.RESOLVED), (1, late(), State.OPEN)])[1] == ALL_OF_IT
    assert allot([(1, review, State.OPEN), (1, late(), State.OVERRIDDEN)])[1] == ALL_OF_IT
