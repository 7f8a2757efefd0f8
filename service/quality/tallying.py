"""Counting what a changed rulebook makes of alerts: in all, by whom they concern, and week by week."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from service.alerts.comparing import Outcome
from service.alerts.events import tier_name
from service.quality.measures import strata
from service.quality.measures.cases import Strata
from service.store.changed_alerts import ChangedAlert
from service.store.measured import Subject
from service.store.patients import PatientRow
from service.store.simulations import WEEKS, Effect

HEADINGS: Final[Mapping[str, str]] = {
    **{name: strata.HEADINGS[name] for name in ("source", "sex", "age", "ethnicity", "language", "family")},
    "tier": "Urgency",
    "standing": "Now",
}
"""Each dimension's heading, in the order in which they are shown."""

_DAYS: Final = 7


@dataclass(slots=True)
class Tally:
    """What the alerts of one source have come to so far.

    Its size follows from the number of strata and of days on which alerts are raised, not of people.
    """

    names: Mapping[int, str]
    """Of sources, by the store's numbers."""
    people: int = 0
    failed: int = 0
    counts: defaultdict[str, defaultdict[str, Counter[Outcome]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    raised_before: Counter[date] = field(default_factory=Counter)
    raised_after: Counter[date] = field(default_factory=Counter)

    def add(self, row: PatientRow, changed: ChangedAlert) -> None:
        """Count one alert of the person whose record that is; their age is that of the day it was raised."""
        whom = strata.strata_of(_subject(row), changed.day, self.names)
        for dimension, stratum in (("total", ""), *whom, *_strata(changed)):
            self.counts[dimension][stratum][changed.outcome] += 1

    def note_days(self, before: Iterable[date], after: Iterable[date]) -> None:
        """Count the days on which a person's alerts are raised under each rulebook."""
        self.raised_before.update(before)
        self.raised_after.update(after)

    def effect(self, last_day: date) -> Effect:
        """What they came to, with the weeks that end on a day."""
        counts = {
            dimension: {stratum: dict(outcomes) for stratum, outcomes in tallies.items()}
            for dimension, tallies in self.counts.items()
        }
        counts.setdefault("total", {"": {}})
        weeks = [_by_week(each, last_day) for each in (self.raised_before, self.raised_after)]
        return Effect(self.people, self.failed, counts, weeks[0], weeks[1])


def _subject(row: PatientRow) -> Subject:
    known = (row.sex, row.birth_date, row.ethnicity, row.language)
    return Subject(row.source_id, row.id, None, row.fhir_id, *known)


def _strata(changed: ChangedAlert) -> Strata:
    """By which alerts are told apart beside whom they concern."""
    tiers = [each for each in (changed.tier_before, changed.tier_after) if each is not None]
    return (
        ("family", changed.family.value),
        ("tier", " → ".join(dict.fromkeys(map(tier_name, tiers)))),
        ("standing", "to act on" if changed.open else "over"),
    )


def _by_week(raised: Mapping[date, int], last_day: date) -> tuple[int, ...]:
    weeks = [0] * WEEKS
    for day, number in raised.items():
        ago = (last_day - day).days // _DAYS
        if 0 <= ago < WEEKS:
            weeks[WEEKS - 1 - ago] += number
    return tuple(weeks)
