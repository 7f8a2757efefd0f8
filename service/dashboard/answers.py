"""What a browser is told in the stead of a page, and the headers that every page goes out with."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote, urlencode

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.dashboard.access import PASSWORD_PAGE, NotAllowed, NotSignedIn, PasswordDue
from service.dashboard.break_glass import BehindGlass
from service.dashboard.forms import Forged
from service.dashboard.making import page
from service.errors import LiverwatchError

SIGN_IN_PAGE: Final = "/sign-in"


def install_page_answers(app: FastAPI) -> None:
    """Make `app` answer with pages where somebody is not signed in or not allowed, and guard every page."""
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)
    app.add_middleware(PageHeaders)


def is_for_a_page(request: Request) -> bool:
    """Whether a browser wants a whole page, and not a script a part of one."""
    headers = request.headers
    if "hx-request" in headers or headers.get("sec-fetch-mode", "navigate") != "navigate":
        return False
    return "text/html" in headers.get("accept", "")


def _on_not_signed_in(request: Request, error: Exception) -> Response:
    address = SIGN_IN_PAGE
    if request.method == "GET" and is_for_a_page(request):
        back = quote(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
        address = f"{SIGN_IN_PAGE}?{urlencode({'next': back})}" if back != "/" else SIGN_IN_PAGE
    return _led_to(request, address, error)


def _on_password_due(request: Request, error: Exception) -> Response:
    return _led_to(request, PASSWORD_PAGE, error)


def _on_behind_glass(request: Request, error: Exception) -> Response:
    assert isinstance(error, BehindGlass)
    return _led_to(request, error.address, error)


def _led_to(request: Request, address: str, error: Exception) -> Response:
    assert isinstance(error, LiverwatchError)
    headers = {"Cache-Control": "no-store"}
    if is_for_a_page(request):
        return RedirectResponse(address, 303, headers)
    return HTMLResponse(error.message, error.status, {**headers, "HX-Redirect": address})


def _on_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, LiverwatchError)
    if is_for_a_page(request):
        return page(request, "not_allowed.html", error.status, reason=error.message)
    return HTMLResponse(error.message, error.status)


_ANSWERS: Final[Mapping[type[Exception], Callable[[Request, Exception], Response]]] = {
    NotSignedIn: _on_not_signed_in,
    PasswordDue: _on_password_due,
    BehindGlass: _on_behind_glass,
    NotAllowed: _on_refused,
    Forged: _on_refused,
}
ANSWERED_HERE: Final = tuple(_ANSWERS)
"""Errors that a route which makes pages of errors itself must let through."""


def page_headers(ancestors: tuple[str, ...] = ()) -> Mapping[str, str]:
    """Nothing is loaded but our own files, nothing inline runs, and nothing is kept by the browser.

    Args:
        ancestors: origins whose pages may show ours in a frame.
    """
    framing = " ".join(ancestors) or "'none'"
    return {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {framing}"
        ),
        "X-Content-Type-Options": "nosniff",
        # Not `no-referrer`: under it browsers hide even from us which page sent a form.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cache-Control": "no-store",
    }


class PageHeaders:
    """ASGI middleware: every page, whoever made it, has the headers it does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; look at the answer's type as it goes by."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        settings = scope["app"].state.settings

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith(("text/html", "text/event-stream")):
                    for name, value in page_headers(settings.frame_ancestors).items():
                        headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)
