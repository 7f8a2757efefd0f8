"""Drugs and pregnancies found in the record, by code or by name."""

from datetime import date

import pytest

from service.clinical.catalogues import drugs
from service.clinical.catalogues.pregnancies import is_pregnancy
from service.clinical.context import Context, pregnant_periods, taken_on
from service.clinical.results import Coding, Condition, Medication
from tests.clinical.records import RULEBOOK, man

ATC = "http://www.whocc.no/atc"
SNOMED = "http://snomed.info/sct"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"


@pytest.mark.parametrize(
    ("text", "ingredients"),
    [
        ("Simvastatin 20 MG Oral Tablet", {"simvastatin"}),
        ("Simvistatin 10 MG", {"simvastatin"}),
        ("ACETAMINOPHEN 325 MG / oxyCODONE Hydrochloride 5 MG Oral Tablet", {"paracetamol"}),
        ("Amoxicillin 250 MG / Clavulanate 125 MG Oral Tablet", {"amoxicillin-clavulanate"}),
        ("Isoniazid/Rifampin/Pyrazinamide", {"isoniazid", "rifampicin", "pyrazinamide"}),
        ("Panadol Extra", {"paracetamol"}),
        ("Percocet 5/325", {"paracetamol"}),
        ("Kava kava extract", {"kava"}),
        ("Green Tea Extract 400 MG", {"green tea extract"}),
        ("Camellia sinensis leaf", {"green tea extract"}),
        ("Green tea", set()),
        ("Amoxicillin 250 MG", set()),
        ("Metformin 500 MG", set()),
        ("notsimvastatinish", set()),
        ("", set()),
    ],
)
def test_possibly_hepatotoxic_ingredients_are_found_by_whole_words(text: str, ingredients: set[str]) -> None:
    assert drugs.hepatotoxic((), text) == ingredients


def test_drugs_are_found_by_atc_code_and_by_nothing_else_of_the_same_letters() -> None:
    assert drugs.hepatotoxic((Coding(ATC, "N02BE01"),), "") == {"paracetamol"}
    assert drugs.raises_inr((Coding(ATC, "B01AF02"),), "")
    assert not drugs.raises_inr((Coding("http://example.org", "B01AF02"),), "")
    assert not drugs.raises_inr((Coding(ATC, "B01AB01"),), "")


@pytest.mark.parametrize(
    "text", ["Warfarin Sodium 5 MG Oral Tablet", "rivaroxaban 20mg", "Marcumar", "DABIGATRAN"]
)
def test_drugs_that_raise_the_inr_are_found(text: str) -> None:
    assert drugs.raises_inr((), text)


@pytest.mark.parametrize("text", ["Heparin sodium", "Clopidogrel 75 MG", "Aspirin 81 MG"])
def test_drugs_that_do_not_raise_the_inr_are_not(text: str) -> None:
    assert not drugs.raises_inr((), text)


def test_every_catalogue_entry_has_a_tag_and_a_category_only_where_it_was_read() -> None:
    assert len(drugs.hepatotoxic_drugs()) >= 40
    for one in (*drugs.hepatotoxic_drugs(), *drugs.anticoagulants()):
        assert one.tag in ("V", "V2", "K")
        assert one.category in (None, "A", "B", "C", "D")
        assert one.category is None or one.tag != "K"


@pytest.mark.parametrize(
    "coding",
    [
        Coding(SNOMED, "72892002"),
        Coding(SNOMED, "77386006"),
        Coding(SNOMED, "79586000"),
        Coding(ICD_10, "Z33"),
        Coding(ICD_10 + "-cm", "Z33.1"),
        Coding(ICD_10 + "-cm", "O09.90"),
    ],
)
def test_pregnancy_is_found_by_code(coding: Coding) -> None:
    assert is_pregnancy((coding,), "")


@pytest.mark.parametrize(
    ("text", "pregnant"),
    [
        ("Normal pregnancy", True),
        ("Patient is pregnant", True),
        ("Twin pregnancies", True),
        ("Not pregnant", False),
        ("History of ectopic pregnancy", False),
        ("Pregnancy test negative", False),
        ("Hypertension", False),
    ],
)
def test_pregnancy_is_found_by_text_unless_it_is_denied_or_past(text: str, pregnant: bool) -> None:
    assert is_pregnancy((Coding("http://example.org", "x"),), text) is pregnant


def test_a_drug_stopped_because_of_a_result_was_taken_on_its_day() -> None:
    stopped = Medication((), "Isoniazid", date(2023, 12, 1), date(2024, 1, 3), current=False)
    assert taken_on(stopped, date(2024, 1, 1))
    assert not taken_on(stopped, date(2024, 1, 4))
    assert not taken_on(Medication((), "Isoniazid", date(2023, 12, 1), None, current=False), date(2024, 1, 1))


def test_a_pregnancy_is_found_among_other_conditions_and_counts_from_its_first_day_to_its_last() -> None:
    conditions = [
        Condition((), "Hypertension", date(2023, 1, 1), None, active=True),
        Condition((), "Normal pregnancy", date(2023, 1, 1), date(2023, 10, 1), active=True),
    ]
    context = Context(man(conditions=conditions), RULEBOOK)
    assert [context.pregnant(day) for day in (date(2022, 12, 31), date(2023, 1, 1))] == [False, True]
    assert [context.pregnant(day) for day in (date(2023, 10, 1), date(2023, 10, 2))] == [True, False]


def test_a_pregnancy_over_at_an_unknown_time_counts_until_then_and_no_longer_than_an_open_one() -> None:
    def periods(end: date | None) -> tuple[tuple[date, date], ...]:
        return pregnant_periods([Condition((), "Pregnant", date(2023, 1, 1), end, active=False)], 294)

    assert periods(date(2023, 5, 1)) == ((date(2023, 1, 1), date(2023, 5, 1)),)
    assert periods(date(2033, 5, 1)) == ((date(2023, 1, 1), date(2023, 10, 22)),)
    assert periods(None) == ()
