"""What is asked, and what a measure counts: one case after the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from service.clinical.rulebook import Rulebook
from service.store.measured import Subject

Strata = tuple[tuple[str, str], ...]
"""Pairs of dimension and stratum."""


@dataclass(frozen=True, slots=True)
class Question:
    """Over which days, whose, by what and as of when."""

    first: date
    last: date
    """Both days count; days are of UTC."""
    sources: Mapping[int, str]
    """Names of the sources that may be seen, by the store's numbers: of any other nothing is counted."""
    now: datetime
    """The moment, aware: what is not due by then is too early to count."""
    rulebook: Rulebook
    """Whose windows and targets the measures are held to."""
    feed_target: timedelta
    """Within so long a result that an EHR has stored should be here."""
    smallest: int
    """Figures of fewer people than so many are masked where they leave; 1 masks none."""
    since_of: Mapping[int, datetime]
    """When each source was set up here."""
    fed_since: Mapping[int, datetime]
    """When the feed of each source first brought anything; without those whose feed never did."""

    def __contains__(self, day: date) -> bool:
        """Whether a day is asked about."""
        return self.first <= day <= self.last

    @property
    def begins(self) -> datetime:
        """The first moment of the first day."""
        return datetime.combine(self.first, time.min, UTC)

    @property
    def ends(self) -> datetime:
        """The first moment after the last day."""
        return datetime.combine(self.last + timedelta(days=1), time.min, UTC)


@dataclass(frozen=True, slots=True)
class Case:
    """One thing of a measure's denominator."""

    subject: Subject
    day: date
    """It is counted in this day's month; ages are of this day."""
    met: bool
    """It is of the numerator too."""
    amount: float | None = None
    """What is measured of it, in the measure's unit; None: nothing yet."""
    strata: Strata = ()
    """All that it is of, as of its day; of several of one dimension where they overlap."""
    because: tuple[str, ...] = ()
    """What the measure tells apart by reason."""
    alert: UUID | None = None

    @property
    def month(self) -> str:
        """As `2026-03`."""
        return f"{self.day:%Y-%m}"
