"""Autoimmune hepatitis, coeliac disease, bile ducts, and what the circulation does."""

import pytest

from service.clinical.causes.cause import CauseName
from service.clinical.episodes import Family
from service.clinical.results import Measurement, PatientRecord, Sex
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
from tests.clinical.records import (
    ALP,
    ALT,
    AST,
    DBIL,
    GGT,
    TBIL,
    day_of,
    man,
    multiples,
    patient,
    pregnancy,
    series,
)

RAISED = man(multiples(ALT, {0: 6}), multiples(ALP, {0: 1}))


@pytest.mark.parametrize(
    ("name", "context", "side", "fragment"),
    [
        (
            CauseName.AUTOIMMUNE,
            measured("igg", "16.1", unit="g/L"),
            FOR,
            "IgG 16.1 g/L on 2020-01-01, above 16",
        ),
        (CauseName.AUTOIMMUNE, measured("igg", 16, unit="g/L"), AGAINST, "IgG 16 g/L"),
        (CauseName.AUTOIMMUNE, measured("igg", 16, high=15), FOR, "above 15 (limit of the laboratory)"),
        (CauseName.AUTOIMMUNE, told("ana", "positive"), FOR, "(ANA) on 2020-01-01: positive"),
        (CauseName.AUTOIMMUNE, told("ana", "negative"), AGAINST, "(ANA) on 2020-01-01: negative"),
        (CauseName.AUTOIMMUNE, told("ana", "1:40"), FOR, "positive (1:40)"),
        (CauseName.AUTOIMMUNE, told("ana", "1:20"), AGAINST, "negative (1:20)"),
        (CauseName.AUTOIMMUNE, told("ana", "<1:40"), AGAINST, "negative (<1:40)"),
        (CauseName.AUTOIMMUNE, told("ana", "ANA titre 1/160"), FOR, "positive (ANA titre 1/160)"),
        (CauseName.AUTOIMMUNE, told("ana", "see letter of 11/12/2023"), UNKNOWN, "neither plainly"),
        (CauseName.COELIAC, told("ttg-iga", "repeated, 1/160"), UNKNOWN, "neither plainly"),
        (CauseName.AUTOIMMUNE, told("ana", "<1:80"), UNKNOWN, "neither plainly positive nor negative"),
        (CauseName.AUTOIMMUNE, told("smooth-muscle-antibody", "positive"), FOR, "(SMA)"),
        (CauseName.AUTOIMMUNE, told("smooth-muscle-antibody", "negative"), AGAINST, "(SMA)"),
        (CauseName.AUTOIMMUNE, recorded("Autoimmune hepatitis"), FOR, "Autoimmune hepatitis"),
        (CauseName.AUTOIMMUNE, recorded("Hashimoto thyroiditis", -9), FOR, "Hashimoto thyroiditis"),
        (CauseName.AUTOIMMUNE, recorded("Sinusitis"), UNKNOWN, "IgG: not in the record"),
        (CauseName.COELIAC, told("ttg-iga", "positive"), FOR, "(tTG-IgA) on 2020-01-01: positive"),
        (
            CauseName.COELIAC,
            measured("ttg-iga", 36, unit="U/mL", high=15),
            FOR,
            "36 U/mL on 2020-01-01: positive",
        ),
        (CauseName.COELIAC, measured("ttg-iga", 3, unit="U/mL", high=15), AGAINST, "3 U/mL"),
        (CauseName.COELIAC, measured("ttg-iga", 15, unit="U/mL", high=15), AGAINST, "15 U/mL"),
        (CauseName.COELIAC, measured("ttg-iga", 3, unit="U/mL"), UNKNOWN, "neither plainly"),
        (CauseName.COELIAC, recorded("Celiac disease", -90), FOR, "Celiac disease"),
        (CauseName.COELIAC, recorded("Sinusitis"), UNKNOWN, "(tTG-IgA): not in the record"),
        (CauseName.BILIARY, told("ama", "positive"), FOR, "(AMA) on 2020-01-01: positive"),
        (CauseName.BILIARY, told("bile-duct-dilatation", "positive"), FOR, "Dilated bile ducts, reported on"),
        (CauseName.BILIARY, told("bile-duct-dilatation", "negative"), AGAINST, "against an obstruction only"),
        (CauseName.BILIARY, told("bile-duct-dilatation", "indeterminate"), UNKNOWN, "unclear"),
        (CauseName.BILIARY, told("bile-duct-dilatation", "positive", -400), UNKNOWN, "more than 12 months"),
        (CauseName.BILIARY, told("gallstones", "positive", -400), FOR, "Gallstones, reported on 2018-11-27"),
        (CauseName.BILIARY, told("gallstones", "positive"), FOR, "Gallstones, reported on 2020-01-01"),
        (CauseName.BILIARY, told("bile-duct-stones", "positive"), FOR, "Stones in the bile ducts"),
        (
            CauseName.BILIARY,
            told("ama", "negative"),
            AGAINST,
            "It speaks of primary biliary cholangitis only",
        ),
        (CauseName.BILIARY, recorded("Cholelithiasis", -90), FOR, "Cholelithiasis"),
    ],
)
def test_antibodies_and_conditions(name: CauseName, context: Measurement, side: str, fragment: str) -> None:
    says(cause(with_context(RAISED, context), name), side, fragment)


