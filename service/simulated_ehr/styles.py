"""The kinds of server it can be, and what sets them apart."""

from dataclasses import dataclass
from typing import Final, Literal

Content = Literal["empty", "id-only", "full-resource"]
"""How much of a resource a notification holds (backport-payload-content)."""

TOPIC: Final = "https://simulated-ehr.example/SubscriptionTopic/record-changes"
"""The one topic offered: a resource of :data:`NOTIFIED` was created, updated or deleted."""

NOTIFIED: Final = (
    "Observation",
    "DiagnosticReport",
    "Patient",
    "Condition",
    "MedicationRequest",
    "MedicationStatement",
    "MedicationAdministration",
    "Procedure",
    "ServiceRequest",
)
"""Types whose changes subscribers can hear of."""


@dataclass(frozen=True, slots=True)
class Style:
    """One kind of server."""

    name: str
    fhir_version: str
    has_topics: bool = False
    """Subscriptions name a topic, notifications are Bundles, a handshake comes first."""
    verbatim: bool = False
    """Tells in the very bytes that arrived; for the demo."""
    contents: tuple[Content, ...] = ("empty", "id-only", "full-resource")


STYLES: Final = {
    each.name: each
    for each in (
        Style("as-it-stands", "4.0.1", verbatim=True, contents=("full-resource",)),
        Style("hapi", "4.0.1", contents=("empty", "full-resource")),
        Style("medplum", "4.0.1", contents=("full-resource",)),
        Style("backport-r4", "4.0.1", has_topics=True),
        Style("backport-r4b", "4.3.0", has_topics=True),
        Style("r5", "5.0.0", has_topics=True),
    )
}
"""By name, for the command line."""
