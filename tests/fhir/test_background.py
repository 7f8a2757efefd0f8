"""What a Patient states of ethnicity and language, however it is spelt."""

from typing import Any

import pytest

from service.fhir.background import ethnicity_in, language_in

US = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
UK = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory"


def us_core(what: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"url": US + what, "extension": list(parts)}


RACE = us_core(
    "race",
    {"url": "ombCategory", "valueCoding": {"code": "2028-9", "display": "Asian"}},
    {"url": "text", "valueString": "Asian"},
)
ETHNICITY = us_core("ethnicity", {"url": "ombCategory", "valueCoding": {"display": "Not Hispanic or Latino"}})


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ([RACE], "Asian"),
        ([ETHNICITY, RACE], "Asian, Not Hispanic or Latino"),
        ([{"url": UK, "valueCodeableConcept": {"coding": [{"display": "White British"}]}}], "White British"),
        ([{"url": UK, "valueCodeableConcept": {"text": "Any\tother"}}], "Any other"),
        ([{"url": "urn:else", "valueString": "x"}], None),
        ([us_core("race"), us_core("ethnicity", {"url": "text", "valueString": 7})], None),
        ([None, "x", {"url": 1}, {"url": UK}], None),
        ({"url": UK}, None),
        (None, None),
    ],
)  # fmt: skip
def test_ethnicity_is_read_in_the_records_own_words(extensions: Any, expected: str | None) -> None:
    assert ethnicity_in(extensions) == expected


def spoken(code: str | None = None, text: str | None = None, *, preferred: bool = False) -> dict[str, Any]:
    return {"language": {"coding": [{"code": code}], "text": text}, "preferred": preferred}


@pytest.mark.parametrize(
    ("communication", "expected"),
    [
        ([spoken("en"), spoken("zh-CN", preferred=True)], "zh-CN"),
        ([spoken("en"), spoken("de")], "en"),
        ([spoken(text="Cantonese")], "Cantonese"),
        ([spoken(), spoken("fr")], "fr"),
        ([{"language": "en"}, {"language": {"coding": "en"}}, 3], None),
        ([spoken("x" * 900)], "x" * 64),
        ("en", None),
    ],
)
def test_the_language_is_the_preferred_one(communication: Any, expected: str | None) -> None:
    assert language_in(communication) == expected
