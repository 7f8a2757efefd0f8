"""How every page that shows patients is made: one environment, one set of headers, failures in words."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.dashboard.access import form_token
from service.dashboard.rule_views import breakable
from service.dashboard.words import filters
from service.errors import InvalidResource, LiverwatchError, TooLarge

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Only our own style sheet and script; nothing of a patient stays in a cache."""

LONGEST_FORM: Final = 65_536
"""Bytes of a form that are read."""

_TITLES: Final[Mapping[int, str]] = {
    401: "You are not signed in",
    403: "This is not open to you",
    404: "There is nothing here",
    409: "It has changed meanwhile",
    413: "That is too much",
    422: "Something is missing",
    503: "The database does not answer",
}

Form = Mapping[str, Sequence[str]]
"""Fields and their values, as they were sent."""


class PageRoute(APIRoute):
    """A route whose failures are told on a page, not as an OperationOutcome."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The usual handler, with our errors made into pages."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except LiverwatchError as error:
                return problem(request, error)

        return handle


def page(request: Request, template: str, status: int = 200, **content: Any) -> Response:
    """A page, or a part of one."""
    text = (
        environment()
        .get_template(template)
        .render(form_token=form_token(request), rulebook=request.app.state.rules.rulebook.version, **content)
    )
    return HTMLResponse(text, status, headers=dict(HEADERS))


def problem(request: Request, error: LiverwatchError) -> Response:
    """The page that says what went wrong, in words without patient data."""
    title = _TITLES.get(error.status, "That did not work")
    answer = page(request, "problem.html", error.status, title=title, words=error.message)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="liverwatch"'
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


async def form_of(request: Request) -> Form:
    """The fields of a form that was sent as `application/x-www-form-urlencoded`.

    Raises:
        TooLarge: more than any form of ours sends.
        InvalidResource: it is no such form.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise TooLarge("the form is too large")
    try:
        return parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=1000, errors="strict")
    except ValueError as error:
        raise InvalidResource("the form cannot be read") from error


def asked_by_script(request: Request) -> bool:
    """Whether a part of a page is enough, because htmx asks for it."""
    return request.headers.get("hx-request") == "true"


@cache
def environment() -> Environment:
    """Templates; whatever they are given is escaped."""
    made = Environment(
        loader=PackageLoader("service.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(filters(), breakable=breakable)
    return made
