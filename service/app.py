"""The wiring: settings → a running service. Nothing else knows how the parts are put together."""

import asyncio
import logging
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import State

from service import dashboard
from service.api import create_api, install_error_answers
from service.api.cds_keys import KeyRing
from service.api.cds_origins import CdsOrigins
from service.catchup import CatchUp
from service.clinical.rulebook import load_rulebook
from service.backlog import RejudgingMemory
from service.dashboard.live import Live
from service.deliver import Courier, Terms
from service.ehr import Connections
from service.errors import ConfigurationError, Conflict
from service.feed.authenticity import Directory
from service.feed.batcher import Batcher
from service.feed.bodies import Limits
from service.feed.certificates import Proxies
from service.feed.hooks import Feed, FeedFirst
from service.feed.memory import Memory
from service.garbage import collected_seldom
from service.ingest import InForce, Rules, sweep
from service.logs import AccessLog, configure_logging
from service.metrics import judgements_failed, records_judged
from service.fhir.encode_audit import THE_SERVICE
from service.quality import ChangeOver, Sealer, anchor_of
from service.retention import Retention, erase_unasked
from service.settings import Settings, code_version
from service.store import decisions, messages, source_settings, sources
from service.store.migrate import migrate
from service.store.session import open_engine, writing

log = logging.getLogger(__name__)


_ERASING_SECONDS = 24 * 60 * 60.0
"""Retention is counted in days and years."""

_STARTUP_FAILURE = 3
"""As uvicorn itself exits."""

_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""What FastAPI would tell an OpenTelemetry provider of its own accord: addresses with query strings, and the
words of exceptions. Both may be patient data."""


def rules_of(settings: Settings) -> Rules:
    """What records are judged by, as the settings say, unless two people have put another rulebook in force.

    Raises:
        ConfigurationError: the rulebook cannot be used.
    """
    return Rules.of(settings, load_rulebook(settings.rulebook))


def open_database(settings: Settings) -> Engine:
    """Open the database, bring its tables up to date, and create the sources that the settings name."""
    engine = open_engine(settings.database_url)
    migrate(engine)
    seed_sources(engine, settings)
    return engine


def seed_sources(engine: Engine, settings: Settings) -> None:
    """Create the sources named in the settings that the database does not have; it wins where it does.

    Raises:
        ConfigurationError: one of them has a setting that there is not, or that cannot be used.
    """
    now = datetime.now(UTC)
    with writing(engine) as connection:
        for seed in settings.sources:
            chosen = source_settings.settings_from(seed.model_extra or {}, f"LIVERWATCH_SOURCES, {seed.name}")
            if sources.find(connection, seed.name) is not None:
                continue
            added = sources.add(connection, seed.name, chosen, seed.secret or sources.new_secret(), now)
            decisions.write_audit(
                connection, at=now, actor="settings", action="source-add", source_id=added.id
            )


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The application. The database is opened and the background work begun when it starts up.

    Args:
        settings: everything that can be chosen.
        engine: an opened and migrated database, for tests; else the one the settings name.
    """
    rules = rules_of(settings)
    database = engine or open_database(settings)
    in_force = InForce(database, rules)
    batcher = Batcher(
        database,
        in_force,
        lambda: datetime.now(UTC),
        batch_requests=settings.batch_requests,
        queue_requests=settings.queue_requests,
    )
    directory = Directory(database, Proxies(settings.proxies, settings.certificate_header))
    limits = Limits(
        settings.max_body_bytes, settings.max_bundle_bytes, settings.max_bundle_entries, settings.max_depth
    )
    feed_routes = Feed(batcher, Memory(settings.queue_bytes), directory, in_force, limits).routes()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(directory.refresh)
        batcher.start()
        background = Background(database, in_force, settings)
        background.start()
        with collected_seldom():
            yield
        await asyncio.to_thread(background.stop)
        await asyncio.to_thread(batcher.stop)

    app = FastAPI(
        title="Liverwatch",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry=_NO_TELEMETRY,
        redirect_slashes=False,  # an address is right or it is not; a redirect would repeat its query string
        routes=[*feed_routes, *dashboard.routes()],
    )
    app.state = _State(in_force)
    app.state.engine, app.state.settings = database, settings
    app.state.batcher = batcher
    app.state.live = Live(database, settings)
    app.state.rejudging = RejudgingMemory()
    app.state.cds_keys = KeyRing()
    install_error_answers(app)
    dashboard.install_page_answers(app)
    app.include_router(create_api())
    app.include_router(dashboard.create_pages())
    if settings.cds_origins:
        app.add_middleware(CdsOrigins, allow_origins=settings.cds_origins)
    app.add_middleware(FeedFirst, routes=feed_routes)
    app.add_middleware(AccessLog)
    return app


