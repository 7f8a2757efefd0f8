"""Losing an answer on purpose: the change is made, then the connection is cut, as networks do."""

import asyncio
from typing import Final

from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

_open: Final[dict[tuple[str, int], asyncio.Transport]] = {}
"""Open connections by the caller's address."""


class Telephone(H11Protocol):
    """Uvicorn's own protocol, remembering its connection so that it can be cut."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as its parent
        """A caller is there."""
        super().connection_made(transport)
        if self.client is not None:
            _open[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone."""
        if self.client is not None:
            _open.pop(self.client, None)
        super().connection_lost(exc)


def hang_up(request: Request) -> bool:
    """Cut the connection of a request; whether there was one to cut."""
    transport = _open.get((request.client.host, request.client.port)) if request.client else None
    if transport is not None:
        transport.abort()
    return transport is not None
