"""What a changed rulebook makes of somebody's alerts: which it adds, takes away, or moves to another tier.

Alerts are compared as they are when a record is judged for the first time, so that what happened to be
judged before does not matter; which of them are the same alert follows from the Law "Identity" of design.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import count
from typing import NamedTuple
from uuid import UUID

from service.alerts.alert import Alert, Disposition
from service.alerts.follow_up import with_follow_up
from service.alerts.placement import alerting, place
from service.alerts.reconcile import reconcile
from service.clinical.episodes import Assessment


class Outcome(StrEnum):
    """What becomes of one alert."""

    GAINED = "gained"
    LOST = "lost"
    TIER_CHANGED = "tier-changed"
    UNCHANGED = "unchanged"
    """It is there under both, at the same tier; what it says may differ."""


@dataclass(frozen=True, slots=True)
class Compared:
    """An alert under two rulebooks; None under one that does not raise it."""

    before: Alert | None
    after: Alert | None

    @property
    def alert(self) -> Alert:
        """As it would be; where it would be no more, as it is."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def outcome(self) -> Outcome:
        """What becomes of it."""
        if self.before is None:
            return Outcome.GAINED
        if self.after is None:
            return Outcome.LOST
        return Outcome.UNCHANGED if self.before.tier is self.after.tier else Outcome.TIER_CHANGED


class Raised(NamedTuple):
    """What a first judgement of a person raises."""

    alerts: Sequence[Alert]
    days: Sequence[date]
    """The first day of each alert that there would have been, had each result come on its day.

    A recheck that came late is among these alone: its alert was over once it came, and a first judgement
    after that raises none.
    """


def raised_anew(
    person: int, assessment: Assessment, dispositions: Sequence[Disposition], as_of: datetime
) -> Raised:
    """What a person's record raises when it is judged for the first time.

    Args:
        person: the store's own number.
        assessment: of the record.
        dispositions: every decision made on any of its results.
        as_of: the moment of judgement, aware.
    """
    numbers = count(1)  # identifiers decide which of two alerts is older: the same each time
    episodes = [(person, episode) for episode in assessment.episodes]
    changes = reconcile((), dispositions, episodes, as_of, lambda: UUID(int=next(numbers)))
    found = with_follow_up(assessment.episodes, dispositions, as_of)
    days = [each.alerts_from for each in found if alerting(each) and each.alerts_from is not None]
    return Raised([change.after for change in changes], days)


def compare(before: Sequence[Alert], after: Sequence[Alert]) -> Iterator[Compared]:
    """Each alert of one person under both rulebooks: first those there would be, then those lost.

    Where two would become one, the older is it and the other is lost; where one would become two, it is the
    one that keeps most of its evidence and the other is gained.
    """
    placed = place(before, [alert.episode for alert in after])
    for at, alert in enumerate(after):
        yield Compared(placed.keepers.get(at), alert)
    for alert, _ in (*placed.withdrawn, *placed.absorbed):
        yield Compared(alert, None)


def raised_on(alert: Alert) -> date:
    """The first day on which it would have been raised, had each result come on its day."""
    return alert.episode.alerts_from or alert.episode.onset
