"""Which web pages may call the CDS service from a browser: those of named origins, and nothing else here."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class CdsOrigins:
    """CORS for `/cds-services` alone: no page of another site may read alerts or feed results."""

    def __init__(self, app: ASGIApp, allow_origins: Sequence[str]) -> None:
        self._app = app
        self._shared = CORSMiddleware(
            app,
            allow_origins=allow_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path", "")
        shared = scope["type"] == "http" and (path == "/cds-services" or path.startswith("/cds-services/"))
        await (self._shared if shared else self._app)(scope, receive, send)
