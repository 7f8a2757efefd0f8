"""A FHIR server in memory, as an HTTP transport: it does what real servers do wrong when a test says so."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

Resource = dict[str, Any]
Handler = Callable[[httpx2.Request], httpx2.Response]
BASE = "https://ehr.test/fhir"


class _Refusal(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def status(code: int, **headers: str) -> Callable[[Handler, httpx2.Request], httpx2.Response]:
    """An answer of that status, without having done anything."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _handle, _request: httpx2.Response(code, headers=sent, json={"secret": "patient data"})


def dropped(handle: Handler, request: httpx2.Request) -> httpx2.Response:
    """The request is carried out, and the answer lost."""
    handle(request)
    raise httpx2.ReadError("connection reset", request=request)


def unreachable(_handle: Handler, request: httpx2.Request) -> httpx2.Response:
    """Nothing arrives."""
    raise httpx2.ConnectError("refused", request=request)


def denied(handle: Handler, request: httpx2.Request) -> httpx2.Response:
    """The request is carried out, and refused all the same, as some servers do under a race."""
    handle(request)
    return httpx2.Response(400)


class FakeServer:
    """Resources by type and id, every version kept; `next_answers` are used up before it behaves."""

    def __init__(self, *, conditional: bool = True, tags: bool = True) -> None:
        self.versions: dict[tuple[str, str], list[Resource]] = {}
        self.conditional = conditional
        """False: it ignores ifNoneExist, as some do under a race."""
        self.tags = tags
        """False: it ignores the search parameter _tag."""
        self.requests: list[tuple[str, str]] = []
        self.next_answers: dict[str, list[Callable[[Handler, httpx2.Request], httpx2.Response]]] = {}
        """What the next requests of a method and path (`POST /`) get, in order."""
        self.faults: list[Callable[[Handler, httpx2.Request], httpx2.Response] | None] = []
        """What the next requests get, whatever they are; None: what they ask for."""
        self.statement: Resource | None = None
        """Its CapabilityStatement."""
        self.refuses: dict[str, int] = {}
        """What it answers to anything about a type, or to a transaction (`Bundle`)."""
        self.tells_ids = True
        """False: it says where what it created is, and shows nothing of it."""
        self._count = 0

    def offers(self, *types: str, transactions: bool = True, version: str = "4.0.1") -> None:
        """Say so in a CapabilityStatement."""
        both = [{"code": "create"}, {"code": "update"}]
        self.statement = {
            "resourceType": "CapabilityStatement",
            "fhirVersion": version,
            "rest": [
                {
                    "mode": "server",
                    "resource": [{"type": each, "interaction": both} for each in types],
                    "interaction": [{"code": "transaction"}] if transactions else [],
                }
            ],
        }

    @property
    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self._answer)

    def all(self, kind: str) -> list[Resource]:
        return [history[-1] for (each, _id), history in self.versions.items() if each == kind]

    def one(self, kind: str) -> Resource:
        found = self.all(kind)
        assert len(found) == 1, [each["id"] for each in found]
        return found[0]

    def step(self, name: str, kind: str = "ServiceRequest") -> Resource:
        matching = [r for r in self.all(kind) if r["identifier"][0]["value"].endswith(f":{name}")]
        assert len(matching) == 1, name
        return matching[0]

    @property
    def writes(self) -> int:
        return sum(len(history) for history in self.versions.values())

    def put(self, resource: Resource) -> Resource:
        """Write as somebody else at the EHR."""
        return self._store(resource["resourceType"], resource.get("id"), resource)

    def remove(self, resource: Resource) -> None:
        del self.versions[resource["resourceType"], resource["id"]]

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        path = urlsplit(str(request.url)).path.removeprefix("/fhir") or "/"
        what = f"{request.method} {path}"
        self.requests.append((request.method, path))
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            return fault(self._carry_out, request)
        waiting = self.next_answers.get(what) or self.next_answers.get(f"{request.method} *")
        if waiting:
            return waiting.pop(0)(self._carry_out, request)
        return self._carry_out(request)

    def _carry_out(self, request: httpx2.Request) -> httpx2.Response:
        parts = urlsplit(str(request.url))
        path = parts.path.removeprefix("/fhir").strip("/")
        body = json.loads(request.content) if request.content else {}
        try:
            kind = path.partition("/")[0] or "Bundle"
            if kind in self.refuses:
                return httpx2.Response(self.refuses[kind])
            if kind == "metadata":
                return httpx2.Response(200, json=self.statement) if self.statement else httpx2.Response(404)
            if request.method == "GET":
                return httpx2.Response(200, json=self._get(path, dict(parse_qsl(parts.query))))
            if not path:
                return httpx2.Response(200, json=self._transaction(body["entry"]))
            if request.method == "PUT":
                return httpx2.Response(200, json=self._put(path, body, request.headers.get("If-Match")))
            made, new = self._post(path, body, request.headers.get("If-None-Exist"))
            location = f"{BASE}/{path}/{made['id']}/_history/{made['meta']['versionId']}"
            return httpx2.Response(
                201 if new else 200,
                headers={"Location": location},
                content=json.dumps(made) if self.tells_ids else b"",
            )
        except _Refusal as refusal:
            return httpx2.Response(refusal.status, json={"resourceType": "OperationOutcome", "issue": []})

    def _get(self, path: str, query: dict[str, str]) -> Resource:
        kind, _slash, resource_id = path.partition("/")
        if resource_id:
            if (kind, resource_id) not in self.versions:
                raise _Refusal(404)
            return self.versions[kind, resource_id][-1]
        return {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [{"resource": each} for each in self._search(kind, query)],
        }

    def _search(self, kind: str, query: dict[str, str]) -> list[Resource]:
        found = self.all(kind)
        if "identifier" in query:
            system, _bar, value = query["identifier"].partition("|")
            wanted = {"system": system, "value": value}
            found = [each for each in found if wanted in each.get("identifier", [])]
        if "target" in query:
            found = [each for each in found if {"reference": query["target"]} in each["target"]]
        if "_tag" in query and self.tags:
            system, _bar, code = query["_tag"].partition("|")
            found = [each for each in found if {"system": system, "code": code} in each["meta"]["tag"]]
        return found

    def _post(self, kind: str, resource: Resource, condition: str | None) -> tuple[Resource, bool]:
        if condition and self.conditional:
            there = self._search(kind, dict(parse_qsl(condition)))
            if len(there) > 1:
                raise _Refusal(412)
            if there:
                return there[0], False
        return self._store(kind, None, resource), True

    def _put(self, url: str, resource: Resource, if_match: str | None) -> Resource:
        kind, _slash, resource_id = url.partition("/")
        if (kind, resource_id) not in self.versions:
            raise _Refusal(404)
        current = self.versions[kind, resource_id][-1]["meta"]["versionId"]
        if if_match is not None and if_match != f'W/"{current}"':
            raise _Refusal(412)
        return self._store(kind, resource_id, resource)

    def _transaction(self, entries: list[Resource]) -> Resource:
        before = {key: list(history) for key, history in self.versions.items()}
        names: dict[str, str] = {}
        answers = []
        try:
            for entry in entries:
                request = entry["request"]
                resource = json.loads(_replaced(json.dumps(entry["resource"]), names))
                if request["method"] == "POST":
                    made, new = self._post(request["url"], resource, request.get("ifNoneExist"))
                    names[entry.get("fullUrl", "none")] = f"{request['url']}/{made['id']}"
                else:
                    made, new = self._put(request["url"], resource, request.get("ifMatch")), False
                location = f"{made['resourceType']}/{made['id']}/_history/{made['meta']['versionId']}"
                answers.append(
                    {"response": {"status": "201 Created" if new else "200 OK", "location": location}}
                )
        except _Refusal:
            self.versions = before
            raise
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}

    def _store(self, kind: str, resource_id: str | None, resource: Resource) -> Resource:
        self._count += 1
        resource_id = resource_id or f"{kind[:2].lower()}_{self._count}"
        history = self.versions.setdefault((kind, resource_id), [])
        kept = deepcopy(resource)
        meta = {**kept.get("meta", {}), "versionId": str(len(history) + 1)}
        meta["lastUpdated"] = f"2024-08-20T12:00:{self._count:02}.000Z"
        history.append({**kept, "id": resource_id, "meta": meta})
        return history[-1]


def _replaced(text: str, names: dict[str, str]) -> str:
    for urn, reference in names.items():
        text = text.replace(urn, reference)
    return text
