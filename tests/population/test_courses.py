"""Every course leads where it is meant to, judged by the real rules from what is written of it."""

from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest

from service.clinical.analytes import Analyte
from service.clinical.causes.cause import CauseName
from service.clinical.episodes import Family, Kind, Suppression, Tier, Trend
from service.clinical.results import Progress
from service.population import history, population
from service.population.courses import COURSES
from tests.population.judging import DAY, Judged, judged

BY_NAME = {course.name: course for course in COURSES}
Meant = Callable[[Judged], bool]


@cache
def of(course: str, count: int = 12) -> list[Judged]:
    return [judged(history(21, number, DAY, BY_NAME[course])) for number in range(count)]


@cache
def crowd() -> list[Judged]:
    return [judged(each) for each in population(1, 300, DAY)]


def persistent(analyte: str, family: Family = Family.TRANSAMINASE) -> Meant:
    return lambda one: (Kind.PERSISTENT, analyte) in one.kinds(one.open(family))


def urgent(reason: str) -> Meant:
    return lambda one: any(each.tier is Tier.URGENT and reason in one.reasons([each]) for each in one.open())


def worsening(analyte: str) -> Meant:
    return lambda one: (Kind.WORSENING, analyte) in one.kinds(one.open(Family.TRANSAMINASE))


def once(reason: str) -> Meant:
    """It was so at some time, whether it is over or not."""
    return lambda one: reason in one.reasons(one.raised())


def over(one: Judged) -> bool:
    """There were alerts, and all of the liver are resolved."""
    return bool([*one.raised()]) and one.open() == []


def never(one: Judged) -> bool:
    return not [*one.raised()]


def overdue(tier: Tier) -> Meant:
    return lambda one: any(each.tier is tier for each in one.open(Family.FOLLOW_UP))


def suppressed(why: Suppression) -> Meant:
    def meant(one: Judged) -> bool:
        found = {each.suppressed for episode in one.assessment.episodes for each in episode.findings}
        return why in found and not one.open()

    return meant


MEANT: dict[str, Meant] = {
    "bone": suppressed(Suppression.BONE_SOURCE),
    "fatty_liver": persistent("ALT"),
    "fatty_liver_progressing": worsening("ALT"),
    "weight_lost": over,
    "haemochromatosis": persistent("ALT"),
    "alcohol": persistent("AST"),
    "alcohol_given_up": over,
    "cirrhosis": persistent("AST"),
    "hepatitis_b": persistent("ALT"),
    "hepatitis_b_flare": worsening("ALT"),
    "hepatitis_c": persistent("ALT"),
    "hepatitis_c_cured": over,
    "hepatitis_a": once("severe-elevation"),
    "primary_biliary_cholangitis": persistent("ALP", Family.CHOLESTATIC),
    "primary_sclerosing_cholangitis": persistent("ALP", Family.CHOLESTATIC),
    "autoimmune_hepatitis": once("new-moderate-elevation"),
    "statin": worsening("ALT"),
    "statin_stopped": over,
    "isoniazid": urgent("dili-stop"),
    "isoniazid_stopped": over,
    "amoxicillin_clavulanate": once("cholestatic-jaundice"),
    "methotrexate": persistent("ALT"),
    "hys_law": urgent("hys-law"),
    "muscle": lambda one: not one.open() and bool(one.assessment.episodes),
    "ischaemic": once("severe-elevation"),
    "lost_to_follow_up": lambda one: any(each.dormant for each in one.raised()) and not one.open(),
    "recheck_missed": overdue(Tier.ROUTINE),
    "recheck_missed_moderate": overdue(Tier.SOON),
    "gilbert": suppressed(Suppression.GILBERT),
    "pregnancy": never,
    "pregnancy_raised": urgent("pregnancy"),
    "child": never,
    "corrected": never,
    "retracted": never,
    "unusable": never,
}
MOSTLY: dict[str, Meant] = {
    "healthy": never,
    "borderline_once": lambda one: not one.open(),
    "fatty_liver_new": lambda one: not one.open() and bool(one.assessment.episodes),
}
"""Courses in which chance may do what it does in a clinic: at least nine in ten are so."""


def test_every_course_is_meant_to_lead_somewhere() -> None:
    assert set(MEANT) | set(MOSTLY) == set(BY_NAME)


@pytest.mark.parametrize("course", MEANT)
def test_a_course_leads_to_what_it_is_meant_to(course: str) -> None:
    assert [MEANT[course](one) for one in of(course)] == [True] * 12


@pytest.mark.parametrize("course", MOSTLY)
def test_the_healthy_and_the_new_mostly_raise_no_alert(course: str) -> None:
    assert sum(MOSTLY[course](one) for one in of(course, 40)) >= 36


@pytest.mark.parametrize(
    ("course", "cause"),
    [
        ("fatty_liver", CauseName.FATTY_LIVER),
        ("haemochromatosis", CauseName.HAEMOCHROMATOSIS),
        ("alcohol", CauseName.ALCOHOL),
        ("hepatitis_b", CauseName.HEPATITIS_B),
        ("hepatitis_c", CauseName.HEPATITIS_C),
        ("primary_biliary_cholangitis", CauseName.BILIARY),
        ("statin", CauseName.DRUG),
        ("isoniazid", CauseName.DRUG),
        ("hys_law", CauseName.DRUG),
    ],
)
def test_the_record_speaks_for_the_cause_that_was_meant(course: str, cause: CauseName) -> None:
    for one in of(course):
        spoken = {each.name for episode in one.open() for each in episode.plan.causes if each.speaks_for}
        assert cause in spoken


def test_in_alcohol_ast_stands_above_alt_and_ggt_is_high() -> None:
    for one in of("alcohol"):
        last = {each.analyte: each for each in sorted(one.record.results, key=lambda each: each.day)}
        assert last[Analyte.AST].value > last[Analyte.ALT].value
        assert last[Analyte.GGT].value > 100


def test_in_cirrhosis_platelets_and_albumin_fall() -> None:
    for one in of("cirrhosis"):
        for analyte in (Analyte.PLATELETS, Analyte.ALBUMIN):
            by_day = sorted((each.day, each.value) for each in one.record.results if each.analyte is analyte)
            assert by_day[-1][1] < by_day[0][1]


def test_what_was_examined_or_ordered_shows_as_done() -> None:
    people = of("fatty_liver", 30)
    shown = Counter(
        (step.name, step.ordered) for one in people for episode in one.open() for step in episode.plan.done
    )
    assert shown["liver-ultrasound", False] > 0
    progress = {(done.what, done.progress) for one in people for done in one.record.done}
    assert {("ultrasound", Progress.DONE), ("elastography", Progress.DONE)} <= progress


def test_trends_and_ages_of_alerts_differ() -> None:
    people = crowd()
    standing = [episode for one in people for episode in one.open()]
    assert {each.trend for each in standing} == set(Trend)
    ages = sorted((DAY - each.tier_changes[-1].day).days for each in standing)
    assert ages[0] < 14
    assert ages[-1] > 365


def test_the_list_looks_like_a_clinics() -> None:
    """Nearly a third of people have an open alert: mostly routine, some soon, few urgent."""
    people = crowd()
    highest = Counter(max(episode.tier or 0 for episode in one.open()) for one in people if one.open())
    standing = sum(highest.values())
    assert 0.22 < standing / len(people) < 0.42
    assert 0.05 < highest[Tier.URGENT] / standing < 0.2
    assert 0.2 < highest[Tier.SOON] / standing < 0.4
    assert highest[Tier.ROUTINE] / standing > 0.45
