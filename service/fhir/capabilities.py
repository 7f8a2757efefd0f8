"""What a FHIR server says it can do: its CapabilityStatement, read tolerantly."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Resource = dict[str, Any]
Release = Literal["R4", "R4B", "R5"]

_RELEASES: Final[tuple[tuple[str, Release], ...]] = (("4.0", "R4"), ("4.3", "R4B"), ("5.", "R5"))
_BACKPORT: Final = "hl7.org/fhir/uv/subscriptions-backport"
_TOPIC: Final = (
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
    "/capabilitystatement-subscriptiontopic-canonical"
)
"""On `rest.resource` of Subscription: a topic that may be subscribed to (Backport IG 1.1)."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server offers to a client with this service's rights, as far as it says."""

    release: Release | None
    """None where it says nothing, or another than this service speaks."""
    software: str = ""
    interactions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Resource type → `read`, `create`, `search-type`, ..."""
    system: frozenset[str] = frozenset()
    """Of the whole server: `transaction`, `batch`, ..."""
    operations: frozenset[str] = frozenset()
    """Names of operations (`export`, `events`, `status`), wherever they are offered."""
    topics: tuple[str, ...] = ()
    """Canonical URLs of the topics that may be subscribed to."""
    backport: bool = False
    """Whether it speaks the Subscriptions R5 Backport IG."""

    def can(self, type_: str, interaction: str) -> bool:
        """Whether it offers an interaction with a resource type."""
        return interaction in self.interactions.get(type_, frozenset())


def read_capabilities(statement: Resource) -> Capabilities:
    """What a CapabilityStatement says; what it leaves out, or says otherwise than FHIR, is not offered."""
    rest = [each for each in _objects(statement, "rest") if each.get("mode") in (None, "server")]
    types = [each for one in rest for each in _objects(one, "resource")]
    subscription = [each for each in types if each.get("type") == "Subscription"]
    topics = [
        extension["valueCanonical"]
        for each in subscription
        for extension in _objects(each, "extension")
        if extension.get("url") == _TOPIC and isinstance(extension.get("valueCanonical"), str)
    ]
    version = str(statement.get("fhirVersion", ""))
    software = statement.get("software")
    return Capabilities(
        release=next((name for prefix, name in _RELEASES if version.startswith(prefix)), None),
        software=str(software.get("name", "")) if isinstance(software, dict) else "",
        interactions={
            str(each.get("type")): frozenset(str(one.get("code")) for one in _objects(each, "interaction"))
            for each in types
        },
        system=frozenset(str(one.get("code")) for each in rest for one in _objects(each, "interaction")),
        operations=frozenset(
            str(one.get("name")).removeprefix("$")
            for each in (*rest, *types)
            for one in _objects(each, "operation")
        ),
        topics=tuple(dict.fromkeys(topics)),
        backport=bool(topics) or any(_BACKPORT in text for text in _stated(statement, subscription)),
    )


def topics_among(found: Iterable[Resource], types: Collection[str]) -> tuple[str, ...]:
    """The canonical URLs of the SubscriptionTopics in use that are triggered by one of these resource types.

    A trigger names its type by its name, or by the URL of its definition (R4B and R5, `resourceTrigger`).
    """
    return tuple(
        dict.fromkeys(
            each["url"]
            for each in found
            if each.get("status") != "retired"
            and isinstance(each.get("url"), str)
            and any(
                str(trigger.get("resource")).rpartition("/")[2] in types
                for trigger in _objects(each, "resourceTrigger")
            )
        )
    )


def _stated(statement: Resource, subscription: list[Resource]) -> Iterator[str]:
    """What it says it conforms to."""
    for name in ("instantiates", "imports", "implementationGuide"):
        yield from _texts(statement, name)
    for each in subscription:
        yield from _texts(each, "supportedProfile")
        yield str(each.get("profile", ""))


def _objects(holder: Resource, name: str) -> list[Resource]:
    found = holder.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _texts(holder: Resource, name: str) -> list[str]:
    found = holder.get(name)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
