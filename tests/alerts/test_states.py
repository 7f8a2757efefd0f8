"""The life of an alert: what a person may do in each state, and what happens by itself."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from service.alerts.alert import Action, State
from service.alerts.states import TRANSITIONS, Standing, permitted, state_of, urgent_criteria, woken_by
from service.clinical.episodes import Tier
from tests.alerts.making import decision, episode, keys, moment, urgent_finding

EXPECTED = {
    # take, assign, snooze, known-cause, escalate, refer, override, reopen
    State.OPEN: "taken taken snoozed monitoring escalated referred overridden -",
    State.TAKEN: "taken taken snoozed monitoring escalated referred overridden open",
    State.SNOOZED: "taken taken snoozed monitoring escalated referred overridden open",
    State.MONITORING: "taken taken - monitoring escalated referred overridden open",
    State.ESCALATED: "taken taken - monitoring escalated referred overridden open",
    State.REFERRED: "taken taken - monitoring escalated - overridden open",
    State.OVERRIDDEN: "taken taken - - escalated referred - open",
    State.DORMANT: "dormant dormant - - dormant dormant dormant -",
    State.RESOLVED: "- - - - - - - -",
    State.ENTERED_IN_ERROR: "- - - - - - - -",
    State.MERGED: "- - - - - - - -",
}


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State) == set(EXPECTED)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_every_cell_is_a_state_or_a_refusal(state: State, action: Action) -> None:
    cell = EXPECTED[state].split()[list(Action).index(action)]
    following = TRANSITIONS[state].get(action)
    assert (following.value if following else "-") == cell
    assert (action in permitted(state)) == (cell != "-")


@pytest.mark.parametrize("action", Action)
def test_a_decision_alone_leads_where_the_table_says(action: Action) -> None:
    made = decision(1, action, 1, until=9)
    expected = TRANSITIONS[State.OPEN].get(action, State.OPEN)
    assert state_of(episode(1), [made], moment(1)).state is expected


def test_an_alert_nobody_decided_about_is_open_and_unseen() -> None:
    assert state_of(episode(1), [], moment(1)) == Standing(State.OPEN, None, False, None)


def test_taking_names_the_owner_and_the_last_to_take_it_wins() -> None:
    made = [decision(1, Action.TAKE, 1, at=2, by="Ada"), decision(2, Action.TAKE, 1, at=1, by="Bo")]
    assert state_of(episode(1), made, moment(3)) == Standing(State.TAKEN, "Ada", True, None)


def test_assigning_names_whom_it_is_given_to_and_not_who_gave_it() -> None:
    given = replace(decision(2, Action.ASSIGN, 1, at=2, by="Ada"), to="Bo")
    made = [decision(1, Action.TAKE, 1, at=1, by="Ada"), given]
    assert state_of(episode(1), made, moment(3)) == Standing(State.TAKEN, "Bo", True, None)


def test_reopening_gives_the_alert_back() -> None:
    made = [decision(1, Action.TAKE, 1, at=1), decision(2, Action.REOPEN, 1, at=2)]
    assert state_of(episode(1), made, moment(3)) == Standing(State.OPEN, None, True, None)


def test_decisions_made_at_the_same_moment_are_ordered_by_identifier() -> None:
    made = [decision(2, Action.REOPEN, 1, at=1), decision(1, Action.TAKE, 1, at=1)]
    assert state_of(episode(1), made, moment(3)).state is State.OPEN


def test_a_decision_the_state_does_not_permit_changes_nothing_but_was_seen() -> None:
    made = [decision(1, Action.ESCALATE, 1, at=1), decision(2, Action.SNOOZE, 1, at=2, until=30)]
    assert state_of(episode(1), made, moment(3)) == Standing(State.ESCALATED, None, True, None)
    assert state_of(episode(1), [decision(1, Action.REOPEN, 1)], moment(3)).seen


@pytest.mark.parametrize(("on", "state"), [(9, State.SNOOZED), (10, State.OPEN), (11, State.OPEN)])
def test_a_snooze_wakes_on_its_day(on: int, state: State) -> None:
    assert state_of(episode(1), [decision(1, Action.SNOOZE, 1, until=10)], moment(on)).state is state


def test_the_day_of_waking_is_the_utc_day_whatever_the_offset_of_the_clock() -> None:
    snooze = [decision(1, Action.SNOOZE, 1, until=10)]
    late = moment(9).replace(hour=23).astimezone(timezone(timedelta(hours=9)))
    assert state_of(episode(1), snooze, late).state is State.SNOOZED


def test_a_snooze_tells_the_day_it_wakes_only_while_it_lasts() -> None:
    snooze = decision(1, Action.SNOOZE, 1, until=10)
    assert state_of(episode(1), [snooze], moment(2)).wakes == snooze.until
    assert state_of(episode(1), [snooze], moment(10)).wakes is None


def test_a_snooze_taken_before_wakes_to_its_owner() -> None:
    made = [decision(1, Action.TAKE, 1, by="Ada"), decision(2, Action.SNOOZE, 1, at=1, until=10)]
    assert state_of(episode(1), made, moment(2)).state is State.SNOOZED
    assert state_of(episode(1), made, moment(10)) == Standing(State.TAKEN, "Ada", True, None)


@pytest.mark.parametrize("action", [Action.SNOOZE, Action.KNOWN_CAUSE])
def test_what_wakes_for_an_urgent_finding_that_its_owner_has_not_seen_is_nobodys(action: Action) -> None:
    severe = replace(episode(1, tier=Tier.URGENT), findings=(urgent_finding("severe-elevation", 1),))
    made = [
        replace(each, urgent=urgent_criteria(severe))
        for each in (
            decision(1, Action.TAKE, 1, by="Ada", tier=Tier.URGENT),
            decision(2, action, 1, at=1, until=10, tier=Tier.URGENT),
        )
    ]
    assert state_of(replace(severe, tested=episode(1, 9).tested), made, moment(10)).owner == "Ada"
    and_hys_law = replace(severe, findings=(*severe.findings, urgent_finding("hys-law", 2)))
    assert state_of(and_hys_law, made, moment(3)) == Standing(State.OPEN, None, True, None)


def test_what_wakes_for_a_higher_tier_that_is_not_urgent_stays_its_owners() -> None:
    made = [
        decision(1, Action.TAKE, 1, by="Ada", tier=Tier.ROUTINE),
        decision(2, Action.SNOOZE, 1, at=1, until=10, tier=Tier.ROUTINE),
    ]
    assert state_of(episode(1, 2), made, moment(3)) == Standing(State.TAKEN, "Ada", True, None)


def test_a_snooze_until_the_next_result_wakes_with_it_even_when_it_is_normal() -> None:
    snooze = [decision(1, Action.SNOOZE, 1, results=(2,), until_next_result=True)]
    assert state_of(episode(1, normal=(2,)), snooze, moment(99)).state is State.SNOOZED
    assert state_of(episode(1, normal=(2, 3)), snooze, moment(2)).state is State.OPEN


def test_a_snooze_until_a_date_sleeps_through_results() -> None:
    snooze = [decision(1, Action.SNOOZE, 1, until=10)]
    assert state_of(episode(1, 2, 3), snooze, moment(2)).state is State.SNOOZED


@pytest.mark.parametrize("action", [Action.SNOOZE, Action.KNOWN_CAUSE, Action.OVERRIDE])
@pytest.mark.parametrize(("tier", "held"), [(Tier.ROUTINE, True), (Tier.SOON, True), (Tier.URGENT, False)])
def test_a_higher_tier_ends_a_sleep_early_and_the_same_does_not(
    action: Action, tier: Tier, held: bool
) -> None:
    made = [decision(1, action, 1, until=None if action is Action.OVERRIDE else 30)]
    state = state_of(episode(1, tier=tier), made, moment(2)).state
    assert (state is TRANSITIONS[State.OPEN][action]) is held
    assert (state is State.OPEN) is not held


@pytest.mark.parametrize("action", [Action.SNOOZE, Action.KNOWN_CAUSE, Action.OVERRIDE])
def test_another_urgent_finding_ends_a_sleep_though_no_tier_is_higher(action: Action) -> None:
    severe = replace(episode(1, tier=Tier.URGENT), findings=(urgent_finding("severe-elevation", 1),))
    made = decision(1, action, 1, tier=Tier.URGENT, until=None if action is Action.OVERRIDE else 30)
    made = replace(made, urgent=urgent_criteria(severe))
    still_severe = replace(severe, results=keys(1, 2), evidence=keys(1, 2))
    assert state_of(still_severe, [made], moment(2)).state is TRANSITIONS[State.OPEN][action]
    and_hys_law = replace(severe, findings=(*severe.findings, urgent_finding("hys-law", 2)))
    assert state_of(and_hys_law, [made], moment(2)).state is State.OPEN
    assert (
        woken_by(and_hys_law, [made], moment(2)) == "an urgent finding that was not there when it was decided"
    )


def test_an_urgent_finding_that_raises_no_alert_wakes_nobody() -> None:
    suppressed = replace(urgent_finding("jaundice", 2), alerts_from=None)
    made = [decision(1, Action.OVERRIDE, 1, tier=Tier.URGENT)]
    urgent = episode(1, tier=Tier.URGENT)
    assert (
        state_of(replace(urgent, findings=(*urgent.findings, suppressed)), made, moment(3)).state
        is State.OVERRIDDEN
    )


def test_a_known_cause_wakes_on_its_monitoring_date() -> None:
    known = [decision(1, Action.KNOWN_CAUSE, 1, until=30)]
    assert state_of(episode(1, 2), known, moment(29)).state is State.MONITORING
    assert state_of(episode(1, 2), known, moment(30)).state is State.OPEN


def test_an_override_has_no_end_but_a_higher_tier_and_then_has_no_owner() -> None:
    made = [decision(1, Action.TAKE, 1), decision(2, Action.OVERRIDE, 1, at=1)]
    assert state_of(episode(1, 2), made, moment(9999)).state is State.OVERRIDDEN
    assert state_of(episode(1, tier=Tier.URGENT), made, moment(2)) == Standing(State.OPEN, None, True, None)


def test_a_decision_made_after_a_higher_tier_woke_an_override_counts() -> None:
    made = [
        decision(1, Action.OVERRIDE, 1, at=1, tier=Tier.SOON),
        decision(2, Action.SNOOZE, 1, at=2, tier=Tier.URGENT, until=9),
    ]
    assert state_of(episode(1, tier=Tier.URGENT), made, moment(3)).state is State.SNOOZED


@pytest.mark.parametrize("action", [Action.TAKE, Action.ESCALATE, Action.REFER])
def test_a_higher_tier_keeps_what_was_taken_escalated_or_referred(action: Action) -> None:
    made = [decision(1, action, 1, tier=Tier.ROUTINE)]
    assert state_of(episode(1, tier=Tier.URGENT), made, moment(2)).state is TRANSITIONS[State.OPEN][action]


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.REOPEN])
def test_resolution_and_death_win_over_every_decision(action: Action) -> None:
    made = [decision(1, action, 1, until=30)]
    for over in (episode(1, resolved=5), episode(1, deceased=True), episode(1, resolved=5, dormant=True)):
        standing = state_of(over, made, moment(6))
        assert (standing.state, standing.wakes, standing.seen) == (State.RESOLVED, None, True)


def test_what_was_decided_while_dormant_stands_when_the_next_result_comes() -> None:
    made = [decision(1, Action.OVERRIDE, 1, at=1), decision(2, Action.TAKE, 1, at=2, by="Ada")]
    assert state_of(episode(1, dormant=True), made, moment(3)) == Standing(State.DORMANT, "Ada", True, None)
    assert state_of(episode(1, 2), made, moment(4)).state is State.TAKEN


def test_the_clock_must_have_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        state_of(episode(1), [], moment(1).replace(tzinfo=None))
