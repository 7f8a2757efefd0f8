"""Viral hepatitis: what serology counts for how long, and what outweighs what."""

import pytest

from service.clinical.causes.cause import CauseName
from service.clinical.results import Condition, Measurement, PatientRecord
from tests.clinical.causes.weighed import (
    AGAINST,
    FOR,
    NOTES,
    UNKNOWN,
    cause,
    measured,
    recorded,
    says,
    told,
    with_context,
    words,
)
from tests.clinical.records import ALT, AST, man, multiples, result

RAISED = man(multiples(ALT, {0: 6}), multiples(AST, {0: 4}))


@pytest.mark.parametrize(
    ("name", "context", "side", "fragment"),
    [
        (CauseName.HEPATITIS_B, [told("hbsag", "positive", -4000)], FOR, "HBsAg on 2009-01-18: positive"),
        (CauseName.HEPATITIS_B, [told("hbsag", "negative", -365)], AGAINST, "HBsAg on 2019-01-01: negative"),
        (CauseName.HEPATITIS_B, [told("hbsag", "negative", -366)], UNKNOWN, "more than 12 months before"),
        (CauseName.HEPATITIS_B, [told("hbsag", "negative", 20)], AGAINST, "negative"),
        (CauseName.HEPATITIS_B, [told("hbsag", "indeterminate")], UNKNOWN, "neither plainly"),
        (CauseName.HEPATITIS_B, [], UNKNOWN, "HBsAg: not in the record"),
        (
            CauseName.HEPATITIS_B,
            [recorded("Chronic viral hepatitis B", -90)],
            FOR,
            "Chronic viral hepatitis B",
        ),
        (CauseName.HEPATITIS_C, [measured("hcv-rna", 120000, unit="[IU]/mL")], FOR, "HCV RNA 120000 IU/mL"),
        (CauseName.HEPATITIS_C, [measured("hcv-rna", 69000, comparator=">")], FOR, "HCV RNA >69000"),
        (CauseName.HEPATITIS_C, [measured("hcv-rna", 15, comparator="<")], AGAINST, "no virus found"),
        (CauseName.HEPATITIS_C, [measured("hcv-rna", 0)], AGAINST, "no virus found"),
        (CauseName.HEPATITIS_C, [told("hcv-rna", "negative")], AGAINST, "HCV RNA on 2020-01-01: negative"),
        (CauseName.HEPATITIS_C, [told("hcv-rna", "negative", -400)], UNKNOWN, "more than 12 months before"),
        (CauseName.HEPATITIS_C, [told("hcv-rna", "see comment")], UNKNOWN, "No HCV RNA in the record"),
        (
            CauseName.HEPATITIS_C,
            [told("anti-hcv", "positive", -900)],
            FOR,
            "Anti-HCV on 2017-07-15: positive",
        ),
        (CauseName.HEPATITIS_C, [told("anti-hcv", "negative", -10)], AGAINST, "Anti-HCV"),
        (CauseName.HEPATITIS_C, [recorded("Chronic hepatitis C", 40)], FOR, "Chronic hepatitis C"),
        (
            CauseName.ACUTE_VIRAL,
            [told("hav-igm", "positive", 90)],
            FOR,
            "Hepatitis A IgM on 2020-03-31: positive",
        ),
        (CauseName.ACUTE_VIRAL, [told("hav-igm", "negative")], AGAINST, "Hepatitis A IgM"),
        (CauseName.ACUTE_VIRAL, [told("hev-igm", "positive", -91)], UNKNOWN, "Hepatitis E IgM: not in"),
        (CauseName.ACUTE_VIRAL, [recorded("Acute hepatitis E", -3)], FOR, "Acute hepatitis E"),
    ],
)
def test_serology(name: CauseName, context: list[Measurement | Condition], side: str, fragment: str) -> None:
    says(cause(with_context(RAISED, *context), name), side, fragment)


def test_an_answer_that_is_not_plain_does_not_hide_an_earlier_one_that_is() -> None:
    record = with_context(RAISED, told("hbsag", "positive", -100), told("hbsag", "see comment", -1))
    says(cause(record, CauseName.HEPATITIS_B), FOR, "HBsAg on 2019-09-23: positive")


def test_a_later_negative_hbsag_outweighs_an_earlier_positive_one() -> None:
    record = with_context(RAISED, told("hbsag", "negative", 5), told("hbsag", "positive", -500))
    says(cause(record, CauseName.HEPATITIS_B), AGAINST, "HBsAg on 2020-01-06: negative")


def test_antibodies_against_hepatitis_c_do_not_speak_for_it_once_the_virus_is_gone() -> None:
    cured = with_context(RAISED, told("anti-hcv", "positive", -400), told("hcv-rna", "negative", -30))
    found = cause(cured, CauseName.HEPATITIS_C)
    assert found.speaks_for == ()
    assert "Anti-HCV on 2018-11-27: positive" in words(getattr(found, NOTES))
    again = with_context(RAISED, told("anti-hcv", "positive", -10), told("hcv-rna", "negative", -30))
    says(cause(again, CauseName.HEPATITIS_C), FOR, "Anti-HCV on 2019-12-22: positive")


@pytest.mark.parametrize(
    "denied",
    [
        "Family history of hepatitis C",
        "Hepatitis C screening",
        "Exposure to hepatitis C",
        "Hepatitis C ruled out",
    ],
)
def test_a_hepatitis_that_the_record_denies_does_not_count(denied: str) -> None:
    assert cause(with_context(RAISED, recorded(denied)), CauseName.HEPATITIS_C).speaks_for == ()


@pytest.mark.parametrize(
    ("record", "side", "fragment"),
    [
        (man(multiples(ALT, {0: "5.1"})), FOR, "above 5 × ULN"),
        (man(multiples(ALT, {0: 5})), AGAINST, "not above 5 × ULN"),
        (man(result(ALT, 0, 100, comparator=">")), UNKNOWN, "it may lie above 5 × ULN"),
        (man(multiples(ALT, {0: 2, 91: 2, 182: 2})), UNKNOWN, "Hepatitis A IgM"),
        (man(multiples(ALT, {0: 2, 91: 2, 183: 2})), AGAINST, "Elevated from 2020-01-01 to 2020-07-02"),
        (man(multiples(ALT, {0: 9, 91: 2})), AGAINST, "Highest ALT 2 × ULN"),
        (man(multiples(AST, {0: 9})), UNKNOWN, "ALT: not in the record for the last 90 days"),
    ],
)
def test_acute_hepatitis_is_high_and_short(record: PatientRecord, side: str, fragment: str) -> None:
    says(cause(record, CauseName.ACUTE_VIRAL), side, fragment)


def test_a_course_that_is_too_long_rests_on_its_first_and_its_latest_elevated_result() -> None:
    alt = multiples(ALT, {0: 2, 91: 2, 183: 2})
    found = cause(man(alt, multiples(AST, {183: 1})), CauseName.ACUTE_VIRAL)
    (course,) = (each for each in found.speaks_against if each.words.startswith("Elevated from"))
    assert course.results == (alt[0].key, alt[-1].key)


def test_half_a_year_is_not_yet_too_long_for_an_acute_hepatitis() -> None:
    record = man(multiples(ALT, {0: 6, 91: 6, 182: 6}))
    assert cause(record, CauseName.ACUTE_VIRAL).speaks_against == ()
