"""What an alert should be on a server, what is there, and the changes that lead from one to the other."""

import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import msgspec

from service.fhir import names
from service.fhir.capabilities import Release
from service.fhir.comparing import holds, merged
from service.fhir.manner import USUAL, Manner, as_taken
from service.fhir.outgoing import InvalidOutgoing, to_bytes, validate_outgoing
from service.fhir.standing import is_live, is_theirs, kept_going, taken_back

Resource = dict[str, Any]

_LOCATION = re.compile(r"(?:^|/)[A-Za-z]+/([A-Za-z0-9_.-]+)(?:/_history/[^/]+)?$")


class Held(msgspec.Struct, frozen=True):
    """A resource the server holds, and what we last made it say."""

    id: str
    digest: str = ""
    status: str = ""


class Known(msgspec.Struct, frozen=True):
    """What was learnt from a server about one alert; safe to lose."""

    held: dict[str, Held] = {}
    """By `names.key_of` each resource."""

    @property
    def issue(self) -> Held | None:
        """The DetectedIssue."""
        return self.held.get(names.ISSUE)

    def holds_any(self, kind: str) -> bool:
        """Whether the server has ever held a resource of that type of ours."""
        return any(key.startswith(f"{kind}/") for key in self.held)


Refer = Callable[[str], str]
"""From the key of a resource to the reference by which others of the same alert name it."""


