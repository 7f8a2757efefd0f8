"""One person's story as it is being written: levels that change over time, visits, the rest of the record."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from random import Random
from typing import Final, NamedTuple

from service.clinical.analytes import Analyte
from service.clinical.results import Progress, Sex
from service.population.laboratories import Laboratory
from service.population.variation import usual

PANEL: Final = (
    Analyte.ALT,
    Analyte.AST,
    Analyte.ALP,
    Analyte.GGT,
    Analyte.TOTAL_BILIRUBIN,
    Analyte.ALBUMIN,
    Analyte.PLATELETS,
)
"""What is measured when nothing else is said."""
SHORT_PANEL: Final = (Analyte.ALT, Analyte.AST, Analyte.ALP, Analyte.TOTAL_BILIRUBIN)
"""What some practices are content with."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented."""

    id: str
    number: int
    given: str
    family: str
    sex: Sex
    birth_date: date
    laboratory: Laboratory

    @property
    def female(self) -> bool:
        """Whether the sex is female."""
        return self.sex is Sex.FEMALE


class Point(NamedTuple):
    """A level on one day."""

    ago: int
    multiple: float
    """Of the limit: the upper one, of albumin and platelets the lower one."""


class Visit(NamedTuple):
    """Blood taken once."""

    ago: int
    analytes: tuple[Analyte, ...]


class Ailment(NamedTuple):
    """A recorded condition: its name in the catalogue, and what the record calls it."""

    name: str
    text: str
    since: int
    until: int | None


class Taken(NamedTuple):
    """A drug that was taken."""

    ingredient: str
    text: str
    begun: int
    stopped: int | None


class Measured(NamedTuple):
    """A measurement of the catalogue, or (without a name there) another one."""

    name: str | None
    text: str
    ago: int
    value: float | None = None
    unit: str = ""
    answer: str = ""


class Examined(NamedTuple):
    """An examination that was done or ordered, in words that the catalogue knows."""

    text: str
    ago: int
    progress: Progress


class Slip(StrEnum):
    """What went wrong with a result, and whether that was noticed."""

    CORRECTED = "corrected"
    RETRACTED = "retracted"
    UNKNOWN_UNIT = "unknown-unit"
    IMPOSSIBLE = "impossible"
    NO_ZONE = "no-zone"


class Mishap(NamedTuple):
    """A result that is not what was measured."""

    slip: Slip
    analyte: Analyte
    ago: int
    multiple: float
    """What it said at first."""


@dataclass(slots=True)
class Story:
    """Everything told of one person. All days count back from the day the population is made for."""

    person: Person
    chance: Random
    day: date
    panel: tuple[Analyte, ...] = PANEL
    """What is measured at a visit unless something else is said."""
    levels: dict[Analyte, tuple[Point, ...]] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)
    ailments: list[Ailment] = field(default_factory=list)
    drugs: list[Taken] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    examined: list[Examined] = field(default_factory=list)
    mishaps: list[Mishap] = field(default_factory=list)

    def level(self, analyte: Analyte, *points: tuple[int, float]) -> None:
        """The multiple of the limit on these days, the oldest first; between them it changes evenly (log)."""
        self.levels[analyte] = tuple(Point(*each) for each in points)

    def beside(self, analyte: Analyte, like: Analyte, times: float) -> None:
        """As another analyte, but so many times as high."""
        self.levels[analyte] = tuple(Point(each.ago, each.multiple * times) for each in self.levels[like])

    def at(self, analyte: Analyte, ago: int) -> float:
        """The level of that day; of what is not told, what is usual in this person."""
        if analyte not in self.levels:
            self.levels[analyte] = (Point(0, usual(analyte, self.chance)),)
        return _interpolated(self.levels[analyte], ago)

    def see(self, agos: Iterable[int], *more: Analyte, instead: tuple[Analyte, ...] | None = None) -> None:
        """Visits with the usual panel, or another one instead, and more beside it."""
        analytes = tuple(dict.fromkeys((*(instead or self.panel), *more)))
        self.visits += [Visit(ago, analytes) for ago in agos]

    def has(self, name: str, text: str, since: int, until: int | None = None) -> None:
        """A condition, begun and perhaps over so many days ago."""
        self.ailments.append(Ailment(name, text, since, until))

    def takes(self, ingredient: str, text: str, begun: int, stopped: int | None = None) -> None:
        """A drug, begun and perhaps stopped so many days ago."""
        self.drugs.append(Taken(ingredient, text, begun, stopped))

    def measure(self, name: str, text: str, ago: int, value: float, unit: str) -> None:
        """A number of the catalogue of measurements."""
        self.measured.append(Measured(name, text, ago, value, unit))

    def answer(self, name: str, text: str, ago: int, answer: str) -> None:
        """A test that answers in words."""
        self.measured.append(Measured(name, text, ago, answer=answer))

    def examine(self, text: str, ago: int, progress: Progress = Progress.DONE) -> None:
        """An examination of the liver."""
        self.examined.append(Examined(text, ago, progress))

    def often(self, share: float) -> bool:
        """True in that share of people."""
        return self.chance.random() < share

    def day_of(self, ago: int) -> date:
        """The calendar day so many days ago."""
        return self.day - timedelta(days=ago)

    def age(self) -> int:
        """Years, on the day the population is made for."""
        return (self.day - self.person.birth_date).days * 4 // 1461


def _interpolated(points: tuple[Point, ...], ago: int) -> float:
    if ago >= points[0].ago:
        return points[0].multiple
    for before, after in pairwise(points):
        if ago >= after.ago:
            share = (before.ago - ago) / (before.ago - after.ago)
            return math.exp(math.log(before.multiple) * (1 - share) + math.log(after.multiple) * share)
    return points[-1].multiple
