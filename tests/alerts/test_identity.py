"""The Law "Identity": which alert an episode carries when results move episodes."""

from uuid import UUID

import pytest

from service.alerts.alert import Action, Disposition, State
from service.alerts.decide import dispose
from service.alerts.events import EventKind
from service.alerts.identity import attach, home
from service.clinical.episodes import Family, Tier
from tests.alerts.making import Clinic, day, decision, episode, ids, keys, moment, recheck


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def snooze(clinic: Clinic, number: int, at: int) -> Disposition:
    made = dispose(
        clinic.on(number), Action.SNOOZE, "Ada", moment(at), until=day(90), new_id=ids(1000 + number)
    )
    clinic.dispositions.append(made)
    return made


def test_evidence_belongs_to_the_episode_it_shares_most_with() -> None:
    assert home(Family.TRANSAMINASE, keys(1, 2, 7), [episode(7, 8, 9), episode(1, 2)]) == 1


def test_a_tie_goes_to_the_earliest_onset_whatever_the_order() -> None:
    early, late = episode(1, 2), episode(7, 8)
    assert home(Family.TRANSAMINASE, keys(1, 7), [early, late]) == 0
    assert home(Family.TRANSAMINASE, keys(1, 7), [late, early]) == 1


def test_equal_onsets_do_not_leave_the_tie_to_the_order() -> None:
    one, other = episode(1, onset=0), episode(7, onset=0)
    assert home(Family.TRANSAMINASE, keys(1, 7), [one, other]) == 0
    assert home(Family.TRANSAMINASE, keys(1, 7), [other, one]) == 1


def test_evidence_of_another_family_or_of_nothing_belongs_nowhere() -> None:
    assert home(Family.BILIRUBIN, keys(1), [episode(1)]) is None
    assert home(Family.TRANSAMINASE, keys(5), [episode(1)]) is None


def test_every_disposition_is_attached_once_or_kept_unattached() -> None:
    made = [
        decision(n, Action.TAKE, *on, at=9 - n) for n, on in enumerate([(1, 2), (2, 7, 8), (5,)], start=1)
    ]
    attached = attach(made, [episode(1, 2), episode(7, 8)])
    assert attached.by_episode == ((made[0],), (made[1],))
    assert attached.unattached == (made[2],)


def test_merge_the_oldest_survives_and_the_other_names_it(clinic: Clinic) -> None:
    clinic.judge(episode(7, 8))
    oldest = clinic.only().id
    clinic.judge(episode(7, 8), episode(1, 2))
    younger = clinic.on(1).id
    survivor, merged = clinic.judge(episode(1, 2, 7, 8))
    assert (survivor.after.id, merged.after.id) == (oldest, younger)
    assert survivor.after.needs_review
    assert (merged.after.state, merged.after.merged_into) == (State.MERGED, oldest)
    assert (merged.after.revision, merged.after.needs_review) == (2, False)
    assert [event.kind for event in merged.events] == [EventKind.MERGED]
    assert EventKind.NEEDS_REVIEW in [event.kind for event in survivor.events]
    assert clinic.judge(episode(1, 2, 7, 8)) == ()


def test_merge_age_counts_before_the_identifier() -> None:
    numbers = iter(range(9, 0, -1))
    clinic = Clinic(mint=lambda: UUID(int=next(numbers)))
    clinic.judge(episode(7))
    oldest = clinic.only().id
    clinic.judge(episode(7), episode(1))
    clinic.judge(episode(1, 7))
    assert clinic.only().id == oldest == max(clinic.alerts)


def test_merge_of_equally_old_alerts_is_decided_by_identifier(clinic: Clinic) -> None:
    clinic.judge(episode(1), episode(7))
    smallest = min(clinic.alerts)
    clinic.judge(episode(1, 7))
    assert clinic.only().id == smallest


def test_merge_of_three_leaves_one(clinic: Clinic) -> None:
    clinic.judge(episode(4))
    oldest = clinic.only().id
    clinic.judge(episode(1), episode(4), episode(7))
    changes = clinic.judge(episode(1, 4, 7))
    assert clinic.only().id == oldest
    assert [change.after.merged_into for change in changes[1:]] == [oldest, oldest]
    assert len(changes) == 3


def test_merge_brings_the_decisions_of_both(clinic: Clinic) -> None:
    clinic.judge(episode(1), episode(7))
    first, second = snooze(clinic, 1, at=1), snooze(clinic, 7, at=2)
    clinic.judge(episode(1), episode(7))
    survivor, _ = clinic.judge(episode(1, 7))
    assert survivor.after.dispositions == (first.id, second.id)
    assert EventKind.DECIDED not in [event.kind for event in survivor.events]


