"""Context Observations and examinations: read where they are known, let go where they are not."""

from decimal import Decimal
from typing import Any

import pytest

from service.clinical.results import Answer, Done, Measurement, Progress
from service.fhir.incoming import Deleted, Ignored, Observed
from tests.fhir.arriving import alt, coded, decoded, problems, quantity

FERRITIN = coded("2276-4")


def measured(**given: Any) -> Measurement:
    content = decoded(alt(**{"code": FERRITIN, "valueQuantity": None, **given})).content
    assert isinstance(content, Observed), content
    (one,) = content.measurements
    return one


def test_a_measurement_is_kept_in_its_unit_with_the_laboratorys_limits() -> None:
    limit = [{"high": quantity(300, "ng/mL")}]
    found = measured(valueQuantity=quantity(450, "ng/mL"), referenceRange=limit)
    assert (found.what, found.value, found.unit, found.high) == (
        "ferritin",
        Decimal(450),
        "ug/L",
        Decimal(300),
    )
    assert measured(code=coded("2064-4"), valueQuantity=quantity(15, "mg/dL")).value == Decimal("0.15")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("negative", Answer.NEGATIVE),
        ("Non-Reactive", Answer.NEGATIVE),
        ("not detected", Answer.NEGATIVE),
        ("REACTIVE", Answer.POSITIVE),
        ("Positive", Answer.POSITIVE),
        ("No HBsAg detected", Answer.NEGATIVE),
        ("no surface antigen was found", Answer.NEGATIVE),
        ("not yet detected", Answer.NEGATIVE),
        ("no change since last year: reactive", Answer.POSITIVE),
        ("Yes", Answer.POSITIVE),
        ("no", Answer.NEGATIVE),
        ("indeterminate", Answer.UNCLEAR),
        ("see comment", None),
    ],
)
def test_an_answer_in_words_is_understood(text: str, answer: Answer | None) -> None:
    found = measured(code=coded("5195-3"), valueString=text)
    assert (found.what, found.answer, found.text) == ("hbsag", answer, text)
    assert measured(code=coded("5195-3"), valueCodeableConcept={"text": text}).answer is answer


def test_a_test_without_a_known_code_is_known_by_its_words() -> None:
    assert measured(code={"text": "Anti-smooth muscle antibody"}, valueString="positive").what == (
        "smooth-muscle-antibody"
    )
    urine = decoded(alt(code={"text": "Haptoglobin, urine"}))
    assert urine.content == Ignored("other-code")


def test_an_unknown_unit_of_context_is_not_kept_and_never_quarantined() -> None:
    given = alt(code=FERRITIN, valueQuantity=quantity(450, "squeaks"))
    assert problems(given) == [("unknown-unit", "Observation.valueQuantity", False)]
    assert decoded(alt(code=FERRITIN, subject=None)).content == Ignored("other-subject")


def test_context_of_a_status_that_does_not_count_says_nothing() -> None:
    content = decoded(alt(code=FERRITIN, valueQuantity=quantity(1, "ng/mL"), status="preliminary")).content
    assert content == Observed(())
    assert decoded(alt(code=FERRITIN, status="entered-in-error")).content == Deleted()


def examined(kind: str, text: str, status: str, **more: Any) -> Any:
    subject = {"reference": "Patient/p1"}
    given = {"id": "x1", "status": status, "subject": subject, "code": {"text": text}}
    return decoded({"resourceType": kind, **given, **more}).content


def test_what_was_done_or_ordered_is_known_by_its_words() -> None:
    done = examined("Procedure", "US abdomen", "completed", performedDateTime="2024-03-01")
    assert isinstance(done, Done)
    assert (done.what, done.progress, done.reference) == ("ultrasound", Progress.DONE, "Procedure/x1")
    guided = examined(
        "Procedure", "Ultrasound guided liver biopsy", "completed", performedDateTime="2024-03-01"
    )
    assert guided.what == "biopsy"
    ordered = examined("ServiceRequest", "FibroScan", "active", intent="order", authoredOn="2024-03-01")
    assert (ordered.what, ordered.progress) == ("elastography", Progress.ORDERED)


def test_a_proposal_is_no_order_and_what_is_not_of_the_liver_is_let_go() -> None:
    proposal = examined("ServiceRequest", "Liver ultrasound", "active", intent="proposal", authoredOn="2024")
    assert proposal == Ignored("not-done")
    assert examined("Procedure", "Renal ultrasound", "completed") == Ignored("other-code")
    assert examined("Procedure", "Liver biopsy", "entered-in-error") == Deleted()
    assert examined("DiagnosticReport", "Liver MRI", "final", effectiveDateTime=7) == (
        Ignored("unreadable-context")
    )
