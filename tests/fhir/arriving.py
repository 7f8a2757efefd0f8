"""Resources as they arrive, small enough to read, and their decoding."""

import copy
import json
from datetime import tzinfo
from typing import Any

from service.clinical.results import LabResult
from service.clinical.rulebook import load_rulebook
from service.fhir.bundles import decode_bundle
from service.fhir.decode import decode_resource
from service.fhir.incoming import Incoming, Observed, Unusable
from service.fhir.strict_json import check_json

RULEBOOK = load_rulebook()
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
ALT, AST, BILIRUBIN, ALP, INR = "1742-6", "1920-8", "1975-2", "6768-6", "6301-6"


def coded(*codes: str, system: str = LOINC) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} for code in codes]}


def quantity(value: object, unit: str = "U/L", **more: object) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit, **more}


def alt(**changes: Any) -> dict[str, Any]:
    """A plain ALT of 61 U/L; a change to None takes the field away."""
    given: dict[str, Any] = {
        "resourceType": "Observation",
        "id": "o1",
        "meta": {"versionId": "3", "lastUpdated": "2024-03-01T10:00:00.123Z"},
        "status": "final",
        "code": coded(ALT),
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2024-03-01T08:15:00+01:00",
        "valueQuantity": quantity(61),
    }
    given.update(copy.deepcopy(changes))
    return {key: value for key, value in given.items() if value is not None}


def without_value(**changes: Any) -> dict[str, Any]:
    return alt(valueQuantity=None, **changes)


def decoded(given: dict[str, Any] | str | bytes, *, zone: tzinfo | None = None) -> Incoming:
    """Through the same door as the feed: checked, then decoded."""
    raw = json.dumps(given).encode() if isinstance(given, dict) else given
    raw = raw.encode() if isinstance(raw, str) else raw
    return decode_resource(check_json(raw), source="lab", zone=zone, rulebook=RULEBOOK)


def decoded_bundle(kind: str, *entries: dict[str, Any], max_entries: int = 500) -> list[Incoming]:
    raw = json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()
    return decode_bundle(check_json(raw), source="lab", zone=None, rulebook=RULEBOOK, max_entries=max_entries)


def results(given: dict[str, Any], *, zone: tzinfo | None = None) -> tuple[LabResult, ...]:
    content = decoded(given, zone=zone).content
    assert isinstance(content, Observed), content
    return content.results


def result(given: dict[str, Any], *, zone: tzinfo | None = None) -> LabResult:
    (only,) = results(given, zone=zone)
    return only


def refused(given: dict[str, Any] | str | bytes, *, zone: tzinfo | None = None) -> tuple[str, str]:
    """Reason and place of the refusal."""
    content = decoded(given, zone=zone).content
    assert isinstance(content, Unusable), content
    return content.reason, content.where


def problems(given: dict[str, Any]) -> list[tuple[str, str, bool]]:
    content = decoded(given).content
    assert isinstance(content, Observed), content
    return [(each.reason, each.where, each.quarantined) for each in content.problems]
