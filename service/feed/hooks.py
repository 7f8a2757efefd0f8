"""`/feeds/{source}`: where an EHR sends its Observations, and what they need to be understood."""

import asyncio
import re
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
from service.fhir.decode import decode_bundle
from service.fhir.decode import READ_TYPES, decode_resource, resource_type, tombstone
from service.fhir.incoming import Ignored, Incoming
from service.fhir.notifications import BUNDLE_TYPES as NOTIFYING
from service.fhir.notifications import Notification, bundle_type, decode_notification
from service.fhir.outcomes import outcome_bytes
from service.fhir.references import is_id
from service.fhir.strict_json import check_json
from service.ingest import Delivery
from service.store.fetches import WHATEVER
from service.store.heard import Heard
from service.store.sources import Source

FHIR_JSON = "application/fhir+json"
DELETED_HEADER = "x-medplum-deleted-resource"
"""Medplum tells of a deletion so, with a body that says nothing."""
_LARGE = 64 * 1024
"""Bodies above this are decoded off the event loop, so that one Bundle delays nobody else."""
_ACCEPTED = outcome_bytes()
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")


class Feed:
    """The feed endpoints over one batcher."""

    def __init__(
        self, batcher: Batcher, memory: Memory, directory: Directory, rulebook: Rulebook, limits: Limits
    ) -> None:
        self._batcher = batcher
        self._memory = memory
        self._directory = directory
        self._rulebook = rulebook
        self._limits = limits

    def routes(self) -> list[Route]:
        """Plain routes: on this path every microsecond is spent thousands of times a second."""
        take, remove = _answering(self._take), _answering(self._remove)
        return [
            Route("/feeds/{source}", take, methods=["POST", "PUT"]),
            Route("/feeds/{source}/{type}/{id}", take, methods=["POST", "PUT"]),
            Route("/feeds/{source}/{type}/{id}", remove, methods=["DELETE"]),
        ]

    async def _source(self, request: Request) -> Source:
        name = request.path_params["source"]
        if self._batcher.alive:
            await self._directory.keep_fresh()
        try:
            source = self._directory.admit(request, name)
        except (NotFound, Unauthenticated):
            if not self._batcher.alive:
                raise
            await self._directory.look_again()
            source = self._directory.admit(request, name)
        self._batcher.check_room()
        self._memory.check()
        return source

    async def _take(self, request: Request) -> None:
        source = await self._source(request)
        check_media_type(request)
        with Room(self._memory) as room:
            body = await read_body(request, self._limits, room.widen)
            told = _pointed_at(request, body)
            if told is None:
                if len(body) > _LARGE:
                    told = await asyncio.to_thread(self._decode, body, source)
                else:
                    told = self._decode(body, source)
                self._check_place(request, told.incoming)
            await self._batcher.submit(_delivery(source, told))

    async def _remove(self, request: Request) -> None:
        source = await self._source(request)
        gone = _gone(request.path_params["type"], request.path_params["id"])
        await self._batcher.submit(Delivery(source, [gone], datetime.now(UTC)))

    def _decode(self, body: bytes, source: Source) -> Notification:
        raw = check_json(body, max_depth=self._limits.depth)
        if resource_type(raw) == "Bundle":
            return self._decode_bundle(raw, source)
        if len(raw) > self._limits.resource_bytes:
            raise TooLarge(f"a single resource may have {self._limits.resource_bytes} bytes at most")
        return Notification(
            (decode_resource(raw, source=source.name, zone=source.zone, rulebook=self._rulebook),)
        )

    def _decode_bundle(self, raw: bytes, source: Source) -> Notification:
        most = self._limits.bundle_entries
        if bundle_type(raw) in NOTIFYING:
            return decode_notification(
                raw, source=source.name, zone=source.zone, rulebook=self._rulebook, max_entries=most
            )
        return Notification(
            tuple(
                decode_bundle(
                    raw, source=source.name, zone=source.zone, rulebook=self._rulebook, max_entries=most
                )
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


def _pointed_at(request: Request, body: bytes) -> Notification | None:
    """What a request says that carries nothing: something changed, or was deleted. None for any other.

    Raises:
        InvalidResource: the header or the address names no resource.
    """
    deleted = request.headers.get(DELETED_HEADER)
    if deleted is not None and body.strip() in (b"", b"{}"):
        type_, _, id_ = deleted.strip().partition("/")
        return Notification((_gone(type_, id_),))
    if body.strip():
        return None
    if "type" not in request.path_params:
        return Notification(whatever=True)
    type_, id_ = request.path_params["type"], request.path_params["id"]
    _check_name(type_, id_)
    return Notification(to_fetch=(f"{type_}/{id_}",) if type_ in READ_TYPES else ())


def _gone(type_: str, id_: str) -> Incoming:
    """The tombstone of what was deleted; of a type that is not read it is counted away."""
    _check_name(type_, id_)
    gone = tombstone(type_, id_)
    return gone if type_ in READ_TYPES else gone._replace(content=Ignored("other-type"))


def _check_name(type_: str, id_: str) -> None:
    if not (_TYPE.fullmatch(type_) and is_id(id_)):
        raise InvalidResource("the address names no FHIR resource: a type and an id are expected")


def _delivery(source: Source, told: Notification) -> Delivery:
    """What a notification said, as it is stored."""
    pointers = (*told.to_fetch, *((WHATEVER,) if told.whatever else ()))
    said = Heard(told.kind, told.status, told.events, told.numbers, told.subscription)
    heard = said if told.kind else None
    return Delivery(source, told.incoming, datetime.now(UTC), pointers, heard)


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
