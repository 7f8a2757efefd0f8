"""A server that exports in bulk, as an HTTP transport, with the faults a test asks for."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from sqlalchemy import Engine

from service.exporting import Exported, Exporter, run
from service.fhir.client import FhirClient
from service.loading import Loader
from service.store import catch_up
from service.store.exports import Asked
from service.store.session import reading
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import Feed, Resource

ORIGIN = "https://ehr.clinic.test"
BASE = f"{ORIGIN}/fhir"
STORAGE = "https://storage.test"
AT = "2026-01-15T11:30:00Z"
"""The moment of which its exports are."""

Answer = Callable[[], httpx2.Response]


class BulkServer:
    """Each list of resources is one file; what is asked of it is noted."""

    def __init__(self) -> None:
        self.output: list[tuple[str, list[Any]]] = []
        self.deleted: list[list[Any]] = []
        self.errors: list[Any] = []
        self.files_at = ORIGIN
        self.needs_token = True
        self.looks_needed = 0
        self.retry_after: str | None = None
        self.zips = False
        self.drips = False
        """Whether its files come byte by byte."""
        self.refuses_filters = False
        self.held: dict[str, Resource] = {}
        """What is read one by one."""
        self.instead: dict[str, list[Answer]] = {}
        """What the next requests to a path get instead, in order."""
        self.jobs = 0
        self.ended: list[str] = []
        self.asked: list[httpx2.Request] = []
        self.looks = 0

    def client(self, token: str | None = None) -> FhirClient:
        return FhirClient(BASE, token, transport=httpx2.MockTransport(self._answer))

    def fetched(self) -> Counter[str]:
        paths = [urlsplit(str(each.url)).path for each in self.asked]
        return Counter(each for each in paths if each.startswith("/files/"))

    def kick_offs(self) -> list[dict[str, str]]:
        """The parameters of each request for an export."""
        parts = [urlsplit(str(each.url)) for each in self.asked]
        return [dict(parse_qsl(each.query)) for each in parts if each.path.endswith("$export")]

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        parts = urlsplit(str(request.url))
        waiting = self.instead.get(parts.path)
        if waiting:
            return waiting.pop(0)()
        if parts.path.endswith("/$export"):
            return self._begin(dict(parse_qsl(parts.query)))
        if parts.path.startswith("/jobs/"):
            return self._job(request, parts.path)
        if parts.path.startswith("/files/"):
            return self._file(parts.path.removeprefix("/files/"))
        found = self.held.get(parts.path.removeprefix("/fhir/"))
        return httpx2.Response(404) if found is None else httpx2.Response(200, json=found)

    def _begin(self, query: dict[str, str]) -> httpx2.Response:
        if self.refuses_filters and "_typeFilter" in query:
            return httpx2.Response(400)
        self.jobs += 1
        self.looks = 0
        return httpx2.Response(202, headers={"Content-Location": f"{ORIGIN}/jobs/{self.jobs}"})

    def _job(self, request: httpx2.Request, path: str) -> httpx2.Response:
        if path != f"/jobs/{self.jobs}" or path in self.ended:
            return httpx2.Response(404)
        if request.method == "DELETE":
            self.ended.append(path)
            return httpx2.Response(202)
        self.looks += 1
        if self.looks <= self.looks_needed:
            wait = {"Retry-After": self.retry_after} if self.retry_after else {}
            return httpx2.Response(202, headers={"X-Progress": "half\x07way", **wait})
        return httpx2.Response(200, json=self.manifest())

    def manifest(self) -> Resource:
        def items(what: str, files: list[tuple[str, list[Any]]]) -> list[Resource]:
            # What stands after the question mark is another each time, as signatures are.
            address = f"{self.files_at}/files/{what}"
            signed = len(self.asked)
            return [{"type": type_, "url": f"{address}/{n}?s={signed}"} for n, (type_, _) in enumerate(files)]

        return {
            "transactionTime": AT,
            "request": f"{BASE}/$export",
            "requiresAccessToken": self.needs_token,
            "output": items("output", self.output),
            "deleted": items("deleted", [("Bundle", each) for each in self.deleted]),
            "error": items("error", [("OperationOutcome", self.errors)] if self.errors else []),
        }

    def _file(self, name: str) -> httpx2.Response:
        what, _, number = name.partition("/")
        files = {"output": [each for _, each in self.output], "deleted": self.deleted, "error": [self.errors]}
        lines = (each if isinstance(each, str) else json.dumps(each) for each in files[what][int(number)])
        body = "".join(f"{line}\n" for line in lines).encode()
        sent = gzip.compress(body) if self.zips else body
        parts = [sent[n : n + 1] for n in range(len(sent))] if self.drips else [sent]
        return httpx2.Response(200, content=iter(parts))


class Room:
    """One such server, and a source that exports from it."""

    def __init__(self, engine: Engine) -> None:
        self.server = BulkServer()
        self.feed = Feed(engine, SourceSettings(fhir_base_url=BASE), settle=timedelta(0))
        self.waits: list[float] = []
        self.told: list[str] = []
        self.stop_after: int | None = None
        """Transactions after which it is asked to stop."""
        self.token: str | None = None

    def export(
        self, *types: str, restart: bool = False, others: tuple[str, ...] = (), **asked: Any
    ) -> Exported:
        return run(self.exporter(others), Asked(types, **asked), restart=restart)

    def exporter(self, others: tuple[str, ...] = ()) -> Exporter:
        feed = self.feed
        loader = Loader(feed.engine, feed.source, feed.rules, clock=lambda: feed.now)
        exporter = Exporter(
            feed.engine,
            feed.source,
            feed.rules,
            self.server.client(self.token),
            loader,
            lambda: feed.now,
            self._wait,
        )
        exporter.others, exporter.tell = others, self.told.append
        loader.stop = self._stops
        return exporter

    def _wait(self, seconds: float) -> bool:
        if seconds:
            self.waits.append(seconds)
        return False

    def _stops(self) -> bool:
        if self.stop_after is None:
            return False
        self.stop_after -= 1
        return self.stop_after < 0

    def marks(self) -> dict[str, str | None]:
        """How far each type counts as read."""
        with reading(self.feed.engine) as connection:
            states = catch_up.states(connection, self.feed.source.id)
        return {each.type: each.mark.isoformat() if each.mark else None for each in states}
