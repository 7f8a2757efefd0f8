"""What is written, as FHIR R5 (5.0.0) spells it. It is made in R4; this is the last step."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from service.fhir.capabilities import Release

Resource = dict[str, Any]


def in_r5(resource: Resource, *, mitigated: bool = False) -> Resource:
    """The same, said in R5.

    Args:
        resource: of R4, of a type that this service writes.
        mitigated: of a DetectedIssue: something has been done about it.
    """
    told = _SPELT[resource["resourceType"]](resource)
    if mitigated and told["resourceType"] == "DetectedIssue" and told["status"] == "final":
        told["status"] = "mitigated"
    return told


def spoken(resource: Resource, release: Release) -> Resource:
    """The same as a server of that release takes it."""
    return in_r5(resource) if release == "R5" else resource


def _issue(resource: Resource) -> Resource:
    return _renamed(resource, {"patient": "subject"})


def _order(resource: Resource) -> Resource:
    told = _renamed(resource, {"reasonReference": "reason"})
    told["code"] = {"concept": resource["code"]}
    return _referring(told, "reason", "supportingInfo")


def _advice(resource: Resource) -> Resource:
    told = {}
    for name, value in _renamed(resource, {"reasonReference": "reason"}).items():
        told[name] = value
        if name == "status":
            told["intent"] = "proposal"
    if "payload" in told:
        told["payload"] = [
            {"contentCodeableConcept": {"text": part["contentString"]}} for part in told["payload"]
        ]
    return _referring(told, "reason")


def _task(resource: Resource) -> Resource:
    told = _renamed(resource, {"reasonReference": "reason"})
    if "reason" in told:
        told["reason"] = [told["reason"]]
    return _referring(told, "reason")


def _device(resource: Resource) -> Resource:
    told = _renamed(resource, {"deviceName": "name"})
    told["name"] = [
        {("value" if key == "name" else key): value for key, value in each.items()} for each in told["name"]
    ]
    if "type" in told:
        told["type"] = [told["type"]]
    return told


def _provenance(resource: Resource) -> Resource:
    return {**resource, "contained": [in_r5(each) for each in resource["contained"]]}


_SPELT: Final[Mapping[str, Callable[[Resource], Resource]]] = {
    "DetectedIssue": _issue,
    "ServiceRequest": _order,
    "CommunicationRequest": _advice,
    "Task": _task,
    "Device": _device,
    "Provenance": _provenance,
}


def _renamed(resource: Resource, names: Mapping[str, str]) -> Resource:
    """In the same order, under other names."""
    return {names.get(name, name): value for name, value in resource.items()}


def _referring(resource: Resource, *names: str) -> Resource:
    """With references where R5 takes a CodeableReference."""
    return {
        name: [{"reference": each} for each in value] if name in names else value
        for name, value in resource.items()
    }
