"""Pages of a search: where the next one begins, and links that hold no patient data.

A cursor carries the whole search and the place of the last resource shown, so that what changes meanwhile
moves neither backwards nor out of sight: results come in order of their last change, which only grows.
Cursors grant nothing: every page is searched within what the reader may see.
"""

import base64
import binascii
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from msgspec import Meta

from service.api.instants import parse_date_query
from service.api.search_parameters import LARGEST_COUNT, Asked
from service.api.targets import NOBODY, Kind, target_of
from service.errors import InvalidResource

_LARGEST_TOTAL = 2**31 - 1


class Search(msgspec.Struct, frozen=True, array_like=True):
    """A search in our own terms: what a link may say."""

    kind: Kind
    patients: tuple[UUID, ...] | None
    """Public ids; None: anybody."""
    targets: tuple[str, ...] | None
    """Ids of resources; None: any."""
    statuses: tuple[str, ...] | None
    updated: tuple[tuple[str, ...], ...]
    count: Annotated[int, Meta(ge=1, le=LARGEST_COUNT)]


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The place of one resource in the order of results."""

    updated: Annotated[datetime, Meta(tz=True)]
    alert: UUID
    step: str
    """Name of the step; empty for a DetectedIssue."""


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page begins."""

    search: Search
    after: Position
    total: Annotated[int, Meta(ge=0, le=_LARGEST_TOTAL)] | None
    """How many there were when the first page was made."""


_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_decoder = msgspec.msgpack.Decoder(Cursor)


def search_of(asked: Asked, patients: Iterable[UUID] | None) -> Search:
    """The search that was asked for, once its patients are known by their public ids."""
    targets = (
        asked.targets if asked.statuses != frozenset() else frozenset()
    )  # statuses that exclude each other
    return Search(
        asked.kind,
        None if patients is None else tuple(sorted(patients)),
        None if targets is None else tuple(sorted(targets)),
        tuple(sorted(asked.statuses)) if asked.statuses else None,
        tuple(asked.updated),
        max(asked.count, 1),
    )


def encode_cursor(cursor: Cursor) -> str:
    """As it stands in a link."""
    return base64.urlsafe_b64encode(_encoder.encode(cursor)).rstrip(b"=").decode()


def decode_cursor(text: str, kind: Kind) -> Cursor:
    """Read what :func:`encode_cursor` wrote.

    Raises:
        InvalidResource: it is none of ours, or of another search.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = _decoder.decode(raw)
        cursor.after.updated.astimezone(UTC)
        for each in (value for group in cursor.search.updated for value in group):
            parse_date_query(each, "_cursor")
    except (binascii.Error, ValueError, OverflowError, msgspec.MsgspecError, InvalidResource):
        raise InvalidResource("_cursor: not one of this service's links") from None
    if cursor.search.kind != kind:
        raise InvalidResource("_cursor: it belongs to a search of another type")
    return cursor


def self_link(base: str, search: Search, *, only_count: bool) -> str:
    """The search as it was understood."""
    pairs: list[tuple[str, str]] = []
    if search.patients is not None:
        pairs.append(("patient", ",".join(map(str, search.patients or (NOBODY,)))))
    if search.targets is not None:
        pairs.append(("_id", ",".join(search.targets or (target_of(search.kind, NOBODY, "none"),))))
    if search.statuses is not None:
        pairs.append(("status", ",".join(search.statuses)))
    pairs += [("_lastUpdated", ",".join(group)) for group in search.updated]
    pairs.append(("_summary", "count") if only_count else ("_count", str(search.count)))
    return f"{base}/{search.kind}?{urlencode(pairs, safe=',:/|')}"


def next_link(base: str, cursor: Cursor) -> str:
    """Where the following page is."""
    return f"{base}/{cursor.search.kind}?_cursor={encode_cursor(cursor)}"


def envelope(links: dict[str, str], total: int | None, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The searchset Bundle."""
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if total is not None:
        bundle["total"] = total
    bundle["link"] = [{"relation": relation, "url": url} for relation, url in links.items()]
    if entries:
        bundle["entry"] = entries
    return bundle
