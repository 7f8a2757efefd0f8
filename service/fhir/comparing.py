"""Whether a server holds what we want it to hold, and what to send where it does not.

Only elements that this service manages are compared and replaced; what others have added stays.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

Resource = dict[str, Any]


def _elements(*lines: str) -> frozenset[str]:
    return frozenset(name for line in lines for name in line.split())


MANAGED: Final[Mapping[str, frozenset[str]]] = {
    "DetectedIssue": _elements(
        "text identifier status code severity patient subject identifiedDateTime identifiedPeriod author",
        "implicated evidence detail reference mitigation",
    ),
    "ServiceRequest": _elements(
        "text identifier instantiatesCanonical status intent priority code subject occurrenceDateTime",
        "requester reasonReference reason supportingInfo note",
    ),
    "CommunicationRequest": _elements(
        "language text identifier status intent category priority subject about payload occurrenceDateTime",
        "requester recipient reasonReference reason note",
    ),
    "Task": _elements(
        "text identifier status intent priority description focus for requester reasonReference reason note",
        "restriction",
    ),
}
"""The elements we write, by resource type, in any release."""

_NOT_COMPARED: Final = frozenset({"text"})
"""A server may make its own narrative; all that ours says stands in other elements too."""

_RELATIVE = re.compile(r"(?:^|/)([A-Za-z]+/[A-Za-z0-9_.-]+)(?:/_history/[^/]+)?$")


def holds(current: Resource, wanted: Resource) -> bool:
    """Whether `current` says everything that `wanted` says, and nothing else in the elements we manage."""
    managed = MANAGED[wanted["resourceType"]] - _NOT_COMPARED
    return all(
        name in current and _covers(current[name], wanted[name]) if name in wanted else name not in current
        for name in managed
    )


def merged(current: Resource, wanted: Resource) -> Resource:
    """`current` with the elements we manage replaced by those of `wanted`; its id and additions stay."""
    kept = {name: value for name, value in current.items() if name not in MANAGED[wanted["resourceType"]]}
    meta = {k: v for k, v in kept.get("meta", {}).items() if k not in ("versionId", "lastUpdated")}
    kept.pop("meta", None)
    return {**kept, **({"meta": meta} if meta else {}), **wanted}


def has_identifier(resource: Resource, system: str, value: str) -> bool:
    """Whether the resource carries exactly this identifier; servers may ignore a search parameter."""
    identifiers = resource.get("identifier")
    return isinstance(identifiers, list) and any(
        isinstance(each, dict) and each.get("system") == system and each.get("value") == value
        for each in identifiers
    )


def has_tag(resource: Resource, system: str, code: str) -> bool:
    """Whether the resource's meta carries exactly this tag."""
    tags = resource.get("meta", {}).get("tag")
    return isinstance(tags, list) and {"system": system, "code": code} in [
        {"system": each.get("system"), "code": each.get("code")} for each in tags if isinstance(each, dict)
    ]


def age(resource: Resource) -> tuple[str, str]:
    """Sorts the oldest first, in the same way for every sender."""
    return str(resource.get("meta", {}).get("lastUpdated", "")), str(resource.get("id"))


def _covers(theirs: Any, ours: Any) -> bool:
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and all(
            name in theirs and (_same_target if name == "reference" else _covers)(theirs[name], value)
            for name, value in ours.items()
        )
    if isinstance(ours, list):
        return (
            isinstance(theirs, list)
            and len(theirs) == len(ours)
            and all(_covers(their, our) for their, our in zip(theirs, ours, strict=True))
        )
    return bool(theirs == ours) or _same_instant(theirs, ours)


def _same_target(theirs: Any, ours: Any) -> bool:
    """References are equal whether relative or absolute, with or without a version."""
    return bool(theirs == ours) or _relative(theirs) == _relative(ours) is not None


def _relative(reference: Any) -> str | None:
    match = _RELATIVE.search(reference) if isinstance(reference, str) else None
    return match[1] if match else None


def _same_instant(theirs: Any, ours: Any) -> bool:
    if not (isinstance(theirs, str) and isinstance(ours, str) and "T" in theirs and "T" in ours):
        return False
    try:
        return datetime.fromisoformat(theirs) == datetime.fromisoformat(ours)
    except (ValueError, TypeError):
        return False
