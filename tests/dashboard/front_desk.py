"""The dashboard over a test's database, with people who have accounts, and the browsers they sit at."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any

import msgspec
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import Engine, select, update
from starlette.responses import HTMLResponse, Response
from starlette.testclient import TestClient

from service import dashboard, passwords
from service.api import install_error_answers
from service.clinical.rulebook import load_rulebook
from service.backlog import RejudgingMemory
from service.dashboard.access import Role, SignedIn, User, needs
from service.dashboard.live import Live
from service.ingest import Rules
from service.settings import Settings
from service.store import patients, sources, users
from service.store.schema import audit, patient, session
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from service.store.users import Account
from tests.dashboard.reading_pages import Page

PUBLIC_URL = "https://watch.clinic.test"
PASSWORD = "seven grey herons at dusk"
COOKIE = "__Host-liverwatch"

_quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_nobodys = _quick.hash("of nobody")


def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest is slow on purpose, and dozens of people sign in here."""
    monkeypatch.setattr(passwords, "_hasher", _quick)
    monkeypatch.setattr(passwords, "_NOBODYS", _nobodys)


@cache
def kept(password: str) -> str:
    """What is kept of a password; worked out once, for it takes its time."""
    return passwords.digest(password)


@dataclass
class FrontDesk:
    """The sources `clinic` and `annex`, and whatever accounts a test makes."""

    engine: Engine
    given: dict[str, Any] = field(default_factory=dict)
    """Settings that are not their defaults."""

    def __post_init__(self) -> None:
        now = datetime.now(UTC)
        with writing(self.engine) as connection:
            for name in ("clinic", "annex"):
                sources.add(connection, name, SourceSettings(), "secret", now)

    @property
    def settings(self) -> Settings:
        return Settings(**{"public_url": PUBLIC_URL, "publisher": "Clinic of Example", **self.given})

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None, redirect_slashes=False, routes=dashboard.routes())
        app.state.engine, app.state.settings = self.engine, self.settings
        app.state.rules = Rules(load_rulebook())
        app.state.live = Live(self.engine, self.settings)
        app.state.rejudging = RejudgingMemory()
        install_error_answers(app)
        dashboard.install_page_answers(app)
        app.include_router(dashboard.create_pages())

        @app.get("/probe")
        @app.post("/probe")
        def _anybody(user: SignedIn) -> Response:
            return HTMLResponse(f"<p>{user.name} sees {','.join(sorted(user.sources))}</p>")

        @app.get("/probe/nurses")
        def _nurses(user: Annotated[User, needs(Role.NURSE, Role.PHYSICIAN)]) -> Response:
            return HTMLResponse(f"<p>{user.id}</p>")

        return app

    def account(
        self,
        name: str = "adams",
        *,
        roles: Iterable[Role] = (Role.NURSE,),
        sees: Iterable[str] = ("clinic",),
        one_time: bool = False,
        password: str = PASSWORD,
        shown: str = "",
    ) -> None:
        with writing(self.engine) as connection:
            wanted = Account(
                name,
                shown or f"{name.title()} the Tester",
                frozenset(roles),
                frozenset(sees),
                kept(password),
                one_time,
                None,
                active=True,
            )
            users.add(connection, wanted, datetime.now(UTC))

    def browser(self, **headers: str) -> "Browser":
        return Browser(self.app(), PUBLIC_URL, **headers)

    def at(self, name: str = "adams", password: str = PASSWORD) -> "Browser":
        """Somebody's browser, signed in."""
        browser = self.browser()
        assert browser.sign_in(name, password).status_code == 303
        return browser

    def patient(self, fhir_id: str = "p1", source: str = "clinic") -> tuple[int, str]:
        """Our number of a patient, and the one that stands in addresses."""
        with writing(self.engine) as connection:
            of = sources.by_name(connection, source).id
            number = patients.named(connection, of, [fhir_id])[fhir_id].id
            public = connection.execute(select(patient.c.public_id).where(patient.c.id == number))
            return number, str(public.scalar_one())

    def audited(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Who did what, with its details, in order."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(audit).order_by(audit.c.id)).all()
        return [(row.actor, row.action, msgspec.json.decode(row.detail)) for row in rows]

    def later(self, **delta: float) -> None:
        """Let the sessions there are have been begun and used so much earlier."""
        with writing(self.engine) as connection:
            for row in connection.execute(select(session)).all():
                moved = {name: getattr(row, name) - timedelta(**delta) for name in ("created", "used")}
                connection.execute(update(session).where(session.c.digest == row.digest).values(moved))


class Browser(TestClient):
    """Sends what a browser sends with a page's form or link; follows no redirect by itself."""

    def __init__(self, app: FastAPI, address: str, **headers: str) -> None:
        sent = {"accept": "text/html", "origin": address, "sec-fetch-site": "same-origin", **headers}
        super().__init__(
            app, base_url=address, headers=sent, raise_server_exceptions=False, follow_redirects=False
        )

    def sign_in(self, name: str, password: str, **more: str) -> Any:
        return self.post("/sign-in", data={"name": name, "password": password, **more})

    @property
    def token(self) -> str:
        """What the forms of its pages carry."""
        inputs = Page(self.get("/account").text).every("input")
        return next(str(each["value"]) for _, each, _ in inputs if each["name"] == "csrf_token")
