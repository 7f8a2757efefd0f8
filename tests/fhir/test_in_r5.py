"""What is written to an R5 server is valid R5, and as it was reviewed.

After a change that is meant, write the files anew and read what `git diff` shows:

    LIVERWATCH_WRITE_GOLDEN=1 pytest tests/fhir/test_in_r5.py
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from service.alerts.alert import Action, Alert, State
from service.fhir.encode import encode_issue
from service.fhir.encode_origin import Origin, encode_device, encode_provenance
from service.fhir.encode_requests import encode_requests
from service.fhir.encode_tasks import encode_tasks
from service.fhir.in_r5 import in_r5, spoken
from service.fhir.outgoing import InvalidOutgoing, validate_outgoing
from tests.fhir.alert_examples import NOW, advising, alert, disposition, episode, revised, urgent, went_on
from tests.fhir.test_encode_advice import TO

REVIEWED = Path(__file__).parent / "r5"
WRITE = os.environ.get("LIVERWATCH_WRITE_GOLDEN") == "1"
GIVEN = advising(alert(seen=True), "patient-education", "medication-review")


def made_of(given: Alert) -> dict[str, dict[str, Any]]:
    """Everything there is of an alert, in R4."""
    requests = encode_requests(given, TO)
    tasks = encode_tasks(given, requests, TO, lambda key: key.replace("/", "/our-"))
    origin = Origin("1.2.3", "ab" * 32, {"alt-2": "3"})
    return {
        "issue": encode_issue(given, TO, [disposition(Action.OVERRIDE, note="Known to the clinic")]),
        **requests,
        **{f"task-{name}": task for name, task in tasks.items()},
        "device": encode_device(),
        "provenance": encode_provenance(given, TO, ["DetectedIssue/i1"], origin, NOW),
    }


@pytest.mark.parametrize("name", sorted(made_of(GIVEN)))
def test_r5_says_what_was_reviewed(name: str) -> None:
    told = in_r5(made_of(GIVEN)[name], mitigated=True)
    validate_outgoing(told, "R5")
    text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    file = REVIEWED / f"{name}.json"
    if WRITE:
        REVIEWED.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text
    assert {each.stem for each in REVIEWED.glob("*.json")} == made_of(GIVEN).keys()


@pytest.mark.parametrize(
    "given",
    [
        urgent(),
        went_on(urgent(), alert()),
        revised(alert(), state=State.ENTERED_IN_ERROR, withdrawn="corrected"),
        revised(alert(episode(resolved=NOW.date())), state=State.RESOLVED),
        went_on(GIVEN, alert()),
    ],
)
def test_whatever_becomes_of_an_alert_is_valid_r5(given: Alert) -> None:
    for resource in made_of(given).values():
        validate_outgoing(in_r5(resource), "R5")


def test_what_is_of_r4_is_no_r5_and_the_other_way_round() -> None:
    for name, resource in made_of(GIVEN).items():
        if resource["resourceType"] == "Provenance":
            continue  # but for the Device that it contains it is the same
        with pytest.raises(InvalidOutgoing):
            validate_outgoing(resource, "R5")
        with pytest.raises(InvalidOutgoing):
            validate_outgoing(in_r5(resource), "R4")
        assert spoken(resource, "R4B") is resource, name


def test_the_codes_that_r5_requires_are_required() -> None:
    issue = in_r5(made_of(GIVEN)["issue"])
    for status in ("registered", "bogus"):
        with pytest.raises(InvalidOutgoing, match=r"DetectedIssue\.status"):
            validate_outgoing({**issue, "status": status}, "R5")
    with pytest.raises(InvalidOutgoing, match=r"DetectedIssue\.status"):
        validate_outgoing({**made_of(GIVEN)["issue"], "status": "mitigated"})


def test_only_a_decided_issue_that_stands_is_mitigated() -> None:
    seen = encode_issue(revised(alert(), seen=True), TO)
    assert in_r5(seen)["status"] == "final"
    assert in_r5(seen, mitigated=True)["status"] == "mitigated"
    withdrawn = encode_issue(revised(alert(), state=State.ENTERED_IN_ERROR), TO)
    assert in_r5(withdrawn, mitigated=True)["status"] == "entered-in-error"


def test_what_is_said_in_r4_stays_as_it_is() -> None:
    before = json.dumps(made_of(GIVEN))
    given = made_of(GIVEN)
    for each in given.values():
        in_r5(each, mitigated=True)
    assert json.dumps(given) == before
