"""Whether a request really comes from the source it names."""

import logging
import threading
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
"""How soon a change made by `liverwatch source` is seen by a running service."""
LOOK_AGAIN_SECONDS = 0.1
"""How often at most unknown names cause the sources to be read again."""


class Directory:
    """The sources as of a moment ago: looking one up costs no query, and works while the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._sources: dict[str, Source] = {}
        self._read_at = float("-inf")

    def refresh(self) -> None:
        """Read the sources from the database."""
        with self._lock, reading(self._engine) as connection:
            self._sources = {each.name: each for each in sources.every(connection)}
            self._read_at = time.monotonic()

    def try_refresh(self) -> None:
        """Read the sources again, or go on with those known when the database does not answer."""
        if self._lock.locked():  # another request is reading them: one query, not one for each that waits
            return
        try:
            self.refresh()
        except SQLAlchemyError:
            log.warning("the sources could not be read again; the feed goes on with those it knows")

    @property
    def stale(self) -> bool:
        """Whether a change might not be seen yet."""
        return time.monotonic() - self._read_at > REFRESH_SECONDS

    def might_know_better(self, name: str) -> bool:
        """Whether a name not known a moment ago is worth another look: it may have been added just now."""
        return name not in self._sources and time.monotonic() - self._read_at > LOOK_AGAIN_SECONDS

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
