"""What several alerts of one patient ask for is one order."""

from dataclasses import replace

from service.alerts.advising import allot
from service.alerts.alert import State
from service.clinical.episodes import Episode, Family, Plan, Tier
from tests.alerts.making import Clinic, episode

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


def test_alerts_of_two_patients_do_not_share_a_step() -> None:
    assert all(REPEAT in names for names in allot([(1, soon(), State.OPEN), (2, urgent(), State.OPEN)]))


def test_every_step_asked_for_stands_on_some_alert() -> None:
    grounds = [(1, soon(), State.OPEN), (1, urgent(), State.SNOOZED)]
    asked = {step.name for _, one, _ in grounds for step in one.plan.steps}
    assert frozenset().union(*allot(grounds)) == asked
