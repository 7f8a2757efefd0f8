"""What a changed rulebook makes of somebody's alerts: which it adds, takes away, or moves to another tier.

Alerts are compared as they are when a record is judged for the first time, so that what happened to be
judged before does not matter; which of them are the same alert follows from the Law "Identity" of design.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import count
from uuid import UUID

from service.alerts.alert import Alert, Disposition
from service.alerts.placement import place
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


def raised_anew(
    person: int, assessment: Assessment, dispositions: Sequence[Disposition], as_of: datetime
) -> list[Alert]:
    """The alerts of a person as a first judgement makes them.

    Args:
        person: the store's own number.
        assessment: of their record.
        dispositions: every decision made on any of its results.
        as_of: the moment of judgement, aware.
    """
    numbers = count(1)  # identifiers decide which of two alerts is older: the same each time
    episodes = [(person, episode) for episode in assessment.episodes]
    changes = reconcile((), dispositions, episodes, as_of, lambda: UUID(int=next(numbers)))
    return [change.after for change in changes]


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
