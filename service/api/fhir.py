"""`/fhir`: the alerts as FHIR R4, for a site whose EHR reads rather than is written to; and who saw them."""

from email.utils import format_datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from service.api import audit_events
from service.api.access import AlertReader, AuditReader, Authenticated
from service.api.audit_events import AuditDesk
from service.api.capability import capability_statement
from service.api.definitions import DEFINED, read_definition, search_definitions
from service.api.measure_definitions import Published
from service.api.measure_reports import Evaluation, evaluated, read_parameters
from service.api.media import answer, media_type
from service.api.presenting import DEVICE, Presenter, show_device
from service.api.reads import Desk
from service.api.search_parameters import parse_search, read_pairs
from service.api.targets import KINDS, Kind
from service.errors import TooLarge, UnsupportedMediaType
from service.quality.measures import measure_named
from service.request_ids import request_id
from service.store.readers import Reader

_FORM = "application/x-www-form-urlencoded"
_LARGEST_FORM = 64 * 1024


def create_router() -> APIRouter:
    """The endpoint's routes. They need `app.state.engine`, `.settings` and `.rules`."""
    router = APIRouter(prefix="/fhir")
    router.add_api_route("/metadata", _metadata, methods=["GET"], response_model=None)
    router.add_api_route(f"/{DEVICE}", _device, methods=["GET"], response_model=None)
    router.add_api_route(
        "/Measure/{id}/$evaluate-measure", _evaluate_measure, methods=["GET"], response_model=None
    )
    for kind in KINDS:
        _add_kind(router, kind)
    for defined in DEFINED:
        _add_definitions(router, defined)
    _add_audit_events(router)
    return router


def _add_kind(router: APIRouter, kind: Kind) -> None:
    @router.get(f"/{kind}", response_model=None)
    def search(reader: AlertReader, request: Request) -> Response:
        return _search(kind, reader, request, b"")

    @router.post(f"/{kind}/_search", response_model=None)
    def search_by_post(
        reader: AlertReader, request: Request, form: Annotated[bytes, Depends(_form)]
    ) -> Response:
        return _search(kind, reader, request, form)

    @router.get(f"/{kind}/{{id}}", response_model=None)
    def read(reader: AlertReader, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        return _read(kind, reader, request, id)


def _add_audit_events(router: APIRouter) -> None:
    @router.get(f"/{audit_events.KIND}", response_model=None)
    def search(reader: AuditReader, request: Request) -> Response:
        return _search_audit(reader, request, b"")

    @router.post(f"/{audit_events.KIND}/_search", response_model=None)
    def search_by_post(
        reader: AuditReader, request: Request, form: Annotated[bytes, Depends(_form)]
    ) -> Response:
        return _search_audit(reader, request, form)

    @router.get(f"/{audit_events.KIND}/{{id}}", response_model=None)
    def read(reader: AuditReader, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        content_type = media_type(request, _format(request))
        return answer(_audit_desk(request, reader).read(id), content_type)


def _search_audit(reader: Reader, request: Request, form: bytes) -> Response:
    pairs = read_pairs(request.scope["query_string"], form)
    asked = audit_events.parse_audit_search(pairs, strict=_strict(request))
    content_type = media_type(request, asked.format)
    return answer(_audit_desk(request, reader).search(asked), content_type)


def _audit_desk(request: Request, reader: Reader) -> AuditDesk:
    state, base = request.app.state, _presenter(request).base
    return AuditDesk(state.engine, reader, state.settings.public_url, base, request_id(request))


def _add_definitions(router: APIRouter, kind: str) -> None:
    @router.get(f"/{kind}", response_model=None)
    def search(_reader: Authenticated, request: Request) -> Response:
        return _search_definitions(kind, request, b"")

    @router.post(f"/{kind}/_search", response_model=None)
    def search_by_post(
        _reader: Authenticated, request: Request, form: Annotated[bytes, Depends(_form)]
    ) -> Response:
        return _search_definitions(kind, request, form)

    @router.get(f"/{kind}/{{id}}", response_model=None)
    def read(_reader: Authenticated, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        content_type = media_type(request, _format(request))
        return answer(read_definition(_publication(request), kind, id), content_type)


def _search_definitions(kind: str, request: Request, form: bytes) -> Response:
    pairs = read_pairs(request.scope["query_string"], form)
    content_type = media_type(request, dict(pairs).get("_format"))
    base = _presenter(request).base
    found = search_definitions(_publication(request), base, kind, pairs, strict=_strict(request))
    return answer(found, content_type)


def _evaluate_measure(reader: AlertReader, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
    pairs = read_pairs(request.scope["query_string"])
    content_type = media_type(request, dict(pairs).get("_format"))
    state = request.app.state
    evaluation = Evaluation(state.engine, reader, measure_named(id), request_id(request))
    report = evaluated(evaluation, read_parameters(pairs), state.settings, state.rules.rulebook)
    return answer(report, content_type)


def _publication(request: Request) -> Published:
    state = request.app.state
    return Published(state.rules.rulebook, state.settings.publisher, state.settings.public_url)


def _presenter(request: Request) -> Presenter:
    state = request.app.state
    return Presenter(state.rules.rulebook, state.settings.public_url)


def _desk(request: Request, reader: Reader) -> Desk:
    return Desk(request.app.state.engine, reader, _presenter(request), request_id(request))


def _metadata(_reader: Authenticated, request: Request) -> Response:
    content_type = media_type(request, _format(request))
    return answer(capability_statement(_presenter(request).base), content_type)


def _device(_reader: Authenticated, request: Request) -> Response:
    return answer(show_device(), media_type(request, _format(request)))


async def _form(_reader: Authenticated, request: Request) -> bytes:
    """The body of a search by POST, read once the reader is known.

    Raises:
        UnsupportedMediaType: it is no form.
        TooLarge: it is larger than any search can be.
    """
    stated = request.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
    if stated != _FORM:
        raise UnsupportedMediaType(f"a search by POST sends its parameters as {_FORM}")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise TooLarge(f"a search may have {_LARGEST_FORM} bytes at most")
    return body


def _search(kind: Kind, reader: Reader, request: Request, form: bytes) -> Response:
    pairs = read_pairs(request.scope["query_string"], form)
    asked = parse_search(kind, pairs, strict=_strict(request))
    content_type = media_type(request, asked.format)
    return answer(_desk(request, reader).search(asked), content_type)


def _read(kind: Kind, reader: Reader, request: Request, resource_id: str) -> Response:
    content_type = media_type(request, _format(request))
    shown = _desk(request, reader).read(kind, resource_id)
    headers = {"ETag": shown.etag, "Last-Modified": format_datetime(shown.updated, usegmt=True)}
    if _has_already(request, shown.etag):
        return Response(status_code=304, headers={**headers, "Cache-Control": "no-store"})
    return answer(shown.resource, content_type, headers)


def _format(request: Request) -> str | None:
    """The `_format` parameter of a request that has no other."""
    pairs = dict(read_pairs(request.scope["query_string"]))
    return pairs.get("_format")


def _strict(request: Request) -> bool:
    preferences = request.headers.get("prefer", "").replace(";", ",").split(",")
    return "handling=strict" in (each.strip().replace('"', "").lower() for each in preferences)


def _has_already(request: Request, etag: str) -> bool:
    """Whether the client says it has this version: ETags compare weakly."""
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return "*" in known or etag.removeprefix("W/") in known
