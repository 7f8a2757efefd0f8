"""What a person may do in each state, and where an alert stands after everything people decided.

The transitions are a table, complete by construction: a cell that is not there is a refusal. What follows by
itself - waking, resolution, dormancy - is laid over it by `state_of`. Source: clinical.md §9.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from service.alerts.alert import Action, Disposition, State
from service.clinical.episodes import Episode, Family, Kind, Tier
from service.clinical.results import ResultKey

_EVERYTHING: Mapping[Action, State] = {
    Action.TAKE: State.TAKEN,
    Action.ASSIGN: State.TAKEN,
    Action.SNOOZE: State.SNOOZED,
    Action.KNOWN_CAUSE: State.MONITORING,
    Action.ESCALATE: State.ESCALATED,
    Action.REFER: State.REFERRED,
    Action.OVERRIDE: State.OVERRIDDEN,
    Action.REOPEN: State.OPEN,
}


def _all_but(*refused: Action) -> Mapping[Action, State]:
    return MappingProxyType({a: state for a, state in _EVERYTHING.items() if a not in refused})


TRANSITIONS: Mapping[State, Mapping[Action, State]] = MappingProxyType(
    {
        State.OPEN: _all_but(Action.REOPEN),
        State.TAKEN: _all_but(),  # taking again hands it over; reopening gives it back
        State.SNOOZED: _all_but(),
        State.MONITORING: _all_but(Action.SNOOZE),  # it sleeps already, and until a date that means more
        State.ESCALATED: _all_but(Action.SNOOZE),  # what waits for a physician is not put to sleep
        State.REFERRED: _all_but(Action.SNOOZE, Action.REFER),
        # An override is undone by reopening, or by somebody acting on it after all.
        State.OVERRIDDEN: _all_but(Action.SNOOZE, Action.KNOWN_CAUSE, Action.OVERRIDE),
        # Lost to follow-up: it stays so until the next result; what is decided waits underneath.
        State.DORMANT: MappingProxyType(
            dict.fromkeys(
                (Action.TAKE, Action.ASSIGN, Action.ESCALATE, Action.REFER, Action.OVERRIDE), State.DORMANT
            )
        ),
        State.RESOLVED: MappingProxyType({}),
        State.ENTERED_IN_ERROR: MappingProxyType({}),
        State.MERGED: MappingProxyType({}),
    }
)
"""State → what a person may do there → the state that follows. An action that is not listed is refused."""

OVER = (State.RESOLVED, State.DORMANT, State.ENTERED_IN_ERROR, State.MERGED)
"""States of alerts that nobody has to act on."""

ASLEEP = frozenset({State.SNOOZED, State.MONITORING, State.OVERRIDDEN})
"""States a decision put an alert in that end by themselves: see :func:`waking`."""


DATE_HAS_COME = "its date has come"
"""Why a decision no longer holds that was made until a date, and nothing new came before."""
_AHEAD = timedelta(days=1)
"""Results dated so little after the moment of judgement are judged."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an alert stands, as far as its episode, the decisions about it and the clock say."""

    state: State
    owner: str | None
    seen: bool
    wakes: date | None
    held: UUID | None = None
    """The decision that put it to sleep, while it sleeps."""


class Known(NamedTuple):
    """What an episode amounted to at a moment: what a sleep is measured against."""

    tier: Tier | None
    urgent: frozenset[str]
    results: frozenset[ResultKey]


def known_of(episode: Episode) -> Known:
    """What is known of it now."""
    return Known(episode.tier, urgent_criteria(episode), episode.results)


def urgent_criteria(episode: Episode) -> frozenset[str]:
    """Names of what makes it urgent: the urgent rules it meets, and other kinds of finding of that tier."""
    return frozenset(name for name, _ in _urgent_days(episode))


def _urgent_days(episode: Episode) -> Iterator[tuple[str, date]]:
    """What makes it urgent, each with the first day on which it did.

    Another kind of finding may have reached that tier later than it was met; its latest day stands for that.
    """
    for each in episode.findings:
        if each.tier is not Tier.URGENT or each.alerts_from is None:
            continue
        if each.kind is Kind.URGENT:
            yield from ((reason.name, max(reason.met, each.alerts_from)) for reason in each.reasons)
        else:
            yield each.kind.value, each.last


@dataclass(frozen=True, slots=True)
class _Fold:
    """The decisions so far: the state they lead to, and the one that put the alert to sleep."""

    state: State = State.OPEN
    owner: str | None = None
    held: Disposition | None = None

    def decided(self, disposition: Disposition) -> "_Fold":
        """After one more decision; a decision the state does not permit changes nothing."""
        following = TRANSITIONS[self.state].get(disposition.action)
        if following is None:
            return self
        owner = self.owner
        if disposition.action is Action.TAKE:
            owner = disposition.by
        elif disposition.action is Action.ASSIGN:
            owner = disposition.to
        elif disposition.action in (Action.OVERRIDE, Action.REOPEN):
            owner = None
        return _Fold(following, owner, disposition if following in ASLEEP else None)

    def at(self, day: date, known: Known, episode: Episode) -> "_Fold":
        """On that day, with what was known then: awake again if anything of it wakes it.

        Whoever set it aside has not seen an urgent finding that is new: it is nobody's, and waits to be
        taken, as one that nobody ever decided about.
        """
        if self.held is None or waking(self.held, day, known, episode) is None:
            return self
        if not known.urgent <= self.held.urgent:
            return _Fold()
        return replace(self, state=State.TAKEN if self.owner else State.OPEN, held=None)


