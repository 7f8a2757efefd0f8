"""Promise 2, for alerts: whatever happened before, what stands now follows from what is known now."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from service.alerts.alert import Action, Alert, OverrideReason, State
from service.alerts.decide import dispose
from service.alerts.events import Change
from service.alerts.follow_up import with_follow_up
from service.alerts.reconcile import reconcile
from service.alerts.states import ASLEEP, permitted
from service.clinical.episodes import Episode, Family, Tier
from tests.alerts.making import GONE, Clinic, day, episode, ids, moment

RESULTS = range(10)
GROUPS = range(5)

Pairs = list[tuple[int, Episode]]
Content = tuple[Any, ...]


@dataclass(frozen=True)
class Deed:
    """A person picks a live alert and one of the things it permits."""

    alert: int
    action: int
    lasts: int
    next_result: bool


@st.composite
def worlds(draw: st.DrawFn) -> Pairs:
    """Results shared out among episodes of two families and two patients; some stand nowhere."""
    places = draw(st.lists(st.sampled_from([None, *GROUPS]), min_size=len(RESULTS), max_size=len(RESULTS)))
    made: Pairs = []
    for group in GROUPS:
        members = [number for number in RESULTS if places[number] == group]
        if not members:
            continue
        one = episode(
            *members,
            tier=draw(st.sampled_from([None, *Tier])),
            normal=draw(st.sets(st.integers(20, 22))),
            family=Family.BILIRUBIN if group == 4 else Family.TRANSAMINASE,
            onset=draw(st.sampled_from([0, members[0]])),
            resolved=draw(st.sampled_from([None, None, None, 9])),
            dormant=draw(st.sampled_from([False, False, False, True])),
        )
        made.append((1 + group // 3, one))
    return draw(st.permutations(made))


DEEDS = st.lists(
    st.builds(Deed, st.integers(0, 9), st.integers(0, 9), st.integers(1, 3), st.booleans()), max_size=2
)
LIVES = st.lists(st.tuples(worlds(), DEEDS), min_size=1, max_size=6)


def decide(clinic: Clinic, deed: Deed) -> None:
    able = [alert for alert in clinic.live() if permitted(alert.state)]
    if not able:
        return
    alert = able[deed.alert % len(able)]
    allowed = permitted(alert.state)
    action = allowed[deed.action % len(allowed)]
    sleeps = action in (Action.SNOOZE, Action.KNOWN_CAUSE)
    made = dispose(
        alert,
        action,
        "Ada",
        moment(clinic.now),
        until=day(clinic.now + deed.lasts) if sleeps else None,
        until_next_result=action is Action.SNOOZE and deed.next_result,
        reason=OverrideReason.DUPLICATE if action is Action.OVERRIDE else None,
        to="Bo" if action is Action.ASSIGN else None,
        new_id=lambda: UUID(int=10_000 + len(clinic.dispositions)),
    )
    clinic.dispositions.append(made)


def content(alert: Alert) -> Content:
    """Everything but what tells how the alert came about."""
    return (
        *(alert.subject, alert.family, alert.state, alert.tier, alert.episode, alert.owner, alert.seen),
        *(alert.wakes, alert.withdrawn, alert.dispositions, alert.merged_into, alert.advised),
    )


def live_content(alerts: list[Alert]) -> list[Content]:
    return sorted(
        (content(alert) for alert in alerts), key=lambda one: (one[0], one[1], min(one[4].evidence))
    )


def check_change(change: Change) -> None:
    before, after = change.before, change.after
    assert change.events
    if before is None:
        assert after.revision == 1
        return
    assert before.state is not State.MERGED
    assert (before.id, before.created, before.family) == (after.id, after.created, after.family)
    assert before.ever_advised <= after.ever_advised
    assert not after.advised & after.no_longer_advised
    assert after.revision - before.revision == int(content(before) != content(after))


def came_since(episode: Episode) -> bool:
    """Missed, and no more: what was open then stays as resolved, and no alert is made of it afterwards."""
    return episode.family is Family.FOLLOW_UP and episode.resolved is not None


def check_alerts(clinic: Clinic, world: Pairs) -> None:
    """One live alert for each alerting episode, and nothing hidden that nobody has seen at its tier."""
    known = dict.fromkeys(subject for subject, _ in world)
    joined = [
        (subject, one)
        for subject in known
        for one in with_follow_up(
            [one for whose, one in world if whose == subject], clinic.dispositions, moment(clinic.now)
        )
    ]
    wanted = [(subject, one) for subject, one in joined if one.tier is not None]
    live = clinic.live()
    assert len(live) == len({(alert.subject, alert.family, alert.episode.evidence) for alert in live})
    for alert in live:
        assert (alert.subject, alert.episode) in wanted
    carried = [(alert.subject, alert.episode) for alert in live]
    for subject, one in wanted:
        assert (subject, one) in carried or came_since(one)
        if alert.state in ASLEEP:
            decided = [made for made in clinic.dispositions if made.id in alert.dispositions]
            assert any(made.tier >= alert.tier for made in decided)
    for alert in clinic.alerts.values():
        assert (alert.merged_into is not None) == (alert.state is State.MERGED)
        assert (alert.withdrawn is not None) == (alert.state is State.ENTERED_IN_ERROR)
        assert not (alert.needs_review and alert.state in GONE)


@given(LIVES)
@settings(deadline=None, max_examples=100)
def test_whatever_came_before_what_stands_is_what_one_look_would_find(
    life: list[tuple[Pairs, list[Deed]]],
) -> None:
    clinic = Clinic()
    for world, deeds in life:
        for deed in [None, *deeds]:
            if deed is not None:
                decide(clinic, deed)
            changes = clinic.judge_pairs(world)
            changed = [change.after.id for change in changes]
            assert len(changed) == len(set(changed))
            for change in changes:
                check_change(change)
            check_alerts(clinic, world)
            assert clinic.judge_pairs(world, on=clinic.now) == ()
    scratch = reconcile((), clinic.dispositions, life[-1][0], moment(clinic.now), ids(2))
    standing = [alert for alert in clinic.live() if not came_since(alert.episode)]
    assert live_content(standing) == live_content([change.after for change in scratch])


@given(LIVES, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_the_order_in_which_things_are_given_decides_nothing(
    life: list[tuple[Pairs, list[Deed]]], random: Any
) -> None:
    clinic = Clinic()
    for world, deeds in life[:-1]:
        clinic.judge_pairs(world)
        for deed in deeds:
            decide(clinic, deed)
    known, made, world = list(clinic.alerts.values()), list(clinic.dispositions), list(life[-1][0])
    straight = reconcile(known, made, world, moment(50), ids(3))
    for things in (known, made, world):
        random.shuffle(things)
    assert reconcile(known, made, world, moment(50), ids(3)) == straight
