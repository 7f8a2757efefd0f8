"""One exchange with a FHIR server over HTTP, which never leaves the base URL it was made for.

No redirect is followed and no address elsewhere is asked, whatever a server answers.
"""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, cached_property
from typing import Any, Final, Protocol
from urllib.parse import urljoin, urlsplit

import httpx2
import msgspec

from service.errors import ConfigurationError
from service.fhir.outgoing import MEDIA_TYPE
from service.fhir.remote import RemoteRefused, RemoteUnavailable, failure
from service.urls import PORTS, origin_of

Resource = dict[str, Any]

MAX_RESPONSE_BYTES: Final = 10 * 1024 * 1024

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_resource = msgspec.json.Decoder(float_hook=Decimal)
"""Decimals keep every digit, so that what others have written goes back as it came."""


class Credential(Protocol):
    """By what a server knows this service."""

    def header(self) -> str | None:
        """The Authorization header of the next request; None: none is sent.

        Raises:
            RemoteError: the server that gives it out did not, or refused.
            ConfigurationError: what it is made from is not there.
        """

    def renew(self) -> bool:
        """The server did not accept it: whether another one may be accepted."""


@dataclass(frozen=True, slots=True)
class Token:
    """A ready bearer token, or none."""

    value: str | None = field(repr=False)

    def header(self) -> str | None:
        """As it is sent."""
        return f"Bearer {self.value}" if self.value else None

    def renew(self) -> bool:
        """There is no other."""
        return False


@dataclass(frozen=True)
class Answer:
    """What came back: a success."""

    what: str
    """Method and resource type of the request, for messages."""
    status: int
    body: bytes = field(repr=False)
    etag: str | None = None
    """Version of what was read or written, as `If-Match` takes it."""
    location: str | None = None
    """Where what was created is."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def id_of(self, resource_type: str) -> str | None:
        """The id of what was created: as it stands in the resource, else in where it is; None: neither says.

        Raises:
            RemoteUnavailable: the body is not JSON.
        """
        shown = self.resource.get("id")
        if self.resource.get("resourceType") == resource_type and isinstance(shown, str):
            return shown
        path = urlsplit(self.location or "").path.partition("/_history")[0].rstrip("/")
        before, _, id_ = path.rpartition("/")
        return id_ if id_ and before.rpartition("/")[2] == resource_type else None

    @cached_property
    def resource(self) -> Resource:
        """The JSON object that came; empty where the server returned none.

        Raises:
            RemoteUnavailable: it is not JSON.
        """
        try:
            decoded = _resource.decode(self.body) if self.body else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise RemoteUnavailable(f"{self.what}: the answer is not JSON") from None
        return decoded if isinstance(decoded, dict) else {}


class Exchange:
    """Sends requests to one base URL. One thread at a time."""

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        timeout_seconds: float,
        max_response_bytes: int,
        transport: httpx2.BaseTransport | None,
    ) -> None:
        self.base = checked_base(base_url)
        self._credential = credential
        self._limit = max_response_bytes
        self._seconds = timeout_seconds
        self._http = open_http(timeout_seconds, transport)

    def close(self) -> None:
        """Give its connections back."""
        self._http.close()

    def send(
        self, method: str, path: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request; once more where its credential had run out.

        Args:
            method: of HTTP.
            path: below the base URL, or an address within it.
            content: the body, JSON.
            headers: beside the usual ones.

        Raises:
            RemoteError: the server did not answer, refused, or answered too much or too slowly.
            ConfigurationError: the credential is not there.
        """
        url = urljoin(self.base, path).rstrip("/")
        if not within(url, self.base):
            raise RemoteRefused(f"{method}: the address is outside the configured base URL")
        kind = urlsplit(url).path.removeprefix(urlsplit(self.base).path).partition("/")[0]
        what = f"{method} {kind or ('transaction' if method == 'POST' else 'page')}"
        return self._answer(method, url, content, headers or {}, what)

    def send_beside(self, method: str, url: str, headers: Mapping[str, str], what: str) -> Answer:
        """As `send`, to any address at the origin of the base URL: where its server keeps what it prepares.

        Args:
            method: of HTTP.
            url: absolute.
            headers: beside the usual ones.
            what: what it is called in messages.

        Raises:
            RemoteError: the address is at another origin; or as of `send`.
            ConfigurationError: the credential is not there.
        """
        self._check_origin(url, what)
        return self._answer(method, url, None, headers, what)

    @contextmanager
    def stream(self, url: str, accept: str, what: str, *, known: bool) -> Iterator[httpx2.Response]:
        """A response under way, for what is too long to be held; compressed with gzip at most.

        Args:
            url: absolute; the caller has seen to it that it may be asked.
            accept: media type.
            what: what it is called in messages.
            known: whether the credential is sent, which never leaves the origin of the base URL.

        Raises:
            RemoteError: the server did not answer, broke off, or refused; or the credential would leave.
            ConfigurationError: the credential is not there.
        """
        if known:
            self._check_origin(url, what)
        for again in (True, False):
            sent = {"Accept": accept, "Accept-Encoding": "gzip", **(self._authorization() if known else {})}
            try:
                with self._http.stream("GET", url, headers=sent) as response:
                    if again and known and response.status_code == 401 and self._credential.renew():
                        continue
                    if not response.is_success:
                        wait = response.headers.get("Retry-After")
                        raise failure(response.status_code, what, retry_after=wait)
                    yield response
                    return
            except httpx2.HTTPError as error:
                raise RemoteUnavailable(f"{what}: {type(error).__name__}", affects_server=True) from None

    def _check_origin(self, url: str, what: str) -> None:
        if origin_of(url) != origin_of(self.base) or urlsplit(url).username is not None:
            raise RemoteRefused(f"{what}: the address is not at the server of the base URL")

    def _authorization(self) -> dict[str, str]:
        value = self._credential.header()
        return {} if value is None else {"Authorization": value}

    def _answer(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str], what: str
    ) -> Answer:
        response, body = self._once(method, url, content, headers, what)
        if response.status_code == 401 and self._credential.renew():
            response, body = self._once(method, url, content, headers, what)
        if not response.is_success:
            raise failure(response.status_code, what, _outcome(body), response.headers.get("Retry-After"))
        got = response.headers
        return Answer(what, response.status_code, body, got.get("ETag"), got.get("Location"), got)

    def _once(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str], what: str
    ) -> tuple[httpx2.Response, bytes]:
        sent = {"Accept": MEDIA_TYPE, **headers, **self._authorization()}
        if content is not None:
            sent["Content-Type"] = MEDIA_TYPE
        deadline = time.monotonic() + 2 * self._seconds
        try:
            with self._http.stream(method, url, content=content, headers=sent) as response:
                return response, read_body(response, self._limit, deadline)
        except httpx2.HTTPError as error:
            raise RemoteUnavailable(f"{what}: {type(error).__name__}", affects_server=True) from None


