"""What the pages that show patients share: failures told in words, and parts of pages for a script."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from service.dashboard.answers import ANSWERED_HERE
from service.dashboard.making import page
from service.errors import LiverwatchError

_TITLES: Final[Mapping[int, str]] = {
    403: "This is not open to you",
    404: "There is nothing here",
    410: "This has been erased",
    409: "It has changed meanwhile",
    413: "That is too much",
    422: "Something is missing",
    503: "The database does not answer",
}


class PageRoute(APIRoute):
    """A route whose failures are told on a page, not as an OperationOutcome."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The usual handler, with our errors made into pages."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except ANSWERED_HERE:
                raise
            except LiverwatchError as error:
                return problem(request, error)

        return handle


def problem(
    request: Request, error: LiverwatchError, title: str | None = None, status: int | None = None
) -> Response:
    """The page that says what went wrong, in words without patient data.

    Args:
        request: whose answer it is.
        error: says it.
        title: over it; what its status usually means where none is given.
        status: of the answer, where it is not the error's own.
    """
    title = title or _TITLES.get(error.status, "That did not work")
    answer = page(request, "problem.html", status or error.status, title=title, words=error.message)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def asked_by_script(request: Request) -> bool:
    """Whether htmx asks for a part of a page; a form of the page that it only carries wants a whole one."""
    return request.headers.get("hx-request") == "true" and "hx-boosted" not in request.headers
