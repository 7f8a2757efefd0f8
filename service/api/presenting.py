"""Alerts as this service's own endpoint shows them: what an EHR is written, under our ids and addresses."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from service.alerts.alert import Disposition
from service.api.alert_search import Stored
from service.api.targets import Kind, target_of
from service.clinical.rulebook import Rulebook
from service.fhir import names
from service.fhir.encode import Addresses, encode_issue, instant, referred
from service.fhir.encode_origin import encode_device
from service.fhir.encode_requests import encode_requests, request_statuses
from service.fhir.encode_tasks import encode_tasks, task_statuses
from service.fhir.outgoing import InvalidOutgoing, to_bytes, validate_outgoing
from service.languages import words_in
from service.metrics import refused_resources
from service.settings import code_version
from service.store import alerts, resources

Resource = dict[str, Any]

_DELETED = "deleted"

log = logging.getLogger(__name__)

DEVICE: Final = "Device/liverwatch"
"""Where this service's own Device is served."""
SOURCE_TAG: Final = f"{names.ROOT}/CodeSystem/source"
"""System of the tag that names the source a resource is about."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A resource as it leaves."""

    resource: Resource
    version: str
    """The alert's revision, and a digest of all the resource says: the same version always says the same."""
    updated: datetime

    @property
    def etag(self) -> str:
        """Weak, as FHIR has it: the version, whatever the bytes."""
        return f'W/"{self.version}"'


@dataclass(frozen=True, slots=True)
class Presenter:
    """Makes resources with one rulebook and one address."""

    rulebook: Rulebook
    public_url: str

    @property
    def base(self) -> str:
        """Base URL of the FHIR endpoint."""
        return f"{self.public_url.rstrip('/')}/fhir"

    def statuses(self, stored: Stored, kind: Kind) -> Mapping[str, str]:
        """The status of each resource of a kind that an alert has, by its step, in a stable order.

        A DetectedIssue is of no step, and its status is not told here. Tasks are there where the source is
        set to have them.
        """
        if kind == "DetectedIssue":
            return {"": ""}
        if kind != "Task":
            return dict(sorted(request_statuses(stored.alert, kind).items()))
        if not stored.source.settings.tasks:
            return {}
        return dict(sorted(task_statuses(request_statuses(stored.alert)).items()))

    def show(
        self, stored: Stored, kind: Kind, steps: Sequence[str], surroundings: "Surroundings"
    ) -> list[Shown]:
        """The DetectedIssue of an alert, or what there is of that kind for the steps named.

        Raises:
            InvalidOutgoing: what we made is not valid R4; it must not leave.
        """
        alert, source = stored.alert, stored.source
        server = (source.settings.fhir_base_url or "").rstrip("/")
        there = f"{server}/" if server else ""
        to = Addresses(
            patient=f"{there}Patient/{stored.patient}",
            issue=f"DetectedIssue/{alert.id}",
            author=DEVICE,
            source=source.name,
            public_url=self.public_url,
            observation_base=there,
            gone=surroundings.gone.get(source.id, frozenset()),
            rulebook_version=self.rulebook.version,
            texts=self.rulebook.texts,
        )
        if kind == "DetectedIssue":
            known = surroundings.dispositions
            decided = [known[each] for each in alert.dispositions if each in known]
            return [_checked(encode_issue(alert, to, decided, with_id=True), stored)]
        made = encode_requests(alert, to, words_in(source.settings.language), with_id=True)
        if kind == "Task":
            served = {names.key_of(each): f"{each['resourceType']}/{each['id']}" for each in made.values()}
            made = encode_tasks(alert, made, to, served.__getitem__, with_id=True)
        return [_checked(made[name], stored) for name in steps]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What it takes to show alerts besides themselves, read for a whole page at once."""

    dispositions: Mapping[UUID, Disposition]
    gone: Mapping[int, frozenset[str]]
    """By source, what the alerts rest on and it has deleted, as `Addresses.gone` has it."""


def surroundings_of(connection: Connection, found: Sequence[Stored]) -> Surroundings:
    """Read what it takes to show those alerts."""
    made = alerts.dispositions_of(
        connection, {each for stored in found for each in stored.alert.dispositions}
    )
    grounds: dict[int, dict[str, str]] = {}
    for stored in found:
        grounds.setdefault(stored.source.id, {}).update(referred(stored.alert, stored.source.name))
    gone = {
        source_id: frozenset(
            keys[key]
            for key, version in resources.current(connection, source_id, list(keys)).items()
            if version.state == _DELETED
        )
        for source_id, keys in grounds.items()
    }
    return Surroundings({each.id: each for each in made}, gone)


def show_device() -> Resource:
    """The Device that stands for this service."""
    resource = encode_device()
    shown = {"resourceType": "Device", "id": "liverwatch", **resource}
    shown["version"] = [{"type": {"text": "software"}, "value": code_version()}]
    validate_outgoing(shown)
    return shown


def unshowable(kind: Kind, stored: Stored, step: str, error: InvalidOutgoing) -> Resource:
    """What stands in a result list for a resource that may not leave; never nothing."""
    refused_resources.inc()
    log.error("a resource was not shown", exc_info=error)
    issue = {
        "severity": "error",
        "code": "exception",
        "diagnostics": f"{kind}/{target_of(kind, stored.alert.id, step)} is not valid FHIR: not shown",
    }
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _checked(resource: Resource, stored: Stored) -> Shown:
    # What it says depends on more than the alert: rulebook, release, addresses, what the source has deleted.
    version = f"{stored.alert.revision}-{hashlib.sha256(to_bytes(resource)).hexdigest()[:12]}"
    meta = {
        "versionId": version,
        "lastUpdated": instant(stored.updated),
        "tag": [{"system": SOURCE_TAG, "code": stored.source.name}],
    }
    kind, identity, *rest = resource.items()
    shown = dict([kind, identity, ("meta", meta), *rest])
    validate_outgoing(shown)
    return Shown(shown, version, stored.updated)
