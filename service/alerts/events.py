"""What happened to an alert, in words for the audit trail. No values, dates or identifiers of a patient."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.alerts.alert import Alert, Disposition, State
from service.alerts.states import ASLEEP
from service.clinical.episodes import Episode, Tier


class EventKind(StrEnum):
    """One thing that happened to an alert."""

    RAISED = "raised"
    UPDATED = "updated"
    """What the episode says changed, or a decision no longer belongs to it."""
    TIER_RAISED = "tier-raised"
    """Re-alerts: the only change besides being raised, woken or awakened that asks for a person again."""
    TIER_LOWERED = "tier-lowered"
    DECIDED = "decided"
    """A person decided; the detail is the action."""
    STATE_CHANGED = "state-changed"
    WOKEN = "woken"
    """A snooze, a monitoring period or an override ended by itself; the detail says by what."""
    RESOLVED = "resolved"
    REOPENED = "reopened"
    """The results that had resolved it no longer do."""
    DORMANT = "dormant"
    AWAKENED = "awakened"
    """Dormant no more: a result came."""
    WITHDRAWN = "withdrawn"
    REINSTATED = "reinstated"
    """Its grounds are back after it was withdrawn."""
    MERGED = "merged"
    """Its episode is now another alert's; the detail names the survivor."""
    SPLIT = "split"
    """Part of its evidence is now another episode's."""
    MOVED = "moved"
    """Its results belong to another patient record now."""
    PASSED_ON = "passed-on"
    """Urgent, and nobody took it in time; the detail names the contact it goes on to."""
    NEEDS_REVIEW = "needs-review"
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an alert's history."""

    kind: EventKind
    detail: str


@dataclass(frozen=True, slots=True)
class Change:
    """An alert before (None: it is new) and after, and what happened in between; never empty."""

    before: Alert | None
    after: Alert
    events: tuple[Event, ...]

    @property
    def content_changed(self) -> bool:
        """The EHR should hold something else now; false where only the need for review came or went."""
        return self.before is None or self.before.revision != self.after.revision


def tier_name(tier: Tier) -> str:
    """`routine`, `soon` or `urgent`."""
    return tier.name.lower()


def history(
    before: Alert | None, after: Alert, fresh: Sequence[Disposition], woken: str | None
) -> tuple[Event, ...]:
    """The events that lead from one standing of a live alert to the next.

    Args:
        before: None for a new alert; an entered-in-error one for an alert that is reinstated.
        after: as it stands now.
        fresh: the decisions on it that no alert had before.
        woken: why its sleep is over, if it was put to sleep and is no longer.
    """
    if before is None:
        return (Event(EventKind.RAISED, tier_name(after.tier)), *_automatic(State.OPEN, after.state))
    events: list[Event] = []
    if before.state is State.ENTERED_IN_ERROR:
        events.append(Event(EventKind.REINSTATED, f"as {after.state}"))
        events += _automatic(before.state, after.state)
    differences = tuple(_differences(before.episode, after.episode))
    lost = len(set(before.dispositions) - set(after.dispositions))
    if lost:
        differences += (f"{_count(lost, 'decision')} no longer {'belongs' if lost == 1 else 'belong'} to it",)
    if before.advised != after.advised:
        differences += ("other steps are advised",)
    if differences:
        events.append(Event(EventKind.UPDATED, "; ".join(differences)))
    if before.tier is not after.tier:
        kind = EventKind.TIER_RAISED if after.tier > before.tier else EventKind.TIER_LOWERED
        events.append(Event(kind, f"{tier_name(before.tier)} → {tier_name(after.tier)}"))
    events += [Event(EventKind.DECIDED, made.action.value) for made in fresh]
    if before.state is not after.state and before.state is not State.ENTERED_IN_ERROR:
        events += _turn(before.state, after.state, woken)
    return tuple(events)


def _turn(before: State, after: State, woken: str | None) -> Iterable[Event]:
    """The events of a change of state."""
    automatic = tuple(_automatic(before, after))
    if automatic:
        return automatic
    if before in ASLEEP and woken is not None:
        return (Event(EventKind.WOKEN, woken),)
    return (Event(EventKind.STATE_CHANGED, f"{before} → {after}"),)


def _automatic(before: State, after: State) -> Iterable[Event]:
    """The events of going into or out of a state that only results, death or time bring about."""
    if before is State.RESOLVED:
        yield Event(EventKind.REOPENED, "what had resolved it no longer stands")
    if before is State.DORMANT and after is not State.RESOLVED:
        yield Event(EventKind.AWAKENED, f"dormant → {after}")
    if after is State.RESOLVED:
        yield Event(EventKind.RESOLVED, f"was {before}")
    if after is State.DORMANT:
        yield Event(EventKind.DORMANT, f"was {before}")


def _differences(before: Episode, after: Episode) -> Iterable[str]:
    """What differs between two judgements of an episode, in words."""
    added, gone = len(after.results - before.results), len(before.results - after.results)
    if added:
        yield f"{_count(added, 'result')} more"
    if gone:
        yield f"{_count(gone, 'result')} fewer"
    if before.onset != after.onset:
        yield "another onset"
    if before.trend is not after.trend:
        yield f"trend {before.trend} → {after.trend}"
    if before.findings != after.findings:
        yield "findings changed"
    if (before.latest, before.peak) != (after.latest, after.peak):
        yield "levels changed"
    rest = [name for name in _REST if getattr(before, name) != getattr(after, name)]
    if rest:
        yield ", ".join(name.replace("_", " ") for name in rest) + " changed"


_REST = (
    *("last_result", "resolved", "deceased", "dormant", "tier", "alerts_from", "tier_changes"),
    *("evidence", "notes", "tested"),
)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
