"""The cookie that holds a session's token: of this host alone, out of reach of scripts."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from service.urls import origin_of

_NAME: Final = "liverwatch"
_LONGEST: Final = 128


def _guarded(request: Request) -> bool:
    """Whether browsers reach this service over https."""
    return origin_of(request.app.state.settings.public_url)[0] == "https"


def _name(request: Request, purpose: str) -> str:
    # With this prefix a browser takes it only over https, and from this very host.
    return f"{'__Host-' if _guarded(request) else ''}{_NAME}{purpose}"


def read(request: Request, purpose: str = "") -> str | None:
    """What the browser brought."""
    value = request.cookies.get(_name(request, purpose), "")
    return value if 0 < len(value) <= _LONGEST else None


def give(request: Request, response: Response, value: str, purpose: str = "") -> None:
    """Let the browser keep it until it is closed."""
    response.set_cookie(
        _name(request, purpose), value, path="/", secure=_guarded(request), httponly=True, samesite="lax"
    )


def take_away(request: Request, response: Response, purpose: str = "") -> None:
    """Let the browser forget it."""
    response.delete_cookie(
        _name(request, purpose), path="/", secure=_guarded(request), httponly=True, samesite="lax"
    )
