"""What an alert should be on a server, what is there, and the changes that lead from one to the other."""

import hashlib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from service.fhir import names
from service.fhir.comparing import holds, merged
from service.fhir.outgoing import InvalidOutgoing, to_bytes, validate_outgoing

Resource = dict[str, Any]

_LOCATION = re.compile(r"(?:^|/)[A-Za-z]+/([A-Za-z0-9_.-]+)(?:/_history/[^/]+)?$")
_THEIRS = frozenset({"completed", "on-hold", "entered-in-error"})
"""Statuses of a ServiceRequest that somebody at the EHR has set: it is left alone then."""


class Held(msgspec.Struct, frozen=True):
    """A resource the server holds, and what we last made it say."""

    id: str
    digest: str = ""
    status: str = ""


class Known(msgspec.Struct, frozen=True):
    """What was learnt from a server about one alert; safe to lose."""

    issue: Held | None = None
    steps: dict[str, Held] = {}


def unsure(known: Known) -> Known:
    """What is left of it once a write has begun whose outcome is not known: where things are."""
    steps = {name: Held(held.id, status=held.status) for name, held in known.steps.items()}
    return Known(known.issue and Held(known.issue.id, status=known.issue.status), steps)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the server should hold of one alert."""

    alert_id: UUID
    encode: Callable[[str], tuple[Resource, dict[str, Resource]]]
    """Given the reference to the DetectedIssue: that issue, and every request there was ever, by its step."""
    steps: Collection[str]
    """The names of those steps."""
    create: bool
    """False: where nothing is, nothing is written (an alert that vanished before it was ever sent)."""


@dataclass(slots=True)
class Found:
    """What a look at the server found: of each the oldest, and the others that a race has made."""

    issue: Resource | None = None
    steps: dict[str, Resource] = field(default_factory=dict)
    surplus: list[Resource] = field(default_factory=list)


def nothing_new(wanted: Wanted, known: Known) -> bool:
    """Whether the last write known of said the same: then the server need not even be asked."""
    if known.issue is None:
        return False
    issue, requests = wanted.encode(f"DetectedIssue/{known.issue.id}")
    steps = {name: (held.digest, held.status) for name, held in known.steps.items()}
    new = {
        name: (_digest(request), request["status"])
        for name, request in requests.items()
        if name in steps or request["status"] == "active"
    }
    return known.issue.digest == _digest(issue) and steps == new


def presumed(wanted: Wanted, known: Known) -> Found:
    """What the server holds if nobody there has changed anything since the last write known of.

    For showing what would be sent without asking: of what must change only the id and the status are told.
    """
    if known.issue is None:
        return Found()
    issue, requests = wanted.encode(f"DetectedIssue/{known.issue.id}")
    steps = {name: _presumed(requests[name], held) for name, held in known.steps.items() if name in requests}
    return Found(_presumed(issue, known.issue), steps)


def _presumed(resource: Resource, held: Held) -> Resource:
    if held.digest == _digest(resource):
        return {**resource, "id": held.id}
    ours = {"note": [names.NO_LONGER_ADVISED]} if held.status == "revoked" else {}
    return {"resourceType": resource["resourceType"], "id": held.id, "status": held.status, **ours}


def plan(wanted: Wanted, found: Found) -> list[Resource]:
    """The transaction entries that lead from what was found to what is wanted; none where they agree."""
    urn = f"urn:uuid:{wanted.alert_id}"
    if found.issue is None and not wanted.create:
        return _plan_end(wanted.encode(urn)[1], found)
    reference = f"DetectedIssue/{found.issue['id']}" if found.issue else urn
    issue, requests = wanted.encode(reference)
    entries = []
    if found.issue is None:
        entries.append(_create(issue, urn))
    elif not holds(found.issue, issue):
        entries.append(_update(found.issue, issue))
    for step in sorted(requests):
        entries += _plan_step(requests[step], found.steps.get(step))
    return entries + [_retire(surplus) for surplus in found.surplus]


def _plan_end(requests: dict[str, Resource], found: Found) -> list[Resource]:
    """An alert whose DetectedIssue is lost, and is not made again, must not ask for anything any more."""
    entries = []
    for step, there in sorted(found.steps.items()):
        if requests[step]["status"] == "revoked":
            entries += _plan_step({k: v for k, v in requests[step].items() if k != "supportingInfo"}, there)
    return entries


def _plan_step(request: Resource, there: Resource | None) -> list[Resource]:
    if there is None:
        return [_create(request, None)] if request["status"] == "active" else []
    status = there.get("status")
    if status in _THEIRS or (status == "revoked" and not _marked(there)):
        return []  # somebody there has decided about the step
    return [] if holds(there, request) else [_update(there, request)]


def _marked(request: Resource) -> bool:
    """Whether it was this service that revoked the request."""
    notes = request.get("note")
    return isinstance(notes, list) and any(
        isinstance(note, dict) and note.get("text") == names.NO_LONGER_ADVISED["text"] for note in notes
    )


def _create(resource: Resource, urn: str | None) -> Resource:
    identifier = resource["identifier"][0]
    request = {
        "method": "POST",
        "url": resource["resourceType"],
        "ifNoneExist": identifier_query(identifier["system"], identifier["value"]),
    }
    return {**({"fullUrl": urn} if urn else {}), "resource": resource, "request": request}


def _update(there: Resource, wanted: Resource) -> Resource:
    resource = merged(there, wanted)
    try:
        validate_outgoing(resource)
    except InvalidOutgoing:  # what others have put there is not ours to send on
        resource = {**wanted, "id": there["id"]}
    return _put(resource, there)


def _retire(surplus: Resource) -> Resource:
    """A second resource for one alert or step, made by a race: entered in error, under a name of its own."""
    identifiers = [
        {**each, "value": f"{each.get('value')}:duplicate"}
        if each.get("system") in (names.ALERT, names.STEP)
        else each
        for each in surplus["identifier"]
    ]
    return _put({**surplus, "identifier": identifiers, "status": "entered-in-error"}, surplus)


def _put(resource: Resource, there: Resource) -> Resource:
    request = {"method": "PUT", "url": f"{there['resourceType']}/{there['id']}"}
    version = there.get("meta", {}).get("versionId")
    if version:
        request["ifMatch"] = f'W/"{version}"'
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in ("versionId", "lastUpdated")}
    without = {name: value for name, value in resource.items() if name != "meta"}
    return {"resource": {**without, **({"meta": meta} if meta else {})}, "request": request}


def named(known: Known, entries: list[Resource], responses: list[Resource]) -> Known:
    """What is known, with the ids that the server gave to what it created."""
    issue, steps = known.issue, dict(known.steps)
    for entry, response in zip(entries, responses, strict=True):
        match = _LOCATION.search(str(response.get("location", "")))
        if entry["request"]["method"] != "POST" or not match:
            continue
        held = Held(match[1], status=entry["resource"]["status"])
        if entry["resource"]["resourceType"] == "DetectedIssue":
            issue = held
        else:
            steps[entry["resource"]["identifier"][0]["value"].rpartition(":")[2]] = held
    return Known(issue, steps)


def learnt(wanted: Wanted, found: Found) -> Known:
    """What is worth keeping once the server holds what is wanted."""
    if found.issue is None:
        return Known()
    issue, requests = wanted.encode(f"DetectedIssue/{found.issue['id']}")
    steps = {}
    for name, there in found.steps.items():
        request = requests[name]
        steps[name] = Held(str(there["id"]), _digest(request), str(request["status"]))
    return Known(Held(str(found.issue["id"]), _digest(issue), str(issue["status"])), steps)


def _digest(resource: Resource) -> str:
    return hashlib.sha256(to_bytes(resource)).hexdigest()[:32]


def identifier_query(system: str, value: str) -> str:
    """The search that finds the resource with that identifier, for a conditional create."""
    return f"identifier={system}|{value}"
