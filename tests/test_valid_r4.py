"""All we make is valid R4 by a judge of its own: `fhirkit`, generated from the 4.0.1 specification.

It looks at structure (elements, cardinalities, data types); `fhir.resources` and our own tables of required
codes look again, wherever a resource leaves.
"""

import json
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from service.api.capability import capability_statement
from service.api.definitions import DEFINED
from service.api.measure_definitions import Published
from service.api.presenting import show_device
from service.clinical.recommendations import Audience, orderables
from service.clinical.rulebook import load_rulebook
from service.fhir.encode import encode_issue
from service.fhir.encode_origin import Origin, encode_device, encode_provenance
from service.fhir.encode_requests import encode_requests
from service.fhir.encode_tasks import encode_tasks
from service.languages import LOCALES, words_in
from tests.fhir.alert_examples import NOW, advising, alert, disposition, urgent, went_on
from tests.fhir.test_encode_advice import TO


ROOT = Path(__file__).parent.parent
GOLDENS = sorted(
    str(file.relative_to(ROOT))
    for folder, files in (("fhir_samples", "*/expected/*.json"), ("tests/fhir/advice", "*/*/*.json"))
    for file in (ROOT / folder).glob(files)
)
ADVICE = [name for name, order in orderables().items() if order.audience is not Audience.CLINICIAN]


def defects(resource: dict[str, Any]) -> list[str]:
    return [str(issue) for issue in fhirkit.validate(json.dumps(resource))]


def test_the_judge_finds_what_is_wrong() -> None:
    request = {"resourceType": "CommunicationRequest", "status": "active"}
    assert defects(request) == []
    wrong: list[dict[str, Any]] = [
        *({"intent": "proposal"}, {"payload": [{}]}, {"occurrenceDateTime": "2024-13"}, {"note": []}),
        *({"subject": [{"reference": "Patient/1"}]}, {"about": {"reference": "Patient/1"}}),
    ]
    for each in wrong:
        assert defects(request | each), each


def test_there_are_goldens_to_look_at() -> None:
    assert len(GOLDENS) > 20


@pytest.mark.parametrize("golden", GOLDENS)
def test_what_the_samples_are_written_as_is_valid(golden: str) -> None:
    assert defects(json.loads((ROOT / golden).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("kind", DEFINED)
def test_every_definition_is_valid(kind: str) -> None:
    publication = Published(load_rulebook(), "A hospital", "https://watch.clinic.test")
    for definition in publication.all_of(kind):
        assert defects(definition) == [], definition["id"]


@pytest.mark.parametrize("language", LOCALES)
def test_everything_an_alert_can_say_is_valid(language: str) -> None:
    begun = advising(urgent(), *ADVICE)
    for given in (begun, went_on(begun, advising(alert(), *ADVICE[:2]))):
        requests = encode_requests(given, TO, words_in(language), with_id=True)
        tasks = encode_tasks(given, requests, TO, lambda key: key, with_id=True)
        issue = encode_issue(given, TO, [disposition(note="seen")], with_id=True)
        origin = Origin("1.2.3", "ab" * 32, {"alt-2": "7"})
        provenance = encode_provenance(given, TO, ["DetectedIssue/1"], origin, NOW)
        for resource in (issue, provenance, *requests.values(), *tasks.values()):
            assert defects(resource) == [], resource


def test_our_device_and_our_capability_statement_are_valid() -> None:
    for resource in (encode_device(), show_device(), capability_statement("https://watch.clinic.test/fhir")):
        assert defects(resource) == []
