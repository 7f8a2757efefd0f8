"""The recheck that an elevated result asks for: by when, with which grace, how soon a person must look then.

Source: clinical.md §8. A result of the day on which the grace ends is in time; the day after that is the
first overdue one (a borderline ALT of day 0 is due on day 14 and overdue from day 91 on).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from service.clinical.bands import Band, band, grade
from service.clinical.day_values import DayValue
from service.clinical.episodes import Tier
from service.clinical.new_moderate import BANDED
from service.clinical.results import LabResult
from service.clinical.thresholds import Rules

_DAYS_OF = {1: "mild", 2: "moderate"}
"""Which days hold for a CTCAE grade of ALP, GGT and bilirubin; for 3 and over those of severe."""


class Watch(NamedTuple):
    """One elevated day-value that waits for its repeat."""

    value: DayValue
    results: Sequence[LabResult]
    """Every elevated result of the analyte on its day."""
    level: str
    """How high it is, in words: a band (ALT, AST) or a CTCAE grade."""
    due: date
    """The last day on which the repeat is in time without any grace."""
    last: date
    """The last day of the grace."""
    tier: Tier
    """How soon a person must look once it is overdue."""
    child: bool
    pregnant: bool
    """Whether the patient was so on its day."""

    @property
    def overdue_from(self) -> date:
        """The first overdue day."""
        return self.last + timedelta(days=1)


def watch_for(
    value: DayValue, results: Sequence[LabResult], rules: Rules, *, child: bool, pregnant: bool
) -> Watch:
    """The watch that the elevated `value` of ALT, AST, ALP, GGT or total bilirubin opens."""
    days, level, tier = _asked(value, rules)
    due = value.day + timedelta(days=getattr(rules.follow_up.recheck_days, days))
    last = due + timedelta(days=getattr(rules.follow_up.grace_days, days))
    return Watch(value, results, level, due, last, tier, child, pregnant)


def _asked(value: DayValue, rules: Rules) -> tuple[str, str, Tier]:
    """Which of the rulebook's days hold, how high the value is in words, and the tier once overdue."""
    overdue = rules.follow_up.overdue
    if value.analyte in BANDED:
        reached = band(value.value, value.limit, rules.bands)
        reached = max(Band.BORDERLINE, min(reached, Band.SEVERE))  # `>40` is above a limit of 40
        name = reached.name.lower()
        return name, f"band {name}", getattr(overdue, name)
    number = max(1, grade(value.value, value.limit, rules.ctcae[value.analyte]))
    return (
        _DAYS_OF.get(number, "severe"),
        f"CTCAE grade {number}",
        getattr(overdue, f"grade_{min(number, 3)}"),
    )
