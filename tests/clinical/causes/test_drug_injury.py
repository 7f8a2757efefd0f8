"""Injury by drugs: each with what is known of it and its times, and what does not fit."""

import pytest

from service.clinical.catalogues.drugs import hepatoprotective, hepatoprotective_drugs
from service.clinical.causes.cause import Cause, CauseName
from service.clinical.results import Coding, Condition, Medication
from tests.clinical.causes.weighed import (
    AGAINST,
    FOR,
    UNKNOWN,
    cause,
    recorded,
    says,
    taken,
    with_context,
    words,
)
from tests.clinical.records import ALP, ALT, man, multiples

HEPATOCELLULAR = man(multiples(ALT, {0: 8}), multiples(ALP, {0: 1}))
CHOLESTATIC = man(multiples(ALT, {0: 2}), multiples(ALP, {0: 2}))


def found(*drugs: Medication | Condition) -> Cause:
    return cause(with_context(HEPATOCELLULAR, *drugs), CauseName.DRUG)


def test_a_suspected_drug_is_told_with_its_class_category_source_and_times() -> None:
    drug = taken("Isoniazid 300 MG Oral Tablet", -60)
    (evidence,) = found(drug).speaks_for
    for fragment in (
        "Isoniazid (antituberculosis; LiverTox category A; source: Bjornsson ES.",
        "begun 2019-11-02, still taken; onset on 2020-01-01: suggestive (RUCAM: begun 5 to 90 days before)",
        "Typically hepatocellular. Typical onset 14 to 180 days after it is begun.",
    ):
        assert fragment in evidence.words
    assert evidence.resources == (drug.reference,)
    assert found(drug).speaks_against == ()


@pytest.mark.parametrize(
    ("drug", "side", "fragment"),
    [
        (taken("Isoniazid", -5), FOR, "suggestive"),
        (taken("Isoniazid", -4), FOR, "compatible"),
        (taken("Isoniazid", -400, -15), FOR, "last taken 2019-12-17; onset on 2020-01-01: compatible"),
        (taken("Isoniazid", -400, -16), AGAINST, "last known to be taken 2019-12-16, too long before"),
        (taken("Isoniazid", -60, -1), FOR, "suggestive"),
        (taken("Isoniazid", 0), FOR, "compatible"),
        (taken("Acetaminophen 500 MG", -700, -7), FOR, "taken within 7 days, so always in question"),
        (taken("Kava-kava extract", -30), FOR, "Kava (herbal and dietary supplement; LiverTox category A"),
        (taken("Green tea extract", -30), FOR, "Green tea extract"),
        (
            taken("Isoniazid", -400),
            AGAINST,
            "begun 400 days before the onset on 2020-01-01; typical are 14 to 180",
        ),
        (taken("Flucloxacillin", -30), AGAINST, "typically cholestatic; R 8"),
        (taken("Lisinopril 10 MG", -900), UNKNOWN, "Herbs, supplements, drugs without a prescription"),
    ],
)
def test_times_latency_and_pattern(drug: Medication, side: str, fragment: str) -> None:
    says(found(drug), side, fragment)


def test_what_speaks_against_a_drug_stands_beside_what_speaks_for_it() -> None:
    told = found(taken("Simvastatin 20 MG", -700))
    assert len(told.speaks_for) == len(told.speaks_against) == 1


def test_a_mixed_pattern_fits_every_drug_and_an_unknown_one_says_so() -> None:
    drug = taken("Flucloxacillin", -30)
    mixed = man(multiples(ALT, {0: 6}), multiples(ALP, {0: 2}))
    assert cause(with_context(mixed, drug), CauseName.DRUG).speaks_against == ()
    unknown = cause(with_context(man(multiples(ALT, {0: 6})), drug), CauseName.DRUG)
    says(unknown, UNKNOWN, "Whether the pattern fits flucloxacillin: R is not given")


def test_a_drug_begun_after_the_onset_is_told_as_such() -> None:
    record = man(multiples(ALT, {0: 2, 30: 2, 60: 2}), multiples(ALP, {0: 1, 30: 1, 60: 1}))
    told = cause(with_context(record, taken("Isoniazid", 10)), CauseName.DRUG)
    says(told, AGAINST, "Isoniazid: begun 2020-01-11, after the onset on 2020-01-01")
    assert told.speaks_for == ()


def test_a_drug_begun_before_an_old_elevation_rose_is_in_question_for_the_rise() -> None:
    record = man(
        multiples(ALT, {0: 2, 60: 2, 120: 2, 400: 2, 460: 12}),
        multiples(ALP, {0: 1, 60: 1, 120: 1, 400: 1, 460: 1}),
    )
    told = cause(with_context(record, taken("Isoniazid", 410)), CauseName.DRUG)
    says(told, FOR, "rise on 2021-04-05: suggestive")


