"""Values, units, reference ranges and specimens of one Observation."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.clinical.analytes import Analyte
from service.clinical.results import Comparator, ReferenceRange, Sex
from tests.fhir.arriving import (
    ALP,
    ALT,
    AST,
    BILIRUBIN,
    INR,
    UCUM,
    alt,
    coded,
    decoded,
    quantity,
    refused,
    result,
    without_value,
)

FEMALE = coded("248152002", system="http://snomed.info/sct")
MALE = {"coding": [{"system": "http://hl7.org/fhir/administrative-gender", "code": "male"}]}


def of_value(text: str) -> str:
    """A plain ALT with this number, written as given."""
    return (
        '{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"system":"http://loinc.org",'
        '"code":"1742-6"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2024-03-01",'
        '"valueQuantity":{"value":'
        + text
        + ',"unit":"U/L","system":"http://unitsofmeasure.org","code":"U/L"}}'
    )


def value_of(text: str) -> Decimal:
    content: Any = decoded(of_value(text)).content
    value: Decimal = content.results[0].value
    return value


@pytest.mark.parametrize(
    "text", ["61", "120.50", "0.1", "61.000", "1E+2", "5.5e1", "33.33333333333333333333"]
)
def test_a_number_is_kept_as_it_was_written(text: str) -> None:
    assert str(value_of(text)) == str(Decimal(text))


@given(st.decimals("0.001", "9999", places=3))
def test_no_number_is_rounded(number: Decimal) -> None:
    assert str(value_of(str(number))) == str(number)


@pytest.mark.parametrize(
    "text",
    [
        "1e999999",
        "1e99999999999999999999",
        "1e-999999",
        "0e9999999",
        "1" * 40,
        "0." + "1" * 100,
        "true",
        '"61"',
        "{}",
    ],
)
def test_a_number_beyond_any_measurement_is_quarantined(text: str) -> None:
    reason, where = refused(of_value(text))
    assert reason == "unreadable-number"
    assert where in ("Observation.valueQuantity.value", "Observation")


@pytest.mark.parametrize("text", ["0", "-3", "50001", "1e9"])
def test_an_impossible_value_is_quarantined(text: str) -> None:
    assert refused(of_value(text)) == ("implausible-value", "Observation.valueQuantity")


@pytest.mark.parametrize(
    ("code", "given", "value"),
    [
        (ALT, quantity(61, "[IU]/L"), "61"),
        (ALT, {"value": 61, "unit": "IU/L"}, "61"),
        (ALT, {"value": 61, "unit": "U/l", "system": UCUM}, "61"),
        (ALT, {"value": 61, "code": "U/L"}, "61"),
        (ALT, {"value": 61, "unit": "U/L", "system": "urn:local", "code": "IE"}, "61"),
        (ALT, {"value": 1, "unit": "ukat/L", "system": UCUM, "code": "ukat/L"}, "60"),
        (ALT, {"value": 61, "unit": "units per litre", "system": UCUM, "code": "U/L"}, "61"),
        (ALT, {"value": 61, "unit": "IU/L", "system": "urn:oid:2.16.840.1.113883.6.8", "code": "U/L"}, "61"),
        (BILIRUBIN, quantity(1, "mg/dL"), "17.1"),
        (BILIRUBIN, quantity(17, "umol/L"), "17"),
        ("777-3", quantity(150, "10*3/uL"), "150"),
        ("1751-7", quantity(3.8, "g/dL"), "38.0"),
        (INR, {"value": 1.2}, "1.2"),
        (INR, quantity(1.2, "1"), "1.2"),
        (INR, quantity(1.2, "{INR}"), "1.2"),
    ],
)
def test_units_become_canonical(code: str, given: dict[str, Any], value: str) -> None:
    assert result(alt(code=coded(code), valueQuantity=given)).value == Decimal(value)


@pytest.mark.parametrize(
    ("code", "given", "where"),
    [
        (ALT, {"value": 61}, "unit"),
        (ALT, {"value": 61, "unit": ""}, "unit"),
        (ALT, quantity(61, "mg/dL"), "code"),
        (ALT, quantity(61, "furlong"), "code"),
        (BILIRUBIN, {"value": 1}, "unit"),
        (BILIRUBIN, quantity(1, "U/L"), "code"),
        ("777-3", {"value": 150}, "unit"),
    ],
)
def test_a_unit_that_is_missing_unknown_or_of_another_kind_is_quarantined(
    code: str, given: dict[str, Any], where: str
) -> None:
    found = refused(alt(code=coded(code), valueQuantity=given))
    assert found == ("unknown-unit", f"Observation.valueQuantity.{where}")


def test_a_coded_unit_and_a_text_that_says_another_conflict() -> None:
    given = {"value": 2, "unit": "ukat/L", "system": UCUM, "code": "U/L"}
    assert refused(alt(valueQuantity=given)) == ("conflicting-units", "Observation.valueQuantity")


@pytest.mark.parametrize("sign", ["<", "<=", ">=", ">"])
def test_comparators_are_kept(sign: str) -> None:
    read = result(alt(valueQuantity=quantity(5, comparator=sign)))
    assert (read.comparator, read.value) == (Comparator(sign), Decimal(5))


def test_a_comparator_that_says_something_else_is_quarantined() -> None:
    found = refused(alt(valueQuantity=quantity(5, comparator="ad")))
    assert found == ("unreadable-comparator", "Observation.valueQuantity.comparator")


@pytest.mark.parametrize(
    ("code", "text", "comparator", "value"),
    [
        (ALT, ">5000", ">", "5000"),
        (ALT, " < 5 ", "<", "5"),
        (ALT, "45", "", "45"),
        (ALT, "≥ 45.50 U/L", ">=", "45.50"),
        (ALT, "<=0.5 ukat/L", "<=", "30"),
        (INR, "<0.9", "<", "0.9"),
        ("777-3", "150", "", "150"),
        (BILIRUBIN, "<0.2 mg/dL", "<", "3.42"),
    ],
)
def test_a_text_value_is_a_comparator_and_a_number(code: str, text: str, comparator: str, value: str) -> None:
    read = result(without_value(code=coded(code), valueString=text))
    assert (read.comparator, read.value) == (Comparator(comparator), Decimal(value))


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (BILIRUBIN, "<0.2", "unknown-unit"),
        ("1751-7", "38", "unknown-unit"),
        (ALT, "45 H", "unknown-unit"),
        (ALT, "negative", "unreadable-value"),
        (ALT, "", "unreadable-value"),
        (ALT, "1,2", "unreadable-value"),
        (ALT, "1 234", "unreadable-value"),
        (ALT, "12-14", "unreadable-value"),
        (ALT, "-4", "unreadable-value"),
        (ALT, "9" * 5000, "unreadable-value"),
        (ALT, "<" * 100_000, "unreadable-value"),
        (ALT, "\u0664\u0665", "unreadable-value"),
        (ALT, "0", "implausible-value"),
        (ALT, ">60000", "implausible-value"),
    ],
)
def test_a_text_value_without_one_meaning_is_quarantined(code: str, text: str, reason: str) -> None:
    found = refused(without_value(code=coded(code), valueString=text))
    assert found == (reason, "Observation.valueString")


def test_a_whole_number_has_the_only_unit_of_its_test() -> None:
    assert result(without_value(valueInteger=61)).value == 61
    assert refused(without_value(code=coded(BILIRUBIN), valueInteger=1))[0] == "unknown-unit"
    assert refused(without_value(valueInteger="61")) == (
        "unreadable-number",
        "Observation.valueInteger",
    )


@pytest.mark.parametrize(
    "value",
    [
        {"valueCodeableConcept": {"text": "high"}},
        {"valueBoolean": True},
        {"valueRange": {"low": {"value": 1}}},
        {"valueRatio": {}},
        {"valueSampledData": {}},
        {"valueTime": "10:00:00"},
        {"valueDateTime": "2024"},
        {"valuePeriod": {}},
        {"valueAttachment": {}},
        {"valueReference": {}},
    ],
)
def test_a_value_of_another_kind_is_quarantined(value: dict[str, Any]) -> None:
    assert refused(without_value(**value)) == ("unreadable-value", "Observation.value")


def test_no_value_or_more_than_one_is_quarantined() -> None:
    assert refused(without_value()) == ("no-value", "Observation.value")
    assert refused(alt(valueString="61")) == ("conflicting-value", "Observation.value")
    assert refused(alt(dataAbsentReason={"text": "x"})) == ("conflicting-value", "Observation.value")
    assert refused(alt(valueQuantity={"unit": "U/L"})) == (
        "unreadable-number",
        "Observation.valueQuantity.value",
    )


def limits(*ranges: dict[str, Any], **changes: Any) -> tuple[ReferenceRange, ...]:
    return result(alt(referenceRange=list(ranges), **changes)).ranges


IN_KATAL = {"valueQuantity": quantity(12, "ukat/L")}


def test_a_reference_range_has_its_own_unit_or_that_of_the_value() -> None:
    given = {"low": {"value": 0.2}, "high": {"value": 0.55}}
    assert limits(given, **IN_KATAL) == (ReferenceRange(Decimal(12), Decimal(33)),)
    assert limits({"high": quantity(33)}, **IN_KATAL) == (ReferenceRange(None, Decimal(33)),)


@pytest.mark.parametrize(
    "given",
    [
        {"low": quantity(10), "high": {"value": 40}},
        {"low": {"value": 10}, "high": {"value": 40, "unit": "U/L"}},
    ],
)
def test_a_limit_without_a_unit_has_that_of_the_other_before_that_of_the_value(given: dict[str, Any]) -> None:
    assert limits(given, **IN_KATAL) == (ReferenceRange(Decimal(10), Decimal(40)),)


@pytest.mark.parametrize(
    "meaning",
    [
        None,
        coded("normal", system="http://terminology.hl7.org/CodeSystem/referencerange-meaning"),
        {"text": "Normal"},
    ],
)
def test_a_range_of_type_normal_or_none_counts(meaning: dict[str, Any] | None) -> None:
    given = {"high": quantity(33)} | ({"type": meaning} if meaning else {})
    assert limits(given) == (ReferenceRange(None, Decimal(33)),)


@pytest.mark.parametrize(
    "meaning", [*map(coded, ["therapeutic", "treatment", "pre-puberty"]), {"text": "critical"}]
)
def test_special_ranges_do_not_count(meaning: dict[str, Any]) -> None:
    assert limits({"high": quantity(33), "type": meaning}, {"text": "10-50"}) == ()


@pytest.mark.parametrize(
    ("applies_to", "sex", "other"),
    [
        ([FEMALE], Sex.FEMALE, False),
        ([MALE], Sex.MALE, False),
        ([{"text": "Male"}], Sex.MALE, False),
        ([FEMALE, MALE], None, False),
        ([coded("77386006", system="http://snomed.info/sct")], None, True),
        ([FEMALE, {"text": "pregnant"}], Sex.FEMALE, True),
        ([{}], None, True),
        ([], None, False),
    ],
)
def test_a_range_says_for_whom_it_is(
    applies_to: list[dict[str, Any]], sex: Sex | None, *, other: bool
) -> None:
    (read,) = limits({"high": quantity(33), "appliesTo": applies_to})
    assert (read.sex, read.other_population) == (sex, other)


@pytest.mark.parametrize(
    ("age", "low", "high", "other"),
    [
        ({"low": quantity(18, "a")}, Decimal(18), None, False),
        ({"low": quantity(12, "mo"), "high": {"value": 17, "unit": "years"}}, Decimal(1), Decimal(17), False),
        ({"low": quantity(0, "d"), "high": quantity(1461, "d")}, Decimal(0), Decimal(4), False),
        ({"low": {"value": 18}}, None, None, True),
        ({"low": quantity(18, "parsec")}, None, None, True),
        ({}, None, None, False),
    ],
)
def test_ages_are_in_years(
    age: dict[str, Any], low: Decimal | None, high: Decimal | None, *, other: bool
) -> None:
    (read,) = limits({"high": quantity(33), "age": age})
    assert (read.age_low, read.age_high, read.other_population) == (low, high, other)


@pytest.mark.parametrize(
    "given",
    [
        {"high": quantity(33, "mg/dL")},
        {"high": quantity(0)},
        {"high": quantity(-1)},
        {"low": quantity(40), "high": quantity(33)},
        {"high": {"value": "33"}},
        {"high": {"unit": "U/L"}},
        {"high": {"value": 33, "unit": "furlong"}},
    ],
)
def test_a_range_that_cannot_be_read_is_left_out_and_flagged(given: dict[str, Any]) -> None:
    read = result(alt(referenceRange=[given, {"high": quantity(41)}]))
    assert read.ranges == (ReferenceRange(None, Decimal(41)),)
    assert read.flags == ("unreadable-range",)


@pytest.mark.parametrize(
    "changes",
    [
        {"interpretation": [{"text": "Specimen haemolysed"}]},
        {"interpretation": [{"coding": [{"code": "H"}, {"code": "X", "display": "HEMOLYZED"}]}]},
        {"interpretation": [{"text": "slight hemolysis noted"}]},
        {
            "specimen": {"reference": "#s"},
            "contained": [
                {"resourceType": "Specimen", "id": "s", "condition": [coded("HEM", system="urn:v2-0493")]}
            ],
        },
        {
            "specimen": {"reference": "#s"},
            "contained": [{"resourceType": "Specimen", "id": "s", "condition": [{"text": "Hämolyse"}]}],
        },
    ],
)
def test_a_haemolysed_specimen_flags_what_red_cells_disturb(changes: dict[str, Any]) -> None:
    assert result(alt(code=coded(AST), **changes)).flags == ("haemolysed",)
    assert result(alt(code=coded(ALT), **changes)).flags == ()
    assert result(alt(code=coded(ALP), **changes)).analyte is Analyte.ALP


@pytest.mark.parametrize(
    "text",
    [
        "No haemolysis",
        "not hemolyzed",
        "Non-haemolysed",
        "hemolysis: none",
        "no evidence of hemolysis",
        "Hemolysis index 0",
        "Hemolysis Index: <10 mg/dL",
        "Haemolysis screen: normal",
        "Hx of hemolytic anemia",
        "Hemolysis may increase results.",
        "lipaemic",
    ],
)
def test_a_specimen_said_not_to_be_haemolysed_is_not(text: str) -> None:
    assert result(alt(code=coded(AST), interpretation=[{"text": text}])).flags == ()


@pytest.mark.parametrize("text", ["slight hemolysis noted", "Hemolysis Index: <10 mg/dL", "haemolysed"])
def test_free_text_does_not_make_a_specimen_haemolysed(text: str) -> None:
    note = [{"text": text}]
    assert result(alt(code=coded(AST), note=note)).flags == ()
    assert result(alt(code=coded(AST), specimen={"display": text})).flags == ()
    specimen = {"resourceType": "Specimen", "id": "s", "note": note}
    assert result(alt(code=coded(AST), specimen={"reference": "#s"}, contained=[specimen])).flags == ()
