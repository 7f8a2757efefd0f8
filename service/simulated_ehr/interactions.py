"""The FHIR interactions: read, history, search, create, update, delete, batch and transaction."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from service.simulated_ehr.exchange import base_of, body_of, form_of, json_answer, number_in
from service.simulated_ehr.records import Records, Refusal, Resource, Version
from service.simulated_ehr.searching import find
from service.simulated_ehr.styles import Style
from service.simulated_ehr.subscriptions import read
from service.simulated_ehr.writing import (
    Written,
    alone,
    carry_out,
    create,
    delete,
    etag,
    update,
    update_found,
)

PAGE = 100

Handler = Callable[[Request], Awaitable[Response]]


class Interactions:
    """What FHIR clients may do with records, as a server of a style lets them."""

    def __init__(self, records: Records, style: Style) -> None:
        self._records, self._style = records, style

    def routes(self) -> Mapping[str, Mapping[str, Handler]]:
        """Handlers by path and method."""
        return {
            "/fhir": {"POST": self._bundle},
            "/fhir/": {"POST": self._bundle},
            "/fhir/{type}": {"GET": self._search, "POST": self._create, "PUT": self._update_found},
            "/fhir/{type}/_search": {"POST": self._search},
            "/fhir/{type}/{id}": {"GET": self._read, "PUT": self._update, "DELETE": self._delete},
            "/fhir/{type}/{id}/_history": {"GET": self._history},
            "/fhir/{type}/{id}/_history/{version}": {"GET": self._version},
        }

    def _check_subscription(self, kind: str, body: Resource) -> None:
        """A Subscription that this server could not serve is refused when it is made."""
        if kind == "Subscription" and not self._style.verbatim:
            read(body, self._style)

    async def _bundle(self, request: Request) -> Response:
        answers, _written = carry_out(self._records, await body_of(request))
        return json_answer(answers)

    async def _create(self, request: Request) -> Response:
        kind, body = request.path_params["type"], await body_of(request)
        self._check_subscription(kind, body)
        condition = request.headers.get("if-none-exist")
        return self._written(request, lambda: create(self._records, kind, body, condition))

    async def _update(self, request: Request) -> Response:
        kind, id_, body = request.path_params["type"], request.path_params["id"], await body_of(request)
        self._check_subscription(kind, body)
        if_match = request.headers.get("if-match")
        return self._written(request, lambda: update(self._records, kind, id_, body, if_match))

    async def _update_found(self, request: Request) -> Response:
        kind, query, body = request.path_params["type"], request.url.query, await body_of(request)
        return self._written(request, lambda: update_found(self._records, kind, query, body))

    async def _delete(self, request: Request) -> Response:
        delete(self._records, request.path_params["type"], request.path_params["id"])
        return Response(status_code=204)

    def _written(self, request: Request, write: Callable[[], Written]) -> Response:
        done = alone(self._records, write)
        assert done.version is not None
        location = f"{base_of(request)}/{done.location}"
        headers = {"Location": location, "ETag": etag(done.version)}
        return json_answer(done.version.resource, int(done.status[:3]), headers)

    async def _read(self, request: Request) -> Response:
        resource = self._records.read(request.path_params["type"], request.path_params["id"])
        return json_answer(resource, headers={"ETag": f'W/"{resource["meta"]["versionId"]}"'})

    async def _history(self, request: Request) -> Response:
        kind, id_ = request.path_params["type"], request.path_params["id"]
        versions = self._records.versions(kind, id_)
        entries = [_past(base_of(request), kind, id_, each) for each in reversed(versions)]
        history = {"type": "history", "total": len(versions), "entry": entries}
        return json_answer({"resourceType": "Bundle", **history})

    async def _version(self, request: Request) -> Response:
        for each in self._records.versions(request.path_params["type"], request.path_params["id"]):
            if each.number == request.path_params["version"] and each.resource is not None:
                return json_answer(each.resource)
        raise Refusal(404, "not-found", "there is no such version")

    async def _search(self, request: Request) -> Response:
        parameters = [*request.query_params.multi_items()]
        if request.method == "POST":
            parameters += await form_of(request)
        kind = request.path_params["type"]
        found = find(self._records, kind, parameters)
        chosen = dict(parameters)
        start, count = number_in(chosen, "_offset", 0), number_in(chosen, "_count", PAGE)
        links = [{"relation": "self", "url": str(request.url)}]
        if start + count < len(found):
            following = request.url.include_query_params(_offset=start + count)
            links.append({"relation": "next", "url": str(following)})
        entries = [
            {
                "fullUrl": f"{base_of(request)}/{kind}/{each['id']}",
                "resource": each,
                "search": {"mode": "match"},
            }
            for each in found[start : start + count]
        ]
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
        return json_answer(bundle | ({"entry": entries} if entries else {}))


def _past(base: str, kind: str, id_: str, version: Version) -> Resource:
    deleted = version.resource is None
    request = {"method": "DELETE" if deleted else "PUT", "url": f"{kind}/{id_}"}
    response = {
        "status": "204" if deleted else "200",
        "etag": etag(version),
        "lastModified": version.updated.isoformat(),
    }
    entry: Resource = {"fullUrl": f"{base}/{kind}/{id_}", "request": request, "response": response}
    return entry if deleted else {**entry, "resource": version.resource}
