"""`/health`: whether this process is up, and whether work should be sent to it. Open to anybody."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse

from service.alerts.states import day_of
from service.backlog import RejudgingMemory, count_unjudged
from service.ingest import Rules
from service.settings import code_version
from service.store import freshness
from service.store.freshness import Freshness
from service.store.migrate import current, head
from service.store.session import reading

REMEMBERED_SECONDS = 1.0
"""Anybody may ask: however often they do, the database is asked this often at most."""

_NO_STORE = {"Cache-Control": "no-store"}
_expected = lru_cache(maxsize=1)(head)


def create_router() -> APIRouter:
    """The two routes. They need `app.state.engine`, `.rules`, and `.batcher` with its `alive`."""
    router = APIRouter(prefix="/health")
    memory = ReadinessMemory()

    def ready(request: Request) -> JSONResponse:
        state = request.app.state
        known = memory.look(state.engine, state.rules)
        checks = {**known.checks, "writer": "alive" if writer_alive(state) else "not writing"}
        good = checks["database"] == "ready" and checks["writer"] == "alive"
        content: dict[str, Any] = {"status": "ready" if good else "not ready", "checks": checks}
        if known.sources:
            content["sources"] = known.sources
        return JSONResponse(content, 200 if good else 503, _NO_STORE)

    for path, endpoint in (("/live", _live), ("/ready", ready)):
        router.add_api_route(path, endpoint, methods=["GET", "HEAD"], response_model=None)
    return router


def _told(fresh: Freshness) -> dict[str, Any]:
    """As JSON."""
    return {
        "last_message": None if fresh.last_message is None else fresh.last_message.isoformat(),
        "caught_up": None if fresh.caught_up is None else fresh.caught_up.isoformat(),
        "stale": fresh.stale,
    }


async def _live() -> JSONResponse:
    return JSONResponse({"status": "up", "version": code_version()}, headers=_NO_STORE)


def writer_alive(state: Any) -> bool:
    """Whether this process's writer thread runs and reaches the database."""
    return bool(state.batcher.alive)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the database says."""

    checks: dict[str, str]
    """`database`, `judging`, and `feeds` where one is stale, in words."""
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name: when its feed last brought anything, when it was last caught up with, whether it is stale."""


@dataclass(slots=True)
class ReadinessMemory:
    """The latest answer. While it is looked for anew, others get what was known before."""

    _known: Readiness = Readiness({"database": "not asked yet", "judging": "unknown"})
    _known_at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _rejudging: RejudgingMemory = field(default_factory=RejudgingMemory)

    def look(self, engine: Engine, rules: Rules) -> Readiness:
        """What the database says, or said a moment ago."""
        stale = time.monotonic() - self._known_at > REMEMBERED_SECONDS
        # Only the first answer is worth waiting for: there is nothing older to give.
        if stale and self._lock.acquire(blocking=self._known_at == float("-inf")):
            try:
                if time.monotonic() - self._known_at > REMEMBERED_SECONDS:
                    self._known = self._look(engine, rules)
                    self._known_at = time.monotonic()
            finally:
                self._lock.release()
        return self._known

    def _look(self, engine: Engine, rules: Rules) -> Readiness:
        try:
            with reading(engine) as connection:
                if current(connection) != _expected():
                    return Readiness({"database": "not migrated to this release", "judging": "unknown"})
                fresh = freshness.of_every_source(connection, datetime.now(UTC))
                checks = {"database": "ready", "judging": self._judging(connection, rules)}
        except SQLAlchemyError:
            return Readiness({"database": "away", "judging": "unknown"})
        if stale := [name for name, each in sorted(fresh.items()) if each.stale]:
            checks["feeds"] = f"stale, silent for too long: {', '.join(stale)}"
        return Readiness(checks, {name: _told(each) for name, each in sorted(fresh.items())})

    def _judging(self, connection: Any, rules: Rules) -> str:
        if self._rejudging.rejudging(connection, rules):
            return "rejudging: some records were judged under older rules"
        unjudged = count_unjudged(connection, rules, day_of(datetime.now(UTC)))
        return "some records wait to be judged" if unjudged else "up to date"
