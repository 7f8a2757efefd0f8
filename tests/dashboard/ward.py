"""Two hospitals with patients, and people who look at the pages: on both kinds of database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import msgspec
from fastapi import FastAPI
from sqlalchemy import Engine, select
from starlette.requests import Request
from starlette.testclient import TestClient

from service import dashboard
from service.alerts.alert import Alert
from service.api import install_error_answers
from service.clinical.rulebook import load_rulebook
from service.backlog import RejudgingMemory
from service.dashboard.live import Live
from service.dashboard.access import Role, SignedIn, User
from service.ingest import Rules
from service.loading import Loader, ensure_source, find_files
from service.logs import AccessLog
from service.settings import Settings
from service.store import alerts
from service.store.schema import alert, audit, patient
from service.store.session import reading
from tests.dashboard.reading_pages import Page
from tests.liver_files import called, persistent, person, result, write_lines

SAMPLES = Path(__file__).parents[2] / "fhir_samples"
NOW = datetime(2024, 9, 10, 12, tzinfo=UTC)
RULES = Rules(load_rulebook(), clock="data")
PRESENT = Rules(load_rulebook())
ADAMS = User("u-adams", "Nurse Adams", frozenset({Role.NURSE}), frozenset({"clinic"}))
BELL = User("u-bell", "Nurse Bell", frozenset({Role.NURSE}), frozenset({"clinic"}))
AUDITOR = User("u-audit", "Auditor", frozenset({Role.AUDITOR}), frozenset({"clinic", "annex"}))
STRANGER = User("u-annex", "Nurse Annex", frozenset({Role.NURSE}), frozenset({"annex"}))

SIGNED_IN = get_args(SignedIn)[1].dependency
"""What an endpoint asks for its user."""


def later(days: int) -> str:
    """A day that lies ahead, by the clock on the wall: what people decide counts from today."""
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


@dataclass
class Ward:
    """What is stored, and how it is looked at."""

    engine: Engine
    folder: Path
    count: int = field(default=0)

    def feed(self, resources: Iterable[Any], source: str = "clinic") -> None:
        self.count += 1
        self.load([write_lines(self.folder / f"{self.count}.ndjson", resources)], source)

    def feed_at_the_present(self, resources: Iterable[Any]) -> None:
        """Judged as of the ward's present, not of their own newest result."""
        self.count += 1
        self.load([write_lines(self.folder / f"{self.count}.ndjson", resources)], rules=PRESENT)

    def feed_three(self) -> None:
        """A persistent elevation, a severe one, and one in another hospital."""
        self.feed([person("p1", name=called("Abel", "Ada")), *persistent("p1")])
        severe = [result("s1", "p2", "2024-09-01", 30), result("s2", "p2", "2024-09-02", 1300)]
        self.feed([person("p2", name=called("Baker", "Bea"), birthDate="1950"), *severe])
        self.feed([person("p3", name=called("Cole", "Cy")), *persistent("p3")], "annex")

    def load_samples(self) -> None:
        """Every readable history, as of now: alerts of every kind."""
        folders = [each / "feed" for each in SAMPLES.iterdir() if each.name != "demo"]
        self.load([each for each in folders if each.is_dir()], at=datetime.now(UTC))

    def load(
        self, paths: Sequence[Path], source: str = "clinic", at: datetime = NOW, rules: Rules = RULES
    ) -> None:
        stored, _ = ensure_source(self.engine, source, NOW, "test")
        Loader(self.engine, stored, rules, clock=lambda: at).load(find_files(paths))

    def client(self, user: User | None = ADAMS, *, script: bool = False) -> TestClient:
        app = FastAPI(openapi_url=None, redirect_slashes=False, routes=dashboard.routes())
        app.state.engine, app.state.rules, app.state.settings = self.engine, RULES, Settings()
        app.state.live = Live(self.engine, app.state.settings)
        app.state.rejudging = RejudgingMemory()
        install_error_answers(app)
        dashboard.install_page_answers(app)
        app.include_router(dashboard.create_pages())
        app.add_middleware(AccessLog)
        if user is not None:

            def seated(request: Request) -> User:
                request.state.user = user
                return user

            app.dependency_overrides[SIGNED_IN] = seated
        headers = {"HX-Request": "true"} if script else {}
        return TestClient(app, headers=headers, follow_redirects=False)

    def alerts(self, of: str = "clinic") -> list[Alert]:
        """The alerts of a hospital, in the order of the worklist."""
        with reading(self.engine) as connection:
            found = connection.execute(select(alert.c.content).order_by(alert.c.place, alert.c.id)).scalars()
            every = [alerts.decode(each) for each in found]
        return [each for each in every if {key.source for key in each.episode.evidence} == {of}]

    def alert(self) -> Alert:
        (only,) = self.alerts()
        return only

    def public_id(self, fhir_id: str) -> UUID:
        with reading(self.engine) as connection:
            query = select(patient.c.public_id).where(patient.c.fhir_id == fhir_id)
            return UUID(str(connection.execute(query).scalar_one()))

    def audited(self, action: str) -> list[tuple[str, int | None, Any]]:
        """Actor, patient and detail of every audit row of that action."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(audit).where(audit.c.action == action).order_by(audit.c.id))
            return [(row.actor, row.patient_id, msgspec.json.decode(row.detail)) for row in rows]


def form(of: Alert, action: str, **more: str) -> dict[str, str]:
    """What the page's form sends about an alert as it is shown now."""
    return {"revision": str(of.revision), "action": action, "back": "/"} | more


def names(page: Page) -> list[str]:
    """The patients on a worklist, from top to bottom."""
    return page.texts("h3")