def permitted(state: State) -> tuple[Action, ...]:
    """What a person may do in that state, in the order of `Action`; empty where nothing is left to decide."""
    return tuple(action for action in Action if action in TRANSITIONS[state])


def day_of(moment: datetime) -> date:
    """The UTC day of an aware moment: dates of waking are compared with it, whatever offset it came in.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC).date()


def waking(held: Disposition, day: date, known: Known, episode: Episode) -> str | None:
    """Why a snooze, a known cause or an override no longer holds, in words; None while it does.

    Among what is urgent there is no higher tier, so what it is counts: severe elevation that was put to sleep
    does not hide Hy's law.

    A known cause wakes on its monitoring date, to be looked at again, if a test was repeated by then. If none
    was, there is nothing to look at: it sleeps on, and that the test is missing is an alert of its own (see
    follow_up.py) until the repeat comes, which wakes it.
    """
    if known.tier is not None and known.tier > held.tier:
        return "a higher tier than when it was decided"
    if not known.urgent <= held.urgent:
        return "an urgent finding that was not there when it was decided"
    if held.until_next_result and not known.results <= held.results:
        return "a new result"
    if held.until is None or day < held.until:
        return None
    if awaits_repeat(held):
        repeat = repeated_on(episode, held)
        if repeat is None or repeat > day + _AHEAD:
            return None
    return DATE_HAS_COME


def awaits_repeat(held: Disposition) -> bool:
    """Whether the decision set a date by which the tests of an elevation are to be repeated."""
    return held.action is Action.KNOWN_CAUSE and held.family is not Family.FOLLOW_UP


def repeated_on(episode: Episode, held: Disposition) -> date | None:
    """The first day after that of the decision on which a test of the episode gave a usable result."""
    since = day_of(held.at)
    return next((tested.day for tested in episode.tested if tested.day > since), None)


def risen_on(episode: Episode, held: Disposition) -> date | None:
    """The first day on which its results ask for more than those the decision was made on.

    By a higher tier, or by an urgent finding that was not there: what wakes any sleep early.
    """
    risen = [change.day for change in episode.tier_changes if change.tier > held.tier]
    unseen = [day for name, day in _urgent_days(episode) if name not in held.urgent]
    return min([*risen, *unseen], default=None)


def effective(episode: Episode, dispositions: Iterable[Disposition]) -> list[Disposition]:
    """The decisions that changed something, in the order they were made; see `state_of` for the others."""
    return [made for made, before, after in _steps(episode, dispositions) if after is not before]


def _steps(
    episode: Episode, dispositions: Iterable[Disposition]
) -> Iterator[tuple[Disposition, _Fold, _Fold]]:
    """Every decision in the order they were made, with what stood before and after it."""
    fold = _Fold()
    for made in sorted(dispositions, key=lambda one: (one.at, one.id)):
        before = fold.at(day_of(made.at), Known(made.tier, made.urgent, made.results), episode)
        fold = before.decided(made)
        yield made, before, fold


def _folded(episode: Episode, dispositions: Iterable[Disposition]) -> _Fold:
    return next((after for _, _, after in reversed([*_steps(episode, dispositions)])), _Fold())


def state_of(episode: Episode, dispositions: Iterable[Disposition], as_of: datetime) -> Standing:
    """Where the alert of that episode stands, from nothing but these three.

    The decisions are followed in the order they were made, each on what stood when it was made: an override
    that a higher tier had reopened by then is open for the next decision. A decision the state does not
    permit (possible once episodes have moved) changes nothing but still counts as seen. Over it lie, in this
    order: resolution (by results or by death), dormancy, and waking.

    Raises:
        ValueError: `as_of` or a disposition has no time zone.
    """
    dispositions = tuple(dispositions)
    fold = _folded(episode, dispositions).at(day_of(as_of), known_of(episode), episode)
    state, held = fold.state, fold.held
    if episode.resolved is not None or episode.deceased:
        state, held = State.RESOLVED, None
    elif episode.dormant:
        state, held = State.DORMANT, None
    wakes, by = (held.until, held.id) if held is not None else (None, None)
    return Standing(state, fold.owner, bool(dispositions), wakes, by)


def held_by(episode: Episode, dispositions: Iterable[Disposition]) -> Disposition | None:
    """The decision that put the alert to sleep last, whether it still sleeps or not; None: none did."""
    return _folded(episode, dispositions).held


def woken_by(episode: Episode, dispositions: Iterable[Disposition], as_of: datetime) -> str | None:
    """Why the last sleep those decisions led to is over, in words; None if they left it awake or asleep."""
    held = held_by(episode, dispositions)
    if held is None:
        return None
    return waking(held, day_of(as_of), known_of(episode), episode)
