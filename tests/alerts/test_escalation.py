"""Urgent alerts that nobody takes: one contact after the other, each once, and never once somebody has."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from service.alerts.alert import Action, Alert, State, Waiting
from service.alerts.escalation import pass_on
from service.alerts.events import EventKind
from service.alerts.reconcile import reconcile
from service.clinical.episodes import Tier
from tests.alerts.making import START, Clinic, decision, episode, ids, moment, urgent_finding

PATIENCE = timedelta(hours=4)
HOUR = timedelta(hours=1)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def urgent(clinic: Clinic) -> Alert:
    clinic.judge(episode(1, tier=Tier.URGENT), on=0)
    return clinic.only()


def passed_on(alert: Alert, contacts: Sequence[str], hours: float) -> tuple[Alert, list[str]]:
    """What becomes of it so many hours after it was seen, and what is said about that."""
    change = pass_on(alert, contacts, PATIENCE, START + hours * HOUR)
    if change is None:
        return alert, []
    assert [event.kind for event in change.events] == [EventKind.PASSED_ON]
    assert not change.content_changed
    return change.after, [event.detail for event in change.events]


class TestWaiting:
    def test_begins_when_an_alert_is_first_seen_to_be_urgent(self, clinic: Clinic) -> None:
        assert urgent(clinic).waiting == Waiting(START, START)

    def test_goes_on_whatever_results_come(self, clinic: Clinic) -> None:
        urgent(clinic)
        clinic.judge(episode(1, 2, 3, tier=Tier.URGENT), on=3)
        assert clinic.only().waiting == Waiting(START, START)

    @pytest.mark.parametrize("tier", [Tier.ROUTINE, Tier.SOON])
    def test_begins_later_when_an_alert_becomes_urgent_later(self, clinic: Clinic, tier: Tier) -> None:
        clinic.judge(episode(1, tier=tier), on=0)
        assert clinic.only().waiting is None
        clinic.judge(episode(1, 2, tier=Tier.URGENT), on=5)
        assert clinic.only().waiting == Waiting(moment(5), moment(5))

    @pytest.mark.parametrize("action", [action for action in Action if action is not Action.REOPEN])
    def test_ends_with_any_decision(self, clinic: Clinic, action: Action) -> None:
        urgent(clinic)
        clinic.dispositions.append(decision(1, action, 1, at=1, until=30, tier=Tier.URGENT))
        clinic.judge(episode(1, tier=Tier.URGENT), on=1)
        assert clinic.only().waiting is None

    def test_begins_anew_when_the_alert_is_given_back(self, clinic: Clinic) -> None:
        urgent(clinic)
        clinic.dispositions.append(decision(1, Action.TAKE, 1, at=1, tier=Tier.URGENT))
        clinic.judge(episode(1, tier=Tier.URGENT), on=1)
        clinic.dispositions.append(decision(2, Action.REOPEN, 1, at=2, tier=Tier.URGENT))
        clinic.judge(episode(1, tier=Tier.URGENT), on=2)
        assert clinic.only().waiting == Waiting(moment(2), moment(2))

    @pytest.mark.parametrize("action", [Action.SNOOZE, Action.KNOWN_CAUSE, Action.OVERRIDE])
    @pytest.mark.parametrize("tier", [Tier.SOON, Tier.URGENT])
    def test_begins_when_what_a_nurse_had_and_set_aside_wakes_for_an_urgent_finding(
        self, clinic: Clinic, action: Action, tier: Tier
    ) -> None:
        before = episode(1, tier=tier)
        clinic.dispositions += [
            decision(1, Action.TAKE, 1, at=1, tier=tier),
            decision(2, action, 1, at=2, until=30, tier=tier),
        ]
        clinic.judge(before, on=2)
        assert clinic.only().waiting is None
        clinic.judge(
            replace(before, tier=Tier.URGENT, findings=(*before.findings, urgent_finding("hys-law", 3))), on=3
        )
        assert clinic.only().waiting == Waiting(moment(3), moment(3))

    def test_ends_when_the_alert_resolves_or_is_withdrawn(self, clinic: Clinic) -> None:
        urgent(clinic)
        clinic.judge(episode(1, normal=(2, 3), resolved=3, tier=Tier.URGENT), on=3)
        assert clinic.only().waiting is None
        clinic.judge(episode(1, tier=Tier.URGENT), on=4)
        clinic.judge(on=5)
        (alert,) = clinic.alerts.values()
        assert (alert.state, alert.waiting) == (State.ENTERED_IN_ERROR, None)

    def test_is_by_the_clock_on_the_wall_and_not_by_that_of_the_data(self) -> None:
        (change,) = reconcile((), (), [(1, episode(1, tier=Tier.URGENT))], moment(0), ids(), now=moment(4000))
        assert change.after.created == moment(0)
        assert change.after.waiting == Waiting(moment(4000), moment(4000))

    def test_is_no_content(self, clinic: Clinic) -> None:
        alert = urgent(clinic)
        after, _ = passed_on(alert, ["Bo"], 4)
        assert after.revision == alert.revision
        clinic.alerts[after.id] = after
        assert clinic.judge(episode(1, tier=Tier.URGENT), on=1) == ()

    def test_that_begins_without_anything_else_new_is_no_revision(self, clinic: Clinic) -> None:
        alert = urgent(clinic)
        clinic.alerts[alert.id] = replace(alert, waiting=None)
        (change,) = clinic.judge(episode(1, tier=Tier.URGENT), on=1)
        assert (change.after.waiting, change.after.revision) == (
            Waiting(moment(1), moment(1)),
            alert.revision,
        )


class TestPassingOn:
    def test_is_due_after_the_sites_time_and_not_before(self, clinic: Clinic) -> None:
        alert = urgent(clinic)
        assert passed_on(alert, ["Bo"], 3.99) == (alert, [])
        after, said = passed_on(alert, ["Bo"], 4)
        assert said == ["nobody has taken it within 4 hours: on to Bo"]
        assert after.waiting == Waiting(START, START + 4 * HOUR, True, ("Bo",), True)

    def test_gives_each_contact_the_whole_time_and_ends_with_the_last(self, clinic: Clinic) -> None:
        alert, told = urgent(clinic), []
        for hours in (5, 8.9, 9, 13, 14, 100):
            alert, said = passed_on(alert, ["Bo", "Cy", "Di"], hours)
            told.append(said)
        assert [bool(said) for said in told] == [True, False, True, True, False, False]
        assert alert.waiting is not None
        assert alert.waiting.told == ("Bo", "Cy", "Di")

    def test_without_contacts_says_once_that_it_is_overdue(self, clinic: Clinic) -> None:
        after, said = passed_on(urgent(clinic), [], 4)
        assert said == ["nobody has taken it within 4 hours: no contact is set"]
        assert passed_on(after, [], 9) == (after, [])
        assert after.waiting is not None
        assert after.waiting.overdue

    def test_tells_nobody_twice_though_the_contacts_change_meanwhile(self, clinic: Clinic) -> None:
        after, _ = passed_on(urgent(clinic), ["Bo", "Cy"], 4)
        assert passed_on(after, ["Di", "Bo"], 8)[1] == ["nobody has taken it within 4 hours: on to Di"]
        assert passed_on(after, ["Bo"], 8)[1] == ["nobody has taken it within 4 hours: no contact is left"]

    def test_never_happens_to_what_does_not_wait(self, clinic: Clinic) -> None:
        alert = replace(urgent(clinic), waiting=None)
        assert passed_on(alert, ["Bo"], 1000) == (alert, [])
