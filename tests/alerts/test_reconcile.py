"""Alerts follow their episodes: raised, updated, woken, resolved, withdrawn, reinstated."""

import pytest

from service.alerts.alert import Action, Alert, State
from service.alerts.decide import dispose
from service.alerts.events import Change, EventKind
from service.alerts.ending import NO_CRITERIA, NO_EVIDENCE
from service.clinical.episodes import Family, Tier
from tests.alerts.making import Clinic, day, decision, episode, ids, key, moment


def kinds(*changes: Change) -> list[EventKind]:
    return [event.kind for change in changes for event in change.events]


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def act(clinic: Clinic, alert: Alert, action: Action, at: int, **said: object) -> None:
    made = dispose(
        alert,
        action,
        "Ada",
        moment(at),
        new_id=ids(100 + len(clinic.dispositions)),
        **said,  # type: ignore[arg-type]
    )
    clinic.dispositions.append(made)


def test_an_episode_that_raises_an_alert_gets_one(clinic: Clinic) -> None:
    (change,) = clinic.judge(episode(1, 2))
    assert change.before is None
    assert change.after.state is State.OPEN
    assert (change.after.revision, change.after.created, change.after.subject) == (1, moment(1), 1)
    assert kinds(change) == [EventKind.RAISED]


def test_an_episode_for_the_panel_only_gets_none(clinic: Clinic) -> None:
    assert clinic.judge(episode(1, 2, tier=None)) == ()


def test_judging_again_changes_nothing(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2), episode(7, 8))
    assert clinic.judge(episode(7, 8), episode(1, 2)) == ()


def test_families_have_alerts_of_their_own(clinic: Clinic) -> None:
    clinic.judge(episode(1), episode(1, family=Family.BILIRUBIN))
    assert len(clinic.live()) == 2
    assert clinic.judge(episode(1), episode(1, family=Family.BILIRUBIN)) == ()


def test_a_past_episode_is_raised_and_resolved_at_once(clinic: Clinic) -> None:
    changes = clinic.judge(episode(1, 2, resolved=9))
    assert kinds(*changes) == [EventKind.RAISED, EventKind.RESOLVED]
    assert clinic.only().state is State.RESOLVED


def test_a_new_result_updates_the_alert(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2))
    (change,) = clinic.judge(episode(1, 2, 3))
    assert change.content_changed
    assert change.after.revision == 2
    assert kinds(change) == [EventKind.UPDATED]


def test_a_late_result_that_moves_the_onset_updates_the_same_alert(clinic: Clinic) -> None:
    clinic.judge(episode(5, 6))
    before = clinic.only()
    clinic.judge(episode(1, 5, 6))
    assert clinic.only().id == before.id
    assert clinic.only().episode.onset == day(1)


def test_a_tier_that_rises_is_told_as_such(clinic: Clinic) -> None:
    clinic.judge(episode(1, tier=Tier.ROUTINE))
    (change,) = clinic.judge(episode(1, 2, tier=Tier.URGENT))
    assert EventKind.TIER_RAISED in kinds(change)
    (change,) = clinic.judge(episode(1, tier=Tier.ROUTINE))
    assert EventKind.TIER_LOWERED in kinds(change)


def test_a_step_it_advises_no_longer_is_remembered_until_it_is_advised_again(clinic: Clinic) -> None:
    clinic.judge(episode(1, tier=Tier.URGENT))
    assert clinic.only().advised == {"same-day-assessment", "repeat-hepatic-panel"}
    (change,) = clinic.judge(episode(1, tier=Tier.ROUTINE))
    assert clinic.only().advised == {"repeat-hepatic-panel"}
    assert clinic.only().no_longer_advised == {"same-day-assessment"}
    assert "other steps are advised" in change.events[0].detail
    clinic.judge(episode(1, 2, tier=Tier.SOON))
    assert clinic.only().no_longer_advised == {"same-day-assessment"}
    clinic.judge(episode(1, 2, tier=Tier.URGENT))
    assert clinic.only().no_longer_advised == frozenset()


def test_what_it_advised_is_not_forgotten_when_it_is_withdrawn_or_merged(clinic: Clinic) -> None:
    clinic.judge(episode(1, tier=Tier.URGENT), episode(7))
    clinic.judge(episode(1, tier=Tier.SOON), episode(7))
    of_both = {one.id: one.ever_advised for one in clinic.live()}
    clinic.judge(episode(1, 7))
    clinic.judge()
    assert {one.id: one.ever_advised for one in clinic.alerts.values()} == of_both
    clinic.judge(episode(1, 7))
    assert clinic.only().no_longer_advised == {"same-day-assessment"}


def test_a_decision_changes_state_and_content(clinic: Clinic) -> None:
    clinic.judge(episode(1))
    act(clinic, clinic.only(), Action.TAKE, at=1)
    (change,) = clinic.judge(episode(1))
    assert kinds(change) == [EventKind.DECIDED, EventKind.STATE_CHANGED]
    assert (change.after.owner, change.after.seen, change.after.revision) == ("Ada", True, 2)


def test_the_same_decision_twice_is_content_too_because_the_ehr_tells_both(clinic: Clinic) -> None:
    clinic.judge(episode(1))
    act(clinic, clinic.only(), Action.ESCALATE, at=1)
    clinic.judge(episode(1))
    act(clinic, clinic.only(), Action.ESCALATE, at=2)
    (change,) = clinic.judge(episode(1))
    assert kinds(change) == [EventKind.DECIDED]
    assert change.content_changed
    assert change.after.dispositions == tuple(made.id for made in clinic.dispositions)


