"""Which drugs the times leave in question: the boundaries of RUCAM, repeated orders, and dates not known."""

from datetime import date, timedelta
from itertools import permutations

import pytest

from service.clinical.drug_exposure import Standing, Suspect, suspects
from service.clinical.injury_pattern import InjuryPattern
from service.clinical.results import Coding, Medication
from tests.clinical.records import RULEBOOK, drug, man

ONSET = date(2020, 6, 1)
HEPATOCELLULAR, CHOLESTATIC, MIXED = InjuryPattern


def before(days: int) -> date:
    return ONSET - timedelta(days=days)


def found(*drugs: Medication, pattern: InjuryPattern | None = HEPATOCELLULAR) -> tuple[Suspect, ...]:
    return suspects(man(medications=drugs), ONSET, pattern, RULEBOOK.rules.drug_exposure)


def standing(medication: Medication, pattern: InjuryPattern | None = HEPATOCELLULAR) -> Standing | None:
    return next((one.standing for one in found(medication, pattern=pattern)), None)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-1, None),
        (0, Standing.COMPATIBLE),
        (4, Standing.COMPATIBLE),
        (5, Standing.SUGGESTIVE),
        (90, Standing.SUGGESTIVE),
        (91, Standing.COMPATIBLE),
    ],
)
def test_begun_five_to_ninety_days_before_is_suggestive_and_otherwise_compatible(
    days: int, expected: Standing | None
) -> None:
    assert standing(drug("Isoniazid 300 MG", before(days))) is expected


@pytest.mark.parametrize(
    ("pattern", "last"),
    [(HEPATOCELLULAR, 15), (None, 15), (CHOLESTATIC, 30), (MIXED, 30)],
)
def test_a_drug_stopped_long_before_is_compatible_longer_where_the_injury_is_cholestatic(
    pattern: InjuryPattern | None, last: int
) -> None:
    assert standing(drug("Isoniazid", before(400), before(last)), pattern) is Standing.COMPATIBLE
    assert standing(drug("Isoniazid", before(400), before(last + 1)), pattern) is None


@pytest.mark.parametrize("pattern", [*InjuryPattern, None])
def test_so_it_is_with_a_drug_whose_injury_is_typically_cholestatic(pattern: InjuryPattern | None) -> None:
    assert standing(drug("Flucloxacillin", before(400), before(30)), pattern) is Standing.COMPATIBLE
    assert standing(drug("Flucloxacillin", before(400), before(31)), pattern) is None


@pytest.mark.parametrize(
    ("begun", "stopped", "expected"),
    [
        (1, None, Standing.ALWAYS),
        (400, None, Standing.ALWAYS),
        (400, 7, Standing.ALWAYS),
        (400, 8, Standing.COMPATIBLE),
        (60, 7, Standing.ALWAYS),
        (60, 8, Standing.SUGGESTIVE),
        (400, 16, None),
    ],
)
def test_paracetamol_of_the_last_seven_days_is_always_in_question(
    begun: int, stopped: int | None, expected: Standing | None
) -> None:
    end = None if stopped is None else before(stopped)
    assert standing(drug("Acetaminophen 325 MG Oral Tablet", before(begun), end)) is expected


def test_a_drug_that_injures_late_stays_in_question_by_its_beginning() -> None:
    course = drug("Amoxicillin 875 MG / Clavulanate 125 MG", before(50), before(43))
    assert standing(course) is Standing.SUGGESTIVE


@pytest.mark.parametrize("text", ["Lisinopril 10 MG", "Rifaximin 550 MG", "Milk thistle", "Xyzal"])
def test_a_drug_that_is_not_listed_or_unlikely_is_no_suspect(text: str) -> None:
    assert found(drug(text, before(30))) == ()


def test_a_suspect_tells_what_is_known_of_the_drug_and_where_it_stands_in_the_record() -> None:
    order = Medication((Coding("http://www.whocc.no/atc", "J04AC01"),), "", before(40), before(2), False)
    (suspect,) = found(order)
    assert suspect.drug.ingredient == "isoniazid"
    assert suspect.drug.drug_class == "antituberculosis"
    assert suspect.drug.category == "A"
    assert suspect.drug.pattern is HEPATOCELLULAR
    assert suspect == Suspect(
        suspect.drug, Standing.SUGGESTIVE, before(40), before(2), unknown=(), medications=(order,)
    )


def test_each_ingredient_of_a_product_is_a_suspect_of_its_own() -> None:
    texts = ["Isoniazid / Rifampin / Pyrazinamide", "Rifater"]
    for text in texts:
        ingredients = [one.drug.ingredient for one in found(drug(text, before(30)))]
        assert ingredients == ["isoniazid", "pyrazinamide", "rifampicin"]


