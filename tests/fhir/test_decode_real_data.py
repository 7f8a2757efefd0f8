"""Published data decodes whole: nothing that is usable is refused."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from service.clinical.analytes import CODES
from service.clinical.results import Condition, LabResult, Medication
from service.fhir.decode import decode_resource
from service.fhir.incoming import Content, Ignored, Observed, PatientFacts, Unusable
from service.fhir.strict_json import check_json
from tests.fhir.arriving import RULEBOOK


SYNTHEA_CONTEXT = 540 + 540 + 278 + 524 + 524
"""BMI, tobacco, HbA1c, triglycerides and HDL cholesterol: what of Synthea's other Observations is context."""


def contents(path: Path) -> list[tuple[bytes, Content]]:
    with gzip.open(path) as lines:
        raws = [check_json(line.strip()) for line in lines]
    return [(raw, decode_resource(raw, source="lab", zone=None, rulebook=RULEBOOK).content) for raw in raws]


@pytest.mark.parametrize(("name", "liver"), [("cdiscpilot", 7400), ("pbcseq", 5397), ("synthea", 2042)])
def test_every_liver_test_is_usable_and_nothing_else_but_context_is_kept(
    shared_data: Path, name: str, liver: int
) -> None:
    usable = context = 0
    for raw, content in contents(shared_data / f"{name}.Observation.ndjson.gz"):
        about_liver = any(
            coding.get("code") in CODES and coding.get("system") == "http://loinc.org"
            for coding in json.loads(raw)["code"]["coding"]
        )
        if about_liver:
            assert isinstance(content, Observed)
            assert content.problems == ()
            assert len(content.results) == 1
            assert isinstance(content.results[0], LabResult)
            assert content.results[0].flags == ()
            usable += 1
        else:
            assert content == Ignored("other-code") or (
                isinstance(content, Observed) and content.results == () and len(content.measurements) == 1
            )
            context += not isinstance(content, Ignored)
    assert (usable, context) == (liver, {"synthea": SYNTHEA_CONTEXT}.get(name, 0))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cdiscpilot.Patient", PatientFacts),
        ("pbcseq.Patient", PatientFacts),
        ("synthea.Patient", PatientFacts),
        ("synthea.Condition", Condition),
        ("synthea.MedicationRequest", Medication),
    ],
)
def test_all_context_is_usable(shared_data: Path, name: str, kind: type) -> None:
    found = Counter(type(content) for _, content in contents(shared_data / f"{name}.ndjson.gz"))
    assert set(found) == {kind}


def test_reports_of_blood_tests_that_only_refer_to_their_results_are_ignored(shared_data: Path) -> None:
    found = {content for _, content in contents(shared_data / "synthea.DiagnosticReport.ndjson.gz")}
    assert found == {Ignored("other-type")}


def test_the_official_examples_decode_without_complaint(shared_data: Path) -> None:
    paths = sorted((shared_data / "fhir_examples").rglob("*.json"))
    assert paths
    for path in paths:
        raw = check_json(path.read_bytes())
        if json.loads(raw)["resourceType"] == "Bundle":
            continue
        content = decode_resource(raw, source="lab", zone=None, rulebook=RULEBOOK).content
        assert not isinstance(content, Unusable), path.name
