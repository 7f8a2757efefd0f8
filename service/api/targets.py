"""The ids of the resources served here: an alert's UUID, or that and the name of one of its steps."""

from typing import Final, Literal, get_args
from uuid import UUID

from service.fhir import names

Kind = Literal["DetectedIssue", "ServiceRequest", "CommunicationRequest", "Task", "Provenance"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ALONE: Final = frozenset({"DetectedIssue", "Provenance"})
"""Kinds of which an alert has one, under its own UUID; of the others it has one for each step."""
NOBODY: Final = UUID(int=0)
"""An id that nothing has: stands in links for what was asked for and does not exist."""

_UUID_LENGTH = 36


def split_target(kind: Kind, resource_id: str) -> tuple[UUID, str] | None:
    """The alert and, where each has its own, the step that an id names; None where it is no id of ours."""
    text, step = resource_id[:_UUID_LENGTH], resource_id[_UUID_LENGTH:]
    try:
        alert = UUID(text)
    except ValueError:
        return None
    if str(alert) != text:  # FHIR ids are case-sensitive, and UUID() takes many spellings
        return None
    if kind in ALONE:
        return None if step else (alert, "")
    return (alert, step[1:]) if step.startswith("-") and len(step) > 1 else None


def target_of(kind: Kind, alert: UUID, step: str) -> str:
    """The id of a resource."""
    return str(alert) if kind in ALONE else names.step_id(alert, step)


def by_identifier(kind: Kind, system: str | None, value: str) -> str | None:
    """The id of the resource with that identifier; None where it is none of ours.

    Args:
        kind: of resource.
        system: None where the search named no system; empty where it asked for identifiers without one.
        value: of the identifier.
    """
    if system not in (None, identifier_system(kind)):
        return None
    if kind != "DetectedIssue":
        alert, _, step = value.partition(":")
        value = f"{alert}-{step}"
    return value if split_target(kind, value) else None


def identifier_system(kind: Kind) -> str:
    """The system of the identifiers that resources of a kind have."""
    return {"DetectedIssue": names.ALERT, "Task": names.TASK}.get(kind, names.STEP)
