"""What of a record counts for the causes of an episode: one view that every cause looks through.

A lasting condition counts also where it was first recorded after the elevation, for the elevation may be how
it was found; one that was over before the episode began does not. Measurements taken later count like earlier
ones, for they are often taken because of it; how old they may be is the rulebook's.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cached_property
from typing import NamedTuple

from service.clinical.analytes import Analyte
from service.clinical.catalogues.conditions import concepts_of
from service.clinical.day_values import DayValue
from service.clinical.episodes import Episode, Kind
from service.clinical.months import add_months
from service.clinical.patterns import enzymes, r_value
from service.clinical.readings import Interpretation, Readings
from service.clinical.results import Answer, Condition, Measurement, Medication, Sex

_TITRED = frozenset({"ana", "smooth-muscle-antibody", "ama"})
"""Tests that may be answered by a titre; in another's words `1/20` is a date rather."""
_TITRE = re.compile(r"(<)?\s*(?<![\d/.])1\s*[:/]\s*(\d{1,6})(?![\d/.]*\d)")


_RISES = (Kind.WORSENING, Kind.NEW_MODERATE, Kind.URGENT)


class Course(NamedTuple):
    """What of an episode its causes hang on: those of one record and course have the same causes."""

    injuries: tuple[date, ...]
    """The onset, and the days on which it was found to worsen or to be urgent, the earliest first."""
    day: date
    """The latest day on which a test of it was elevated."""

    @classmethod
    def of(cls, episode: Episode, day: date) -> "Course":
        """That of an episode, up to the latest elevated day."""
        rises = {
            rise
            for finding in episode.findings
            if finding.kind in _RISES
            for reason in finding.reasons
            for rise in (reason.met, reason.last)
            if episode.onset < rise <= day
        }
        return cls((episode.onset, *sorted(rises)), day)


