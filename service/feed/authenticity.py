"""Whether a request really comes from the source it names.

It shows the feed secret, or the client certificate where the source has one. Where the source signs, the
signature takes the secret's place, and is asked for beside the certificate.
"""

import asyncio
import logging
import time

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from service.errors import ConfigurationError, NotFound, Overloaded, Unauthenticated
from service.feed.certificates import Proxies
from service.feed.signatures import Claim, claimed, keys_of
from service.store import sources
from service.store.session import reading
from service.store.sources import Source

log = logging.getLogger(__name__)

SECRET_HEADER = "x-liverwatch-secret"  # noqa: S105 - a header's name
REFRESH_SECONDS = 2.0
"""How soon a running service sees that a source was changed or removed, or a secret ended."""
LOOK_AGAIN_SECONDS = 0.1
"""How often at most names and secrets that are not known cause the sources to be read again."""
_UNREADABLE_RETRY_SECONDS = 60
_LARGE = 64 * 1024
"""Bodies above this are hashed off the event loop, so that one Bundle delays nobody else."""


class Directory:
    """The sources as of a moment ago: looking one up costs no query, and works while the database is away."""

    def __init__(self, engine: Engine, proxies: Proxies | None = None) -> None:
        self._engine = engine
        self._proxies = proxies or Proxies()
        self._turn = asyncio.Lock()
        self._sources: dict[str, Source] = {}
        self._keys: dict[str, tuple[bytes, ...]] = {}
        self._looked_at = float("-inf")

    def refresh(self) -> None:
        """Read the sources from the database, and the secrets they sign with from where those are kept."""
        self._looked_at = time.monotonic()
        with reading(self._engine) as connection:
            found = {each.name: each for each in sources.every(connection) if each.active}
        self._keys = {
            name: self._keys_of(each) for name, each in found.items() if each.settings.signed != "none"
        }
        self._sources = found

    def _keys_of(self, source: Source) -> tuple[bytes, ...]:
        """What a source signs with; none where that cannot be read."""
        try:
            return keys_of(source.settings)
        except ConfigurationError as error:
            if self._keys.get(source.name, True):  # said once, and not every few seconds
                log.error("source %s is refused everything: %s", source.name, error.message)  # noqa: TRY400
            return ()

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

    def admit(self, request: Request, name: str) -> tuple[Source, Claim | None]:
        """The source of that name, whose request's head is good, and what the head says of a signature.

        Raises:
            NotFound: there is none.
            Unauthenticated: what it must show is not there, or is not the source's.
            Overloaded: it must be signed, and what with cannot be read just now.
        """
        source = self._sources.get(name)
        if source is None:
            raise NotFound("there is no feed of that name; see `liverwatch source list`")
        settings = source.settings
        if settings.certificates:
            self._proxies.check(request, settings.certificates)
        if settings.signed != "none":
            if not self._keys.get(name):
                raise Overloaded(
                    "what this feed is signed with cannot be read; nothing was taken",
                    retry_after=_UNREADABLE_RETRY_SECONDS,
                )
            return source, claimed(request.headers, settings)
        if not settings.certificates:
            _check_secret(request, source)
        return source, None

    async def verify(self, source: Source, claim: Claim, body: bytes, *, again: bool) -> None:
        """See that the body is what was signed.

        Args:
            source: whose feed it is.
            claim: what the head said.
            body: as it was received.
            again: whether to look for a new secret where it is not.

        Raises:
            Unauthenticated: it is not, or was signed with another secret.
        """
        if await self._holds(source, claim, body):
            return
        if again:
            await self.look_again()
            if await self._holds(source, claim, body):
                return
        raise Unauthenticated(
            "the signature does not hold: the body is not what was signed, or the secret is another; "
            "see `liverwatch source set --signing-secret-file`"
        )

    async def _holds(self, source: Source, claim: Claim, body: bytes) -> bool:
        keys = self._keys.get(source.name, ())
        if len(body) > _LARGE:
            return await asyncio.to_thread(claim.holds, body, keys)
        return claim.holds(body, keys)


def vouches(request: Request, source: Source) -> bool:
    """Whether a request that was admitted is its sender's as a whole, address and headers too.

    A certificate, and the secret, stand for the connection; a signature stands for the body alone.
    """
    return bool(source.settings.certificates) or source.accepts(_secret(request))


def _secret(request: Request) -> str:
    """What is sent as bearer token or in the header for it; empty where nothing is."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get(SECRET_HEADER, "")


def _check_secret(request: Request, source: Source) -> None:
    secret = _secret(request)
    if not secret:
        raise Unauthenticated(
            "this feed needs its secret: send Authorization: Bearer, or X-Liverwatch-Secret"
        )
    if not source.accepts(secret):
        raise Unauthenticated("that is not the secret of this feed; see `liverwatch source secret`")