def open_http(timeout_seconds: float, transport: httpx2.BaseTransport | None = None) -> httpx2.Client:
    """A client that follows no redirect, and sends nothing to where an environment variable points."""
    return httpx2.Client(
        headers={"User-Agent": "liverwatch"},
        timeout=timeout_seconds,
        follow_redirects=False,
        trust_env=False,  # a netrc or proxy variable must not send credentials or patients elsewhere
        verify=_trusted(),
        transport=transport,
    )


def read_body(response: httpx2.Response, limit: int, deadline: float) -> bytes:
    """The body of a streamed response.

    Args:
        response: under way.
        limit: bytes at most.
        deadline: `time.monotonic()` by which it must have come.

    Raises:
        RemoteUnavailable: it is longer, or takes longer.
    """
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > limit:
            raise RemoteUnavailable(f"the answer is longer than {limit} bytes")
        if time.monotonic() > deadline:
            raise RemoteUnavailable("the answer took too long", affects_server=True)
    return bytes(body).removeprefix(_BYTE_ORDER_MARK)


def checked_base(url: str) -> str:
    """A base URL with the slash at its end.

    Raises:
        ConfigurationError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError("fhir_base_url: must be an absolute http(s) URL without query or fragment")
    return url.rstrip("/") + "/"


def within(url: str, base: str) -> bool:
    """Whether an address is at the base URL or below it: same origin, same path, no way out of it."""
    there, home = urlsplit(url), urlsplit(base)
    path = there.path.lower().replace("%2e", ".")
    inside = there.path == home.path.rstrip("/") or there.path.startswith(home.path)
    return origin_of(url) == origin_of(base) and inside and "/.." not in path and there.username is None


@cache
def _trusted() -> ssl.SSLContext:
    """The system's certificate authorities; read once, for that takes longer than a request."""
    return ssl.create_default_context()


def _outcome(body: bytes) -> Any:
    try:
        return _resource.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
