"""The plain words of a reason: arithmetic, limits and their source."""

from datetime import date

from tests.clinical.records import (
    ALB,
    ALP,
    ALT,
    AST,
    DBIL,
    INR,
    TBIL,
    drug,
    findings,
    judged,
    man,
    multiples,
    result,
)


def details(*results: object, **more: object) -> str:
    assessment = judged(man(*results, **more))  # type: ignore[arg-type]
    return " ".join(reason.detail for finding in findings(assessment) for reason in finding.reasons)


def test_a_severe_elevation_is_told_with_its_limit_and_source() -> None:
    assert details(result(ALT, 0, 800, limits=(0, 40))) == (
        "ALT 20 × ULN (800 U/L, limit 40, laboratory) on 2020-01-01: severe elevation."
    )


def test_a_censored_value_keeps_its_sign() -> None:
    assert "(>5000 U/L, limit 33, rulebook)" in details(result(ALT, 0, 5000, comparator=">"))


def test_hys_law_names_every_test_and_the_ratio() -> None:
    words = details(multiples(ALT, {0: 6}), multiples(TBIL, {0: 3}), multiples(ALP, {0: 1}))
    assert "ALT 6 × ULN" in words
    assert "total bilirubin 3 × ULN (61.5 µmol/L" in words
    assert "ALP 1 × ULN" in words
    assert "nR 6" in words


def test_possible_hys_law_says_what_is_missing() -> None:
    assert "ALP is missing" in details(multiples(ALT, {0: 6}), multiples(TBIL, {0: 3}))


def test_jaundice_tells_the_direct_bilirubin_or_that_it_is_not_known() -> None:
    assert "direct bilirubin not known that day" in details(multiples(TBIL, {0: 4}))
    assert "direct bilirubin 40 µmol/L" in details(result(TBIL, 0, 82), result(DBIL, 0, 40))


def test_synthetic_failure_tells_the_inr_without_a_unit() -> None:
    words = details(result(INR, 0, "1.8"), result(AST, 0, 100), result(ALB, 0, 30))
    assert "INR 1.8 on 2020-01-01 without a recorded anticoagulant, with AST 2.5 × ULN" in words


def test_dili_stop_tells_since_when_and_on_what() -> None:
    words = details(
        multiples(ALT, {0: 6, 20: 6}),
        result(INR, 20, "1.6"),
        medications=[drug("Isoniazid 300 MG", date(2019, 12, 1))],
    )
    assert "and ALT 6 × ULN (198 U/L, limit 33, rulebook) on 2020-01-01 with none lower between" in words
    assert "with INR 1.6 on 2020-01-21" in words
    assert "isoniazid" in words


def test_a_fold_rise_tells_baseline_multiple_and_limit() -> None:
    words = details(multiples(ALT, {0: 2, 30: 4}))
    assert "2 × its baseline 66 U/L (median of 1 day of testing in the year before, elevated)" in words
    assert "reference change limit of 1.31 ×" in words


def test_a_band_step_tells_both_bands() -> None:
    assert "band mild, up from borderline at the baseline 49.5 U/L" in details(
        multiples(ALT, {0: "1.5", 30: 3})
    )
