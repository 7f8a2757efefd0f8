"""How a server is written to: in which release, in transactions or one by one, and what it does not take."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from service.fhir import names
from service.fhir.capabilities import Capabilities, Release

Resource = dict[str, Any]

Write = Literal["auto", "none", "bundle", "single"]
"""`auto`: as its CapabilityStatement says, and in transactions where it says nothing."""

CREATED: Final = ("Device", "Provenance")
UPDATED: Final = ("DetectedIssue", "ServiceRequest", "CommunicationRequest", "Task")
"""What is written once, and what is kept up. What could be created and not updated would stand for ever."""


@dataclass(frozen=True, slots=True)
class Manner:
    """As settings and server say."""

    release: Release = "R4"
    in_transactions: bool = True
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Resource type → why it is not written there."""
    may_part: bool = False
    """Whether what is refused in a transaction is tried one by one, so that only what is at fault is left."""

    def without(self, kind: str, why: str) -> "Manner":
        """The same, with one more type left out."""
        return replace(self, left_out={**self.left_out, kind: why})


USUAL: Final = Manner()
"""R4, in transactions, everything."""


def manner_of(write: Write, release: Release | None, offered: Capabilities) -> Manner:
    """How to write to a server.

    Args:
        write: by the settings; what they say plainly is done, whatever the server says of itself.
        release: by the settings; None: what the server says, R4 where it says nothing.
        offered: what the server says.
    """
    spoken = release or offered.release or "R4"
    if write != "auto":
        return Manner(spoken, in_transactions=write == "bundle")
    if not any(offered.interactions.values()):
        return Manner(spoken, may_part=True)
    missing = {
        kind: f"the server does not offer to {interaction} it"
        for kinds, interactions in ((CREATED, ("create",)), (UPDATED, ("create", "update")))
        for kind in kinds
        for interaction in interactions
        if not offered.can(kind, interaction)
    }
    return Manner(spoken, "transaction" in offered.system, missing, may_part=True)


def as_taken(
    resources: list[Resource], left_out: Collection[str], urn: Callable[[str], str]
) -> list[Resource]:
    """Those of types that are written; what they say of the others names these by their identifiers."""
    away = [each for each in resources if each["resourceType"] in left_out]
    if not away:
        return resources
    named = {
        urn(names.key_of(each)): {"type": each["resourceType"], "identifier": each["identifier"][0]}
        for each in away
    }
    return [_renamed(each, named) for each in resources if each["resourceType"] not in left_out]


def _renamed(node: Any, named: Mapping[str, Resource]) -> Any:
    if isinstance(node, list):
        return [_renamed(each, named) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("reference"), str) and node["reference"] in named:
        return named[node["reference"]]
    return {name: _renamed(value, named) for name, value in node.items()}