class _State(State):
    """What endpoints and pages are given; `rules` are those in force when they ask."""

    def __init__(self, in_force: InForce) -> None:
        super().__init__({"in_force": in_force})

    @property
    def rules(self) -> Rules:
        in_force: InForce = self.in_force
        return in_force.rules


class Background:
    """The work that nobody asks for: sweeping, delivering, catching up, sealing, erasing, changing over."""

    def __init__(self, engine: Engine, in_force: InForce, settings: Settings) -> None:
        self._stop = threading.Event()
        self._engine = engine
        self._in_force = in_force
        self._settings = settings
        self._connections = Connections(settings.keys_directory)
        self._anchor = anchor_of(settings.audit_anchor)
        self._threads = [
            threading.Thread(target=self._sweep, name="sweep", daemon=True),
            threading.Thread(target=self._deliver, name="deliver", daemon=True),
            threading.Thread(target=self._catch_up, name="catch-up", daemon=True),
            threading.Thread(target=self._seal, name="seal", daemon=True),
            threading.Thread(target=self._keep_up, name="in-force", daemon=True),
            threading.Thread(target=self._change_over, name="change-over", daemon=True),
        ]
        self._kept = Retention.of(settings)
        if self._kept.limited:
            self._threads.append(threading.Thread(target=self._erase, name="erase", daemon=True))

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the step under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _sweep(self) -> None:
        while not self._stop.wait(self._settings.sweep_seconds):
            try:
                swept = sweep(self._engine, self._in_force.rules, datetime.now(UTC))
                records_judged.inc(swept.judged)
                judgements_failed.inc(swept.failed)
                with writing(self._engine) as connection:
                    messages.forget(connection, datetime.now(UTC))
            except SQLAlchemyError:
                log.warning("the sweep could not reach the database; it is tried again")
            except Exception:
                log.exception("the sweep failed; it is tried again")

    def _deliver(self) -> None:
        def terms() -> Terms:
            return Terms.of(self._settings, self._in_force.rules.rulebook)

        ehrs = self._connections
        Courier(self._engine, terms, client_for=ehrs.open, patience=ehrs.patience).run(self._stop)

    def _seal(self) -> None:
        Sealer(self._engine, self._anchor).run(self._stop)

    def _keep_up(self) -> None:
        self._in_force.run(self._stop)

    def _change_over(self) -> None:
        ChangeOver(self._engine, self._in_force, self._settings.sweep_seconds).run(self._stop)

    def _erase(self) -> None:
        wait = self._settings.sweep_seconds
        while not self._stop.wait(wait):
            wait = _ERASING_SECONDS
            try:
                erase_unasked(
                    self._engine, self._kept, datetime.now(UTC), by=THE_SERVICE, stop=self._stop.is_set
                )
            except Conflict as error:
                log.warning(error.message)
            except SQLAlchemyError:
                log.warning(
                    "erasing what has expired could not reach the database; it is tried again in a day"
                )
            except Exception:
                log.exception("erasing what has expired failed; it is tried again in a day")

    def _catch_up(self) -> None:
        ehrs = self._connections
        CatchUp(self._engine, self._in_force, client_for=ehrs.open, patience=ehrs.patience).run(self._stop)


def _check_free(host: str, port: int) -> None:
    """Fail before anything begins where the port is taken: nothing is claimed that could not be finished.

    Raises:
        ConfigurationError: another program listens there.
    """
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        message = (
            f"cannot listen on {host} port {port} ({error.strerror}): set LIVERWATCH_HOST or LIVERWATCH_PORT"
        )
        raise ConfigurationError(message) from error


def _note_start(app: FastAPI) -> None:
    """In the audit: by what a process judges from now on, for nobody is asked when settings change."""
    rules: Rules = app.state.rules
    detail = {"release": code_version(), "rulebook": rules.rulebook.digest, "clock": rules.clock}
    with writing(app.state.engine) as connection:
        decisions.write_audit(
            connection, at=datetime.now(UTC), actor="liverwatch", action="service-start", detail=detail
        )


class Server(uvicorn.Server):
    """Before it waits for requests to end it ends the streams that pages keep open, which never would."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams, then whatever is under way, then the application."""
        self._live.close()
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Run the service until it is told to stop."""
    configure_logging(settings.log_level)
    _check_free(settings.host, settings.port)
    app = create_app(settings)
    _note_start(app)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,  # its lines would hold query strings
        proxy_headers=False,  # who connects is told by the connection, never by a header
        log_config=None,
        timeout_graceful_shutdown=30,
    )
    server = Server(config, app.state.live)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(_STARTUP_FAILURE)