def test_merge_an_inherited_snooze_does_not_hide_a_higher_tier(clinic: Clinic) -> None:
    clinic.judge(episode(1, tier=Tier.ROUTINE), episode(7, tier=Tier.URGENT))
    snooze(clinic, 1, at=1)
    clinic.judge(episode(1, tier=Tier.ROUTINE), episode(7, tier=Tier.URGENT))
    assert clinic.on(1).state is State.SNOOZED
    clinic.judge(episode(1, 7, tier=Tier.URGENT))
    assert (clinic.only().state, clinic.only().needs_review) == (State.OPEN, True)


def test_a_merge_into_an_episode_that_raises_no_alert_withdraws(clinic: Clinic) -> None:
    clinic.judge(episode(1), episode(7))
    changes = clinic.judge(episode(1, 7, tier=None))
    assert [change.after.state for change in changes] == [State.ENTERED_IN_ERROR] * 2


def test_split_the_alert_stays_with_the_larger_share(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2, 7, 8, 9))
    first = clinic.only().id
    changes = clinic.judge(episode(1, 2), episode(7, 8, 9))
    assert clinic.on(7).id == first
    assert clinic.on(1).id != first
    assert clinic.on(1).created == moment(2)
    assert clinic.on(1).needs_review
    assert clinic.on(7).needs_review
    assert [event.kind for event in changes[0].events] == [EventKind.RAISED, EventKind.NEEDS_REVIEW]
    assert EventKind.SPLIT in [event.kind for event in changes[1].events]
    assert clinic.judge(episode(1, 2), episode(7, 8, 9)) == ()


def test_a_missed_recheck_of_a_result_that_an_alert_has_lost_is_no_split(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2), on=10)
    changes = clinic.judge(episode(1), recheck(2, since=10), on=11)
    assert EventKind.SPLIT not in [event.kind for change in changes for event in change.events]
    assert not any(alert.needs_review for alert in clinic.live())


def test_split_in_equal_shares_leaves_the_alert_with_the_earliest_onset(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2, 7, 8))
    first = clinic.only().id
    clinic.judge(episode(7, 8), episode(1, 2))
    assert clinic.on(1).id == first


def test_split_decisions_stay_with_their_evidence(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2))
    made = snooze(clinic, 1, at=1)
    clinic.judge(episode(1, 2))
    clinic.judge(episode(1, 2, 7, 8, 9))
    alert = clinic.only().id
    clinic.judge(episode(1, 2), episode(7, 8, 9))
    assert clinic.on(7).id == alert
    assert (clinic.on(7).state, clinic.on(7).dispositions) == (State.OPEN, ())
    assert (clinic.on(1).state, clinic.on(1).dispositions) == (State.SNOOZED, (made.id,))


def test_split_off_a_part_that_raises_no_alert_needs_review_all_the_same(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2, 7))
    clinic.judge(episode(1, 2), episode(7, tier=None))
    assert clinic.only().needs_review


def test_split_whose_larger_share_raises_no_alert_withdraws_and_raises_anew(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2, 7))
    first = clinic.only().id
    clinic.judge(episode(1, 2, tier=None), episode(7))
    assert clinic.alerts[first].state is State.ENTERED_IN_ERROR
    assert clinic.only().needs_review
    clinic.judge(episode(1, 2), episode(7))
    assert clinic.on(1).id == first
    assert len(clinic.alerts) == 2


def test_losing_evidence_to_a_retraction_is_not_a_split(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2, 3))
    clinic.judge(episode(1, 2))
    assert not clinic.only().needs_review


def test_a_withdrawn_alert_whose_evidence_comes_back_in_two_episodes_was_split(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2, 7))
    first = clinic.only().id
    clinic.judge()
    clinic.judge(episode(1, 2), episode(7))
    assert clinic.on(1).id == first
    assert all(alert.needs_review for alert in clinic.live())
    assert clinic.judge(episode(1, 2), episode(7)) == ()


def test_a_result_two_episodes_share_does_not_split_either(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2, 5), episode(5, 7, 8))
    assert clinic.judge(episode(1, 2, 5), episode(5, 7, 8)) == ()
    clinic.judge(episode(1, 2), episode(5, 7, 8))
    assert not any(alert.needs_review for alert in clinic.live())


def test_a_decision_that_follows_its_evidence_to_a_new_alert_leaves_that_one_to_review(
    clinic: Clinic,
) -> None:
    clinic.judge(episode(1, 2, 3))
    made = snooze(clinic, 1, at=1)
    clinic.judge(episode(1))
    assert clinic.only().dispositions == (made.id,)
    clinic.judge(episode(1), episode(2, 3))
    assert (clinic.on(2).dispositions, clinic.on(2).needs_review) == ((made.id,), True)
    assert (clinic.on(1).dispositions, clinic.on(1).state) == ((), State.OPEN)


