"""An EHR that can be asked, as an HTTP transport: what it holds is searched, in pages, as FHIR says."""

import json
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
from sqlalchemy import Engine

from service.catchup import Asker
from service.fhir.client import FhirClient
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import NOW, Feed, Resource

BASE = "https://ehr.clinic.test/fhir"


class Ehr:
    """Resources by `Type/id`; `writes` are stamped with its own clock."""

    def __init__(self) -> None:
        self.held: dict[str, Resource] = {}
        self.at = NOW - timedelta(hours=1)
        self.page = 3
        """Matches on a page, whatever is asked for."""
        self.sorts = True
        self.links = True
        """Whether pages lead on to the next."""
        self.finds_by_id = True
        self.refused: set[str] = set()
        """Types it does not let be searched."""
        self.only_by_patient = False
        self.total: object = ...
        """What it says of how many matches there are; `...`: the truth."""
        self.down = False
        self.shows = True
        """Whether it shows what it made; else it says where that is, and nothing more."""
        self.statement: Resource | None = None
        """Its CapabilityStatement."""
        self.asked: list[str] = []

    def put(self, resource: Resource) -> Resource:
        """Write one as somebody at the EHR; the version as a feed would send it."""
        self.at += timedelta(seconds=1)
        key = f"{resource['resourceType']}/{resource['id']}"
        before = self.held.get(key, {}).get("meta", {}).get("versionId", "0")
        meta = {"versionId": str(int(before) + 1), "lastUpdated": self.at.isoformat()}
        self.held[key] = {**deepcopy(resource), "meta": meta}
        return self.held[key]

    def remove(self, key: str) -> None:
        del self.held[key]

    def client(self) -> FhirClient:
        return FhirClient(BASE, transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        parts = urlsplit(str(request.url))
        assert parts.netloc == "ehr.clinic.test", "asked elsewhere"
        path = parts.path.removeprefix("/fhir/")
        self.asked.append(path)
        if self.down:
            return httpx2.Response(503)
        if path == "metadata":
            return httpx2.Response(200 if self.statement else 404, json=self.statement or {})
        if request.method != "GET":
            return self._write(request.method, path, json.loads(request.content or b"{}"))
        if "/" in path:
            found = self.held.get(path)
            return httpx2.Response(404) if found is None else httpx2.Response(200, json=found)
        query = dict(parse_qsl(parts.query))
        if path in self.refused or (self.only_by_patient and not {"patient", "_id"} & query.keys()):
            return httpx2.Response(403)
        return httpx2.Response(200, json=self._search(path, query))

    def _write(self, method: str, path: str, resource: Resource) -> httpx2.Response:
        if method == "DELETE":
            return httpx2.Response(204 if self.held.pop(path, None) else 404)
        if method == "POST":
            resource = {**resource, "id": f"new{len(self.held) + 1}"}
        if resource.get("status") == "requested":
            resource = {**resource, "status": "active"}
        stored = self.put(resource)
        if self.shows:
            return httpx2.Response(201, json=stored)
        version = f"{path}/{stored['id']}/_history/1" if method == "POST" else path
        return httpx2.Response(201, headers={"Location": f"{BASE}/{version}"})

    def _search(self, kind: str, query: dict[str, str]) -> dict[str, Any]:
        found = [each for key, each in self.held.items() if key.startswith(f"{kind}/")]
        if since := query.get("_lastUpdated"):
            start = datetime.fromisoformat(since.removeprefix("ge"))
            found = [each for each in found if datetime.fromisoformat(each["meta"]["lastUpdated"]) >= start]
        if patient := query.get("patient"):
            found = [each for each in found if each["subject"] == {"reference": f"Patient/{patient}"}]
        if "code" in query:
            codes = set(query["code"].split(","))
            found = [each for each in found if each["code"]["coding"][0]["code"] in codes]
        if "_id" in query:
            ids = set(query["_id"].split(",")) if self.finds_by_id else set()
            found = [each for each in found if each["id"] in ids]
        if "_sort" in query and self.sorts:
            found.sort(key=lambda each: each["meta"]["lastUpdated"])
        start_at = int(query.get("offset", "0"))
        page = found[start_at : start_at + self.page]
        more = {**query, "offset": str(start_at + self.page)}
        link = [{"relation": "next", "url": f"{BASE}/{kind}?{urlencode(more)}"}]
        return {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(found) if self.total is ... else self.total,
            "link": link if self.links and start_at + self.page < len(found) else [],
            "entry": [{"fullUrl": f"{BASE}/{kind}/{each['id']}", "resource": each} for each in page],
        }


class Clinic:
    """An EHR, a feed of it that brings only what it is told to, and the service that asks."""

    def __init__(self, engine: Engine, **settings: Any) -> None:
        self.ehr = Ehr()
        self.feed = Feed(engine, SourceSettings(fhir_base_url=BASE, **settings), settle=timedelta(0))
        self.stopped = False

    def asker(self) -> Asker:
        feed = self.feed
        return Asker(
            feed.engine,
            feed.source,
            feed.rules,
            self.ehr.client(),
            lambda: feed.now,
            lambda: self.stopped,
        )
