"""`$export` of everything or of a Group (Bulk Data Access 2.0): a job, its state, its files, its end.

What is exported is what there is at the moment of asking. A job says twice that it is not ready, then gives
its manifest as long as nobody deletes it.
"""

import gzip
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from service.simulated_ehr.encoding import encode
from service.simulated_ehr.exchange import base_of, json_answer
from service.simulated_ehr.interactions import Handler
from service.simulated_ehr.records import Records, Refusal, Resource
from service.simulated_ehr.searching import elements_of, fits
from service.simulated_ehr.styles import NOTIFIED
from service.simulated_ehr.topic_bundles import now

NDJSON: Final = "application/fhir+ndjson"
LINES: Final = 100
"""Resources in one file: few, so that there are several."""
LOOKS: Final = 2
"""How often a job says that it is not ready."""
_FORMATS: Final = frozenset({NDJSON, "application/ndjson", "ndjson"})


@dataclass(slots=True)
class Job:
    """One export."""

    request: str
    """The address that asked for it."""
    at: str
    """The moment of which it is."""
    output: list[tuple[str, list[Resource]]]
    """Type and resources of each file."""
    deleted: list[tuple[str, list[Resource]]]
    looks: int = 0
    fetched: Counter[int] = field(default_factory=Counter)
    """How often each file was fetched."""

    @property
    def files(self) -> list[tuple[str, list[Resource]]]:
        """All files, in order of their numbers."""
        return [*self.output, *self.deleted]


class Exports:
    """The jobs of one server."""

    def __init__(self, records: Records, *, needs_token: bool) -> None:
        self._records, self._needs_token = records, needs_token
        self.jobs: dict[str, Job] = {}
        self.begun = 0

    def routes(self) -> Mapping[str, Mapping[str, Handler]]:
        """Handlers by path and method."""
        return {
            "/fhir/$export": {"GET": self._begin},
            "/fhir/Group/{id}/$export": {"GET": self._begin},
            "/fhir/bulk/{job}": {"GET": self._look, "DELETE": self._end},
            "/fhir/bulk/{job}/{number:int}": {"GET": self._file},
        }

    async def _begin(self, request: Request) -> Response:
        if "respond-async" not in request.headers.get("prefer", ""):
            raise Refusal(400, "not-supported", "Prefer: respond-async is expected")
        asked = request.query_params
        if asked.get("_outputFormat", NDJSON) not in _FORMATS:
            raise Refusal(400, "not-supported", f"_outputFormat: only {NDJSON} is supported")
        types = [each for each in asked.get("_type", "").split(",") if each] or list(NOTIFIED)
        since = _since(asked.get("_since"))
        members = self._members(request.path_params["id"]) if "id" in request.path_params else None
        filters = list(_filters(asked.getlist("_typeFilter")))
        output = []
        for type_ in types:
            chosen = [
                each
                for each in self._records.every(type_)
                if _is_wanted(each, filters, since) and (members is None or _is_of(each, members))
            ]
            output += [(type_, part) for part in _parts(chosen)]
        gone = [
            _deletion(type_, id_) for type_ in types for id_ in self._records.deleted(type_, since or _EVER)
        ]
        deleted = [("Bundle", part) for part in _parts(gone)] if since is not None else []
        name = uuid4().hex
        self.jobs[name] = Job(str(request.url), now(), output, deleted)
        self.begun += 1
        return Response(status_code=202, headers={"Content-Location": f"{base_of(request)}/bulk/{name}"})

    def _members(self, group: str) -> frozenset[str]:
        members = self._records.read("Group", group).get("member", ())
        return frozenset(str((each.get("entity") or {}).get("reference", "")) for each in members)

    def _job(self, request: Request) -> Job:
        job = self.jobs.get(request.path_params["job"])
        if job is None:
            raise Refusal(404, "not-found", "there is no such export")
        return job

    async def _look(self, request: Request) -> Response:
        job = self._job(request)
        job.looks += 1
        if job.looks <= LOOKS:
            progress = f"{100 * (job.looks - 1) // LOOKS}% of {len(job.files)} files"
            return Response(status_code=202, headers={"Retry-After": "1", "X-Progress": progress})
        address = f"{base_of(request)}/bulk/{request.path_params['job']}"
        items = [
            {"type": type_, "url": f"{address}/{number}", "count": len(resources)}
            for number, (type_, resources) in enumerate(job.files)
        ]
        manifest = {
            "transactionTime": job.at,
            "request": job.request,
            "requiresAccessToken": self._needs_token,
            "output": items[: len(job.output)],
            "deleted": items[len(job.output) :],
            "error": [],
        }
        return Response(encode(manifest), media_type="application/json")

    async def _file(self, request: Request) -> Response:
        job, number = self._job(request), request.path_params["number"]
        if number >= len(job.files):
            raise Refusal(404, "not-found", "there is no such file")
        job.fetched[number] += 1
        body = b"".join(encode(each) + b"\n" for each in job.files[number][1])
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(body, media_type=NDJSON)
        return Response(gzip.compress(body), headers={"Content-Encoding": "gzip"}, media_type=NDJSON)

    async def _end(self, request: Request) -> Response:
        self._job(request)
        del self.jobs[request.path_params["job"]]
        return json_answer({"resourceType": "OperationOutcome", "issue": [_ENDED]}, 202)


_EVER: Final = datetime.fromisoformat("0001-01-01T00:00:00Z")
_ENDED: Final = {"severity": "information", "code": "informational", "diagnostics": "The export is deleted."}

Filter = tuple[str, tuple[tuple[str, str], ...]]


def _since(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refusal(400, "value", "_since: an instant with its zone is expected")
    return moment


def _filters(given: Iterable[str]) -> Iterator[Filter]:
    """Searches after commas; a comma within one is escaped."""
    for each in (one for text in given for one in text.split(",")):
        type_, _, query = each.partition("?")
        yield type_, tuple(parse_qsl(query, keep_blank_values=True))


def _is_wanted(resource: Resource, filters: list[Filter], since: datetime | None) -> bool:
    """Whether it fits one of the filters of its type, where there are any, and was written since then."""
    mine = [query for type_, query in filters if type_ == resource["resourceType"]]
    if mine and not any(all(fits(resource, *one) for one in query) for query in mine):
        return False
    return since is None or datetime.fromisoformat(str(resource["meta"]["lastUpdated"])) >= since


def _is_of(resource: Resource, members: frozenset[str]) -> bool:
    if resource["resourceType"] == "Patient":
        return f"Patient/{resource['id']}" in members
    return any(each.get("reference") in members for each in elements_of(resource, ("subject", "patient")))


def _parts(resources: list[Resource]) -> Iterator[list[Resource]]:
    for start in range(0, len(resources), LINES):
        yield resources[start : start + LINES]


def _deletion(type_: str, id_: str) -> dict[str, Any]:
    entry = {"request": {"method": "DELETE", "url": f"{type_}/{id_}"}}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