def test_a_reinstated_alert_does_not_claim_back_a_decision_that_stands_elsewhere(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2, 3))
    first, made = clinic.only().id, snooze(clinic, 1, at=1)
    clinic.judge(episode(1))
    clinic.judge()
    clinic.judge(episode(2, 3))
    changes = clinic.judge(episode(1), episode(2, 3))  # the other one's repeat stands on the first due now
    (change,) = (one for one in changes if one.after.id == first)
    assert change.after.dispositions == ()
    assert (clinic.on(2).dispositions, clinic.on(2).needs_review) == ((made.id,), False)


def test_a_result_that_changes_sides_leaves_both_alerts_to_review(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2, 3), episode(7, 8))
    before = {alert.id for alert in clinic.live()}
    clinic.judge(episode(1, 2), episode(3, 7, 8))
    assert {alert.id for alert in clinic.live()} == before
    assert all(alert.needs_review for alert in clinic.live())


def test_merge_and_split_at_once(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2))
    left = clinic.only().id
    clinic.judge(episode(1, 2), episode(5, 6, 7, 8, 9))
    right = clinic.on(5).id
    clinic.judge(episode(1, 2, 5, 6, 7), episode(8, 9))
    assert clinic.on(1).id == left
    assert clinic.alerts[right].merged_into == left
    assert clinic.on(8).id not in (left, right)
    assert all(alert.needs_review for alert in clinic.live())
    assert clinic.judge(episode(1, 2, 5, 6, 7), episode(8, 9)) == ()


def test_a_merged_alert_stays_merged_when_its_evidence_splits_off_again(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2))
    clinic.judge(episode(1, 2), episode(7))
    merged = clinic.on(7).id
    clinic.judge(episode(1, 2, 7))
    clinic.judge(episode(1, 2), episode(7))
    assert clinic.alerts[merged].state is State.MERGED
    assert clinic.on(7).id != merged
    assert clinic.on(7).needs_review


def test_results_that_go_to_another_patient_take_their_alert_along(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2), subject=1)
    alert = clinic.only().id
    (change,) = clinic.judge(episode(1, 2), subject=2)
    assert (change.after.id, change.after.subject) == (alert, 2)
    assert change.after.needs_review
    assert change.content_changed
    assert EventKind.MOVED in [event.kind for event in change.events]


def test_patients_joined_and_parted_again_split_their_alert(clinic: Clinic) -> None:
    clinic.judge_pairs([(1, episode(1, 2)), (2, episode(3, 4, 5))])
    clinic.judge_pairs([(1, episode(1, 2, 3, 4, 5))])
    joined = clinic.only().id
    clinic.judge_pairs([(1, episode(1, 2)), (2, episode(3, 4, 5))])
    assert [alert.subject for alert in clinic.live()] == [1, 2]
    assert clinic.on(3).id == joined
    assert all(alert.needs_review for alert in clinic.live())


def test_review_is_cleared_by_a_later_decision_and_only_by_that(clinic: Clinic) -> None:
    clinic.judge(episode(1), episode(7))
    clinic.judge(episode(1, 7), on=5)
    clinic.dispositions.append(decision(1, Action.TAKE, 1, at=4))
    clinic.judge(episode(1, 7), on=6)
    assert clinic.only().needs_review
    clinic.dispositions.append(decision(2, Action.TAKE, 1, 7, at=6))
    (change,) = clinic.judge(episode(1, 7), on=6)
    assert not clinic.only().needs_review
    assert EventKind.REVIEWED in [event.kind for event in change.events]


def test_with_the_clock_of_old_data_a_decision_made_before_the_merge_does_not_clear_its_review(
    clinic: Clinic,
) -> None:
    clinic.judge(episode(1), episode(7))
    clinic.dispositions.append(decision(1, Action.TAKE, 1, at=900))
    clinic.judge(episode(1, 7), on=5)
    assert clinic.only().needs_review
    assert clinic.judge(episode(1, 7), on=6) == ()
    clinic.dispositions.append(decision(2, Action.TAKE, 7, at=901))
    clinic.judge(episode(1, 7), on=6)
    assert not clinic.only().needs_review


def test_the_need_for_review_alone_is_no_new_revision(clinic: Clinic) -> None:
    clinic.judge(episode(1, 2))
    other = Clinic(mint=ids(2))
    other.judge(episode(2), on=9)
    clinic.alerts |= other.alerts
    survivor, merged = clinic.judge(episode(1, 2), on=10)
    assert survivor.after.needs_review
    assert not survivor.content_changed
    assert merged.content_changed
