"""OperationOutcomes."""

import pytest

from service.errors import LiverwatchError, MalformedInput, NotFound, Overloaded
from service.fhir.outcomes import operation_outcome, outcome_bytes, success_outcome
from service.fhir.outgoing import validate_outgoing


@pytest.mark.parametrize(
    "error",
    [
        MalformedInput("a key stands twice", where="Observation.valueQuantity.value"),
        MalformedInput("not JSON", where="line 7, column 3"),
        Overloaded("the queue is full", retry_after=5),
        NotFound(""),
    ],
)
def test_every_error_becomes_a_valid_outcome(error: LiverwatchError) -> None:
    validate_outgoing(operation_outcome(error))


def test_an_outcome_names_the_place() -> None:
    issue = operation_outcome(MalformedInput("a key stands twice", where="Observation.code"))["issue"][0]
    assert issue["code"] == "structure"
    assert issue["expression"] == ["Observation.code"]
    in_words = operation_outcome(MalformedInput("not JSON", where="line 7"))["issue"][0]
    assert in_words["diagnostics"] == "not JSON Place: line 7."


def test_success_has_a_body_too() -> None:
    validate_outgoing(success_outcome())
    assert b"information" in outcome_bytes()
