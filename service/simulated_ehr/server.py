"""The HTTP face: `/fhir` as any FHIR R4 server has it, and `/control` for whoever plays the hospital."""

import hmac
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.simulated_ehr.hanging_up import hang_up
from service.simulated_ehr.notifying import Style, as_it_stands, notify
from service.simulated_ehr.records import Records, Refusal, Resource
from service.simulated_ehr.searching import find
from service.simulated_ehr.writing import (
    Written,
    alone,
    carry_out,
    create,
    delete,
    etag,
    outcome,
    update,
    update_found,
)

FHIR_JSON: Final = "application/fhir+json"
PAGE: Final = 100

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode

Handler = Callable[[Request], Awaitable[Response]]


class Hospital:
    """One simulated EHR: its records, its token, its way to notify, and the mishaps it is to have."""

    def __init__(self, token: str | None = None, style: Style = as_it_stands) -> None:
        self.records = Records()
        self._token = token
        self._style = style
        self._answers_to_lose = 0

    def app(self) -> Starlette:
        """The application that serves it."""
        fhir = {
            "/fhir": {"POST": self._bundle},
            "/fhir/": {"POST": self._bundle},
            "/fhir/{type}": {"GET": self._search, "POST": self._create, "PUT": self._update_found},
            "/fhir/{type}/_search": {"POST": self._search},
            "/fhir/{type}/{id}": {"GET": self._read, "PUT": self._update, "DELETE": self._delete},
            "/fhir/{type}/{id}/_history": {"GET": self._history},
            "/fhir/{type}/{id}/_history/{version}": {"GET": self._version},
            "/control/arrive": {"POST": self._arrive},
            "/control/lose-answers": {"POST": self._lose_answers},
        }
        routes = [Route("/fhir/metadata", _metadata, methods=["GET"])]
        for path, methods in fhir.items():
            for method, handler in methods.items():
                routes.append(Route(path, self._answering(handler), methods=[method]))
        return Starlette(routes=routes)

    def _answering(self, handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            try:
                self._authenticate(request)
                response = await handler(request)
            except Refusal as refusal:
                return Response(_encode(outcome(refusal)), refusal.status, media_type=FHIR_JSON)
            is_write = request.url.path.startswith("/fhir") and request.method != "GET"
            if is_write and self._answers_to_lose:
                self._answers_to_lose -= 1
                hang_up(request)
            return response

        return answer

    def _authenticate(self, request: Request) -> None:
        if self._token is None:
            return
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            raise Refusal(401, "login", "a bearer token is needed here")

    async def _bundle(self, request: Request) -> Response:
        answers, _written = carry_out(self.records, await _body(request))
        return _json(answers)

    async def _create(self, request: Request) -> Response:
        kind, body = request.path_params["type"], await _body(request)
        condition = request.headers.get("if-none-exist")
        return self._written(request, lambda: create(self.records, kind, body, condition))

    async def _update(self, request: Request) -> Response:
        kind, id_, body = request.path_params["type"], request.path_params["id"], await _body(request)
        if_match = request.headers.get("if-match")
        return self._written(request, lambda: update(self.records, kind, id_, body, if_match))

    async def _update_found(self, request: Request) -> Response:
        kind, query, body = request.path_params["type"], request.url.query, await _body(request)
        return self._written(request, lambda: update_found(self.records, kind, query, body))

    async def _delete(self, request: Request) -> Response:
        delete(self.records, request.path_params["type"], request.path_params["id"])
        return Response(status_code=204)

    def _written(self, request: Request, write: Callable[[], Written]) -> Response:
        done = alone(self.records, write)
        assert done.version is not None
        location = f"{_base(request)}/{done.location}"
        headers = {"Location": location, "ETag": etag(done.version)}
        return _json(done.version.resource, int(done.status[:3]), headers)

    async def _read(self, request: Request) -> Response:
        resource = self.records.read(request.path_params["type"], request.path_params["id"])
        return _json(resource, headers={"ETag": f'W/"{resource["meta"]["versionId"]}"'})

    async def _history(self, request: Request) -> Response:
        versions = self.records.versions(request.path_params["type"], request.path_params["id"])
        entries = [{"resource": each.resource} for each in reversed(versions) if each.resource is not None]
        return _json({"resourceType": "Bundle", "type": "history", "total": len(versions), "entry": entries})

    async def _version(self, request: Request) -> Response:
        for each in self.records.versions(request.path_params["type"], request.path_params["id"]):
            if each.number == request.path_params["version"] and each.resource is not None:
                return _json(each.resource)
        raise Refusal(404, "not-found", "there is no such version")

    async def _search(self, request: Request) -> Response:
        parameters = [*request.query_params.multi_items()]
        if request.method == "POST":
            async with request.form() as form:
                parameters += [(name, str(value)) for name, value in form.multi_items()]
        kind = request.path_params["type"]
        found = find(self.records, kind, parameters)
        chosen = dict(parameters)
        start, count = _number(chosen, "_offset", 0), _number(chosen, "_count", PAGE)
        links = [{"relation": "self", "url": str(request.url)}]
        if start + count < len(found):
            following = request.url.include_query_params(_offset=start + count)
            links.append({"relation": "next", "url": str(following)})
        entries = [
            {
                "fullUrl": f"{_base(request)}/{kind}/{each['id']}",
                "resource": each,
                "search": {"mode": "match"},
            }
            for each in found[start : start + count]
        ]
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
        return _json(bundle | ({"entry": entries} if entries else {}))

    async def _arrive(self, request: Request) -> Response:
        """Something comes in from the laboratory or the ward: it is stored as it stands, and told on."""
        raw = await request.body()
        arrived = await _body(request)
        entries = arrived.get("entry", []) if arrived["resourceType"] == "Bundle" else [{"resource": arrived}]
        for entry in entries:
            self.records.import_as_it_stands(entry["resource"])
        return _json({"answers": await notify(self.records, self._style, raw, arrived)})

    async def _lose_answers(self, request: Request) -> Response:
        """The answers to the next writes are lost on the way, after what they asked for was done."""
        self._answers_to_lose = int(request.query_params.get("count", "1"))
        return Response(status_code=204)


async def _metadata(_request: Request) -> Response:
    rest = {"mode": "server", "interaction": [{"code": "transaction"}, {"code": "batch"}]}
    statement = {"status": "active", "date": "2026-01-01", "kind": "instance", "fhirVersion": "4.0.1"}
    more = {"format": ["json"], "implementation": {"description": "Simulated EHR"}, "rest": [rest]}
    return _json({"resourceType": "CapabilityStatement", **statement, **more})


async def _body(request: Request) -> Resource:
    try:
        body = _decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
        raise Refusal(400, "structure", "the body is not JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("resourceType"), str):
        raise Refusal(400, "structure", "a FHIR resource is expected")
    return body


def _number(chosen: dict[str, str], name: str, default: int) -> int:
    given = chosen.get(name, "")
    if not given:
        return default
    if not (given.isascii() and given.isdigit()):
        raise Refusal(400, "value", f"{name}: a number is expected")
    return int(given)


def _base(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}/fhir"


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_encode(content), status, headers, media_type=FHIR_JSON)
