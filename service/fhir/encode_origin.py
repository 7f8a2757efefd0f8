"""Who says it and from what: the Device that stands for this service, and the Provenance of each revision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.alerts.alert import Alert
from service.clinical.recommendations import alerting_findings, evidence_of
from service.clinical.results import holder_id
from service.fhir import names
from service.fhir.encode import Addresses, Resource, instant, without_nothing
from service.fhir.references import is_id


def encode_device() -> Resource:
    """The Device that stands for this service as an author. Created once a server, never changed."""
    return {
        "resourceType": "Device",
        "identifier": [{"system": names.DEVICE, "value": names.DEVICE_VALUE}],
        "status": "active",
        "deviceName": [{"name": "Liverwatch", "type": "user-friendly-name"}],
        "type": {"text": "Clinical decision support software that watches liver tests"},
    }


@dataclass(frozen=True, slots=True)
class Origin:
    """What an alert was decided with and from."""

    software: str
    """Version of this service."""
    rulebook: str
    """SHA-256 digest of the rulebook."""
    versions: Mapping[str, str]
    """`ResultKey.observation_id` → version id of what holds the result, where the source gives one."""


def encode_provenance(
    alert: Alert, to: Addresses, targets: Sequence[str], origin: Origin, recorded: datetime
) -> Resource:
    """The Provenance of one revision of an alert, tagged so that it can be searched for.

    Args:
        alert: as it was written.
        to: how it refers to its surroundings.
        origin: what it was decided with and from.
        targets: references to what was written, the DetectedIssue first.
        recorded: when it was written (aware).
    """
    # The stored Device never changes; the software that decided does, so it travels inside.
    software = {
        "resourceType": "Device",
        "id": "software",
        "deviceName": [{"name": "Liverwatch", "type": "user-friendly-name"}],
        "version": [
            {"type": {"text": "software"}, "value": origin.software},
            {"type": {"text": "rulebook SHA-256"}, "value": origin.rulebook},
        ],
        "parent": {"reference": to.author} if to.author else None,
    }
    seen = to.observations(evidence_of(alerting_findings(alert.episode)))
    return without_nothing(
        {
            "resourceType": "Provenance",
            "meta": {
                "tag": [{"system": names.REVISION, "code": names.revision_code(alert.id, alert.revision)}]
            },
            "contained": [without_nothing(software)],
            "target": [{"reference": target} for target in targets],
            "recorded": instant(recorded),
            "agent": [{"type": {"text": "Author"}, "who": {"reference": "#software"}}],
            "entity": [{"role": "source", "what": _versioned(each, origin.versions)} for each in seen],
        }
    )


def _versioned(reference: Resource, versions: Mapping[str, str]) -> Resource:
    target = reference.get("reference", "")
    version = versions.get(holder_id(target))
    return {"reference": f"{target}/_history/{version}"} if target and is_id(version) else reference
