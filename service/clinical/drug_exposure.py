"""Which recorded drugs may have injured the liver by a given day, by the time relations of RUCAM.

A drug taken in several orders one after another was begun with the first of them: a renewed prescription is
no new beginning. What RUCAM asks beyond the times (course after stopping, other causes, re-exposure) is not
judged here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from service.clinical.catalogues.drugs import Drug, possibly_hepatotoxic
from service.clinical.injury_pattern import InjuryPattern
from service.clinical.results import Medication, PatientRecord
from service.clinical.thresholds import DrugExposure

PARACETAMOL = "paracetamol"
_LONGER = (InjuryPattern.CHOLESTATIC, InjuryPattern.MIXED)
"""RUCAM gives cholestatic and mixed injury one scale, with more time after stopping."""


class Standing(StrEnum):
    """How the times of a drug stand to the onset of an injury, the strongest first."""

    ALWAYS = "always"
    """Paracetamol taken in the last days: its injury follows the dose, so it always stays in question."""
    SUGGESTIVE = "suggestive"
    COMPATIBLE = "compatible"


_ORDER = {standing: place for place, standing in enumerate(Standing)}


@dataclass(frozen=True, slots=True)
class Suspect:
    """A possibly hepatotoxic drug in one stretch of taking it, with how its times stand to the onset."""

    drug: Drug
    """What is known of it: class, LiverTox category, typical pattern and latency."""
    standing: Standing
    since: date | None
    """First day of the stretch; None where the record does not say."""
    until: date | None
    """Last day of the stretch; None while it is taken, and where the record does not say."""
    unknown: tuple[str, ...]
    """What the record does not say: `start`, `end` (it is over, not known since when)."""
    medications: tuple[Medication, ...]
    """The orders and statements the stretch comes from, the earliest first."""


def suspects(
    record: PatientRecord, onset: date, pattern: InjuryPattern | None, rule: DrugExposure
) -> tuple[Suspect, ...]:
    """The drugs that may have caused an injury that began on `onset`, the strongest standing first.

    `pattern` is that of the patient's injury, None where it is not known. The days are the rulebook's:

    - begun 5 to 90 days before the onset: suggestive;
    - otherwise taken on that day, or stopped at most 15 days before it: compatible. 30 days where the injury
      is cholestatic or mixed, or the drug's typical injury is cholestatic;
    - paracetamol taken on that day or in the 7 days before it: always.

    A drug begun after the onset is no suspect.
    """
    taken: dict[Drug, list[Medication]] = {}
    for medication in record.medications:
        for drug in possibly_hepatotoxic(medication.codings, medication.text):
            taken.setdefault(drug, []).append(medication)
    found = []
    for drug, medications in taken.items():
        limit = _days_after_stopping(drug, pattern, rule)
        for stretch in _stretches(medications, onset, limit):
            standing = _standing(stretch, drug, onset, limit, rule)
            if standing is not None:
                found.append(stretch.suspect(drug, standing))
    return tuple(sorted(found, key=_strongest_first))


def _strongest_first(suspect: Suspect) -> tuple[int, str, date]:
    return _ORDER[suspect.standing], suspect.drug.ingredient, suspect.since or date.min


def _days_after_stopping(drug: Drug, pattern: InjuryPattern | None, rule: DrugExposure) -> int:
    longer = pattern in _LONGER or drug.pattern is InjuryPattern.CHOLESTATIC
    return rule.stopped_days_cholestatic if longer else rule.stopped_days


@dataclass(slots=True)
class _Stretch:
    first: date
    """`date.min` where the start is not known."""
    last: date
    """`date.max` while it is taken; where the end is not known, the last day it surely was."""
    end_unknown: bool
    medications: list[Medication]

    def add(self, later: "_Stretch") -> None:
        """Go on with one that begins later."""
        self.medications += later.medications
        if later.last > self.last:
            self.last, self.end_unknown = later.last, later.end_unknown

    def suspect(self, drug: Drug, standing: Standing) -> Suspect:
        since = None if self.first == date.min else self.first
        until = None if self.end_unknown or self.last == date.max else self.last
        unknown = (("start",) if since is None else ()) + (("end",) if self.end_unknown else ())
        return Suspect(drug, standing, since, until, unknown, tuple(self.medications))


def _stretches(medications: Iterable[Medication], onset: date, gap: int) -> list[_Stretch]:
    """The times of taking up to `onset`, joined where at most `gap` days lie between two of them."""
    joined: list[_Stretch] = []
    for stretch in sorted(_placed(medications, onset), key=_by_time):
        if joined and (stretch.first - joined[-1].last).days <= gap:
            joined[-1].add(stretch)
        else:
            joined.append(stretch)
    return joined


def _by_time(stretch: _Stretch) -> tuple[date, date, str]:
    return stretch.first, stretch.last, stretch.medications[0].text


def _placed(medications: Iterable[Medication], onset: date) -> Iterator[_Stretch]:
    """Each begun by `onset`, with its times; one that is over, with neither start nor end, has no place."""
    for one in medications:
        if one.start is not None and one.start > onset:
            continue
        first = one.start or date.min
        if one.end is not None:
            yield _Stretch(first, one.end, False, [one])
        elif one.current:
            yield _Stretch(first, date.max, False, [one])
        elif one.start is not None:
            yield _Stretch(first, one.start, True, [one])


def _standing(stretch: _Stretch, drug: Drug, onset: date, limit: int, rule: DrugExposure) -> Standing | None:
    stopped = (onset - stretch.last).days
    if drug.ingredient == PARACETAMOL and stopped <= rule.paracetamol_days:
        return Standing.ALWAYS
    if rule.begun_from_days <= (onset - stretch.first).days <= rule.begun_to_days:
        return Standing.SUGGESTIVE
    return Standing.COMPATIBLE if stopped <= limit else None