def test_the_strongest_standing_comes_first_whatever_the_order_of_the_record() -> None:
    drugs = (
        drug("Simvastatin 20 MG", before(700)),
        drug("Minocycline 100 MG", before(60)),
        drug("Paracetamol", before(2), before(1)),
        drug("Atorvastatin", before(3)),
    )
    for order in permutations(drugs):
        assert [(one.drug.ingredient, one.standing.value) for one in found(*order)] == [
            ("paracetamol", "always"),
            ("minocycline", "suggestive"),
            ("atorvastatin", "compatible"),
            ("simvastatin", "compatible"),
        ]


class TestRepeatedOrders:
    def test_a_renewed_prescription_is_no_new_beginning(self) -> None:
        first, renewed = (
            drug("Simvastatin 20 MG", before(200), before(101)),
            drug("Zocor 20 MG", before(100)),
        )
        (suspect,) = found(renewed, first)
        assert suspect.standing is Standing.COMPATIBLE
        assert (suspect.since, suspect.until) == (before(200), None)
        assert suspect.medications == (first, renewed)

    def test_nor_is_one_within_an_order_that_runs_on(self) -> None:
        (suspect,) = found(drug("Simvastatin", before(500)), drug("Simvastatin", before(30), before(1)))
        assert (suspect.standing, suspect.since, suspect.until) == (Standing.COMPATIBLE, before(500), None)

    @pytest.mark.parametrize(
        ("pattern", "pause", "since"),
        [(HEPATOCELLULAR, 15, 300), (HEPATOCELLULAR, 16, 80), (CHOLESTATIC, 30, 300), (CHOLESTATIC, 31, 80)],
    )
    def test_a_pause_longer_than_stopping_may_last_is(
        self, pattern: InjuryPattern, pause: int, since: int
    ) -> None:
        earlier = drug("Simvastatin", before(300), before(80 + pause))
        latest, *others = found(earlier, drug("Simvastatin", before(80)), pattern=pattern)
        assert latest.since == before(since)
        assert others == []

    def test_two_courses_that_both_stand_are_both_told(self) -> None:
        courses = found(
            drug("Nitrofurantoin", before(85), before(80)), drug("Nitrofurantoin", before(3), before(1))
        )
        assert [(one.since, one.standing) for one in courses] == [
            (before(85), Standing.SUGGESTIVE),
            (before(3), Standing.COMPATIBLE),
        ]

    def test_their_order_in_the_record_does_not_matter(self) -> None:
        orders = (
            drug("Simvastatin 10 MG", before(300), before(250)),
            drug("Simvastatin 20 MG", before(240), before(240)),
            drug("Simvastatin 40 MG", before(240), before(240)),
            drug("Simvastatin", None, before(100)),
        )
        assert len({found(*order) for order in permutations(orders)}) == 1


class TestUnknownDates:
    def test_an_unknown_start_is_said_and_is_never_suggestive(self) -> None:
        (taken,) = found(drug("Isoniazid"))
        assert (taken.standing, taken.since, taken.unknown) == (Standing.COMPATIBLE, None, ("start",))
        (stopped,) = found(drug("Isoniazid", None, before(15)))
        assert (stopped.standing, stopped.until, stopped.unknown) == (
            Standing.COMPATIBLE,
            before(15),
            ("start",),
        )
        assert found(drug("Isoniazid", None, before(16))) == ()

    def test_an_end_at_an_unknown_time_is_said(self) -> None:
        (suspect,) = found(drug("Isoniazid", before(30), current=False))
        assert (suspect.standing, suspect.until, suspect.unknown) == (Standing.SUGGESTIVE, None, ("end",))

    @pytest.mark.parametrize(("days", "expected"), [(0, True), (4, True), (91, False), (400, False)])
    def test_one_over_at_an_unknown_time_was_taken_at_least_on_its_first_day(
        self, days: int, expected: bool
    ) -> None:
        assert bool(found(drug("Isoniazid", before(days), current=False))) is expected

    def test_one_that_is_over_without_any_date_has_no_place_in_time(self) -> None:
        assert found(drug("Isoniazid", current=False)) == ()

    def test_a_drug_stopped_after_the_onset_was_taken_at_it(self) -> None:
        (suspect,) = found(drug("Isoniazid", before(200), before(-10), current=False))
        assert (suspect.standing, suspect.until) == (Standing.COMPATIBLE, before(-10))
