"""Whether a request really comes from the source it names."""

import asyncio
import logging
import time

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from service.errors import NotFound, Unauthenticated
from service.store import sources
from service.store.session import reading
from service.store.sources import Source

log = logging.getLogger(__name__)

SECRET_HEADER = "x-liverwatch-secret"  # noqa: S105 - a header's name
REFRESH_SECONDS = 2.0
"""How soon a running service sees that a source was changed or removed, or a secret ended."""
LOOK_AGAIN_SECONDS = 0.1
"""How often at most names and secrets that are not known cause the sources to be read again."""


class Directory:
    """The sources as of a moment ago: looking one up costs no query, and works while the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._sources: dict[str, Source] = {}
        self._looked_at = float("-inf")

    def refresh(self) -> None:
        """Read the sources from the database."""
        self._looked_at = time.monotonic()
        with reading(self._engine) as connection:
            self._sources = {each.name: each for each in sources.every(connection)}

    async def keep_fresh(self) -> None:
        """Read the sources again every few seconds: one request does, the others go on with those known."""
        if time.monotonic() - self._looked_at > REFRESH_SECONDS and not self._turn.locked():
            async with self._turn:
                await self._try_refresh()

    async def look_again(self) -> None:
        """See what was there when this was called: a source or a secret may have been added just now.

        All who ask within a tenth of a second wait for one and the same look.
        """
        asked = time.monotonic()
        async with self._turn:
            if self._looked_at < asked:
                await asyncio.sleep(self._looked_at + LOOK_AGAIN_SECONDS - asked)
                await self._try_refresh()

    async def _try_refresh(self) -> None:
        try:
            await asyncio.to_thread(self.refresh)
        except SQLAlchemyError:
            log.warning("the sources could not be read again; the feed goes on with those it knows")

    def admit(self, request: Request, name: str) -> Source:
        """The source of that name, whose secret the request carries.

        Raises:
            NotFound: there is none.
            Unauthenticated: there is no secret, or it is not one of the source's.
        """
        source = self.find(name)
        authenticate(request, source)
        return source

    def find(self, name: str) -> Source:
        """The active source of that name.

        Raises:
            NotFound: there is none.
        """
        source = self._sources.get(name)
        if source is None or not source.active:
            raise NotFound("there is no feed of that name; see `liverwatch source list`")
        return source


def authenticate(request: Request, source: Source) -> None:
    """Check the secret that the request carries, as bearer token or in a header.

    Raises:
        Unauthenticated: there is none, or it is not one of the source's.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    secret = token.strip() if scheme.lower() == "bearer" else request.headers.get(SECRET_HEADER, "")
    if not secret:
        raise Unauthenticated(
            "this feed needs its secret: send Authorization: Bearer, or X-Liverwatch-Secret"
        )
    if not source.accepts(secret):
        raise Unauthenticated("that is not the secret of this feed; see `liverwatch source secret`")