def test_a_drug_begun_after_the_latest_elevated_day_is_not_named() -> None:
    told = found(taken("Isoniazid", 1))
    assert "Isoniazid" not in words((*told.speaks_for, *told.speaks_against))


def test_renewed_orders_are_one_drug_and_all_are_shown() -> None:
    orders = [taken("Isoniazid", start, start + 30, current=False) for start in (-60, -30, -1)]
    (evidence,) = found(*orders).speaks_for
    assert "begun 2019-11-02" in evidence.words
    assert evidence.resources == tuple(order.reference for order in orders)


@pytest.mark.parametrize("unlikely", ["Milk thistle", "Nabumetone 500 MG", "Levothyroxine 50 MCG"])
def test_a_drug_of_category_e_is_evidence_of_nothing(unlikely: str) -> None:
    told = found(taken(unlikely, -60))
    assert told.speaks_for == ()
    says(told, AGAINST, f"none is listed as possibly hepatotoxic: {unlikely}")


def test_of_many_drugs_that_are_not_listed_five_are_named() -> None:
    harmless = ("Lisinopril", "Metformin", "Bisoprolol", "Amlodipine", "Levothyroxine", "Furosemide")
    five = found(*(taken(text, -60) for text in harmless[:5]))
    says(five, AGAINST, "hepatotoxic: Amlodipine, Bisoprolol, Levothyroxine, Lisinopril, Metformin.")
    six = found(*(taken(text, -60) for text in harmless))
    says(
        six, AGAINST, "hepatotoxic: Amlodipine, Bisoprolol, Furosemide, Levothyroxine, Lisinopril and others."
    )


def test_of_a_drug_taken_twice_the_last_time_is_told() -> None:
    says(
        found(taken("Isoniazid", -330, -300), taken("Isoniazid", -230, -200)),
        AGAINST,
        "last known to be taken 2019-06-15",
    )


def test_without_drugs_of_the_time_it_is_said_that_none_is_recorded() -> None:
    says(found(), UNKNOWN, "No drug is recorded for the time before the elevation")
    says(found(taken("Lisinopril", -900, -800)), UNKNOWN, "No drug is recorded for the time")
    assert found(taken("Isoniazid", -900, -800)).speaks_against == ()


def test_a_category_that_was_not_read_is_not_made_up() -> None:
    (evidence,) = found(taken("Azithromycin 250 MG", -10)).speaks_for
    assert "no LiverTox category read" in evidence.words


@pytest.mark.parametrize(
    ("text", "ingredient"),
    [
        ("Silymarin 140 mg", "silybin (silymarin)"),
        ("水飞蓟宾胶囊", "silybin (silymarin)"),
        ("Essentiale forte N", "polyene phosphatidylcholine"),
        ("多烯磷脂酰胆碱注射液", "polyene phosphatidylcholine"),
        ("Reduced glutathione 600 mg injection", "glutathione"),
        ("Tiopronin", "tiopronin"),
        ("Diammonium glycyrrhizinate enteric capsule", "glycyrrhizin"),
        ("Compound Glycyrrhizin Tablets", "glycyrrhizin"),
        ("L-ornithine L-aspartate granules", "ornithine"),
        ("Ursodiol 300 MG Oral Capsule", "ursodeoxycholic acid"),
    ],
)
def test_drugs_given_for_raised_tests_are_shown_for_information_alone(text: str, ingredient: str) -> None:
    drug = taken(text, -30)
    told = found(drug)
    (note,) = told.notes
    assert note.words.startswith(f"Recorded: {ingredient} ({text})")
    assert "not advised" in note.words
    assert "under medical supervision" in note.words
    assert note.resources == (drug.reference,)
    assert ingredient not in words(told.speaks_for)


def test_ursodeoxycholic_acid_is_said_to_be_advised_where_guidance_advises_it() -> None:
    (note,) = found(taken("Ursofalk 250 mg", -30)).notes
    assert "guidance advises it for primary biliary cholangitis" in note.words


def test_every_such_drug_is_found_by_each_of_its_codes() -> None:
    for drug in hepatoprotective_drugs():
        assert drug.note
        for code in drug.atc:
            assert hepatoprotective((Coding("http://www.whocc.no/atc", code),), "") == (drug,)


@pytest.mark.parametrize(("last", "shown"), [(-365, True), (-366, False)])
def test_a_drug_of_more_than_a_year_before_the_onset_is_not_shown(last: int, shown: bool) -> None:
    told = found(taken("Silymarin", -900, last), taken("Isoniazid", -900, last))
    assert bool(told.notes) is bool(told.speaks_against) is shown


def test_a_condition_is_no_drug() -> None:
    assert found(recorded("Adverse reaction to isoniazid", -9)).speaks_for == ()
