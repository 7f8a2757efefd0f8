"""`metadata`: the CapabilityStatement of each style."""

from typing import Final

from service.simulated_ehr.records import Resource
from service.simulated_ehr.styles import NOTIFIED, TOPIC, Style
from service.simulated_ehr.subscriptions import BACKPORT

_WRITTEN: Final = (
    "Basic",
    "CommunicationRequest",
    "DetectedIssue",
    "Device",
    "Flag",
    "Group",
    "Provenance",
    "Subscription",
    "Task",
)
_INTERACTIONS: Final = (
    "read",
    "vread",
    "update",
    "delete",
    "history-instance",
    "create",
    "search-type",
)
_PARAMETERS: Final = {
    "_id": "token",
    "_lastUpdated": "date",
    "category": "token",
    "code": "token",
    "identifier": "token",
    "patient": "reference",
    "status": "token",
    "subject": "reference",
}
_BULK: Final = "http://hl7.org/fhir/uv/bulkdata"
_SMART: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def statement(style: Style, base: str, *, smart: bool) -> Resource:
    """What this server can do.

    Args:
        style: the kind of server it plays.
        base: its FHIR base URL.
        smart: whether it gives out tokens (SMART Backend Services).
    """
    kinds = sorted({*NOTIFIED, *_WRITTEN, *(("SubscriptionTopic",) if _serves_topics(style) else ())})
    rest: Resource = {
        "mode": "server",
        "resource": [_resource(kind, style) for kind in kinds],
        "interaction": [{"code": "transaction"}, {"code": "batch"}],
        "operation": [{"name": "export", "definition": f"{_BULK}/OperationDefinition/export"}],
    }
    if smart:
        rest["security"] = {"service": [{"coding": [{"system": _SMART, "code": "SMART-on-FHIR"}]}]}
    guides = {
        "implementationGuide": [
            f"{BACKPORT.rpartition('/')[0]}/ImplementationGuide/hl7.fhir.uv.subscriptions-backport"
        ]
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "software": {"name": f"Simulated EHR ({style.name})"},
        "implementation": {"description": "Simulated EHR", "url": base},
        "instantiates": [f"{_BULK}/CapabilityStatement/bulk-data"],
        "fhirVersion": style.fhir_version,
        "format": ["json"],
        **(guides if style.name.startswith("backport") else {}),
        "rest": [rest],
    }


def topic(style: Style) -> Resource:
    """The SubscriptionTopic, where the FHIR version has that resource (R4B, R5)."""
    trigger = {"supportedInteraction": ["create", "update", "delete"]}
    prefix = "http://hl7.org/fhir/StructureDefinition/"
    described: Resource = {"title": "Record changes"} if style.name == "r5" else {"version": "1.0.0"}
    return {
        "resourceType": "SubscriptionTopic",
        "id": "record-changes",
        "url": TOPIC,
        **described,
        "status": "active",
        "resourceTrigger": [{"resource": f"{prefix}{each}", **trigger} for each in NOTIFIED],
    }


def _serves_topics(style: Style) -> bool:
    return style.has_topics and style.fhir_version != "4.0.1"


def _resource(kind: str, style: Style) -> Resource:
    interactions = _INTERACTIONS if kind != "SubscriptionTopic" else ("read", "search-type")
    resource: Resource = {
        "type": kind,
        "interaction": [{"code": each} for each in interactions],
        "versioning": "versioned-update",
        "conditionalCreate": True,
        "conditionalUpdate": True,
        "searchParam": [{"name": name, "type": type_} for name, type_ in _PARAMETERS.items()],
    }
    if kind == "Group":
        resource["operation"] = [
            {"name": "export", "definition": f"{_BULK}/OperationDefinition/group-export"}
        ]
    if kind != "Subscription" or not style.has_topics:
        return resource
    definitions = f"{BACKPORT.rpartition('/')[0]}/OperationDefinition/backport-subscription"
    if style.name == "r5":
        definitions = "http://hl7.org/fhir/OperationDefinition/Subscription"
    resource["operation"] = [
        {"name": each, "definition": f"{definitions}-{each}"} for each in ("status", "events")
    ]
    if style.name == "backport-r4":
        url = f"{BACKPORT}/capabilitystatement-subscriptiontopic-canonical"
        resource["extension"] = [{"url": url, "valueCanonical": TOPIC}]
    return resource
