"""What a source sends besides liver tests: measurements of context, examinations, conditions and drugs.

Each is a small resource of patient `patient_id`, so many days old.
"""

from datetime import datetime, timedelta
from typing import Any

from tests.ingest.feeding import NOW, Resource, meta

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
FERRITIN = {"coding": [{"system": LOINC, "code": "2276-4"}]}
HBSAG = {"coding": [{"system": LOINC, "code": "5196-1"}]}
SATURATION = {"text": "Transferrin saturation"}
CERULOPLASMIN = {"text": "Caeruloplasmin"}
ANA = {"text": "Antinuclear antibodies"}
AUDIT_C = {"coding": [{"system": LOINC, "code": "75626-2"}]}


def _stated(
    kind: str, id_: str, patient_id: str, status: str, version: int | None, updated: datetime | None
) -> Resource:
    return {
        "resourceType": kind,
        "id": id_,
        **meta(version, updated),
        "status": status,
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def _instant(days_ago: int) -> str:
    return (NOW - timedelta(days=days_ago)).isoformat()


def _date(days_ago: int) -> str:
    return _instant(days_ago)[:10]


def measurement(
    id_: str,
    patient_id: str = "p1",
    code: Resource = FERRITIN,
    value: float | str = 900,
    unit: str = "ug/L",
    *,
    days_ago: int = 10,
    status: str = "final",
    version: int | None = 1,
    updated: datetime | None = None,
) -> Resource:
    """An Observation of context, with a number or with words."""
    said: Resource = {"valueString": value}
    if not isinstance(value, str):
        said = {"valueQuantity": {"value": value, "system": UCUM, "code": unit}}
    return {
        **_stated("Observation", id_, patient_id, status, version, updated),
        "code": code,
        "effectiveDateTime": _instant(days_ago),
        **said,
    }


def examination(
    kind: str,
    id_: str,
    patient_id: str = "p1",
    text: str = "Ultrasound of the liver",
    *,
    days_ago: int = 10,
    status: str = "",
    version: int | None = 1,
    updated: datetime | None = None,
) -> Resource:
    """An examination that was done (Procedure, DiagnosticReport) or ordered (ServiceRequest)."""
    usual = {"Procedure": "completed", "DiagnosticReport": "final", "ServiceRequest": "active"}[kind]
    when: dict[str, dict[str, Any]] = {
        "Procedure": {"performedDateTime": _date(days_ago)},
        "DiagnosticReport": {"effectiveDateTime": _instant(days_ago)},
        "ServiceRequest": {"intent": "order", "authoredOn": _date(days_ago)},
    }
    stated = _stated(kind, id_, patient_id, status or usual, version, updated)
    return {**stated, "code": {"text": text}, **when[kind]}


def condition(
    id_: str,
    patient_id: str = "p1",
    text: str = "Hepatic steatosis",
    *,
    days_ago: int = 60,
    status: str = "active",
    verification: str = "confirmed",
    version: int | None = 1,
    updated: datetime | None = None,
) -> Resource:
    """A problem; `status` is the clinical one."""
    stated = _stated("Condition", id_, patient_id, "", version, updated)
    del stated["status"]
    return {
        **stated,
        "clinicalStatus": {"coding": [{"code": status}]},
        "verificationStatus": {"coding": [{"code": verification}]},
        "code": {"text": text},
        "onsetDateTime": _date(days_ago),
    }


def drug(
    kind: str,
    id_: str,
    patient_id: str = "p1",
    text: str = "Isoniazid 300 mg",
    *,
    days_ago: int = 300,
    status: str = "",
    version: int | None = 1,
    updated: datetime | None = None,
) -> Resource:
    """A drug that was ordered, reported or given."""
    usual = {"MedicationAdministration": "completed"}.get(kind, "active")
    when: dict[str, dict[str, Any]] = {
        "MedicationRequest": {"intent": "order", "authoredOn": _date(days_ago)},
        "MedicationStatement": {"effectivePeriod": {"start": _date(days_ago)}},
        "MedicationAdministration": {"effectiveDateTime": _date(days_ago)},
    }
    stated = _stated(kind, id_, patient_id, status or usual, version, updated)
    return {**stated, "medicationCodeableConcept": {"text": text}, **when[kind]}
