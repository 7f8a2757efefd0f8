"""Changing resources: create, update and delete, on conditions, one by one or as a transaction."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

from service.simulated_ehr.records import Records, Refusal, Resource, Version
from service.simulated_ehr.searching import find

_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_TYPE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}")
_LITERAL: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?")
_ORDER: Final = ("DELETE", "POST", "PUT", "GET")
"""In which a transaction is carried out, whatever the order of its entries."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one write came to."""

    status: str
    """HTTP status with its reason."""
    kind: str
    id: str
    version: Version | None
    """None: deleted."""

    @property
    def location(self) -> str:
        """Relative address of the version."""
        assert self.version is not None
        return f"{self.kind}/{self.id}/_history/{self.version.number}"


def create(records: Records, kind: str, resource: Resource, if_none_exist: str | None = None) -> Written:
    """Create a resource under a new id, unless one fits `if_none_exist`.

    Raises:
        Refusal: 412 where several fit; 400 or 422 where the resource cannot be taken.
    """
    _check(kind, resource)
    if if_none_exist is not None:
        there = _matching(records, kind, if_none_exist)
        if there is not None:
            return Written("200 OK", kind, there, records.current(kind, there))
    return _store(records, kind, str(uuid4()), resource, "201 Created")


def update(records: Records, kind: str, id_: str, resource: Resource, if_match: str | None = None) -> Written:
    """Replace a resource, or create it under that id.

    Raises:
        Refusal: 412 where `if_match` (an ETag) is not its version; 400 or 422 where it cannot be taken.
    """
    _check(kind, resource)
    if not _ID.fullmatch(id_) or resource.get("id") != id_:
        raise Refusal(400, "invalid", f"{kind}.id: it must be the one in the address")
    before = records.current(kind, id_)
    if if_match is not None and (before is None or etag(before) != if_match):
        raise Refusal(412, "conflict", f"{kind}: it has changed meanwhile")
    there = before is not None and before.resource is not None
    return _store(records, kind, id_, resource, "200 OK" if there else "201 Created")


def update_found(records: Records, kind: str, query: str, resource: Resource) -> Written:
    """Replace the one resource that fits a query, or create one where none does.

    Raises:
        Refusal: 412 where several fit; 400 or 422 where it cannot be taken.
    """
    there = _matching(records, kind, query)
    if there is None and "id" not in resource:
        return create(records, kind, resource)
    id_ = there or str(resource["id"])
    return update(records, kind, id_, {**resource, "id": id_})


def delete(records: Records, kind: str, id_: str) -> Written:
    """Delete a resource; it is no error where there is none."""
    records.delete(kind, id_)
    return Written("204 No Content", kind, id_, None)


def alone(records: Records, write: Callable[[], Written]) -> Written:
    """Do one write by itself; nothing is left of it when it is refused.

    Raises:
        Refusal: it is refused, or points at something that is not here.
    """
    with records.all_or_nothing():
        done = write()
        check_references(done, records)
    return done


def check_references(done: Written, records: Records) -> None:
    """Every literal reference must lead to something that exists here, as on most real servers.

    Raises:
        Refusal: 422 with the place of one that does not.
    """
    if done.version is not None and done.version.resource is not None:
        _check_references(records, done.kind, done.version.resource)


def etag(version: Version) -> str:
    """The ETag of a version."""
    return f'W/"{version.number}"'


def carry_out(records: Records, bundle: Resource) -> tuple[Resource, list[Written]]:
    """Carry out a batch or transaction Bundle.

    Returns:
        The Bundle of answers, and what was written.

    Raises:
        Refusal: of the first entry of a transaction that fails; then nothing of it was done.
    """
    kind = bundle.get("type")
    if bundle.get("resourceType") != "Bundle" or kind not in ("batch", "transaction"):
        raise Refusal(400, "invalid", "Bundle.type: batch or transaction is expected here")
    entries = bundle.get("entry") or []
    answers: list[Resource] = [{} for _ in entries]
    written: list[Written] = []

    def one(position: int, entry: Resource) -> None:
        done = _carry_out_entry(records, entry)
        if isinstance(done, Written):
            if kind == "batch":
                check_references(done, records)
            written.append(done)
            answers[position] = {"response": _response(done)}
        else:
            answers[position] = {"resource": done, "response": {"status": "200 OK"}}

    if kind == "transaction":
        with records.all_or_nothing():
            _in_order(_with_ids(records, entries), one)
            for done in written:
                check_references(done, records)
    else:
        for position, entry in enumerate(entries):
            try:
                with records.all_or_nothing():
                    one(position, entry)
            except Refusal as refusal:
                answers[position] = {"response": {"status": str(refusal.status), "outcome": outcome(refusal)}}
    return {"resourceType": "Bundle", "type": f"{kind}-response", "entry": answers}, written


