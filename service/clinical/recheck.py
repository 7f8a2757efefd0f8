"""The recheck that an elevated result asks for: by when, with which grace, how soon a person must look then.

Source: clinical.md §8. A result of the day on which the grace ends is in time; the day after that is the
first overdue one (a borderline ALT of day 0 is due on day 14 and overdue from day 91 on).
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from service.clinical.bands import Band, band, grade
from service.clinical.day_values import DayValue
from service.clinical.episodes import Tier
from service.clinical.new_moderate import BANDED
from service.clinical.results import LabResult
from service.clinical.rulebook import Rulebook


class Wait(NamedTuple):
    """What one level of elevation asks for."""

    level: str
    """The level in words: a band (ALT, AST) or a CTCAE grade."""
    due_days: int
    """Days up to which the repeat is in time without any grace."""
    last_days: int
    """Days up to the end of the grace."""
    tier: Tier
    """How soon a person must look once it is overdue."""


class Watch(NamedTuple):
    """One elevated day-value that waits for its repeat."""

    value: DayValue
    results: Sequence[LabResult]
    """Every elevated result of the analyte on its day."""
    wait: Wait
    overdue_from: date
    """The first overdue day."""
    child: bool
    pregnant: bool
    """Whether the patient was so on its day."""

    @property
    def due(self) -> date:
        """The last day on which the repeat is in time without any grace."""
        return self.value.day + timedelta(days=self.wait.due_days)

    @property
    def last(self) -> date:
        """The last day of the grace."""
        return self.value.day + timedelta(days=self.wait.last_days)


def watch_for(
    value: DayValue, results: Sequence[LabResult], rulebook: Rulebook, *, child: bool, pregnant: bool
) -> Watch:
    """The watch that the elevated `value` of ALT, AST, ALP, GGT or total bilirubin opens."""
    rules = rulebook.rules
    by_band, by_grade = _waits(rulebook)
    if value.analyte in BANDED:
        reached = band(value.value, value.limit, rules.bands)
        wait = by_band[max(Band.BORDERLINE, min(reached, Band.SEVERE))]  # `>40` is above a limit of 40
    else:
        wait = by_grade[max(1, grade(value.value, value.limit, rules.ctcae[value.analyte]))]
    overdue_from = date.fromordinal(value.ordinal + wait.last_days + 1)
    return Watch(value, results, wait, overdue_from, child, pregnant)


@lru_cache(maxsize=4)
def _waits(rulebook: Rulebook) -> tuple[Mapping[Band, Wait], Mapping[int, Wait]]:
    """What each band asks for, and each CTCAE grade: mild, moderate, and severe for grade 3 and over."""
    rules = rulebook.rules.follow_up
    due, grace, tiers = rules.recheck_days, rules.grace_days, rules.overdue
    mild, moderate, severe = (
        (due.mild, due.mild + grace.mild),
        (due.moderate, due.moderate + grace.moderate),
        (due.severe, due.severe + grace.severe),
    )
    by_band = {
        Band.BORDERLINE: Wait(
            "band borderline", due.borderline, due.borderline + grace.borderline, tiers.borderline
        ),
        Band.MILD: Wait("band mild", *mild, tiers.mild),
        Band.MODERATE: Wait("band moderate", *moderate, tiers.moderate),
        Band.SEVERE: Wait("band severe", *severe, tiers.severe),
    }
    by_grade = {
        1: Wait("CTCAE grade 1", *mild, tiers.grade_1),
        2: Wait("CTCAE grade 2", *moderate, tiers.grade_2),
        3: Wait("CTCAE grade 3", *severe, tiers.grade_3),
        4: Wait("CTCAE grade 4", *severe, tiers.grade_3),
    }
    return by_band, by_grade
