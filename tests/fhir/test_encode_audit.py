"""Every row of the audit log as an AuditEvent: valid R4, and as IHE's patterns have it."""

import ast
import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import fhirkit
import pytest

import service
from service.fhir.audit_codes import KINDS, actions_of, kind_of
from service.fhir.encode_audit import Event, encode_audit_event
from service.fhir.outgoing import validate_outgoing
from tests.fhir.balp import BASE, PROFILES, broken

PUBLIC_URL = "https://watch.clinic.test"
EHR = "https://ehr.clinic.test/r4"
ALERT = str(UUID(int=7))
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
WRITERS = frozenset({"write_audit", "audit", "_audit", "_note", "_note_by_what", "look"})
"""What notes something in the log, by the names of the functions."""
DETAILS: dict[str, dict[str, Any]] = {
    "read": {"resource": "DetectedIssue", "count": 1, "id": ALERT},
    "read-patient": {"found": True, "glass": False},
    "search": {"resource": "Task", "count": 0, "query": "status=requested&_count=50"},
    "read-worklist": {"alerts": [ALERT], "query": "tier=urgent"},
    "sign-in": {"how": "password"},
}


def event(action: str, actor: str = "user:adams", *, patient: bool = True, **detail: Any) -> Event:
    told = {"request": "ab12", **DETAILS.get(action, {"alert": ALERT}), **detail}
    whom = f"{EHR}/Patient/p1" if patient else None
    return Event(17, NOW, actor, action, told, whom, EHR, "clinic")


def encoded(action: str, actor: str = "user:adams", *, patient: bool = True, **detail: Any) -> Any:
    return encode_audit_event(event(action, actor, patient=patient, **detail), PUBLIC_URL)


@pytest.mark.parametrize("patient", [True, False])
@pytest.mark.parametrize(
    "actor", ["user:adams", "reader:ward", "liverwatch", "cli:root", "unknown", "Nurse \x07"]
)
@pytest.mark.parametrize("action", [*KINDS, "something-new"])
def test_every_action_is_a_valid_event_of_the_profile_it_claims(
    action: str, actor: str, patient: bool
) -> None:
    made = encoded(action, actor, patient=patient)
    validate_outgoing(made)
    assert [str(each) for each in fhirkit.validate(json.dumps(made))] == []
    assert broken(made) == []
    kind = kind_of(action)
    claimed = made.get("meta", {}).get("profile", [])
    follows = kind.pattern is not None and not kind.failed
    assert claimed == ([f"{BASE}{'Patient' if patient else ''}{kind.pattern}"] if follows else [])


def test_every_profile_of_the_table_is_claimed_by_some_event() -> None:
    claimed = {
        each
        for action in KINDS
        for patient in (True, False)
        for each in encoded(action, patient=patient).get("meta", {}).get("profile", ())
    }
    assert claimed == set(PROFILES)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("action",), "C"),
        (("outcome",), "4"),
        (("subtype",), []),
        (("type", "code"), "110110"),
        (("agent", 0, "network"), None),
        (("agent", 1, "type", "coding", 0, "code"), "110152"),
        (("agent", 2, "requestor"), False),
        (("agent", 2, "network"), {"address": "10.0.0.1", "type": "2"}),
        (("entity", 0, "what"), None),
        (("entity", 0, "role", "code"), "24"),
        (("entity", 1, "what", "type"), "Group"),
        (("entity", 1, "role", "code"), "4"),
        (("entity", 2, "what", "identifier", "value"), None),
    ],
)
def test_the_table_finds_what_breaks_a_profile(path: tuple[Any, ...], value: Any) -> None:
    made = encoded("read-patient")
    assert broken(made) == []
    node: Any = made
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    assert broken(made) != []


def test_every_action_that_is_written_to_the_log_has_its_row() -> None:
    written = set()
    for file in Path(service.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in WRITERS:
                given = [*node.args, *(each.value for each in node.keywords if each.arg == "action")]
                named = [each.value for each in given if isinstance(each, ast.Constant)]
                written |= {
                    each for each in named if isinstance(each, str) and re.fullmatch("[a-z.-]+", each)
                }
    assert {"read", "sign-in", "ehr.write", "source-add", "write-letter"} <= written
    assert written - KINDS.keys() == set()


def test_who_did_it_is_named_as_in_the_log() -> None:
    client, server, user = encoded("read-patient")["agent"]
    assert user["who"]["identifier"]["value"] == user["name"] == "user:adams"
    assert (client["requestor"], server["requestor"], user["requestor"]) == (False, False, True)
    assert server["who"] == {"reference": "Device/liverwatch"}
    assert server["network"] == {"address": PUBLIC_URL, "type": "5"}
    program, _ = encoded("search", "reader:ward")["agent"]
    assert program["who"]["identifier"]["value"] == "reader:ward"
    assert program["requestor"]
    ours, ehr = encoded("ehr.write", "liverwatch")["agent"]
    assert (ours["who"], ehr["network"]["address"]) == ({"reference": "Device/liverwatch"}, EHR)
    (typist,) = encoded("write-letter", "cli:root")["agent"]
    assert typist["type"]["coding"][0]["code"] == "humanuser"


def test_what_was_done_is_told_in_full() -> None:
    made = encoded("search", "reader:ward")
    asked = made["entity"][0]
    assert base64.b64decode(asked["query"]) == b"Task?status=requested&_count=50"
    data, whom, request = encoded("read", "reader:ward")["entity"]
    assert data["what"] == {"reference": f"DetectedIssue/{ALERT}", "type": "DetectedIssue"}
    assert whom["what"] == {"reference": f"{EHR}/Patient/p1", "type": "Patient"}
    assert request["what"]["identifier"]["value"] == "ab12"
    (told, _) = encoded("source-set", "cli:root", patient=False, changed=["zone"])["entity"]
    assert {"type": "changed", "valueString": '["zone"]'} in told["detail"]


def test_a_look_in_vain_and_a_refused_sign_in_are_failures_and_claim_no_profile() -> None:
    for made in (
        encoded("read-patient", patient=False, found=False),
        encoded("read", "reader:ward", patient=False, count=0, id=None),
        encoded("sign-in-failed", "unknown", patient=False),
    ):
        assert made["outcome"] == "4"
        assert "meta" not in made
    assert encoded("search", "reader:ward", patient=False)["outcome"] == "0"


def test_a_record_opened_for_a_reason_says_so() -> None:
    opened, read = encoded("break-glass", reason="cover"), encoded("read-patient", glass=True)
    for made in (opened, read):
        assert made["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"
    assert "purposeOfEvent" not in encoded("read-patient")
    assert opened["subtype"][0]["code"] == "110127"


def test_an_action_is_found_by_its_codes_with_and_without_their_system() -> None:
    assert actions_of([(None, "110122")], "subtype") == {"sign-in", "sign-in-failed", "sign-in-held-off"}
    assert "read" in actions_of([("http://hl7.org/fhir/restful-interaction", "read")], "subtype")
    assert actions_of([("urn:other", "read"), (None, "110122")], "type") == set()


def test_the_same_row_is_always_the_same_resource() -> None:
    row = event("read-patient")
    assert encode_audit_event(row, PUBLIC_URL) == encode_audit_event(replace(row), PUBLIC_URL)
