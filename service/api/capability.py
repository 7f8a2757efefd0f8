"""The CapabilityStatement: what the read endpoint does, from the tables that it does it by."""

from typing import Any, Final

from service.api import audit_events
from service.api.definitions import DEFINED
from service.api.definitions import SEARCHED as SEARCHED_DEFINITIONS
from service.api.search_parameters import SEARCHED, SEARCHED_OF_PROVENANCE
from service.api.targets import KINDS
from service.fhir.outgoing import validate_outgoing
from service.settings import code_version

CHANGED: Final = "2026-11-26"
"""The day on which what it says last changed."""

_RESOURCES: Final = {
    "DetectedIssue": "One alert. Withdrawn and merged ones stay readable as entered-in-error.",
    "ServiceRequest": "A proposed step of an alert. One that is no longer advised stays readable as revoked.",
    "CommunicationRequest": (
        "Advice of an alert, to the prescriber or the patient. What is no longer advised stays readable as "
        "revoked."
    ),
    "Task": (
        "A task for each ServiceRequest and CommunicationRequest, where the source is set to have them; "
        "cancelled where its request is revoked."
    ),
    "Provenance": (
        "What an alert as it stands was decided with and from: the release, the rulebook's digest, and the "
        "versions of the results."
    ),
}
_EVALUATE: Final = {
    "name": "evaluate-measure",
    "definition": "http://hl7.org/fhir/OperationDefinition/Measure-evaluate-measure",
    "documentation": (
        "By GET with periodStart, periodEnd and reportType (summary, subject-list). A summary's small cells "
        "are masked."
    ),
}
_SECURITY: Final = (
    "Every request carries a reader token (Authorization: Bearer), which sees the sources it was made for. "
    "Every read is audited."
)
_REFERENCES: Final = (
    "Patients and Observations stay at their source: references to them are absolute where the source's FHIR "
    "base URL is known here, and relative to the source's own server where it is not; the resource's tag "
    "names the source."
)


def capability_statement(base: str) -> dict[str, Any]:
    """The statement of a service whose FHIR endpoint is at `base`."""
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": CHANGED,
        "publisher": "Liverwatch",
        "kind": "instance",
        "software": {"name": "Liverwatch", "version": code_version()},
        "implementation": {"description": "Alerts about liver tests, read only", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": _REFERENCES,
                "security": {"description": _SECURITY},
                "resource": [
                    *(_resource(kind) for kind in KINDS),
                    *(_defined(kind) for kind in DEFINED),
                    _audit_event(),
                    _device(),
                ],
            }
        ],
    }
    validate_outgoing(statement)
    return statement


def _resource(kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "documentation": _RESOURCES[kind],
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "readHistory": False,
        "conditionalRead": "not-match",
        "searchParam": _parameters(SEARCHED_OF_PROVENANCE if kind == "Provenance" else SEARCHED),
    }


def _defined(kind: str) -> dict[str, Any]:
    stated = {
        "type": kind,
        "documentation": DEFINED[kind],
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": _parameters(SEARCHED_DEFINITIONS),
    }
    return {**stated, "operation": [_EVALUATE]} if kind == "Measure" else stated


def _audit_event() -> dict[str, Any]:
    return {
        "type": audit_events.KIND,
        "documentation": (
            "Who read, decided, set or sent what: the audit log, after IHE's Basic Audit Log Patterns. For a "
            "reader token that audits, which reads nothing else of patients."
        ),
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": _parameters(audit_events.SEARCHED),
    }


def _parameters(searched: dict[str, tuple[str, str]]) -> list[dict[str, str]]:
    return [
        {"name": name, "type": type_, "documentation": words} for name, (type_, words) in searched.items()
    ]


def _device() -> dict[str, Any]:
    return {
        "type": "Device",
        "documentation": "This service, as the author of its resources.",
        "interaction": [{"code": "read"}],
        "versioning": "no-version",
    }
