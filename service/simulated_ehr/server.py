"""The HTTP face: `/fhir` as any FHIR server has it, and `/control` for whoever plays the hospital."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.simulated_ehr.access import Doorkeeper
from service.simulated_ehr.bulk import Exports
from service.simulated_ehr.capability import statement, topic
from service.simulated_ehr.encoding import FHIR_JSON, encode
from service.simulated_ehr.exchange import base_of, body_of, json_answer
from service.simulated_ehr.hanging_up import hang_up
from service.simulated_ehr.interactions import Handler, Interactions
from service.simulated_ehr.mishaps import Odds
from service.simulated_ehr.notifying import TICK_SECONDS, Notifier
from service.simulated_ehr.operations import parameters_of, subscription_events, subscription_status
from service.simulated_ehr.playing import resources_in
from service.simulated_ehr.records import Change, Records, Refusal, Resource
from service.simulated_ehr.smart import TokenEndpoint
from service.simulated_ehr.styles import STYLES, Style
from service.simulated_ehr.topic_bundles import Letterhead
from service.simulated_ehr.verbatim import notify
from service.simulated_ehr.writing import outcome

GIVE_UP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """How a simulated EHR is to be."""

    style: Style = STYLES["as-it-stands"]
    token: str | None = None
    """Bearer token that it asks for."""
    jwks: str | None = None
    """URL or file with the public keys of a client that may fetch tokens (SMART Backend Services)."""
    odds: Odds = field(default_factory=Odds)
    give_up_seconds: float = GIVE_UP_SECONDS
    subscriptions: Sequence[Resource] = ()
    """In force from the start."""
    files: Sequence[Path] = ()
    """Whose resources arrive one after the other once it runs."""
    pace_seconds: float = 0.0
    """Between two of them."""


class Hospital:
    """One simulated EHR: its records, who may enter, its way to notify, and the mishaps it is to have.

    Args:
        base: its FHIR base URL.
        options: how it is to be.
    """

    def __init__(self, base: str, options: Options) -> None:
        self.records, self._options = Records(), options
        self.notifier = Notifier(
            self.records, Letterhead(options.style, base), options.odds, options.give_up_seconds
        )
        tokens = (
            TokenEndpoint(f"{base.removesuffix('/fhir')}/auth/token", options.jwks) if options.jwks else None
        )
        self._door, self._tokens = Doorkeeper(options.token, tokens), tokens
        self.exports = Exports(self.records, needs_token=bool(options.token or options.jwks))
        self._answers_to_lose = 0
        self._tasks: set[asyncio.Task[object]] = set()

    def app(self) -> Starlette:
        """The application that serves it."""
        operations = {
            "/fhir/Subscription/{id}/$status": {"GET": self._status, "POST": self._status},
            "/fhir/Subscription/{id}/$events": {"GET": self._events, "POST": self._events},
        }
        control = {
            "/control/arrive": {"POST": self._arrive},
            "/control/lose-answers": {"POST": self._lose_answers},
        }
        routes = [Route("/fhir/metadata", self._metadata, methods=["GET"])]
        if self._tokens is not None:
            routes.append(Route("/auth/token", self._tokens.answer, methods=["POST"]))
            path = "/fhir/.well-known/smart-configuration"
            routes.append(Route(path, self._tokens.configuration, methods=["GET"]))
        guarded = {
            **operations,
            **self.exports.routes(),
            **Interactions(self.records, self._options.style).routes(),
            **control,
        }
        for path, methods in guarded.items():
            for method, handler in methods.items():
                routes.append(Route(path, self._answering(handler), methods=[method]))
        return Starlette(routes=routes, lifespan=self._living)

    @asynccontextmanager
    async def _living(self, _app: Starlette) -> AsyncIterator[None]:
        if self._options.style.has_topics and self._options.style.fhir_version != "4.0.1":
            self.records.put(topic(self._options.style))
        for each in self._options.subscriptions:
            self.records.put(each)
        self._in_background(self._play(self.records.take_changes()))
        if not self._options.style.verbatim:
            self._in_background(self._tick())
        yield
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.notifier.close()

    async def _play(self, subscriptions: Sequence[Change]) -> None:
        """Activate what is subscribed from the start, then let the files arrive."""
        if not self._options.style.verbatim:
            await self.notifier.tell(subscriptions)
        for path in self._options.files:
            for resource in resources_in(path):
                self.records.put(resource)
                await self.notifier.tell(self.records.take_changes())
                await asyncio.sleep(self._options.pace_seconds)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self.notifier.tick()

    def _in_background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _answering(self, handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            try:
                self._door.check(request)
                response = await handler(request)
            except Refusal as refusal:
                return Response(encode(outcome(refusal)), refusal.status, media_type=FHIR_JSON)
            changes = self.records.take_changes()
            if changes and not self._options.style.verbatim:
                self._in_background(self.notifier.tell(changes))
            is_write = request.url.path.startswith("/fhir") and request.method != "GET"
            if is_write and self._answers_to_lose:
                self._answers_to_lose -= 1
                hang_up(request)
            return response

        return answer

    async def _metadata(self, request: Request) -> Response:
        is_smart = self._tokens is not None
        return json_answer(statement(self._options.style, base_of(request), smart=is_smart))

    async def _status(self, request: Request) -> Response:
        return json_answer(subscription_status(self.records, self.notifier, request.path_params["id"]))

    async def _events(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if request.method == "POST":
            asked |= parameters_of(await body_of(request))
        return json_answer(subscription_events(self.records, self.notifier, request.path_params["id"], asked))

    async def _arrive(self, request: Request) -> Response:
        """Something comes in from the laboratory or the ward: it is stored as it stands, and told on."""
        raw = await request.body()
        arrived = await body_of(request)
        entries = arrived.get("entry", []) if arrived["resourceType"] == "Bundle" else [{"resource": arrived}]
        for entry in entries:
            self.records.import_as_it_stands(entry["resource"])
        if self._options.style.verbatim:
            return json_answer({"answers": await notify(self.records, raw, arrived)})
        return json_answer({"answers": await self.notifier.tell(self.records.take_changes())})

    async def _lose_answers(self, request: Request) -> Response:
        """The answers to the next writes are lost on the way, after what they asked for was done."""
        self._answers_to_lose = int(request.query_params.get("count", "1"))
        return Response(status_code=204)
