"""What the time line of an alert tells: each thing that changed, in words, and nothing that did not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.alerts.alert import Action, State
from service.alerts.events import Event, EventKind
from service.clinical.episodes import Episode, Tier, Trend
from tests.alerts.making import Clinic, day, decision, episode


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def told(clinic: Clinic, *episodes: Episode) -> list[tuple[EventKind, str]]:
    """What is told when the last of these is judged after the others."""
    events: tuple[Event, ...] = ()
    for one in episodes:
        events = tuple(event for change in clinic.judge(one) for event in change.events)
    return [(event.kind, event.detail) for event in events]


ONE = episode(1, 2)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (replace(ONE, trend=Trend.IMPROVING), "trend stable → improving"),
        (replace(ONE, onset=day(0)), "another onset"),
        (replace(ONE, notes=("a note",)), "notes changed"),
        (replace(ONE, last_result=day(9), tier_changes=()), "last result changed"),
        (replace(ONE, findings=(replace(ONE.findings[0], last=day(2)),)), "findings changed"),
        (replace(ONE, results=ONE.results | episode(3).results), "1 result more"),
        (replace(ONE, results=ONE.results | episode(3, 4).results), "2 results more"),
        (replace(ONE, results=episode(1).results), "1 result fewer"),
        (replace(ONE, results=episode(1, 3).results), "1 result more; 1 result fewer"),
    ],
)
def test_an_update_says_what_is_other_than_before(clinic: Clinic, after: Episode, words: str) -> None:
    assert told(clinic, ONE, after) == [(EventKind.UPDATED, words)]


@pytest.mark.parametrize(
    ("tier", "event"),
    [
        (Tier.URGENT, (EventKind.TIER_RAISED, "soon → urgent")),
        (Tier.ROUTINE, (EventKind.TIER_LOWERED, "soon → routine")),
    ],
)
def test_a_change_of_tier_says_from_what_to_what(
    clinic: Clinic, tier: Tier, event: tuple[EventKind, str]
) -> None:
    assert told(clinic, ONE, replace(ONE, tier=tier)) == [(EventKind.UPDATED, "tier changed"), event]


def test_a_new_alert_says_its_tier_and_when_it_is_lost_to_follow_up_already(clinic: Clinic) -> None:
    assert told(clinic, ONE) == [(EventKind.RAISED, "soon")]
    assert told(Clinic(), replace(ONE, dormant=True)) == [
        (EventKind.RAISED, "soon"),
        (EventKind.DORMANT, "was open"),
    ]


def test_what_results_and_time_do_is_told_as_such(clinic: Clinic) -> None:
    resolved, dormant = replace(ONE, resolved=day(3)), replace(ONE, dormant=True)
    told(clinic, ONE)
    assert told(clinic, resolved)[-1] == (EventKind.RESOLVED, "was open")
    assert told(clinic, ONE)[-1] == (EventKind.REOPENED, "what had resolved it no longer stands")
    assert told(clinic, dormant)[-1] == (EventKind.DORMANT, "was open")
    assert told(clinic, ONE)[-1] == (EventKind.AWAKENED, "dormant → open")
    told(clinic, dormant)
    assert [kind for kind, _ in told(clinic, resolved)] == [EventKind.UPDATED, EventKind.RESOLVED]


def test_a_decision_is_told_with_the_state_it_leads_to_and_its_loss_as_well(clinic: Clinic) -> None:
    told(clinic, ONE)
    clinic.dispositions.append(decision(1, Action.TAKE, 1))
    assert told(clinic, ONE) == [(EventKind.DECIDED, "take"), (EventKind.STATE_CHANGED, "open → taken")]
    clinic.dispositions.clear()
    assert told(clinic, ONE) == [
        (EventKind.UPDATED, "1 decision no longer belongs to it"),
        (EventKind.STATE_CHANGED, "taken → open"),
    ]


def test_a_sleep_that_is_over_says_why_and_what_is_reinstated_says_as_what(clinic: Clinic) -> None:
    clinic.dispositions.append(decision(1, Action.SNOOZE, 1, 2, until=30))
    told(clinic, ONE)
    assert clinic.only().state is State.SNOOZED
    clinic.now = (day(30) - day(0)) // timedelta(days=1)
    assert told(clinic, ONE)[-1] == (EventKind.WOKEN, "its date has come")
    clinic.judge()
    assert told(clinic, ONE)[0] == (EventKind.REINSTATED, "as open")
    clinic.judge()
    assert told(clinic, replace(ONE, resolved=day(3)))[:2] == [
        (EventKind.REINSTATED, "as resolved"),
        (EventKind.RESOLVED, "was entered-in-error"),
    ]
