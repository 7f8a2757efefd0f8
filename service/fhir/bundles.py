"""Bundles that carry resources: batch, transaction, collection, searchset. Each entry is decoded by itself.

What an entry says may hang on the Bundle: on the entries its references lead to, or the address it is put to.
Its bytes are then kept as an extract, a small Bundle of that entry and what it needs, so that they say the
same when they are read again.

One entry that cannot be used never takes another with it. Notifications (history, subscription-notification)
are read by `notifications`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Final

import msgspec
from msgspec import UNSET, Raw

from service.clinical.rulebook import Rulebook
from service.errors import InvalidResource, TooLarge
from service.fhir import datatypes, names, wire
from service.fhir.incoming import Ignored, Incoming, Unusable
from service.fhir.origin import Origin
from service.fhir.references import Links, Target, is_id
from service.fhir.resource import decode, decode_addressed, tombstone, unusable

_CARRIERS: Final = frozenset({"batch", "transaction", "collection", "searchset"})
_REQUESTS: Final = frozenset({"batch", "transaction"})
_INSTANCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]{1,62})/([A-Za-z0-9._-]{1,128})/?")


class Request(datatypes.Fhir, gc=False):
    """What an entry asks for."""

    method: str | None = None
    url: str | None = None


class _Search(datatypes.Fhir, gc=False):
    mode: str | None = None


class Entry(datatypes.Fhir):
    """An entry, of which its resource is left to be read."""

    full_url: str | None = None
    resource: datatypes.Anything = UNSET
    request: Request | None = None
    search: _Search | None = None


class _Bundle(datatypes.Fhir):
    resource_type: str | None = None
    type: str | None = None
    entry: list[Raw] | None = None


_EXTRACT: Final = (
    f'{{"resourceType":"Bundle","identifier":{{"system":"{names.ROOT}/NamingSystem/extract"}},"type":"'
).encode()

_bundle = msgspec.json.Decoder(_Bundle)
_entry = msgspec.json.Decoder(Entry)


def decode_bundle(
    raw: bytes, *, source: str, zone: tzinfo | None, rulebook: Rulebook, max_entries: int = 500
) -> list[Incoming]:
    """Decode every entry, in order. `raw` is JSON that `check_json` has passed; none is an empty list.

    Entries that only belong to the exchange (a searchset's OperationOutcome) are left out; all others give
    exactly one Incoming, Unusable where need be.

    Raises:
        InvalidResource: not a Bundle, or a Bundle of a type that is not taken here.
        TooLarge: more than `max_entries` entries.
    """
    try:
        bundle = _bundle.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidResource("Not a readable Bundle.", where="Bundle") from None
    _check_type(bundle)
    slices = bundle.entry or []
    check_size(slices, max_entries)
    entries = [_read(each) for each in slices]
    targets = _targets(entries)
    incoming: list[Incoming] = []
    for index, (entry, each) in enumerate(zip(entries, slices, strict=True)):
        if isinstance(entry, Entry) and entry.search is not None and entry.search.mode == "outcome":
            continue
        links = Links(targets)
        origin = Origin(source, zone, rulebook, links)
        one = _decoded(entry, bundle.type in _REQUESTS, f"Bundle.entry[{index}]", origin)
        if links.followed or not one.raw:
            one = one._replace(raw=_extract(bundle.type or "", links.followed, each))
        incoming.append(one)
    return incoming


def check_size(entries: Sequence[object], most: int) -> None:
    """Refuse a Bundle of more than `most` entries.

    Raises:
        TooLarge: it is one.
    """
    if len(entries) > most:
        raise TooLarge(f"A Bundle of more than {most} entries; send it in parts.", where="Bundle.entry")


def is_extract(raw: bytes) -> bool:
    """Whether these are the bytes that an entry was kept as, rather than those of a resource."""
    return raw.startswith(_EXTRACT)


def _extract(kind: str, followed: Mapping[str, Target], entry: Raw) -> bytes:
    """The entry as it came, after what it refers to: Medications whole, of others who they are."""
    needed = [
        msgspec.json.encode(
            {
                "fullUrl": url,
                "resource": Raw(target.raw)
                if target.type == "Medication"
                else {"resourceType": target.type, "id": target.id},
            }
        )
        for url, target in followed.items()
    ]
    return b"".join((_EXTRACT, kind.encode(), b'","entry":[', b",".join((*needed, bytes(entry))), b"]}"))


def _check_type(bundle: _Bundle) -> None:
    if bundle.resource_type != "Bundle":
        raise InvalidResource("Not a Bundle.", where="resourceType")
    if bundle.type not in _CARRIERS:
        known = ", ".join(sorted(_CARRIERS))
        raise InvalidResource(
            f"A Bundle of this type is not supported; send one of: {known}.", where="Bundle.type"
        )


def _read(raw: Raw) -> Entry | Unusable:
    try:
        return _entry.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unusable("wrong-type", "", "Not a readable entry of a Bundle.")


def _targets(entries: Sequence[Entry | Unusable]) -> dict[str, Target]:
    """What each fullUrl leads to. An entry without an id takes it from its request (PUT), if it can."""
    targets: dict[str, Target] = {}
    for entry in entries:
        if isinstance(entry, Unusable) or not entry.full_url or entry.resource is UNSET:
            continue
        try:
            head = wire.resource.decode(entry.resource)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        id_ = head.id if is_id(head.id) else _instance(entry)[1]
        targets[entry.full_url] = Target(head.resource_type or "", id_ or "", bytes(entry.resource))
    return targets


def _instance(entry: Entry) -> tuple[str, str]:
    """Type and id that the request is about; empty for a POST, a search or no request."""
    if entry.request is None or entry.request.url is None or entry.request.method not in ("PUT", "DELETE"):
        return "", ""
    named = _INSTANCE.fullmatch(entry.request.url)
    return (named[1], named[2]) if named else ("", "")


def _decoded(entry: Entry | Unusable, by_request: bool, path: str, origin: Origin) -> Incoming:
    """One entry, with its own bytes, or with none where they alone would not say the same."""
    if isinstance(entry, Unusable):
        return unusable(entry._replace(where=path))
    if by_request and entry.request is not None and entry.request.method not in (None, "POST", "PUT"):
        return _requested(entry, f"{path}.request")
    if entry.resource is UNSET:
        return unusable(Unusable("no-resource", f"{path}.resource", "The entry holds no resource."))
    own = bytes(entry.resource)
    type_, id_ = _instance(entry) if by_request else ("", "")
    try:
        incoming = decode(own, origin)
        if not id_ or (incoming.type == type_ and incoming.id == id_):
            return incoming
        return decode_addressed(own, type_, id_, origin=origin, where=f"{path}.request.url")._replace(raw=b"")
    except InvalidResource as error:
        return unusable(Unusable("no-resource", f"{path}.resource", error.message))


def _requested(entry: Entry, path: str) -> Incoming:
    """What is asked for other than to take a resource."""
    if entry.request is not None and entry.request.method in ("GET", "HEAD"):
        return Incoming("", "", None, None, b"", None, None, Ignored("read-request"))
    type_, id_ = _instance(entry)
    if id_ and entry.request is not None and entry.request.method == "DELETE":
        return tombstone(type_, id_)
    detail = "Only POST, PUT and DELETE of a resource by its id are taken."
    return unusable(Unusable("unsupported-request", path, detail))
