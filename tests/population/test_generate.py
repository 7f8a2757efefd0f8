"""A made-up population is the same for the same numbers, made one person at a time, and plainly not real."""

import json
import math
import statistics
from collections import Counter
from datetime import date, timedelta
from itertools import islice, pairwise
from random import Random

import pytest
from fhir.resources.R4B import get_fhir_model_class

from service.clinical.analytes import Analyte
from service.clinical.catalogues.conditions import concepts_of
from service.clinical.catalogues.pregnancies import is_pregnancy
from service.clinical.results import Condition
from service.clinical.rulebook import load_rulebook
from service.fhir.decode import decode_resource
from service.fhir.incoming import Ignored
from service.population import History, history, line, population, visits
from service.population.courses import COURSES, Course
from service.population.resources import IDENTIFIERS
from service.population.variation import varied
from tests.population.judging import DAY, judged

every_course = pytest.mark.parametrize("course", COURSES, ids=[each.name for each in COURSES])


def written(people: list[History]) -> list[bytes]:
    return [line(resource) for each in people for resource in each.resources]


def everybody(seed: int, patients: int, day: date = DAY) -> list[bytes]:
    return written(list(population(seed, patients, day)))


def test_the_same_seed_and_day_make_the_same_people() -> None:
    assert everybody(4, 60) == everybody(4, 60)


def test_another_seed_makes_others() -> None:
    assert not set(everybody(4, 20)) & set(everybody(5, 20))


def test_a_larger_population_begins_with_the_smaller_one() -> None:
    small = everybody(4, 20)
    assert everybody(4, 50)[: len(small)] == small


def test_another_day_moves_the_same_histories() -> None:
    later = DAY + timedelta(days=100)
    for before, after in zip(population(4, 30, DAY), population(4, 30, later), strict=True):
        moved = [
            (
                date.fromisoformat(one["effectiveDateTime"][:10]) + timedelta(days=100),
                one.get("valueQuantity"),
            )
            for one in before.resources
            if one["resourceType"] == "Observation"
        ]
        assert moved == [
            (date.fromisoformat(one["effectiveDateTime"][:10]), one.get("valueQuantity"))
            for one in after.resources
            if one["resourceType"] == "Observation"
        ]


def test_people_are_made_only_when_they_are_asked_for() -> None:
    endless = population(1, 10**12, DAY)
    assert [each.person.number for each in islice(endless, 3)] == [0, 1, 2]


def test_every_course_is_met_as_often_as_its_share_says() -> None:
    whole, patients = sum(course.share for course in COURSES), 1000
    met = Counter(each.course.name for each in population(9, patients, DAY))
    for course in COURSES:
        assert met[course.name] == pytest.approx(patients * course.share / whole, abs=3)


@pytest.mark.parametrize("seed", range(3))
def test_three_hundred_people_hold_every_course_but_perhaps_the_rarest(seed: int) -> None:
    met = {each.course.name for each in population(seed, 300, DAY)}
    assert {course.name for course in COURSES if course.share > 5} <= met


def test_nobody_can_be_taken_for_real() -> None:
    for each in population(2, 50, DAY):
        patient = next(each.resources)
        (identifier,) = patient["identifier"]
        assert identifier["system"] == IDENTIFIERS
        assert ".example/" in IDENTIFIERS
        assert identifier["value"].startswith("INVENTED-")
        assert patient["id"].startswith("invented-")


def test_nothing_is_dated_after_the_day() -> None:
    for each in population(6, 200, DAY):
        for resource in each.resources:
            day = (resource.get("effectiveDateTime") or resource["meta"]["lastUpdated"])[:10]
            assert date.fromisoformat(day) <= DAY, each.course.name


@every_course
def test_what_is_written_is_valid_fhir(course: Course) -> None:
    for number in range(2):
        for resource in history(8, number, DAY, course).resources:
            if course.name != "unusable":
                get_fhir_model_class(resource["resourceType"]).model_validate_json(json.dumps(resource))


@every_course
def test_nothing_waits_in_quarantine_but_what_was_made_so(course: Course) -> None:
    for number in range(4):
        assert len(judged(history(8, number, DAY, course)).unusable) == (course.name == "unusable")


def test_unusable_results_are_unusable_in_every_way_a_feed_knows() -> None:
    unusable = next(course for course in COURSES if course.name == "unusable")
    found = {reason for number in range(20) for reason in judged(history(8, number, DAY, unusable)).unusable}
    assert found == {"unknown-unit", "implausible-value", "no-zone"}


@every_course
def test_all_context_is_known_to_the_catalogues(course: Course) -> None:
    for number in range(4):
        for resource in history(8, number, DAY, course).resources:
            incoming = decode_resource(line(resource), source="s", zone=None, rulebook=load_rulebook())
            content = incoming.content
            mean_cell_volume = resource.get("code", {}).get("text") == "MCV"
            assert isinstance(content, Ignored) == mean_cell_volume, resource
            if isinstance(content, Condition):
                assert concepts_of(content.codings, content.text) or is_pregnancy((), content.text)


def test_laboratories_differ_in_their_units_and_limits() -> None:
    units, limits = set(), set()
    for each in population(3, 60, DAY):
        for resource in each.resources:
            if resource.get("code", {}).get("text") in ("ALT", "Bilirubin, total", "Albumin"):
                units.add(resource["valueQuantity"]["code"])
                for printed in resource.get("referenceRange", ()):
                    limits.add(json.dumps(printed))
    assert units == {"U/L", "ukat/L", "[IU]/L", "umol/L", "mg/dL", "g/L", "g/dL"}
    assert len(limits) > 8


def test_one_persons_results_vary_as_much_as_the_rulebook_says() -> None:
    chance, count = Random(1), 20_000
    for analyte in (Analyte.ALT, Analyte.ALP, Analyte.TOTAL_BILIRUBIN):
        logs = [math.log(varied(analyte, 1.0, chance)) for _ in range(count)]
        change = load_rulebook().rules.change
        expected = math.sqrt(math.log1p((float(change.cva) ** 2 + float(change.cvi[analyte]) ** 2) / 1e4))
        assert statistics.stdev(logs) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("pattern", [visits.ROUTINE, visits.DENSE, visits.SPARSE])
def test_visits_are_never_further_apart_than_their_pattern_says(pattern: tuple[int, int]) -> None:
    for seed in range(50):
        agos = visits.between(1000, 3, pattern, Random(seed))
        assert (agos[0], agos[-1]) == (1000, 3)
        assert all(0 < before - after <= pattern[1] * 1.25 for before, after in pairwise(agos))