def unsure(known: Known) -> Known:
    """What is left of it once a write has begun whose outcome is not known: where things are."""
    return Known({key: Held(held.id, status=held.status) for key, held in known.held.items()})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the server should hold of one alert."""

    alert_id: UUID
    encode: Callable[[Refer], list[Resource]]
    """Every resource there was ever of it, given what each is called by others; the DetectedIssue first."""
    create: bool
    """False: where nothing is, nothing is written (an alert that vanished before it was ever sent)."""
    manner: Manner = USUAL
    """How the server is written to; types that it leaves out are referred to by their identifier."""

    @property
    def issue_is_written(self) -> bool:
        """Whether the DetectedIssue goes to that server: everything else hangs on it then."""
        return "DetectedIssue" not in self.manner.left_out

    def referring(self, ids: Mapping[str, str]) -> list[Resource]:
        """Every resource, when those of `ids` (key → id) are on the server already."""

        def refer(key: str) -> str:
            kind = key.partition("/")[0]
            known = key in ids and kind not in self.manner.left_out
            return f"{kind}/{ids[key]}" if known else self.urn(key)

        return as_taken(self.encode(refer), self.manner.left_out, self.urn)

    def urn(self, key: str) -> str:
        """What names a resource within the transaction that creates it."""
        return f"urn:uuid:{self.alert_id if key == names.ISSUE else uuid5(self.alert_id, key)}"


@dataclass(slots=True)
class Found:
    """What a look at the server found: of each the oldest, and the others that a race has made."""

    there: dict[str, Resource] = field(default_factory=dict)
    """By `names.key_of` each resource."""
    surplus: list[Resource] = field(default_factory=list)

    @property
    def ids(self) -> dict[str, str]:
        """Key → id on the server."""
        return {key: str(resource["id"]) for key, resource in self.there.items()}


def nothing_new(wanted: Wanted, known: Known) -> bool:
    """Whether the last write known of said the same: then the server need not even be asked."""
    if not known.held or (wanted.issue_is_written and known.issue is None):
        return False
    before = {key: (held.digest, held.status) for key, held in known.held.items()}
    now = {
        names.key_of(resource): (_digest(resource), resource["status"])
        for resource in _as_known(wanted, known)
        if names.key_of(resource) in before or is_live(resource)
    }
    return now == before


def presumed(wanted: Wanted, known: Known) -> Found:
    """What the server holds if nobody there has changed anything since the last write known of.

    For showing what would be sent without asking: of what must change only the id and the status are told.
    """
    if not known.held:
        return Found()
    resources = {names.key_of(each): each for each in _as_known(wanted, known)}
    return Found({k: _presumed(resources[k], held) for k, held in known.held.items() if k in resources})


def _as_known(wanted: Wanted, known: Known) -> list[Resource]:
    return wanted.referring({key: held.id for key, held in known.held.items()})


def _presumed(resource: Resource, held: Held) -> Resource:
    if held.digest == _digest(resource):
        return {**resource, "id": held.id}
    return {"resourceType": resource["resourceType"], "id": held.id, **taken_back(resource, held.status)}


def plan(wanted: Wanted, found: Found) -> list[Resource]:
    """The transaction entries that lead from what was found to what is wanted; none where they agree."""
    if not wanted.create and not (wanted.issue_is_written and names.ISSUE in found.there):
        return _plan_end(wanted, found)
    entries = []
    for resource in wanted.referring(found.ids):
        key = names.key_of(resource)
        there = found.there.get(key)
        if there is not None:
            entries += _plan_update(there, resource, wanted.manner.release)
        elif key == names.ISSUE or (is_live(resource) and not _settled_there(resource, found)):
            entries.append(_create(resource, wanted.urn(key)))
    left_out = wanted.manner.left_out
    return entries + [_retire(each) for each in found.surplus if each["resourceType"] not in left_out]


def _plan_update(there: Resource, wanted: Resource, release: Release) -> list[Resource]:
    if is_theirs(there):
        return []
    resource = kept_going(there, wanted)
    return [] if holds(there, resource) else [_update(there, resource, release)]


def _plan_end(wanted: Wanted, found: Found) -> list[Resource]:
    """An alert whose DetectedIssue is lost, and is not made again, must not ask for anything any more."""
    entries = []
    lost = {"reference": wanted.urn(names.ISSUE)}
    lonely = (lost, [lost], [{"reference": lost}])
    for resource in wanted.referring(found.ids):
        there = found.there.get(names.key_of(resource))
        if there is not None and not is_live(resource):
            # What referred to the lost issue would refer to nothing.
            bare = {name: value for name, value in resource.items() if value not in lonely}
            entries += _plan_update(there, bare, wanted.manner.release)
    return entries


def _settled_there(resource: Resource, found: Found) -> bool:
    """Whether it is a Task about something that somebody there has decided about."""
    focus = resource.get("focus", {}).get("reference")
    return any(_address(each) == focus and is_theirs(each) for each in found.there.values())


def _create(resource: Resource, urn: str) -> Resource:
    identifier = resource["identifier"][0]
    request = {
        "method": "POST",
        "url": resource["resourceType"],
        "ifNoneExist": identifier_query(identifier["system"], identifier["value"]),
    }
    return {"fullUrl": urn, "resource": resource, "request": request}


def _update(there: Resource, wanted: Resource, release: Release) -> Resource:
    resource = merged(there, wanted)
    try:
        validate_outgoing(resource, release)
    except InvalidOutgoing:  # what others have put there is not ours to send on
        resource = {**wanted, "id": there["id"]}
    return _put(resource, there)


def _retire(surplus: Resource) -> Resource:
    """A second resource for one alert or step, made by a race: entered in error, under a name of its own."""
    identifiers = [
        {**each, "value": f"{each.get('value')}:duplicate"} if each.get("system") in names.OURS else each
        for each in surplus["identifier"]
    ]
    return _put({**surplus, "identifier": identifiers, "status": "entered-in-error"}, surplus)


def _put(resource: Resource, there: Resource) -> Resource:
    request = {"method": "PUT", "url": _address(there)}
    version = there.get("meta", {}).get("versionId")
    if version:
        request["ifMatch"] = f'W/"{version}"'
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in ("versionId", "lastUpdated")}
    without = {name: value for name, value in resource.items() if name != "meta"}
    return {"resource": {**without, **({"meta": meta} if meta else {})}, "request": request}


def named(known: Known, entries: list[Resource], responses: list[Resource]) -> Known:
    """What is known, with the ids that the server gave to what it created."""
    held = dict(known.held)
    for entry, response in zip(entries, responses, strict=True):
        match = _LOCATION.search(str(response.get("location", "")))
        if entry["request"]["method"] == "POST" and match:
            held[names.key_of(entry["resource"])] = Held(match[1], status=entry["resource"]["status"])
    return Known(held)


def carried_out(wanted: Wanted, found: Found, entries: list[Resource], known: Known) -> Found:
    """What the server holds once it has carried out those entries of a plan.

    One that was created, and of which the server did not tell the id, is not in it.
    """
    posted = {
        names.key_of(entry["resource"]) for entry in entries if entry["request"]["method"] == "POST"
    } & known.held.keys()
    put = {
        entry["request"]["url"]: entry["resource"].keys()
        for entry in entries
        if entry["request"]["method"] == "PUT"
    }
    ids = found.ids | {key: known.held[key].id for key in posted}
    now = {names.key_of(each): each for each in wanted.referring(ids)}
    there = {
        key: {**_kept(kept_going(resource, now[key]), put[_address(resource)]), "id": ids[key]}
        if _address(resource) in put
        else resource
        for key, resource in found.there.items()
    }
    there |= {key: {**now[key], "id": ids[key]} for key in posted}
    return Found(there, [each for each in found.surplus if _address(each) not in put])


def _kept(resource: Resource, names: Collection[str]) -> Resource:
    return {name: value for name, value in resource.items() if name in names}


def _address(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def learnt(wanted: Wanted, found: Found) -> Known:
    """What is worth keeping once the server holds what is wanted."""
    if wanted.issue_is_written and names.ISSUE not in found.there:
        return Known()
    resources = {names.key_of(each): each for each in wanted.referring(found.ids)}
    return Known(
        {
            key: Held(id_, _digest(resources[key]), str(resources[key]["status"]))
            for key, id_ in found.ids.items()
            if key in resources
        }
    )


def _digest(resource: Resource) -> str:
    return hashlib.sha256(to_bytes(resource)).hexdigest()[:32]


def identifier_query(system: str, value: str) -> str:
    """The search that finds the resource with that identifier, for a conditional create."""
    return f"identifier={system}|{value}"
