"""Bring the alerts of a patient into line with the episodes the record now holds.

The content of every live alert follows from its episode, the dispositions that belong to it and `as_of`
(`states.state_of`), its steps also from the patient's other alerts (`advising.allot`); only which identifier
it carries depends on the past, by the Law "Identity" of design.md:

- a live alert belongs to the episode it shares most evidence with, alerting or not;
- several on one episode: the oldest survives, the others become `merged`, for ever;
- none on an alerting episode: the entered-in-error alert that belongs there and shares most is reinstated,
  else a new one is raised;
- one whose episode is gone, or raises no alert any more, becomes `entered-in-error` and says why.

Missed rechecks and monitoring dates are joined first (`follow_up.py`): only then are they episodes of alerts.

`revision` counts changes of content. `review_since` and `waiting` are not content: they tell how the alert
came about, and the EHR must hold the same whatever the order of arrival; but for revoked requests of steps
that were advised for a while, see `Alert.no_longer_advised`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from service.alerts.advising import allot
from service.alerts.alert import Alert, Disposition
from service.alerts.ending import merge, withdraw
from service.alerts.escalation import waiting
from service.alerts.events import Change, Event, EventKind, history
from service.alerts.follow_up import with_follow_up
from service.alerts.identity import attach
from service.alerts.placement import Placement, alerting, place
from service.alerts.states import Standing, state_of, woken_by
from service.clinical.episodes import Episode, Family
from service.clinical.results import ResultKey


@dataclass(frozen=True, slots=True)
class _Clocks:
    """The two moments that a judgement may look at."""

    as_of: datetime
    """What content follows from."""
    wall: datetime
    """What tells how an alert came about."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """An alerting episode, and what bears on the alert it carries."""

    subject: int
    episode: Episode
    before: Alert | None
    dispositions: tuple[Disposition, ...]
    standing: Standing
    taken_in: int
    """How many other alerts merge into it."""
    gives: bool
    """Part of its alert's evidence is another episode's now."""
    receives: bool
    """Evidence or dispositions of another alert came here."""
    held_elsewhere: frozenset[UUID]
    """Dispositions that stood on other alerts until now."""


def reconcile(
    alerts: Sequence[Alert],
    dispositions: Sequence[Disposition],
    episodes: Sequence[tuple[int, Episode]],
    as_of: datetime,
    new_id: Callable[[], UUID],
    *,
    now: datetime | None = None,
) -> tuple[Change, ...]:
    """What must change for the alerts to be those the episodes ask for; nothing when they already are.

    Args:
        alerts: every alert of the patients concerned, merged and entered-in-error ones too.
        dispositions: every decision ever made about them.
        episodes: (patient number, episode) for every episode of those patients, alerting or not.
        as_of: the moment of judgement, aware.
        new_id: mints an alert's identifier.
        now: the clock on the wall, where that is not `as_of`: since when an urgent alert waits.

    Returns:
        One change an alert at most: first those that live, in order of patient, onset and family, then those
        withdrawn, then those merged.

    Raises:
        ValueError: an alerting episode without evidence, or a moment without a time zone.
    """
    if not alerts and not any(alerting(episode) for _, episode in episodes):
        return ()
    ordered = sorted(_with_follow_up(episodes, dispositions, as_of), key=_order)
    placed = place(alerts, [episode for _, episode in ordered])
    clocks = _Clocks(as_of, now or as_of)
    grounds = _grounds(ordered, placed, dispositions, as_of)
    advised = allot([(ground.subject, ground.episode, ground.standing.state) for ground in grounds])
    changes = [_carry(ground, names, clocks, new_id) for ground, names in zip(grounds, advised, strict=True)]
    kept = [change for change in changes if change is not None]
    withdrawn = [withdraw(alert, None if at is None else ordered[at][1]) for alert, at in placed.withdrawn]
    merged = [merge(alert, placed.keepers[at]) for alert, at in placed.absorbed]
    return (*kept, *withdrawn, *merged)


def _with_follow_up(
    episodes: Sequence[tuple[int, Episode]], dispositions: Sequence[Disposition], as_of: datetime
) -> Iterator[tuple[int, Episode]]:
    """What each record misses, joined; each by itself, as it is judged later."""
    for subject in dict.fromkeys(subject for subject, _ in episodes):
        own = [episode for whose, episode in episodes if whose == subject]
        yield from ((subject, one) for one in with_follow_up(own, dispositions, as_of))


def _order(placed: tuple[int, Episode]) -> tuple[int, date, Family, Sequence[ResultKey]]:
    """By patient, onset and family; the evidence makes the order total."""
    subject, episode = placed
    return subject, episode.onset, episode.family, (min(episode.evidence),) if episode.evidence else ()


def _grounds(
    episodes: Sequence[tuple[int, Episode]],
    placed: Placement,
    dispositions: Sequence[Disposition],
    as_of: datetime,
) -> Sequence[_Ground]:
    """Every alerting episode with its alert, its dispositions, and what moved to or from it."""
    attached: list[Sequence[Disposition]] = [()] * len(episodes)
    for subject in {subject for subject, _ in episodes}:  # each record by itself, as it is judged later
        own = [at for at, (whose, _) in enumerate(episodes) if whose == subject]
        made_on = attach(dispositions, [episodes[at][1] for at in own]).by_episode
        for at, made in zip(own, made_on, strict=True):
            attached[at] = made
    grounds = []
    for at, (subject, episode) in enumerate(episodes):
        before = placed.keepers.get(at)
        if not alerting(episode) or (before is None and _nothing_missing(episode)):
            continue
        elsewhere = frozenset(
            made for alert in placed.in_play if alert is not before for made in alert.dispositions
        ).difference(before.dispositions if before else ())
        came = at in placed.receiving or any(made.id in elsewhere for made in attached[at])
        taken_in = sum(1 for _, into in placed.absorbed if into == at)
        gives = before is not None and before.id in placed.giving
        made = tuple(attached[at])
        standing = state_of(episode, made, as_of)
        grounds.append(_Ground(subject, episode, before, made, standing, taken_in, gives, came, elsewhere))
    return grounds


def _nothing_missing(episode: Episode) -> bool:
    """Whether it tells of rechecks that came since: that is no ground for a new alert.

    So ten years of old results make none for each recheck that was late; an alert that was open when the
    repeat came stays, resolved.
    """
    return episode.family is Family.FOLLOW_UP and (episode.resolved is not None or episode.deceased)


def _carry(
    ground: _Ground, advised: frozenset[str], clocks: _Clocks, new_id: Callable[[], UUID]
) -> Change | None:
    """The alert of an alerting episode as it must be now; None when it already is so."""
    before, why, as_of = ground.before, _review(ground), clocks.as_of
    after = _live(ground, advised, _review_since(ground, bool(why), as_of), as_of, new_id)
    after = replace(after, waiting=waiting(before, after, clocks.wall))
    if before is not None and after == before:
        return None
    changed = before is None or _content(after, before) != before
    if before is not None and changed:
        after = replace(after, revision=before.revision + 1)
    fresh = _fresh(ground)
    events = list(history(before, after, fresh, woken_by(ground.episode, ground.dispositions, as_of)))
    if before is not None and before.subject != after.subject:
        events.append(Event(EventKind.MOVED, "its results belong to another patient record now"))
    if ground.gives:
        events.append(Event(EventKind.SPLIT, "part of its evidence is another episode's now"))
    events += [Event(EventKind.NEEDS_REVIEW, words) for words in why]
    if before is not None and before.needs_review and not after.needs_review:
        events.append(Event(EventKind.REVIEWED, "a person decided about it since"))
    return Change(before, after, tuple(events))


def _content(after: Alert, before: Alert) -> Alert:
    """`after`, but with what is no content as it was before."""
    return replace(after, review_since=before.review_since, waiting=before.waiting)


def _live(
    ground: _Ground,
    advised: frozenset[str],
    review_since: datetime | None,
    as_of: datetime,
    new_id: Callable[[], UUID],
) -> Alert:
    """The alert with its content as of now; identity and revision are those of the alert before."""
    before, episode = ground.before, ground.episode
    tier = episode.tier
    assert tier is not None  # an alerting episode has one, see placement.alerting
    standing = ground.standing
    return Alert(
        id=before.id if before else new_id(),
        subject=ground.subject,
        family=episode.family,
        state=standing.state,
        tier=tier,
        created=before.created if before else as_of,
        episode=episode,
        owner=standing.owner,
        seen=standing.seen,
        wakes=standing.wakes,
        held=standing.held,
        review_since=review_since,
        dispositions=tuple(made.id for made in ground.dispositions),
        advised=advised,
        no_longer_advised=before.ever_advised - advised if before else frozenset(),
        revision=before.revision if before else 1,
    )


def _fresh(ground: _Ground) -> Sequence[Disposition]:
    """The decisions that no alert carried before."""
    mine: Collection[UUID] = ground.before.dispositions if ground.before else ()
    return [
        made for made in ground.dispositions if made.id not in mine and made.id not in ground.held_elsewhere
    ]


def _review(ground: _Ground) -> Sequence[str]:
    """Why the alert needs review from now on, in words; empty when nothing moved."""
    why = []
    if ground.taken_in:
        why.append(f"took in other alerts: {ground.taken_in}")
    if ground.gives:
        why.append("its episode was split")
    if ground.receives and not ground.taken_in:
        why.append("evidence or decisions came from another alert")
    if ground.before is not None and ground.before.subject != ground.subject:
        why.append("it came from another patient record")
    return why


def _review_since(ground: _Ground, moved: bool, as_of: datetime) -> datetime | None:
    """Since when it needs review: now if something moved; else as before, until a later decision clears it.

    Never earlier than the decisions that stand on it already, so that none of them clears it even when
    `as_of` is the clock of old data.
    """
    if moved:
        return max([as_of, *(made.at for made in ground.dispositions)])
    since = ground.before.review_since if ground.before else None
    if since is not None and any(made.at > since for made in ground.dispositions):
        return None
    return since
