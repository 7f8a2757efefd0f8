"""A database with alerts of two hospitals, and a reader in front of the endpoints."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from fastapi import FastAPI
from sqlalchemy import Engine, insert, select, update
from starlette.testclient import TestClient

from service.alerts.alert import Alert
from service.api import create_api, install_error_answers
from service.clinical.rulebook import load_rulebook
from service.ingest import Rules
from service.logs import AccessLog
from service.settings import Settings
from service.store import alerts, patients, readers, sources
from service.store.schema import alert as alert_table
from service.store.schema import audit, patient
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.fhir.alert_examples import NOW
from tests.fhir.alert_examples import alert as an_alert

PUBLIC_URL = "https://watch.clinic.test"
BASE = f"{PUBLIC_URL}/fhir"
TOKEN = "the-token-of-a-reader"
AUDITING = "the-token-of-one-who-audits"
EHR = "https://ehr.clinic.test/r4"

Json = dict[str, Any]


def number(n: int) -> UUID:
    """The id of the test's n-th alert."""
    return UUID(int=0xA << 120 | n)


@dataclass
class ReadingRoom:
    """The sources `clinic` (its FHIR server known) and `annex` (not), with tasks; readers of one or both.

    One reader audits `clinic`.
    """

    engine: Engine
    now: datetime = NOW
    sources: dict[str, int] = field(default_factory=dict)
    writer: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(alive=True))

    def __post_init__(self) -> None:
        with writing(self.engine) as connection:
            for name, settings in (
                ("clinic", SourceSettings(fhir_base_url=EHR, tasks=True)),
                ("annex", SourceSettings(tasks=True)),
            ):
                self.sources[name] = sources.add(connection, name, settings, "secret", self.now).id
            readers.add(connection, "ward", ["clinic"], TOKEN, self.now)
            readers.add(connection, "everywhere", ["clinic", "annex"], "sees-both", self.now)
            readers.add(connection, "auditor", ["clinic"], AUDITING, self.now, audits=True)

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None, redirect_slashes=False)
        app.state.engine = self.engine
        app.state.settings = Settings(public_url=PUBLIC_URL)
        app.state.rules = Rules(load_rulebook())
        app.state.batcher = self.writer
        install_error_answers(app)
        app.include_router(create_api())
        app.add_middleware(AccessLog)
        return app

    def client(self, token: str | None = TOKEN) -> TestClient:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return TestClient(self.app(), base_url=PUBLIC_URL, headers=headers, raise_server_exceptions=False)

    def patient(self, fhir_id: str, source: str = "clinic") -> int:
        with writing(self.engine) as connection:
            return patients.named(connection, self.sources[source], [fhir_id])[fhir_id].id

    def public_id(self, patient_id: int) -> UUID:
        with reading(self.engine) as connection:
            query = select(patient.c.public_id).where(patient.c.id == patient_id)
            return UUID(str(connection.execute(query).scalar_one()))

    def merge(self, patient_id: int, into: int) -> None:
        with writing(self.engine) as connection:
            connection.execute(update(patient).where(patient.c.id == patient_id).values(survivor_id=into))

    def put(
        self,
        n: int,
        of: Alert | None = None,
        *,
        fhir_id: str = "p1",
        source: str = "clinic",
        later: float = 1,
    ) -> Alert:
        """Store the n-th alert, `later` seconds after the one before."""
        self.now += timedelta(seconds=later)
        content = replace(of or an_alert(), id=number(n), subject=self.patient(fhir_id, source))
        row = {
            "patient_id": content.subject,
            "source_id": self.sources[source],
            "family": content.family.value,
            "state": content.state.value,
            "tier": int(content.tier),
            "updated": self.now,
            "revision": content.revision,
            "content": alerts.encode(content),
            "last_result": content.episode.last_result,
        }
        with writing(self.engine) as connection:
            known = update(alert_table).where(alert_table.c.id == content.id).values(**row)
            if not connection.execute(known).rowcount:
                connection.execute(insert(alert_table).values(id=content.id, created=content.created, **row))
        return content

    def audited(self) -> list[tuple[str, str, int | None, int | None, Json]]:
        """Actor, action, source, patient and detail of every audit row.

        Without the request's id, and what was read or searched for: `test_audit_events.py` looks at those.
        """
        with reading(self.engine) as connection:
            rows = connection.execute(select(audit).order_by(audit.c.id)).all()
        found = []
        for row in rows:
            detail: Json = msgspec.json.decode(row.detail)
            assert detail.pop("request")
            assert row.action != "search" or detail.pop("query")
            assert row.action != "read" or detail["count"] == 0 or detail.pop("id")
            found.append((row.actor, row.action, row.source_id, row.patient_id, detail))
        return found


def matches(bundle: Json) -> list[str]:
    """Ids of the resources in a page."""
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]


def link(bundle: Json, relation: str) -> str | None:
    """A link of a page as path and query."""
    for each in bundle["link"]:
        if each["relation"] == relation:
            assert each["url"].startswith(BASE)
            parts = urlsplit(each["url"])
            return f"{parts.path}?{parts.query}"
    return None


def pages(client: TestClient, first: str) -> Iterator[Json]:
    """Every page of a search, following its links."""
    address: str | None = first
    while address is not None:
        answer = client.get(address)
        assert answer.status_code == 200, answer.text
        bundle: Json = answer.json()
        yield bundle
        address = link(bundle, "next")
