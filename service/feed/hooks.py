"""`/feeds/{source}`: where an EHR sends its Observations, and what they need to be understood."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from service.clinical.rulebook import Rulebook
from service.errors import InvalidResource, LiverwatchError, NotFound, TooLarge, Unauthenticated
from service.feed.authenticity import Directory
from service.feed.batcher import Batcher
from service.feed.bodies import Limits, check_media_type, read_body
from service.feed.memory import Memory, Room
from service.feed.pointing import believed, gone, named, pointed_at
from service.feed.signatures import Claim
from service.fhir.decode import decode_bundle
from service.fhir.decode import decode_resource, resource_type
from service.fhir.incoming import Incoming
from service.fhir.notifications import BUNDLE_TYPES as NOTIFYING
from service.fhir.notifications import Notification, bundle_type, decode_notification
from service.fhir.outcomes import outcome_bytes
from service.fhir.strict_json import check_json
from service.ingest import Delivery, InForce
from service.store.fetches import WHATEVER
from service.store.heard import Heard
from service.store.messages import Message
from service.store.sources import Source

FHIR_JSON = "application/fhir+json"
_LARGE = 64 * 1024
"""Bodies above this are decoded off the event loop, so that one Bundle delays nobody else."""
_ACCEPTED = outcome_bytes()


class Feed:
    """The feed endpoints over one batcher."""

    def __init__(
        self, batcher: Batcher, memory: Memory, directory: Directory, in_force: InForce, limits: Limits
    ) -> None:
        self._batcher = batcher
        self._memory = memory
        self._directory = directory
        self._in_force = in_force
        self._limits = limits

    def routes(self) -> list[Route]:
        """Plain routes: on this path every microsecond is spent thousands of times a second."""
        take, remove = _answering(self._take), _answering(self._remove)
        return [
            Route("/feeds/{source}", take, methods=["POST", "PUT"]),
            Route("/feeds/{source}/{type}/{id}", take, methods=["POST", "PUT"]),
            Route("/feeds/{source}/{type}/{id}", remove, methods=["DELETE"]),
        ]

    async def _admit(self, request: Request) -> tuple[Source, Claim | None]:
        name = request.path_params["source"]
        if self._batcher.alive:
            await self._directory.keep_fresh()
        try:
            admitted = self._directory.admit(request, name)
        except (NotFound, Unauthenticated):
            if not self._batcher.alive:
                raise
            await self._directory.look_again()
            admitted = self._directory.admit(request, name)
        self._batcher.check_room()
        self._memory.check()
        return admitted

    async def _take(self, request: Request) -> None:
        source, claim = await self._admit(request)
        check_media_type(request)
        with Room(self._memory) as room:
            body = await self._body(request, room, source, claim)
            rulebook = self._in_force.rules.rulebook
            pointer = pointed_at(request, body)
            if pointer is not None:
                told = believed(request, source, claim, pointer)
            else:
                told = await self._read(body, source, rulebook)
                self._check_place(request, told.incoming)
            message = claim.message(source.id, body, named(pointer)) if claim else None
            await self._batcher.submit(_delivery(source, told, message, rulebook.digest))

    async def _remove(self, request: Request) -> None:
        source, claim = await self._admit(request)
        with Room(self._memory) as room:
            body = b"" if claim is None else await self._body(request, room, source, claim)
        deletion = Notification((gone(request.path_params["type"], request.path_params["id"]),))
        message = claim.message(source.id, body, named(deletion)) if claim else None
        told = believed(request, source, claim, deletion)
        await self._batcher.submit(_delivery(source, told, message))

    async def _body(self, request: Request, room: Room, source: Source, claim: Claim | None) -> bytes:
        """The body, once it is seen to be what was signed."""
        body = await read_body(request, self._limits, room.widen)
        if claim is not None:
            await self._directory.verify(source, claim, body, again=self._batcher.alive)
        return body

    async def _read(self, body: bytes, source: Source, rulebook: Rulebook) -> Notification:
        if len(body) > _LARGE:
            return await asyncio.to_thread(self._decode, body, source, rulebook)
        return self._decode(body, source, rulebook)

    def _decode(self, body: bytes, source: Source, rulebook: Rulebook) -> Notification:
        raw = check_json(body, max_depth=self._limits.depth)
        if resource_type(raw) == "Bundle":
            return self._decode_bundle(raw, source, rulebook)
        if len(raw) > self._limits.resource_bytes:
            raise TooLarge(f"a single resource may have {self._limits.resource_bytes} bytes at most")
        return Notification((decode_resource(raw, source=source.name, zone=source.zone, rulebook=rulebook),))

    def _decode_bundle(self, raw: bytes, source: Source, rulebook: Rulebook) -> Notification:
        most = self._limits.bundle_entries
        if bundle_type(raw) in NOTIFYING:
            return decode_notification(
                raw, source=source.name, zone=source.zone, rulebook=rulebook, max_entries=most
            )
        return Notification(
            tuple(
                decode_bundle(raw, source=source.name, zone=source.zone, rulebook=rulebook, max_entries=most)
            )
        )

    def _check_place(self, request: Request, incoming: Sequence[Incoming]) -> None:
        """A resource sent to `…/{Type}/{id}` must be that one.

        Raises:
            InvalidResource: it is another, or a Bundle.
        """
        type_ = request.path_params.get("type")
        if type_ is None:
            return
        if len(incoming) != 1 or incoming[0].type != type_ or incoming[0].id != request.path_params["id"]:
            raise InvalidResource("the body is not the resource that the address names", where="Resource.id")


def _delivery(
    source: Source, told: Notification, message: Message | None, read_by: str | None = None
) -> Delivery:
    """What a notification said, as it is stored."""
    pointers = (*told.to_fetch, *((WHATEVER,) if told.whatever else ()))
    said = Heard(told.kind, told.status, told.events, told.numbers, told.subscription)
    heard = said if told.kind else None
    return Delivery(source, told.incoming, datetime.now(UTC), "feed", pointers, heard, message, read_by)


class FeedFirst:
    """ASGI middleware: a request that the feed takes goes to it past the application's other layers.

    Those take about as long as the feed does from secret to decoded resource. What no route takes as it
    stands (another method, another address) goes on to the application, which has the same routes.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        for route in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                answer: Response = await route.endpoint(Request(scope, receive))
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _answering(handle: Callable[[Request], Awaitable[None]]) -> Callable[[Request], Awaitable[Response]]:
    """Turn what a handler does into an answer: an OperationOutcome either way."""

    async def answer(request: Request) -> Response:
        try:
            await handle(request)
        except LiverwatchError as error:
            return refusal(error)
        return Response(_ACCEPTED, media_type=FHIR_JSON)

    return answer


def refusal(error: LiverwatchError) -> Response:
    """The answer to a request that was not taken."""
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooLarge):
        headers["Connection"] = "close"  # the rest of the body is not wanted
    return Response(outcome_bytes(error), error.status, headers, media_type=FHIR_JSON)
