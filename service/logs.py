"""Logs as one JSON object a line, and the access log. Nothing that could be patient data is written.

Requests are named by their route's template, never by their path or query string. A failure is named by the
types of its exceptions and the places it passed through: messages of foreign exceptions may quote values (a
database's do) and are left out.
"""

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import MutableMapping
from functools import cache
from itertools import count
from typing import Any, Literal, TextIO

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import LiverwatchError
from service.metrics import http_requests, http_seconds

Level = Literal["debug", "info", "warning", "error"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_TALKATIVE = ("httpx2", "httpcore2", "sqlalchemy", "alembic", "asyncio")
"""Libraries whose lower levels write URLs, statements or their parameters."""
_FRAMES = 30
_LOWEST_FAILURE = 500
_UNAVAILABLE = 503
"""Said for as long as the database is away, which is logged once where it is noticed."""

access = logging.getLogger("service.access")


def configure_logging(level: Level = "info", stream: TextIO | None = None) -> None:
    """Send every log, ours and the libraries', to `stream` (standard error) as JSON."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        failures_without_messages,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(_dumps),
            ],
            keep_exc_info=False,
            keep_stack_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # its lines hold query strings


def failures_without_messages(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put types and places in the stead of an exception; the words only of our own, which hold no data."""
    info = event.pop("exc_info", None)
    event.pop("exception", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["failure"] = _described(error)
    return event


def _described(error: BaseException) -> list[dict[str, Any]]:
    """The chain of exceptions, the one that was raised last first."""
    chain: list[dict[str, Any]] = []
    following: BaseException | None = error
    while following is not None and len(chain) < 5:
        frames = traceback.extract_tb(following.__traceback__)[-_FRAMES:]
        link: dict[str, Any] = {
            "type": f"{type(following).__module__}.{type(following).__qualname__}",
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        if isinstance(following, LiverwatchError):
            link["message"] = following.message
        chain.append(link)
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)
    return chain


def _dumps(event: dict[str, Any], **_ignored: Any) -> str:
    return json.dumps(event, default=lambda value: f"<{type(value).__name__}>", ensure_ascii=False)


@cache
def _meters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    # Looking a labelled counter up takes longer than counting.
    return http_requests.labels(method, route, str(status)), http_seconds.labels(route)


class AccessLog:
    """ASGI middleware: gives each request an id of ours, and counts, times and logs its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._templates: dict[tuple[Any, frozenset[str]], str] | None = None
        self._process = os.urandom(10).hex()
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and watch the answer go by."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = f"{self._process}{next(self._numbers):012x}"
        scope.setdefault("state", {})["request_id"] = request_id
        status = _LOWEST_FAILURE  # what the server answers if the application raises

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append((b"x-request-id", request_id.encode()))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._note(scope, status, time.perf_counter() - began, request_id)

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = self._template(scope)
        counter, histogram = _meters(method, route, status)
        counter.inc()
        histogram.observe(seconds)
        level = logging.INFO
        if status >= _LOWEST_FAILURE and status != _UNAVAILABLE:
            level = logging.WARNING
        elif route.startswith(("/feeds/", "/health/", "/metrics")):
            level = logging.DEBUG  # thousands a second, or one every few for ever: the counters tell of them
        elif status == _UNAVAILABLE:
            level = logging.WARNING
        if access.isEnabledFor(level):
            facts = {"method": method, "route": route, "status": status, "request_id": request_id}
            access.log(level, "request", extra={**facts, "milliseconds": round(seconds * 1000, 1)})

    def _template(self, scope: Scope) -> str:
        """The route's path with its parameters unfilled; what matched no route stays unnamed."""
        path = getattr(scope.get("route"), "path", None)
        if path is None and "endpoint" in scope:
            if self._templates is None:
                self._templates = _templates(scope)
            path = self._templates.get((scope["endpoint"], frozenset(scope.get("path_params", ()))))
        return path if isinstance(path, str) else "unmatched"


def _templates(scope: Scope) -> dict[tuple[Any, frozenset[str]], str]:
    """Templates of plain routes, which do not name themselves in the scope."""
    routes = getattr(scope.get("app"), "routes", ())
    return {
        (route.endpoint, frozenset(route.param_convertors)): route.path
        for route in routes
        if hasattr(route, "endpoint") and hasattr(route, "param_convertors")
    }
