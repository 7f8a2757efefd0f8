"""From a seed, a number and a day: people one after the other, each by themselves."""

import math
from bisect import bisect
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

from service.clinical.results import Sex
from service.population.courses import COURSES, Course
from service.population.laboratories import LABORATORIES
from service.population.names import name_of
from service.population.resources import Resource
from service.population.story import PANEL, SHORT_PANEL, Person, Story
from service.population.telling import told

_GOLDEN: Final = (math.sqrt(5) - 1) / 2
_BOUNDS: Final = tuple(accumulate(course.share for course in COURSES))
_DAYS_A_YEAR: Final = 365.25
_PANELS: Final = (PANEL, PANEL, PANEL, SHORT_PANEL)
"""Three practices in four ask for the whole panel."""


class History(NamedTuple):
    """One person, and everything that an EHR would send of them."""

    person: Person
    course: Course
    resources: Iterator[Resource]
    """To be read once, and made as they are read."""


def population(seed: int, patients: int, day: date) -> Iterator[History]:
    """People and their histories up to `day`; the same for the same arguments, and made one at a time.

    The first hundred of a thousand are the hundred that one would get alone, and every few hundred in a row
    hold each course about as often as its share says.

    Args:
        seed: any whole number; ids hold it, so that two populations can stand beside each other.
        patients: how many; not negative.
        day: the day on which all of it ends.
    """
    for number in range(patients):
        yield history(seed, number, day)


def history(seed: int, number: int, day: date, course: Course | None = None) -> History:
    """One person of a population, or the same one with another course."""
    chance = Random(f"{seed}/{number}")  # noqa: S311 - invented people need no secrets
    course = course or _course(seed, number)
    person = _person(seed, number, day, course, chance)
    story = Story(person, chance, day, panel=chance.choice(_PANELS))
    course.tell(story)
    return History(person, course, told(story))


def _course(seed: int, number: int) -> Course:
    """By the golden ratio, which spreads any number of people evenly over the shares."""
    place = math.modf((number + 1) * _GOLDEN + Random(seed).random())[0]  # noqa: S311
    return COURSES[bisect(_BOUNDS, place * _BOUNDS[-1])]


def _person(seed: int, number: int, day: date, course: Course, chance: Random) -> Person:
    sex = course.sex or chance.choice((Sex.FEMALE, Sex.MALE))
    given, family = name_of(sex, chance)
    age = chance.uniform(course.ages[0], course.ages[1] + 0.99)
    return Person(
        id=f"invented-{seed}-{number}",
        number=number,
        given=given,
        family=family,
        sex=sex,
        birth_date=day - timedelta(days=round(age * _DAYS_A_YEAR)),
        laboratory=chance.choice(LABORATORIES),
    )
