"""The required bindings (FHIR R4, 4.0.1) of every coded element this service sends.

`fhir.resources` accepts any code there, so these tables say no in its place. Source: the value sets that the
R4 specification binds with strength `required`.
"""

from collections.abc import Iterator
from typing import Any, Final


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PUBLICATION = _codes("draft active retired unknown")
_SEARCH_TYPE = _codes("number date string token reference composite quantity uri special")

_ISSUE_TYPE = _codes(
    "invalid structure required value invariant security login unknown expired forbidden suppressed "
    "processing not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension "
    "too-costly business-rule conflict transient lock-error no-store exception timeout incomplete throttled "
    "informational"
)

ISSUE_TYPE: Final = _ISSUE_TYPE
"""http://hl7.org/fhir/ValueSet/issue-type."""

_REQUEST_INTENT = _codes(
    "proposal plan directive order original-order reflex-order filler-order instance-order option"
)

_REQUEST_STATUS = _codes("draft active on-hold revoked completed entered-in-error unknown")
_REQUEST_PRIORITY = _codes("routine urgent asap stat")

REQUIRED: Final[dict[str, frozenset[str]]] = {
    "ActivityDefinition.status": _PUBLICATION,
    "ActivityDefinition.kind": _codes(
        "Appointment AppointmentResponse CarePlan Claim CommunicationRequest Contract DeviceRequest "
        "EnrollmentRequest ImmunizationRecommendation MedicationRequest NutritionOrder ServiceRequest "
        "SupplyRequest Task VisionPrescription"
    ),
    "ActivityDefinition.intent": _REQUEST_INTENT,
    "AuditEvent.action": _codes("C R U D E"),
    "AuditEvent.outcome": _codes("0 4 8 12"),
    "AuditEvent.agent.network.type": _codes("1 2 3 4 5"),
    "Bundle.type": _codes(
        "document message transaction transaction-response batch batch-response history searchset collection"
    ),
    "Bundle.entry.request.method": _codes("GET HEAD POST PUT DELETE PATCH"),
    "Bundle.entry.search.mode": _codes("match include outcome"),
    "CapabilityStatement.status": _PUBLICATION,
    "CapabilityStatement.kind": _codes("instance capability requirements"),
    "CapabilityStatement.fhirVersion": _codes("4.0.1"),
    "CapabilityStatement.rest.mode": _codes("client server"),
    "CapabilityStatement.rest.interaction.code": _codes("transaction batch search-system history-system"),
    "CapabilityStatement.rest.resource.interaction.code": _codes(
        "read vread update patch delete history-instance history-type create search-type"
    ),
    "CapabilityStatement.rest.resource.versioning": _codes("no-version versioned versioned-update"),
    "CapabilityStatement.rest.resource.conditionalRead": _codes(
        "not-supported modified-since not-match full-support"
    ),
    "CapabilityStatement.rest.resource.conditionalDelete": _codes("not-supported single multiple"),
    "CapabilityStatement.rest.resource.referencePolicy": _codes("literal logical resolves enforced local"),
    "CapabilityStatement.rest.resource.searchParam.type": _SEARCH_TYPE,
    "CapabilityStatement.rest.searchParam.type": _SEARCH_TYPE,
    "CommunicationRequest.status": _REQUEST_STATUS,
    "CommunicationRequest.priority": _REQUEST_PRIORITY,
    "DetectedIssue.status": _codes(
        "registered preliminary final amended corrected cancelled entered-in-error unknown"
    ),
    "DetectedIssue.severity": _codes("high moderate low"),
    "Device.status": _codes("active inactive entered-in-error unknown"),
    "Device.deviceName.type": _codes(
        "udi-label-name user-friendly-name patient-reported-name manufacturer-name model-name other"
    ),
    "Library.status": _PUBLICATION,
    "List.status": _codes("current retired entered-in-error"),
    "List.mode": _codes("working snapshot changes"),
    "Measure.status": _PUBLICATION,
    "MeasureReport.status": _codes("complete pending error"),
    "MeasureReport.type": _codes("individual subject-list summary data-collection"),
    "OperationOutcome.issue.severity": _codes("fatal error warning information"),
    "OperationOutcome.issue.code": _ISSUE_TYPE,
    "PlanDefinition.status": _PUBLICATION,
    "Provenance.entity.role": _codes("derivation revision quotation source removal"),
    "ServiceRequest.status": _REQUEST_STATUS,
    "ServiceRequest.intent": _REQUEST_INTENT,
    "ServiceRequest.priority": _REQUEST_PRIORITY,
    "Subscription.status": _codes("requested active error off"),
    "Subscription.channel.type": _codes("rest-hook websocket email sms message"),
    "Subscription.content": _codes("empty id-only full-resource"),
    "Task.status": _codes(
        "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed "
        "entered-in-error"
    ),
    "Task.intent": _codes(
        "unknown proposal plan order original-order reflex-order filler-order instance-order option"
    ),
    "Task.priority": _REQUEST_PRIORITY,
}
"""Element path → the codes it may hold."""

_IN_R5: Final[dict[str, frozenset[str]]] = {
    **{path: codes for path, codes in REQUIRED.items() if not path.startswith("Device.deviceName")},
    "CommunicationRequest.intent": _REQUEST_INTENT,
    "DetectedIssue.status": _codes("preliminary final entered-in-error mitigated"),
    "Device.name.type": _codes("registered-name user-friendly-name patient-reported-name"),
    "Device.status": _codes("active inactive entered-in-error"),
    "Provenance.entity.role": _codes("revision quotation source instantiates removal"),
}
"""The same of R5 (5.0.0), of what is written to an EHR."""

_EVERYWHERE: Final[dict[str, frozenset[str]]] = {
    "identifier.use": _codes("usual official temp secondary old"),
    "relatedArtifact.type": _codes(
        "documentation justification citation predecessor successor derived-from depends-on composed-of"
    ),
    "text.status": _codes("generated extensions additional empty"),
    "telecom.system": _codes("phone fax email pager url sms other"),
    "telecom.use": _codes("home work temp old mobile"),
}
"""Ends of paths whose binding comes with the data type, whatever the resource."""

KNOWN_TYPES: Final = frozenset(path.partition(".")[0] for path in REQUIRED)
"""The resource types whose required codes stand here; no other may be sent."""


def wrong_codes(resource: dict[str, Any], *, r5: bool = False) -> list[str]:
    """Paths of the elements whose code is outside its required value set, resources within included."""
    return list(_walk(resource, str(resource.get("resourceType")), _IN_R5 if r5 else REQUIRED))


def _walk(node: Any, path: str, required: dict[str, frozenset[str]]) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _walk(each, path, required)
    elif isinstance(node, dict):
        inner = node.get("resourceType")
        here = inner if isinstance(inner, str) else path
        if inner is not None and inner not in KNOWN_TYPES:
            yield f"{here} (no table of required codes)"
        for name, value in node.items():
            yield from _walk(value, f"{here}.{name}", required)
    elif isinstance(node, str):
        allowed = required.get(path) or _EVERYWHERE.get(".".join(path.split(".")[-2:]))
        if allowed is not None and node not in allowed:
            yield path
