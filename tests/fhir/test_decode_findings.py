"""Findings in reports and Observations: read where a concept says them, let go where only prose does."""

from datetime import date
from typing import Any

import pytest

from service.clinical.results import Answer, Measurement
from service.fhir.incoming import Deleted, Ignored, Observed
from tests.fhir.arriving import alt, coded, decoded

SNOMED = "http://snomed.info/sct"
STEATOSIS = coded("197321007", system=SNOMED)
FOUND, NOT_FOUND, UNCLEAR = Answer.POSITIVE, Answer.NEGATIVE, Answer.UNCLEAR


def report(*conclusions: Any, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "status": "final",
        "code": {"text": "CT of the chest"},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2024-03-01T08:15:00+01:00",
        "conclusionCode": list(conclusions),
    }
    return {key: value for key, value in {**given, **changes}.items() if value is not None}


def found(given: dict[str, Any]) -> tuple[Measurement, ...]:
    content = decoded(given).content
    assert isinstance(content, Observed), content
    return content.measurements


def said(given: dict[str, Any]) -> dict[str, Answer | None]:
    return {each.what: each.answer for each in found(given)}


def test_a_report_says_its_conclusions_with_their_words_and_where_they_are_from() -> None:
    (only,) = found(report({"text": "Hepatic steatosis"}))
    assert (only.what, only.answer, only.text, only.day) == (
        *("steatosis", FOUND, "Hepatic steatosis"),
        date(2024, 3, 1),
    )
    assert only.key.resource == "DiagnosticReport/r1"
    assert said(report(STEATOSIS)) == {"steatosis": FOUND}


def test_several_conclusions_on_one_finding_are_one_the_surest() -> None:
    given = report({"text": "No gallstones"}, {"text": "Possible gallstones"}, {"text": "No cirrhosis"})
    assert said(given) == {"gallstones": UNCLEAR, "cirrhosis": NOT_FOUND}


def test_what_a_report_finds_stands_beside_that_it_was_done() -> None:
    content = decoded(report({"text": "Dilated bile ducts"}, code={"text": "Ultrasound abdomen"})).content
    assert isinstance(content, Observed)
    assert [each.what for each in content.measurements] == ["bile-duct-dilatation"]
    assert [each.what for each in content.done] == ["ultrasound"]


def test_the_prose_of_a_report_is_not_searched() -> None:
    assert decoded(report(conclusion="Gallstones.", conclusionCode=None)).content == Ignored("other-type")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "preliminary"},
        {"status": "registered"},
        {"effectiveDateTime": None},
        {"subject": None},
        {"subject": {"reference": "Group/g1"}},
        {"conclusionCode": 7},
        {"conclusionCode": [{"text": "Nodule of the lung"}]},
    ],
)
def test_a_conclusion_that_does_not_count_or_cannot_be_used_is_let_go(changes: dict[str, Any]) -> None:
    assert isinstance(decoded(report({"text": "Gallstones"}, **changes)).content, Ignored)


def test_a_retracted_report_found_nothing() -> None:
    assert decoded(report({"text": "Gallstones"}, status="entered-in-error")).content == Deleted()


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ({"valueBoolean": True}, FOUND),
        ({"valueBoolean": False}, NOT_FOUND),
        ({"valueCodeableConcept": {"text": "Present"}}, FOUND),
        ({"valueCodeableConcept": {"text": "Absent"}}, NOT_FOUND),
        ({"valueString": "Moderate"}, FOUND),
        ({"valueString": "probable"}, UNCLEAR),
    ],
)
def test_an_observation_named_after_a_finding_is_answered(value: dict[str, Any], answer: Answer) -> None:
    given = alt(code={"text": "Hepatic steatosis"}, valueQuantity=None) | value
    assert said(given) == {"steatosis": answer}


def test_one_without_an_answer_or_with_a_number_says_nothing() -> None:
    assert said(alt(code=STEATOSIS, valueQuantity=None)) == {}
    assert said(alt(code=STEATOSIS)) == {}
    assert said(alt(code=STEATOSIS, valueQuantity=None, valueString="see report")) == {}


def test_an_observation_named_after_an_examination_says_in_a_concept_what_it_found() -> None:
    concept = {"text": "Gallstones without biliary dilatation"}
    given = alt(code={"text": "US abdomen"}, valueQuantity=None, valueCodeableConcept=concept)
    assert said(given) == {"gallstones": FOUND, "bile-duct-dilatation": NOT_FOUND}
    assert len({each.key for each in found(given)}) == 2
    assert said(alt(code={"text": "US abdomen"}, valueQuantity=None, valueString="Gallstones")) == {}


def test_a_component_and_a_contained_observation_may_say_it_too() -> None:
    part = {"code": {"text": "Gallstones"}, "valueBoolean": True}
    assert said(alt(code={"text": "Findings"}, valueQuantity=None, component=[part])) == {"gallstones": FOUND}
    inner = {"resourceType": "Observation", "id": "f", "status": "final", **part}
    given = report(conclusionCode=None, contained=[inner])
    (only,) = found(given)
    assert (only.what, only.key.sub_key) == ("gallstones", "contained:f")


def test_a_finding_of_a_status_that_does_not_count_says_nothing() -> None:
    given = alt(code=STEATOSIS, valueQuantity=None, valueBoolean=True, status="preliminary")
    assert said(given) == {}


def test_the_gene_and_the_copper_are_read_where_they_are_asked_for() -> None:
    given = alt(code={"text": "HFE gene mutation analysis"}, valueQuantity=None, valueString="C282Y/C282Y")
    assert [(each.what, each.text) for each in found(given)] == [("hfe-genotype", "C282Y/C282Y")]
    variant = alt(code={"text": "HFE C282Y"}, valueQuantity=None, valueString="Homozygous")
    assert [each.what for each in found(variant)] == ["hfe-c282y"]
    other = alt(code={"text": "HFE gene H63D"}, valueQuantity=None, valueString="Homozygous")
    assert decoded(other).content == Ignored("other-code")
    copper = {"value": 3, "system": "http://unitsofmeasure.org", "code": "umol/(24.h)"}
    (only,) = found(alt(code={"text": "Copper, 24 hour urine"}, valueQuantity=copper))
    assert (only.what, str(only.value)) == ("urine-copper", "190.638")
    spot = {"value": 3, "system": "http://unitsofmeasure.org", "code": "umol/L"}
    assert found(alt(code={"text": "Copper, urine"}, valueQuantity=spot)) == ()
    serum = alt(code={"text": "Copper, serum"}, valueQuantity=spot)
    assert decoded(serum).content == Ignored("other-code")
