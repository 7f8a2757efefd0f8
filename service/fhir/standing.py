"""Where a proposal stands, and who put it there: what this service may change, and what is the EHR's own."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from service.fhir import names

Resource = dict[str, Any]


class _Statuses(NamedTuple):
    live: str
    """As long as it is advised."""
    over: str
    """Once it is not: never deleted."""
    theirs: frozenset[str]
    """What only somebody at the EHR sets: it is left alone then, whatever is advised."""
    under_way: frozenset[str] = frozenset()
    """What only somebody at the EHR sets on the way: it stays as long as it is advised."""


_REQUEST = _Statuses("active", "revoked", frozenset({"completed", "on-hold", "entered-in-error"}))
STATUSES: Final[Mapping[str, _Statuses]] = {
    "ServiceRequest": _REQUEST,
    "CommunicationRequest": _REQUEST,
    "Task": _Statuses(
        "requested",
        "cancelled",
        frozenset({"completed", "on-hold", "rejected", "failed", "entered-in-error"}),
        frozenset({"received", "accepted", "ready", "in-progress"}),
    ),
}
"""By the type of what is proposed."""

_MARKS: Final = (names.NO_LONGER_ADVISED, names.CANCELLED)


def is_live(resource: Resource) -> bool:
    """Whether what we want is advised now; a DetectedIssue is no advice."""
    statuses = STATUSES.get(resource["resourceType"])
    return statuses is not None and resource["status"] == statuses.live


def is_theirs(there: Resource) -> bool:
    """Whether somebody at the EHR has decided about it, so that it is no longer ours to change."""
    statuses = STATUSES.get(there["resourceType"])
    if statuses is None:
        return False
    status = there.get("status")
    return status in statuses.theirs or (status == statuses.over and not _marked(there))


def kept_going(there: Resource, wanted: Resource) -> Resource:
    """What is wanted, at the status that the work on it has reached there while it is advised."""
    statuses = STATUSES.get(wanted["resourceType"])
    if statuses is None or wanted["status"] != statuses.live or there.get("status") not in statuses.under_way:
        return wanted
    return {**wanted, "status": there["status"]}


def taken_back(wanted: Resource, status: str) -> Resource:
    """The status that a resource was last given, with our mark where that took it back."""
    statuses = STATUSES.get(wanted["resourceType"])
    mark = names.CANCELLED if wanted["resourceType"] == "Task" else names.NO_LONGER_ADVISED
    return {"status": status, **({"note": [mark]} if statuses and status == statuses.over else {})}


def _marked(there: Resource) -> bool:
    """Whether it was this service that took it back."""
    notes, texts = there.get("note"), {mark["text"] for mark in _MARKS}
    return isinstance(notes, list) and any(
        isinstance(note, dict) and note.get("text") in texts for note in notes
    )
