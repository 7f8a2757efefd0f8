"""A small FHIR R4 client that never leaves the base URL it was made for.

No redirect is followed and no link that points elsewhere is fetched, whatever a server answers.
"""

import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpx2
import msgspec

from service.errors import ConfigurationError
from service.fhir.capabilities import Capabilities, read_capabilities
from service.fhir.outgoing import MEDIA_TYPE, to_bytes, validate_outgoing
from service.fhir.remote import GONE, RemoteRefused, RemoteUnavailable, failure

Resource = dict[str, Any]

MAX_RESPONSE_BYTES: Final = 10 * 1024 * 1024
MAX_PAGES: Final = 20

_SAFE_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    resource: Resource
    """Empty where the server returned no JSON object."""
    body: bytes = b""
    """As it came."""


class FhirClient:
    """Reads, searches and writes at one base URL. Use it as a context manager; one thread at a time."""

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        timeout_seconds: float = 30.0,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ConfigurationError(
                "fhir_base_url: must be an absolute http(s) URL without query or fragment"
            )
        self._base = base_url.rstrip("/") + "/"
        self._limit = max_response_bytes
        headers = {"Accept": MEDIA_TYPE, "User-Agent": "liverwatch"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # trust_env=False: a netrc or proxy variable must not send credentials or patients elsewhere.
        self._http = httpx2.Client(
            headers=headers,
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
            verify=_trusted(),
            transport=transport,
        )
        self._seconds = timeout_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give its connections back."""
        self._http.close()

    def read(self, resource_type: str, resource_id: str) -> Resource | None:
        """The resource as it is now; None where there is none (404, 410).

        Raises:
            RemoteError: the server did not answer, or refused.
        """
        answer = self._read(resource_type, resource_id)
        return None if answer is None else answer.resource

    def read_bytes(self, resource_type: str, resource_id: str) -> bytes | None:
        """As `read`, the resource's own bytes."""
        answer = self._read(resource_type, resource_id)
        return None if answer is None else answer.body

    def _read(self, resource_type: str, resource_id: str) -> Answer | None:
        try:
            answer = self._send("GET", f"{resource_type}/{_checked(resource_id)}")
        except RemoteRefused as refused:
            if refused.code in GONE:
                return None
            raise
        return answer if answer.resource.get("resourceType") == resource_type else None

    def search(self, resource_type: str, parameters: Mapping[str, str]) -> list[Resource]:
        """Every match, following `next` links within the base URL.

        Raises:
            RemoteError: the server did not answer, refused, or pointed elsewhere.
        """
        return [
            entry["resource"]
            for page in self._pages(resource_type, parameters, MAX_PAGES)
            for entry in _entries(page.resource)
            if isinstance(entry.get("resource"), dict)
            and entry["resource"].get("resourceType") == resource_type
        ]

    def page_bytes(
        self, resource_type: str, parameters: Mapping[str, str], *, max_pages: int
    ) -> Iterator[bytes]:
        """Each page of matches as it came, the next asked for only when the one before has been dealt with.

        Raises:
            RemoteError: the server did not answer, refused, or pointed elsewhere.
        """
        return (page.body for page in self._pages(resource_type, parameters, max_pages))

    def _pages(self, resource_type: str, parameters: Mapping[str, str], max_pages: int) -> Iterator[Answer]:
        path: str | None = f"{resource_type}?{urlencode(parameters, quote_via=quote)}"
        for _page in range(max_pages):
            assert path is not None
            answer = self._send("GET", path)
            if answer.resource.get("resourceType") != "Bundle":
                raise RemoteUnavailable(f"search of {resource_type}: the answer is no Bundle")
            yield answer
            path = self._next(answer.resource)
            if path is None:
                return
        raise RemoteRefused(f"search of {resource_type}: more than {max_pages} pages of matches")

    def create(self, resource: Resource, *, if_none_exist: str | None = None) -> Answer:
        """Create a resource, unless `if_none_exist` (a query) finds one.

        Raises:
            RemoteError: the server did not answer, or refused.
            InvalidOutgoing: the resource is not valid; nothing was sent.
        """
        validate_outgoing(resource)
        headers = {"If-None-Exist": if_none_exist} if if_none_exist else {}
        return self._send("POST", str(resource["resourceType"]), resource, headers)

    def update(self, resource: Resource) -> Answer:
        """Put a resource in place of the one that has its id.

        Raises:
            RemoteError: the server did not answer, or refused.
            InvalidOutgoing: the resource is not valid; nothing was sent.
        """
        validate_outgoing(resource)
        return self._send("PUT", f"{resource['resourceType']}/{_checked(resource['id'])}", resource)

    def delete(self, resource_type: str, resource_id: str) -> None:
        """Delete a resource; one that is gone already is gone.

        Raises:
            RemoteError: the server did not answer, or refused.
        """
        try:
            self._send("DELETE", f"{resource_type}/{_checked(resource_id)}")
        except RemoteRefused as refused:
            if refused.code not in GONE:
                raise

    def capabilities(self) -> Capabilities:
        """What the server says it can do; nothing where it has no CapabilityStatement (404, 410).

        Raises:
            RemoteError: the server did not answer, or refused.
        """
        try:
            return read_capabilities(self._send("GET", "metadata").resource)
        except RemoteRefused as refused:
            if refused.code in GONE:
                return Capabilities(None)
            raise

    def transaction(self, entries: list[Resource]) -> list[Resource]:
        """Carry out a transaction Bundle of these entries; the `response` of each, in order.

        Raises:
            RemoteError: the server did not answer, or refused it or a part of it.
            InvalidOutgoing: a resource in it is not valid; nothing was sent.
        """
        bundle = transaction_bundle(entries)
        for entry in entries:
            validate_outgoing(entry["resource"])
        validate_outgoing({**bundle, "entry": [{"request": entry["request"]} for entry in entries]})
        answers = _entries(self._send("POST", "", bundle).resource)
        if len(answers) != len(entries):
            raise RemoteUnavailable("transaction: the answer does not match what was sent")
        responses = []
        for position, answer in enumerate(answers):
            response = answer.get("response")
            response = response if isinstance(response, dict) else {}
            status = str(response.get("status", ""))[:3]
            if not status.startswith("2"):
                code = int(status) if status.isdigit() else 0
                raise failure(code, f"transaction, entry {position}", response.get("outcome"))
            responses.append(response)
        return responses

    def _next(self, bundle: Resource) -> str | None:
        links = bundle.get("link")
        for link in links if isinstance(links, list) else []:
            if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
                url: str = urljoin(self._base, link["url"])
                if not _within(url, self._base):
                    raise RemoteRefused("search: the next page is outside the configured base URL")
                return url
        return None

    def _send(
        self,
        method: str,
        path: str,
        resource: Resource | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        relative = path.removeprefix(self._base)
        url = (self._base + relative).rstrip("/")
        what = f"{method} {re.split('[/?]', relative, maxsplit=1)[0] or 'transaction'}"
        content, sent = None, dict(headers or {})
        if resource is not None:
            content = to_bytes(resource)
            sent["Content-Type"] = MEDIA_TYPE
        deadline = time.monotonic() + 2 * self._seconds
        try:
            with self._http.stream(method, url, content=content, headers=sent) as response:
                body = self._body(response, deadline)
        except httpx2.HTTPError as error:
            raise RemoteUnavailable(f"{what}: {type(error).__name__}", affects_server=True) from None
        return _understood(response, body, what)

    def _body(self, response: httpx2.Response, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._limit:
                raise RemoteUnavailable(f"the answer is longer than {self._limit} bytes")
            if time.monotonic() > deadline:
                raise RemoteUnavailable("the answer took too long")
        return bytes(body)


def transaction_bundle(entries: list[Resource]) -> Resource:
    """The transaction Bundle of these entries, as it is sent."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


@cache
def _trusted() -> ssl.SSLContext:
    """The system's certificate authorities; read once, for that takes longer than a request."""
    return ssl.create_default_context()


def _understood(response: httpx2.Response, body: bytes, what: str) -> Answer:
    try:
        decoded = msgspec.json.decode(body) if body else {}
    except (msgspec.DecodeError, RecursionError):
        decoded = None
    parsed = decoded if isinstance(decoded, dict) else {}
    if not response.is_success:
        raise failure(response.status_code, what, parsed, response.headers.get("Retry-After"))
    if decoded is None:
        raise RemoteUnavailable(f"{what}: the answer is not JSON")
    return Answer(response.status_code, parsed, body)


def _within(url: str, base: str) -> bool:
    there, home = urlsplit(url), urlsplit(base)
    path = there.path.lower().replace("%2e", ".")
    same_origin = (there.scheme, there.hostname, there.port) == (home.scheme, home.hostname, home.port)
    inside = there.path == home.path.rstrip("/") or there.path.startswith(home.path)
    return same_origin and inside and "/.." not in path and there.username is None


def _checked(resource_id: str) -> str:
    if not _SAFE_ID.fullmatch(resource_id):
        raise RemoteRefused("an id that no FHIR resource can have")
    return resource_id


def _entries(bundle: Resource) -> list[Resource]:
    entries = bundle.get("entry")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