def outcome(refusal: Refusal) -> Resource:
    """The OperationOutcome that says why."""
    issue = {"severity": "error", "code": refusal.code, "diagnostics": refusal.message}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _in_order(entries: list[Resource], one: Callable[[int, Resource], None]) -> None:
    for method in _ORDER:
        for position, entry in enumerate(entries):
            if entry["request"].get("method") == method:
                one(position, entry)


def _with_ids(records: Records, entries: list[Resource]) -> list[Resource]:
    """The entries with ids for what will be created, and references among them pointing there."""
    targets: dict[str, str] = {}
    prepared = []
    for entry in entries:
        request, resource = entry.get("request") or {}, entry.get("resource")
        if request.get("method") not in _ORDER:
            raise Refusal(400, "invalid", "Bundle.entry.request.method: GET, POST, PUT or DELETE is expected")
        if request["method"] == "POST" and isinstance(resource, dict):
            kind, query = str(request.get("url")), request.get("ifNoneExist")
            _check(kind, resource)
            id_ = (_matching(records, kind, query) if query else None) or str(uuid4())
            if "fullUrl" in entry:
                targets[str(entry["fullUrl"])] = f"{kind}/{id_}"
            entry = {**entry, "resource": {**resource, "id": id_}}  # noqa: PLW2901 - the same entry, prepared
        prepared.append(entry)
    return [
        {**entry, "resource": _pointing(entry["resource"], targets)} if "resource" in entry else entry
        for entry in prepared
    ]


def _pointing(value: Any, targets: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_pointing(each, targets) for each in value]
    if not isinstance(value, dict):
        return value
    pointing = {name: _pointing(part, targets) for name, part in value.items()}
    reference = value.get("reference")
    leads_within = isinstance(reference, str) and reference in targets
    return pointing | ({"reference": targets[str(reference)]} if leads_within else {})


def _carry_out_entry(records: Records, entry: Resource) -> Written | Resource:
    request, resource = entry.get("request") or {}, entry.get("resource") or {}
    method, (path, _, query) = request.get("method"), str(request.get("url", "")).partition("?")
    kind, _, id_ = path.strip("/").partition("/")
    if method == "POST" and not id_:
        if "id" not in resource:
            return create(records, kind, resource, request.get("ifNoneExist"))
        there = records.current(kind, resource["id"])  # prepared by a transaction
        if there is not None:
            return Written("200 OK", kind, resource["id"], there)
        return _store(records, kind, resource["id"], resource, "201 Created")
    if method == "PUT" and query and not id_:
        return update_found(records, kind, query, resource)
    if method == "PUT" and id_:
        return update(records, kind, id_, resource, request.get("ifMatch"))
    if method == "DELETE" and id_:
        return delete(records, kind, id_)
    if method == "GET" and id_:
        return records.read(kind, id_)
    raise Refusal(400, "not-supported", "Bundle.entry.request: that is not supported")


def _response(done: Written) -> Resource:
    if done.version is None:
        return {"status": done.status}
    return {"status": done.status, "location": done.location, "etag": etag(done.version)}


def _matching(records: Records, kind: str, query: str) -> str | None:
    found = find(records, kind, parse_qsl(query.removeprefix("?"), keep_blank_values=True))
    if len(found) > 1:
        raise Refusal(412, "multiple-matches", f"{kind}: several resources fit the condition")
    return str(found[0]["id"]) if found else None


def _store(records: Records, kind: str, id_: str, resource: Resource, status: str) -> Written:
    return Written(status, kind, id_, records.put({**resource, "id": id_}))


def _check(kind: str, resource: Resource) -> None:
    if not _TYPE.fullmatch(kind) or resource.get("resourceType") != kind:
        raise Refusal(400, "invalid", "resourceType: it must be the one in the address")


def _check_references(records: Records, path: str, value: Any) -> None:
    if isinstance(value, list):
        for each in value:
            _check_references(records, path, each)
    elif isinstance(value, dict):
        literal = _LITERAL.fullmatch(str(value.get("reference", "")))
        if literal:
            there = records.current(literal[1], literal[2])
            if there is None or there.resource is None:
                raise Refusal(422, "not-found", f"{path}.reference: there is no such resource here")
        for name, part in value.items():
            _check_references(records, f"{path}.{name}", part)
