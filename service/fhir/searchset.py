"""One page of a search: the resources that matched, as the bytes they came as, and where the next page is."""

from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw

from service.fhir.datatypes import Anything, Fhir
from service.fhir.remote import RemoteUnavailable


class _Link(Fhir, gc=False):
    relation: str | None = None
    url: str | None = None


class _Search(Fhir, gc=False):
    mode: str | None = None


class _Entry(Fhir):
    resource: Anything = UNSET
    search: _Search | None = None


class _Head(Fhir, gc=False):
    resource_type: str | None = None


class _Page(Fhir):
    resource_type: str | None = None
    link: list[_Link] | None = None
    entry: list[_Entry] | None = None


_page = msgspec.json.Decoder(_Page)
_head = msgspec.json.Decoder(_Head)


class Page(NamedTuple):
    """What one page holds."""

    matches: list[Raw]
    """Slices of the page's bytes: every digit of a decimal is as the server wrote it."""
    following: str | None
    """The `next` link as it stands there; it may lead anywhere."""


def read_page(body: bytes, resource_type: str) -> Page:
    """The matches of that type; other types (`_include`) and the server's outcomes are left out.

    Raises:
        RemoteUnavailable: it is no readable Bundle.
    """
    try:
        page = _page.decode(body)
        matches = [
            entry.resource
            for entry in page.entry or []
            if isinstance(entry.resource, Raw)
            and (entry.search is None or entry.search.mode != "outcome")
            and type_of(entry.resource) == resource_type
        ]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RemoteUnavailable(f"search of {resource_type}: the answer is no readable Bundle") from None
    if page.resource_type != "Bundle":
        raise RemoteUnavailable(f"search of {resource_type}: the answer is no Bundle")
    following = next((each.url for each in page.link or [] if each.relation == "next" and each.url), None)
    return Page(matches, following)


def type_of(raw: bytes | Raw) -> str | None:
    """The resource type of those bytes.

    Raises:
        msgspec.DecodeError: they are no JSON object.
    """
    return _head.decode(raw).resource_type
