"""Everything the demo needs, started and ended together: the EHR, the database, the service."""

import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import httpx2
import uvicorn
from sqlalchemy import Engine, select

from service import accounts, passwords
from service.app import Server, create_app, open_database, rules_of
from service.errors import LiverwatchError
from service.ingest import Rules
from service.settings import Settings
from service.simulated_ehr.running import running
from service.store import outbox_control, readers, sources, users
from service.store.schema import alert
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings

SOURCE: Final = "demo-ehr"
READER: Final = "demo-reader"
NURSE: Final = "nurse"
"""The account that opens the pages."""
_PATIENCE_SECONDS: Final = 60.0


class DemoFailed(LiverwatchError):
    """The demo could not be played to its end."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What is running."""

    ehr: str
    """FHIR base URL of the simulated EHR."""
    ehr_token: str
    service: str
    """Base URL of Liverwatch."""
    reader_token: str
    password: str
    """Of the account that opens the pages."""
    database: Path
    engine: Engine
    rules: Rules
    """What records are judged by."""
    client: httpx2.Client
    """Talks to the EHR."""

    def arrive(self, body: bytes) -> None:
        """Something comes in at the EHR, which stores it and tells Liverwatch.

        Raises:
            DemoFailed: Liverwatch did not take it.
        """
        answer = self.client.post(self.ehr.removesuffix("/fhir") + "/control/arrive", content=body)
        answer.raise_for_status()
        told = answer.json()["answers"]
        if told != [200]:
            raise DemoFailed(f"the feed answered {told} where 200 was expected")

    def own_issues(self) -> list[dict[str, Any]]:
        """The DetectedIssues as Liverwatch itself serves them to the reader."""
        address = f"{self.service}/fhir/DetectedIssue"
        headers = {"Authorization": f"Bearer {self.reader_token}"}
        answer = httpx2.get(address, params={"_count": "100"}, headers=headers, trust_env=False)
        answer.raise_for_status()
        return [entry["resource"] for entry in answer.json().get("entry", [])]

    def settle(self) -> None:
        """Wait until everything that the EHR should hold has been delivered.

        Raises:
            DemoFailed: it was refused, or took too long.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            with reading(self.engine) as connection:
                counts = outbox_control.counts(connection)
            if counts.dead:
                raise DemoFailed("the EHR refused what Liverwatch wrote")
            if not counts.pending:
                return
            if time.monotonic() > deadline:
                raise DemoFailed("Liverwatch did not deliver in time")
            time.sleep(0.05)

    def families(self) -> dict[str, str]:
        """The finding family of each of the story's alerts, by its UUID."""
        with reading(self.engine) as connection:
            of_story = alert.c.source_id == sources.by_name(connection, SOURCE).id
            rows = connection.execute(select(alert.c.id, alert.c.family).where(of_story)).all()
        return {str(row.id): row.family for row in rows}


@contextmanager
def open_stage(clock: Literal["system", "data"], port: int) -> Iterator[Stage]:
    """Start everything; at the end stop it and remove what it left.

    Args:
        clock: as of when results are judged.
        port: where Liverwatch listens on 127.0.0.1; 0 for any free port.

    Raises:
        DemoFailed: something did not start.
    """
    with ExitStack() as running_parts:
        folder = Path(running_parts.enter_context(tempfile.TemporaryDirectory(prefix="liverwatch-demo-")))
        ehr_token, secret, reader_token = (secrets.token_urlsafe(24) for _ in range(3))
        ehr = running_parts.enter_context(running(ehr_token))
        token_file = folder / "ehr-token"
        token_file.touch(mode=0o600)
        token_file.write_text(ehr_token, encoding="utf-8")
        listening = running_parts.enter_context(socket.create_server(("127.0.0.1", port)))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = _settings(folder / "liverwatch.db", clock, address)
        engine = open_database(settings)
        running_parts.callback(engine.dispose)
        _furnish(
            engine, SourceSettings(fhir_base_url=ehr, write_token_file=str(token_file)), secret, reader_token
        )
        password = _let_in(engine)
        running_parts.enter_context(_serving(settings, engine, listening))
        headers = {"Authorization": f"Bearer {ehr_token}", "Content-Type": "application/fhir+json"}
        client = running_parts.enter_context(
            httpx2.Client(headers=headers, trust_env=False, timeout=_PATIENCE_SECONDS)
        )
        _subscribe(client, ehr, f"{address}/feeds/{SOURCE}", secret)
        database, rules = folder / "liverwatch.db", rules_of(settings)
        yield Stage(ehr, ehr_token, address, reader_token, password, database, engine, rules, client)


def _settings(database: Path, clock: Literal["system", "data"], address: str) -> Settings:
    """Nothing is left to the environment, which may name a real database."""
    given = {
        "database_url": f"sqlite:///{database}",
        "clock": clock,
        "settle_seconds": 0,
        "public_url": address,
    }
    defaults = {name: each.get_default() for name, each in Settings.model_fields.items()}
    return Settings(**{**defaults, **given})


def _furnish(engine: Engine, settings: SourceSettings, secret: str, reader_token: str) -> None:
    now = datetime.now(UTC)
    with writing(engine) as connection:
        sources.add(connection, SOURCE, settings, secret, now)
        readers.add(connection, READER, [SOURCE], reader_token, now)


def _let_in(engine: Engine) -> str:
    """Make the account that opens the pages; its password is another each time, and need not be changed."""
    password = passwords.made()
    sees = (users.EVERY_SOURCE,)
    account = accounts.local(
        NURSE, password, [users.Role.NURSE], sees, shown="Nurse of the demo", one_time=False
    )
    with writing(engine) as connection:
        accounts.add(connection, account, by="demo", now=datetime.now(UTC))
    return password


@contextmanager
def _serving(settings: Settings, engine: Engine, listening: socket.socket) -> Iterator[None]:
    app = create_app(settings, engine)
    config = uvicorn.Config(app, access_log=False, log_config=None, timeout_graceful_shutdown=5)
    server = Server(config, app.state.live)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="service", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise DemoFailed("Liverwatch did not start")
            time.sleep(0.02)
        yield
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_SECONDS)


def _subscribe(client: httpx2.Client, ehr: str, endpoint: str, secret: str) -> None:
    """As the EHR's administrator would: one R4 Subscription, with a secret of its own."""
    channel = {
        "type": "rest-hook",
        "endpoint": endpoint,
        "payload": "application/fhir+json",
        "header": [f"Authorization: Bearer {secret}"],
    }
    subscription = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "Liverwatch watches liver enzymes",
        "criteria": "Observation?category=laboratory",
        "channel": channel,
    }
    client.post(f"{ehr}/Subscription", json=subscription).raise_for_status()