def test_a_snooze_that_ends_by_its_date_says_so(clinic: Clinic) -> None:
    clinic.judge(episode(1), on=1)
    act(clinic, clinic.only(), Action.SNOOZE, at=1, until=day(9))
    clinic.judge(episode(1), on=2)
    assert clinic.judge(episode(1), on=8) == ()
    (change,) = clinic.judge(episode(1), on=9)
    assert kinds(change) == [EventKind.WOKEN]
    assert change.events[0].detail == "its date has come"


def test_an_override_is_reopened_by_a_higher_tier(clinic: Clinic) -> None:
    clinic.judge(episode(1))
    act(clinic, clinic.only(), Action.OVERRIDE, at=1, reason="duplicate")
    clinic.judge(episode(1))
    (change,) = clinic.judge(episode(1, 2, tier=Tier.URGENT))
    assert change.after.state is State.OPEN
    assert kinds(change) == [EventKind.UPDATED, EventKind.TIER_RAISED, EventKind.WOKEN]


def test_dormant_alerts_wake_with_the_next_result(clinic: Clinic) -> None:
    clinic.judge(episode(1))
    assert EventKind.DORMANT in kinds(*clinic.judge(episode(1, dormant=True)))
    assert EventKind.AWAKENED in kinds(*clinic.judge(episode(1, 2)))
    assert clinic.only().state is State.OPEN


def test_a_dormant_alert_can_resolve(clinic: Clinic) -> None:
    clinic.judge(episode(1, dormant=True))
    changes = clinic.judge(episode(1, deceased=True))
    assert kinds(*changes) == [EventKind.UPDATED, EventKind.RESOLVED]


def test_a_correction_can_undo_a_resolution(clinic: Clinic) -> None:
    clinic.judge(episode(1, normal=(2, 3), resolved=3))
    changes = clinic.judge(episode(1, 3, normal=(2,)))
    assert EventKind.REOPENED in kinds(*changes)
    assert clinic.only().state is State.OPEN


def test_a_correction_that_removes_the_evidence_withdraws_the_alert(clinic: Clinic) -> None:
    clinic.judge(episode(1))
    (change,) = clinic.judge()
    assert (change.after.state, change.after.withdrawn) == (State.ENTERED_IN_ERROR, NO_EVIDENCE)
    assert change.after.episode == episode(1)
    assert change.after.revision == 2
    assert kinds(change) == [EventKind.WITHDRAWN]
    assert clinic.judge() == ()


def test_an_episode_that_no_longer_meets_the_criteria_withdraws_its_alert(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2))
    (change,) = clinic.judge(episode(1, tier=None))
    assert change.after.withdrawn == NO_CRITERIA
    assert clinic.judge(episode(1, tier=None)) == ()


def test_an_alert_whose_grounds_come_back_is_the_same_alert(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2))
    first = clinic.only()
    clinic.judge()
    (change,) = clinic.judge(episode(2, 3))
    assert (change.after.id, change.after.created) == (first.id, first.created)
    assert (change.after.revision, change.after.withdrawn) == (3, None)
    assert kinds(change)[0] is EventKind.REINSTATED


def test_decisions_come_back_with_their_evidence(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2))
    act(clinic, clinic.only(), Action.TAKE, at=1)
    clinic.judge(episode(1, 2))
    clinic.judge()
    (change,) = clinic.judge(episode(1, 2))
    assert (change.after.state, change.after.owner) == (State.TAKEN, "Ada")
    assert EventKind.DECIDED not in kinds(change)


def test_a_decision_on_evidence_that_never_came_yet_waits_for_it(clinic: Clinic) -> None:
    clinic.dispositions.append(decision(1, Action.REFER, 5))
    clinic.judge(episode(1))
    assert clinic.only().dispositions == ()
    clinic.judge(episode(1), episode(5))
    assert clinic.on(5).state is State.REFERRED


def test_a_live_alert_wins_over_a_withdrawn_one(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2, 3))
    withdrawn = clinic.only().id
    clinic.judge()
    clinic.judge(episode(4))
    live = clinic.only().id
    clinic.judge(episode(1, 2, 3, 4))
    assert clinic.only().id == live
    assert clinic.alerts[withdrawn].state is State.ENTERED_IN_ERROR


def test_of_two_withdrawn_alerts_the_one_sharing_most_evidence_is_reinstated(clinic: Clinic) -> None:
    clinic.judge(episode(1), episode(7, 8))
    larger = clinic.on(7).id
    clinic.judge()
    clinic.judge(episode(1, 7, 8))
    assert clinic.only().id == larger
    assert clinic.judge(episode(1, 7, 8)) == ()


def test_an_alert_of_equal_shares_goes_with_the_oldest_withdrawn_one(clinic: Clinic) -> None:
    clinic.judge(episode(7))
    oldest = clinic.only().id
    clinic.judge(episode(7), episode(1))
    clinic.judge()
    clinic.judge(episode(1, 7))
    assert clinic.only().id == oldest


def test_an_alerting_episode_without_evidence_is_refused(clinic: Clinic) -> None:
    with pytest.raises(ValueError, match="no evidence"):
        clinic.judge(episode(onset=1))


def test_what_is_told_names_no_result(clinic: Clinic) -> None:
    changes = [*clinic.judge(episode(1)), *clinic.judge(episode(1, 2)), *clinic.judge()]
    assert not any(key(1).observation_id in event.detail for c in changes for event in c.events)