class OnRecord:
    """The record of one patient as it stands to the episodes of one course."""

    def __init__(self, readings: Readings, course: Course) -> None:
        day = course.day
        self.readings = readings
        self.onset = course.injuries[0]
        self.injuries = course.injuries
        self.day = day
        self.rules = readings.rulebook.rules.causes
        self.male = readings.record.sex is Sex.MALE
        """An unknown sex has the bounds of women, which are the stricter."""
        self.child = readings.context.child(day)
        self.pregnant = readings.context.pregnant(day)

    @cached_property
    def _conditions(self) -> dict[str, list[Condition]]:
        """Concept → the conditions that say it, the earliest first; those without a concept are left out."""
        found: dict[str, list[Condition]] = {}
        for each in self.readings.record.conditions:
            for concept in concepts_of(each.codings, each.text):
                found.setdefault(concept, []).append(each)
        for several in found.values():
            several.sort(key=by_time)
        return found

    @cached_property
    def _measured(self) -> dict[str, list[Measurement]]:
        """Name → measurements, the newest first."""
        found: dict[str, list[Measurement]] = {}
        for each in self.readings.record.measurements:
            found.setdefault(each.what, []).append(each)
        for several in found.values():
            several.sort(key=lambda each: (each.day, each.key), reverse=True)
        return found

    def lasting(self, *concepts: str) -> list[Condition]:
        """Conditions that say one of these and were not over before the episode began."""
        onset = self.onset
        return [
            each
            for each in self._saying(concepts)
            if (each.active if each.end is None else each.end >= onset)
        ]

    def events(self, days: int, *concepts: str) -> list[Condition]:
        """Conditions that say one of these and began, or ended, at most `days` before the elevation.

        That is before the onset of an episode that began so lately, else before `day`. An event is seldom
        closed in a record: without an end it is of the day it began. One with neither date has no place.
        """
        onset = self.onset
        until = onset if (self.day - onset).days <= days else self.day
        return [
            each
            for each in self._saying(concepts)
            if (last := each.end or each.start) is not None
            and (until - last).days <= days
            and (each.start is None or each.start <= self.day)
        ]

    def _saying(self, concepts: Iterable[str]) -> list[Condition]:
        """Each once, in the order of the concepts."""
        found = {id(each): each for one in concepts for each in self._conditions.get(one, ())}
        return list(found.values())

    def number(self, what: str) -> Measurement | None:
        """The newest measurement with a number."""
        return next((each for each in self.history(what) if each.value is not None), None)

    def number_near(self, what: str, days: int) -> Measurement | None:
        """The one with a number that is nearest to `day`, at most `days` away; of equals the later."""
        near = [
            each
            for each in self.history(what)
            if each.value is not None and abs((each.day - self.day).days) <= days
        ]
        return min(near, key=lambda each: abs((each.day - self.day).days), default=None)

    def answered(self, what: str, days: int | None = None) -> tuple[Measurement, Answer] | None:
        """The newest measurement that is plainly positive or negative, if asked at most `days` from `day`."""
        for each in self.history(what):
            if days is not None and abs((each.day - self.day).days) > days:
                continue
            answer = self._answer(each)
            if answer is not None and answer is not Answer.UNCLEAR:
                return each, answer
        return None

    def newest(self, what: str) -> Measurement | None:
        """Whatever it says."""
        return next(iter(self.history(what)), None)

    def history(self, what: str) -> Sequence[Measurement]:
        """All of one name, the newest first."""
        return self._measured.get(what, ())

    def not_older(self, given: Measurement, months: int) -> bool:
        """Whether it is at most so many months older than `day`."""
        return given.day >= self.day or add_months(given.day, months) >= self.day

    def _answer(self, given: Measurement) -> Answer | None:
        """As it was given; else by a titre in its words, or by its number against the laboratory's limit."""
        if given.answer is not None:
            return given.answer
        titre = _TITRE.search(given.text) if given.what in _TITRED else None
        if titre is not None:
            reached = int(titre[2]) >= self.rules.autoimmune.titre
            if not titre[1]:
                return Answer.POSITIVE if reached else Answer.NEGATIVE
            return Answer.NEGATIVE if int(titre[2]) <= self.rules.autoimmune.titre else None
        if given.value is not None and given.high is not None:
            if given.value > given.high and given.comparator.value in ("", ">", ">="):
                return Answer.POSITIVE
            if given.value <= given.high and given.comparator.value in ("", "<", "<="):
                return Answer.NEGATIVE
        return None

    def nearest(self, analyte: Analyte, days: int) -> DayValue | None:
        """The day-value nearest to `day`, at most `days` away, also a censored one; of equals the earlier."""
        ordinal = self.day.toordinal()
        near = [
            value for value in self.readings.values.get(analyte, ()) if abs(value.ordinal - ordinal) <= days
        ]
        return min(near, key=lambda value: (abs(value.ordinal - ordinal), value.ordinal), default=None)

    def highest(self, *analytes: Analyte, days: int | None = None) -> DayValue | None:
        """The highest by its limit from the onset (or `days` before `day`) to `day`; of equals the first."""
        onset, day = self.onset, self.day
        within = [
            value
            for analyte in analytes
            for value in self.readings.values.get(analyte, ())
            if onset <= value.day <= day and (days is None or (day - value.day).days <= days)
        ]
        return max(within, key=lambda value: (value.multiple, -value.ordinal), default=None)

    def first_and_last(self) -> tuple[DayValue, ...]:
        """An elevated day-value of the first and of the latest day of the episode."""
        elevated = [
            value
            for values in self.readings.values.values()
            for value in values
            if value.elevated and value.day in (self.onset, self.day)
        ]
        by_day = {value.day: value for value in sorted(elevated, key=lambda each: each.analyte, reverse=True)}
        return tuple(by_day[day] for day in sorted(by_day))

    def elevated(self, analyte: Analyte) -> bool:
        """Whether it was elevated on any day of the episode."""
        onset, day = self.onset, self.day
        return any(
            value.elevated and onset <= value.day <= day for value in self.readings.values.get(analyte, ())
        )

    @cached_property
    def enzymes(self) -> tuple[DayValue | None, DayValue | None]:
        """AST nearest to `day`, and the ALT nearest to that, as AST/ALT takes them."""
        return enzymes(self.readings, self.day)

    @cached_property
    def r(self) -> Interpretation:
        """R at `day`, or why it is not given."""
        return r_value(self.readings, self.day)


def by_time(each: Condition | Medication) -> tuple[date, date, str, str]:
    """A total order: the earliest first, an unknown start before all."""
    return each.start or date.min, each.end or date.max, each.text, each.reference
