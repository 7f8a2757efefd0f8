"""The sample histories are what they claim to be: valid FHIR, complete, and judged as worked out by hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from service.clinical.analytes import CODES, LOINC
from service.clinical.catalogues.measurements import kinds
from service.clinical.results import Condition, Done, Medication
from service.clinical.rulebook import load_rulebook
from service.fhir.bundles import decode_bundle
from service.fhir.decode import decode_resource
from service.fhir.incoming import Incoming, Observed, PatientFacts
from service.fhir.strict_json import check_json

SAMPLES = Path(__file__).parent.parent / "fhir_samples"
DEMO = SAMPLES / "demo"
SCRIPT = json.loads((DEMO / "script.json").read_text(encoding="utf-8"))
VIGNETTES = sorted(folder.name for folder in SAMPLES.iterdir() if folder.is_dir() and folder != DEMO)
TOLD = sorted({step["patient"] for step in SCRIPT["steps"] if "patient" in step})
"""Whom the demo tells of."""
FEED = sorted(str(file.relative_to(SAMPLES)) for file in SAMPLES.glob("*/feed/*.json"))

every_vignette = pytest.mark.parametrize("vignette", VIGNETTES)
every_feed_file = pytest.mark.parametrize("file", FEED)


def read(*path: str) -> Any:
    return json.loads(SAMPLES.joinpath(*path).read_text(encoding="utf-8"))


def resources(file: str) -> list[Any]:
    """The resources a feed file brings, out of their Bundle."""
    content = read(file)
    return [entry["resource"] for entry in content["entry"]] if "entry" in content else [content]


def decoded(file: str) -> list[Incoming]:
    raw = check_json((SAMPLES / file).read_bytes())
    if "entry" in json.loads(raw):
        return decode_bundle(raw, source="samples", zone=None, rulebook=load_rulebook())
    return [decode_resource(raw, source="samples", zone=None, rulebook=load_rulebook())]


def loinc_codes(content: Any) -> Iterator[str]:
    if isinstance(content, list):
        for part in content:
            yield from loinc_codes(part)
    elif isinstance(content, dict):
        if content.get("system") == LOINC:
            yield content["code"]
        for part in content.values():
            yield from loinc_codes(part)


def test_there_are_thirty_vignettes_of_which_the_demo_tells_twelve() -> None:
    assert len(VIGNETTES) == 30
    assert len(TOLD) == 12


@every_vignette
def test_a_vignette_says_who_and_why_in_its_first_line(vignette: str) -> None:
    first, second, *_ = (SAMPLES / vignette / "README.md").read_text(encoding="utf-8").splitlines()
    assert first.endswith(".")
    assert not first.startswith("#")
    assert second == ""


@every_vignette
def test_a_vignette_says_what_is_expected_of_its_own_patient_only(vignette: str) -> None:
    assert read(vignette, "expected.json")["patient"] == vignette
    subjects = {
        resource["id"] if resource["resourceType"] == "Patient" else resource["subject"]["reference"]
        for file in FEED
        if file.startswith(f"{vignette}/")
        for resource in resources(file)
    }
    assert subjects == {vignette, f"Patient/{vignette}"}


@every_vignette
def test_the_index_lists_every_vignette(vignette: str) -> None:
    assert f"[{vignette}]({vignette})" in (SAMPLES / "README.md").read_text(encoding="utf-8")


@every_feed_file
def test_every_feed_file_is_valid_fhir(file: str) -> None:
    content = read(file)
    get_fhir_model_class(content["resourceType"]).model_validate(content)


@every_feed_file
def test_every_resource_carries_the_version_a_server_gave_it(file: str) -> None:
    for resource in resources(file):
        assert resource["meta"]["versionId"].isdecimal()
        assert resource["meta"]["lastUpdated"].endswith("+00:00")


@every_feed_file
def test_every_laboratory_code_is_one_of_the_catalogue(file: str) -> None:
    context = {code for kind in kinds().values() for code in kind.codes}
    assert set(loinc_codes(read(file))) <= set(CODES) | context


@every_feed_file
def test_every_resource_decodes_to_something_usable(file: str) -> None:
    for incoming in decoded(file):
        content = incoming.content
        if isinstance(content, Observed):
            assert content.problems == ()
            assert content.results or content.measurements
        elif isinstance(content, PatientFacts):
            assert content.problems == ()
            assert content.sex is not None
        elif incoming.id != "retracted-result-2025-03-18-alt":
            assert isinstance(content, Condition | Medication | Done), content


def test_no_version_is_sent_with_two_contents() -> None:
    seen: dict[tuple[str, str, str], Any] = {}
    for file in FEED:
        for resource in resources(file):
            key = (resource["resourceType"], resource["id"], resource["meta"]["versionId"])
            assert seen.setdefault(key, resource) == resource
    assert ("Observation", "worsening-on-statin-2025-06-10-alt", "1") in seen
    assert ("Observation", "worsening-on-statin-2025-06-10-alt", "2") in seen


class TestDemoScript:
    def test_it_plays_every_feed_file_of_those_it_tells_of(self) -> None:
        played = {file for step in SCRIPT["steps"] for file in step["push"]}
        theirs = {file for file in FEED if file.partition("/")[0] in (*TOLD, "demo")}
        assert played == theirs

    def test_its_steps_are_numbered_and_each_says_what_happens_in_one_sentence(self) -> None:
        steps = read("demo", "script.json")["steps"]
        assert [step["number"] for step in steps] == list(range(1, len(steps) + 1))
        assert all(step["says"].endswith(".") and ". " not in step["says"] for step in steps)

    def test_it_has_every_mishap_of_a_feed(self) -> None:
        incidents = {step.get("incident") for step in read("demo", "script.json")["steps"]}
        assert incidents >= {"duplicate", "late-arrival", "correction", "entered-in-error", "unit-alias"}

    def test_its_last_word_on_each_patient_is_what_the_ehr_must_hold_at_the_end(self) -> None:
        last = {step.get("patient"): step["then"] for step in read("demo", "script.json")["steps"]}
        held = [issue for issues in last.values() for issue in issues]
        end = read("demo", "expected.json")
        assert sorted(map(str, held)) == sorted(map(str, end["detected_issues"]))
        assert {patient for patient, issues in last.items() if patient and not issues} == set(end["none_for"])

    def test_the_ehr_must_hold_what_the_vignettes_expect(self) -> None:
        expected = [
            {"patient": vignette, "family": alert["family"], **alert["detected_issue"]}
            for vignette in TOLD
            for outcome in [read(vignette, "expected.json")]
            for alert in [*outcome["alerts"], *outcome.get("withdrawn", [])]
        ]
        held = read("demo", "expected.json")["detected_issues"]
        assert sorted(map(str, expected)) == sorted(map(str, held))
