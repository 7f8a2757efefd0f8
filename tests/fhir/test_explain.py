"""Why FHIR rejects a resource: paths and kinds of error, never the content."""

import json

from service.fhir.explain import explain_rejection
from tests.fhir.arriving import alt


def test_a_valid_resource_breaks_no_rule() -> None:
    assert explain_rejection(json.dumps(alt()).encode()) is None


def test_the_broken_rules_are_told_by_path() -> None:
    given = alt(code=None, valueQuantity={"value": "SECRET"}, component=[{"SECRET": 1}])
    told = explain_rejection(json.dumps(given).encode())
    assert told is not None
    assert "Observation.code: missing" in told
    assert "Observation.valueQuantity.value: " in told
    assert "Observation.component[0]: extra_forbidden" in told
    assert "SECRET" not in told


def test_what_is_no_resource_is_told_so() -> None:
    assert explain_rejection(b"{}") is not None
    assert explain_rejection(b'{"resourceType":"Nothing"}') == "resourceType: not a resource type of FHIR R4"
