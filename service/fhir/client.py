"""A small FHIR client: read, search page by page, create, update, transact, at one base URL."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urljoin

import httpx2
import msgspec
from msgspec import Raw

from service.fhir.bulk_export import BulkExport
from service.fhir.capabilities import Capabilities, Release, read_capabilities, topics_among
from service.fhir.exchange import MAX_RESPONSE_BYTES, Answer, Credential, Exchange, Token, within
from service.fhir.outgoing import to_bytes, validate_outgoing
from service.fhir.queries import ASKED_FOR
from service.fhir.remote import GONE, RemoteRefused, RemoteUnavailable, failure
from service.fhir.searchset import Page, read_page, type_of

Resource = dict[str, Any]

_TOPIC: Final = "SubscriptionTopic"
MAX_PAGES: Final = 20
"""Pages of a search that are followed unless the caller says otherwise."""

_SAFE_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
_ETAG = re.compile(r'(?:W/)?"([A-Za-z0-9._-]{1,64})"')


class FhirClient:
    """Reads, searches and writes at one base URL. Use it as a context manager; one thread at a time."""

    def __init__(
        self,
        base_url: str,
        credential: Credential | str | None = None,
        *,
        timeout_seconds: float = 30.0,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            base_url: the only place that is ever asked.
            credential: what each request carries; a text is a bearer token.
            timeout_seconds: for each step of a request; a whole one may take twice that.
            max_response_bytes: longer answers are refused.
            transport: another than the network, for tests.

        Raises:
            ConfigurationError: the base URL is none.
        """
        self.release: Release = "R4"
        """What the server speaks: what is sent is checked against it."""
        known = Token(credential) if credential is None or isinstance(credential, str) else credential
        self._exchange = Exchange(
            base_url,
            known,
            timeout_seconds=timeout_seconds,
            max_response_bytes=max_response_bytes,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give its connections back."""
        self._exchange.close()

    @property
    def bulk(self) -> BulkExport:
        """Its exports in bulk."""
        return BulkExport(self._exchange)

    def fetch(self, resource_type: str, resource_id: str) -> Answer | None:
        """The answer to reading a resource, with its ETag; None where there is none of it (404, 410).

        Raises:
            RemoteError: the server did not answer, or refused.
        """
        try:
            return self._exchange.send("GET", f"{resource_type}/{_checked(resource_id)}")
        except RemoteRefused as refused:
            if refused.code in GONE:
                return None
            raise

    def read(self, resource_type: str, resource_id: str) -> Resource | None:
        """The resource as it is now; None where there is none (404, 410).

        Where only the ETag tells its version, that stands in its `meta.versionId`.

        Raises:
            RemoteError: the server did not answer, or refused.
        """
        answer = self.fetch(resource_type, resource_id)
        if answer is None or answer.resource.get("resourceType") != resource_type:
            return None
        meta = answer.resource.get("meta", {})
        tagged = _ETAG.fullmatch(answer.etag or "")
        if tagged is None or not isinstance(meta, dict) or meta.get("versionId"):
            return answer.resource
        return {**answer.resource, "meta": {**meta, "versionId": tagged[1]}}

    def read_raw(self, resource_type: str, resource_id: str) -> bytes | None:
        """The bytes of the resource as the server wrote them; None where there is none (404, 410).

        Raises:
            RemoteError: the server did not answer, refused, or answered with something else.
        """
        answer = self.fetch(resource_type, resource_id)
        if answer is None:
            return None
        try:
            found = type_of(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = None
        if found != resource_type:
            raise RemoteUnavailable(f"{answer.what}: the answer is no {resource_type}")
        return answer.body

    def page_bytes(
        self, resource_type: str, parameters: Mapping[str, str], *, max_pages: int
    ) -> Iterator[bytes]:
        """Each page of matches as it came, the next asked for only when the one before has been dealt with.

        `next` links are followed within the base URL.

        Raises:
            RemoteError: the server did not answer, refused, pointed elsewhere, or has more pages.
        """
        return (body for body, _page in self._pages(resource_type, parameters, max_pages))

    def raw_pages(
        self, resource_type: str, parameters: Mapping[str, str], *, max_pages: int = MAX_PAGES
    ) -> Iterator[list[Raw]]:
        """For each page of a search, the bytes of its matches; each page is asked for when it is wanted.

        Left out are entries of other types and what the server says about the search. `next` links are
        followed within the base URL.

        Raises:
            RemoteError: the server did not answer, refused, pointed elsewhere, or has more than `max_pages`
                pages; the matches of the pages before have been given by then.
        """
        return (page.matches for _body, page in self._pages(resource_type, parameters, max_pages))

    def _pages(
        self, resource_type: str, parameters: Mapping[str, str], max_pages: int
    ) -> Iterator[tuple[bytes, Page]]:
        path: str | None = f"{resource_type}?{urlencode(parameters, quote_via=quote)}"
        for _page in range(max_pages):
            assert path is not None
            body = self._exchange.send("GET", path).body
            page = read_page(body, resource_type)
            yield body, page
            path = self._followed(page.following)
            if path is None:
                return
        raise RemoteRefused(f"search of {resource_type}: more than {max_pages} pages of matches")

    def pages(
        self, resource_type: str, parameters: Mapping[str, str], *, max_pages: int = MAX_PAGES
    ) -> Iterator[list[Resource]]:
        """As `raw_pages`, decoded."""
        for page in self.raw_pages(resource_type, parameters, max_pages=max_pages):
            yield [Answer(f"search of {resource_type}", 200, bytes(raw)).resource for raw in page]

    def search(self, resource_type: str, parameters: Mapping[str, str]) -> list[Resource]:
        """Every match of a search that few resources match.

        Raises:
            RemoteError: the server did not answer, refused, pointed elsewhere, or has too many.
        """
        return [each for page in self.pages(resource_type, parameters) for each in page]

    def create(self, resource: Resource, *, if_none_exist: str | None = None) -> Answer:
        """Create a resource, unless `if_none_exist` (a query) finds one.

        Raises:
            RemoteError: the server did not answer, or refused.
            InvalidOutgoing: the resource is not valid; nothing was sent.
        """
        validate_outgoing(resource, self.release)
        headers = {"If-None-Exist": if_none_exist} if if_none_exist else {}
        return self._exchange.send("POST", str(resource["resourceType"]), to_bytes(resource), headers)

    def update(self, resource: Resource, *, if_match: str | None = None) -> Answer:
        """Replace the resource of its id, if its version is still `if_match` (an ETag).

        Raises:
            RemoteConflict: it is another version by now.
            RemoteError: the server did not answer, or refused.
            InvalidOutgoing: the resource is not valid; nothing was sent.
        """
        validate_outgoing(resource, self.release)
        headers = {"If-Match": if_match} if if_match else {}
        path = f"{resource['resourceType']}/{_checked(str(resource['id']))}"
        return self._exchange.send("PUT", path, to_bytes(resource), headers)

    def operate(
        self, resource_type: str, resource_id: str, operation: str, parameters: Mapping[str, str]
    ) -> bytes:
        """What an operation on one resource answers; it must be one that changes nothing.

        Raises:
            RemoteError: the server did not answer, or refused.
        """
        query = f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""
        path = f"{resource_type}/{_checked(resource_id)}/${operation}{query}"
        return self._exchange.send("GET", path).body

    def delete(self, resource_type: str, resource_id: str) -> None:
        """Delete a resource; one that is gone already is gone.

        Raises:
            RemoteError: the server did not answer, or refused.
        """
        try:
            self._exchange.send("DELETE", f"{resource_type}/{_checked(resource_id)}")
        except RemoteRefused as refused:
            if refused.code not in GONE:
                raise

    def capabilities(self) -> Capabilities:
        """What the server says it can do; nothing where it has no CapabilityStatement (404, 410).

        Raises:
            RemoteError: the server did not answer, or refused.
        """
        try:
            return read_capabilities(self._exchange.send("GET", "metadata").resource)
        except RemoteRefused as refused:
            if refused.code in GONE:
                return Capabilities(None)
            raise

    def capabilities_and_topics(self) -> Capabilities:
        """The same, with the topics that it keeps as SubscriptionTopic (R4B, R5), where it names none itself.

        Raises:
            RemoteError: the server did not answer, or refused.
        """
        offered = self.capabilities()
        if offered.topics or not offered.can(_TOPIC, "search-type"):
            return offered
        return replace(offered, topics=topics_among(self.search(_TOPIC, {}), ASKED_FOR))

    def transaction(self, entries: list[Resource]) -> list[Resource]:
        """Carry out a transaction Bundle of these entries; the `response` of each, in order.

        Raises:
            RemoteError: the server did not answer, or refused it or a part of it.
            InvalidOutgoing: a resource in it is not valid; nothing was sent.
        """
        bundle = transaction_bundle(entries)
        for entry in entries:
            validate_outgoing(entry["resource"], self.release)
        validate_outgoing(
            {**bundle, "entry": [{"request": entry["request"]} for entry in entries]}, self.release
        )
        answers = _entries(self._exchange.send("POST", "", to_bytes(bundle)).resource)
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

    def _followed(self, link: str | None) -> str | None:
        """A `next` link as an address that may be asked."""
        url = urljoin(self._exchange.base, link) if link else None
        if url is not None and not within(url, self._exchange.base):
            raise RemoteRefused("search: the next page is outside the configured base URL")
        return url


def transaction_bundle(entries: list[Resource]) -> Resource:
    """The transaction Bundle of these entries, as it is sent."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _checked(resource_id: str) -> str:
    if not _SAFE_ID.fullmatch(resource_id):
        raise RemoteRefused("an id that no FHIR resource can have")
    return resource_id


def _entries(bundle: Resource) -> list[Resource]:
    entries = bundle.get("entry")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
