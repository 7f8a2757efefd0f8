"""The URLs and words this service names its own things by, in one place.

They are identities, not addresses: never changed, the same at every site, in a domain that nobody can own.
"""

from typing import Any, Final
from uuid import UUID

from service.clinical.episodes import Kind

ROOT: Final = "https://liverwatch.example/fhir"

ALERT: Final = f"{ROOT}/NamingSystem/alert"
"""Identifier system of a DetectedIssue; the value is the alert's UUID."""
STEP: Final = f"{ROOT}/NamingSystem/step"
"""Identifier system of a ServiceRequest or CommunicationRequest; the value is `<alert uuid>:<step>`."""
TASK: Final = f"{ROOT}/NamingSystem/task"
"""Identifier system of the Task for such a request; the value is that of the request."""
OURS: Final = frozenset({ALERT, STEP, TASK})
"""Identifier systems of what is written for each alert."""
DEVICE: Final = f"{ROOT}/NamingSystem/device"
"""Identifier system of the Device that stands for this service."""
REVISION: Final = f"{ROOT}/CodeSystem/revision"
"""Tag on a Provenance; the code is `<alert uuid>.<revision>`."""
FINDING: Final = f"{ROOT}/CodeSystem/finding"
"""What was found: :data:`FINDINGS`."""
CAUSE: Final = f"{ROOT}/CodeSystem/cause"
"""What may lie behind it: the names in the catalogue of causes."""
STEP_CODE: Final = f"{ROOT}/CodeSystem/step"
"""What is recommended: the names in the catalogue of orders."""
AUDITED: Final = f"{ROOT}/CodeSystem/audited-action"
"""What was done, as the audit log calls it."""
ACTOR: Final = f"{ROOT}/NamingSystem/actor"
"""Identifier system of who did something, as the audit log names them: `user:adams`, `reader:ward`."""
ACTION: Final = f"{ROOT}/CodeSystem/disposition"
"""What a person decided about an alert."""
OVERRIDE_REASON: Final = f"{ROOT}/CodeSystem/override-reason"
"""Why a card of CDS Hooks was dismissed: the codes of `OverrideReason`."""
RULE: Final = f"{ROOT}/NamingSystem/rule"
"""Identifier system of a PlanDefinition; the value is the code of its finding."""
RULEBOOK_DIGEST: Final = f"{ROOT}/NamingSystem/rulebook-digest"
"""Identifier system of the rulebook's Library; the value is the SHA-256 that decisions record."""

MEASURE: Final = f"{ROOT}/NamingSystem/measure"
"""Identifier system of a Measure; the value is its name."""

DEVICE_VALUE: Final = "liverwatch"

NO_LONGER_ADVISED: Final = {"text": "No longer advised by Liverwatch."}
"""The note on a request that this service has revoked; without it, somebody else has revoked it."""
CANCELLED: Final = {"text": "Cancelled by Liverwatch."}
"""The note on a Task that this service has cancelled, likewise."""

ISSUE: Final = "DetectedIssue/"
"""The :func:`key_of` an alert's DetectedIssue."""

KIND_CODES: Final[dict[Kind, str]] = {
    Kind.PERSISTENT: "persistent-elevation",
    Kind.INTERMITTENT: "intermittent-elevation",
    Kind.WORSENING: "worsening",
    Kind.NEW_MODERATE: "new-moderate-elevation",
    Kind.URGENT: "urgent-elevation",
    Kind.RECHECK_OVERDUE: "recheck-overdue",
    Kind.MONITORING_OVERDUE: "monitoring-overdue",
}
"""Code of a finding by its kind; an urgent one is named by its reason where :data:`FINDINGS` has that."""

FINDINGS: Final[dict[str, str]] = {
    "hys-law": "Hy's law (hepatocellular injury with jaundice)",
    "possible-hys-law": "Possible Hy's law (a test is missing)",
    "synthetic-failure": "Impaired liver synthesis",
    "dili-stop": "Stopping limit for a suspected drug reached",
    "severe-elevation": "Severe elevation",
    "cholestatic-jaundice": "Cholestatic jaundice",
    "jaundice": "Jaundice",
    "pregnancy": "Elevation in pregnancy",
    "urgent-elevation": "Urgent elevation",
    "worsening": "Worsening elevation",
    "fold-rise": "Rise to a multiple of the baseline",
    "band-step": "Step to a higher band",
    "sustained-rise": "Sustained rise",
    "persistent-elevation": "Persistent elevation",
    "intermittent-elevation": "Intermittent elevation",
    "new-moderate-elevation": "New moderate elevation",
    "recheck-overdue": "Recheck overdue",
    "monitoring-overdue": "Monitoring overdue",
}
"""Code → display, the gravest of the urgent ones first."""


def finding_in_words(code: str) -> str:
    """The display of a finding's code; a code without one is spelt out."""
    return FINDINGS.get(code, code.replace("-", " ").capitalize())


def canonical(kind: str, name: str, version: str | None = None) -> str:
    """Canonical URL of a definition that this service publishes, of one version where that is given."""
    url = f"{ROOT}/{kind}/{name}"
    return url if version is None else f"{url}|{version}"


def step_value(alert: UUID, step: str) -> str:
    """Identifier value of a step's request, and of its Task."""
    return f"{alert}:{step}"


def step_id(alert: UUID, step: str) -> str:
    """FHIR id of a step's request, and of its Task, on this service's own endpoint."""
    return f"{alert}-{step}"


def key_of(resource: dict[str, Any]) -> str:
    """What tells a resource of ours from the others of its alert: its type, and the step it is for."""
    value: str = resource["identifier"][0]["value"]
    return f"{resource['resourceType']}/{value.partition(':')[2]}"


def revision_code(alert: UUID, revision: int) -> str:
    """Tag code of the Provenance of one revision of an alert."""
    return f"{alert}.{revision}"