@pytest.mark.parametrize(
    ("record", "side", "fragment"),
    [
        (man(multiples(ALT, {0: 4}), multiples(ALP, {0: 2})), FOR, "R 2 ("),
        (man(multiples(ALT, {0: 5}), multiples(ALP, {0: 1})), AGAINST, "R 5 ("),
        (man(multiples(ALT, {0: 4}), multiples(ALP, {0: 1})), UNKNOWN, "mixed pattern"),
        (man(multiples(ALT, {0: 4})), UNKNOWN, "R is not given"),
        (man(multiples(ALT, {0: 4}), multiples(ALP, {0: 1})), AGAINST, "on 2020-01-01: normal"),
        (man(multiples(ALT, {0: 4}), multiples(ALP, {0: 2}), multiples(GGT, {0: 3})), FOR, "both raised"),
        (
            man(multiples(ALT, {0: 4}), multiples(ALP, {0: 2}), multiples(GGT, {0: 1})),
            AGAINST,
            "as from bone",
        ),
        (man(multiples(ALT, {0: 4}), multiples(ALP, {0: 2})), UNKNOWN, "liver or bone"),
        (man(series(TBIL, {0: 60}), series(DBIL, {0: 18}), multiples(ALT, {0: 4})), FOR, "at least 0.3"),
        (man(series(TBIL, {0: 60}), series(DBIL, {0: 17}), multiples(ALT, {0: 4})), AGAINST, "below 0.3"),
        (man(series(TBIL, {0: 60}), multiples(ALT, {0: 4})), UNKNOWN, "Direct bilirubin is not known"),
    ],
)
def test_cholestasis(record: PatientRecord, side: str, fragment: str) -> None:
    says(cause(record, CauseName.BILIARY, Family.TRANSAMINASE), side, fragment)


def test_autoimmune_hepatitis_is_not_cholestatic() -> None:
    found = cause(man(multiples(ALT, {0: 4}), multiples(ALP, {0: 3})), CauseName.AUTOIMMUNE)
    says(found, AGAINST, "cholestatic pattern")


@pytest.mark.parametrize(
    ("bone", "named"),
    [
        (recorded("Paget's disease of bone", -900), True),
        (recorded("Fracture of forearm", -30), True),
        (recorded("Fracture of forearm", -3000), False),
    ],
)
def test_bone_is_named_as_a_source_of_a_raised_alp_and_an_old_fracture_is_not(
    bone: Measurement, named: bool
) -> None:
    raised = man(multiples(ALT, {0: 4}), multiples(ALP, {0: 2}))
    found = cause(with_context(raised, bone), CauseName.BILIARY)
    assert ("ALP may come from bone" in words(found.speaks_against)) is named
    normal = cause(with_context(RAISED, bone), CauseName.BILIARY)
    assert "bone" not in words(normal.speaks_against)


@pytest.mark.parametrize(("alp", "speaks"), [("1.1", True), (1, False)])
def test_a_bowel_disease_speaks_for_the_ducts_beside_a_raised_alp_only(alp: object, speaks: bool) -> None:
    record = man(multiples(ALT, {0: 4}), multiples(ALP, {0: alp}))
    found = cause(with_context(record, recorded("Ulcerative colitis", -900)), CauseName.BILIARY)
    assert ("Ulcerative colitis" in words(found.speaks_for)) is speaks


def test_in_pregnancy_a_reader_is_reminded_of_cholestasis_of_pregnancy() -> None:
    mother = patient(*multiples(ALT, {0: 4}), sex=Sex.FEMALE, conditions=[pregnancy(day_of(-60))])
    assert "cholestasis of pregnancy" in words(getattr(cause(mother, CauseName.BILIARY), NOTES))
    assert cause(RAISED, CauseName.BILIARY).notes == ()


@pytest.mark.parametrize(
    ("record", "side", "fragment"),
    [
        (man(multiples(ALT, {0: 40, 3: 20})), FOR, "fallen to 0.5 of it within 3 days"),
        (man(multiples(ALT, {0: 40, 3: "20.1"})), AGAINST, "not fallen to 0.5"),
        (man(multiples(ALT, {0: 40, 4: 5})), UNKNOWN, "not repeated within 3 days"),
        (man(multiples(AST, {0: 40, 2: 10}), multiples(ALT, {0: 30, 2: 25})), FOR, "AST 40 × ULN"),
        (man(multiples(ALT, {0: 15, 1: 2})), AGAINST, "an ischaemic injury goes above 15 × ULN"),
        (with_context(RAISED, measured("ldh", 251, -7)), FOR, "LDH 251 on 2019-12-25, above 250"),
        (with_context(RAISED, measured("ldh", 250)), AGAINST, "LDH 250"),
        (with_context(RAISED, measured("ldh", 900, -8)), UNKNOWN, "LDH: not in the record"),
        (with_context(RAISED, recorded("Septic shock", -7)), FOR, "Septic shock"),
        (with_context(RAISED, recorded("Septic shock", -8)), UNKNOWN, "Shock, cardiac arrest"),
        (with_context(RAISED, recorded("Congestive heart failure", -3000)), FOR, "Congestive heart failure"),
        (RAISED, UNKNOWN, "Heart failure: none recorded"),
    ],
)
def test_circulation(record: PatientRecord, side: str, fragment: str) -> None:
    says(cause(record, CauseName.CIRCULATORY), side, fragment)
