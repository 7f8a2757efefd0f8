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
from service.api.targets import ALONE, Kind, target_of
from service.clinical.rulebook import Rulebook
from service.fhir import names
from service.fhir.encode import Addresses, encode_issue, instant, referred
from service.fhir.encode_origin import Origin, encode_device, encode_provenance
from service.fhir.encode_requests import encode_requests, request_statuses
from service.fhir.encode_tasks import encode_tasks, task_statuses
from service.fhir.outgoing import InvalidOutgoing, to_bytes, validate_outgoing
from service.languages import words_in
from service.metrics import refused_resources
from service.settings import code_version
from service.store import alerts, decisions, resources

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

        What there is one of is of no step, and its status is not told here. Tasks are there where the source
        is set to have them.
        """
        if kind in ALONE:
            return {"": ""}
        if kind != "Task":
            return dict(sorted(request_statuses(stored.alert, kind).items()))
        if not stored.source.settings.tasks:
            return {}
        return dict(sorted(task_statuses(request_statuses(stored.alert)).items()))

    def show(
        self, stored: Stored, kind: Kind, steps: Sequence[str], surroundings: "Surroundings"
    ) -> list[Shown]:
        """The DetectedIssue or Provenance of an alert, or what there is of that kind for the steps named.

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
        requests = encode_requests(alert, to, words_in(source.settings.language), with_id=True)
        served = {names.key_of(each): _reference(each) for each in requests.values()}
        tasks = encode_tasks(alert, requests, to, served.__getitem__, with_id=True)
        if kind == "Provenance":
            written = [*requests.values(), *(tasks.values() if source.settings.tasks else ())]
            targets = [to.issue, *map(_reference, written)]
            origin = surroundings.origin_of(stored, self.rulebook)
            made = encode_provenance(alert, to, targets, origin, stored.updated)
            return [_checked({"resourceType": kind, "id": str(alert.id), **made}, stored)]
        of_kind = tasks if kind == "Task" else requests
        return [_checked(of_kind[name], stored) for name in steps]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What it takes to show alerts besides themselves, read for a whole page at once."""

    dispositions: Mapping[UUID, Disposition]
    gone: Mapping[int, frozenset[str]]
    """By source, what the alerts rest on and it has deleted, as `Addresses.gone` has it."""
    versions: Mapping[int, Mapping[str, str]]
    """By source, version ids of what they rest on, as `Origin.versions` has them."""
    judged: Mapping[int, tuple[str, str]]
    """By patient, the release and the rulebook's digest that they were last judged with."""

    def origin_of(self, stored: Stored, rulebook: Rulebook) -> Origin:
        """What an alert was decided with and from; this release and rulebook where nothing else is known."""
        software, digest = self.judged.get(stored.alert.subject, (code_version(), rulebook.digest))
        return Origin(software, digest, self.versions.get(stored.source.id, {}))


def surroundings_of(connection: Connection, found: Sequence[Stored]) -> Surroundings:
    """Read what it takes to show those alerts."""
    made = alerts.dispositions_of(
        connection, {each for stored in found for each in stored.alert.dispositions}
    )
    grounds: dict[int, dict[str, str]] = {}
    for stored in found:
        grounds.setdefault(stored.source.id, {}).update(referred(stored.alert, stored.source.name))
    gone, versions = {}, {}
    for source_id, keys in grounds.items():
        there = resources.current(connection, source_id, list(keys))
        gone[source_id] = frozenset(keys[key] for key, each in there.items() if each.state == _DELETED)
        versions[source_id] = {keys[key]: each.version_id for key, each in there.items() if each.version_id}
    judged = decisions.latest_of(connection, {stored.alert.subject for stored in found})
    return Surroundings({each.id: each for each in made}, gone, versions, judged)


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


def _reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _checked(resource: Resource, stored: Stored) -> Shown:
    # What it says depends on more than the alert: rulebook, release, addresses, what the source has deleted.
    version = f"{stored.alert.revision}-{hashlib.sha256(to_bytes(resource)).hexdigest()[:12]}"
    meta = {
        "versionId": version,
        "lastUpdated": instant(stored.updated),
        "tag": [
            {"system": SOURCE_TAG, "code": stored.source.name},
            *resource.get("meta", {}).get("tag", ()),
        ],
    }
    kind, identity, *rest = ((name, value) for name, value in resource.items() if name != "meta")
    shown = dict([kind, identity, ("meta", meta), *rest])
    validate_outgoing(shown)
    return Shown(shown, version, stored.updated)
