"""Bundles that carry resources: batch, transaction, collection, searchset. Each entry is decoded by itself.

One entry that cannot be used never takes another with it. Notifications (history, subscription-notification)
are not read yet: `_NOTIFICATIONS` is their place.
"""

import re
from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

import msgspec
from msgspec import UNSET, Raw

from service.clinical.rulebook import Rulebook
from service.errors import InvalidResource, TooLarge
from service.fhir import wire
from service.fhir.decode import decode, decode_addressed, tombstone, unusable
from service.fhir.incoming import Ignored, Incoming, Unusable
from service.fhir.origin import Origin
from service.fhir.references import Links, Target, is_id

_CARRIERS: Final = frozenset({"batch", "transaction", "collection", "searchset"})
_REQUESTS: Final = frozenset({"batch", "transaction"})
_NOTIFICATIONS: Final = frozenset({"history", "subscription-notification"})
_INSTANCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]{1,63})/([A-Za-z0-9._-]{1,128})/?")


class _Request(wire.Fhir, gc=False):
    method: str | None = None
    url: str | None = None


class _Search(wire.Fhir, gc=False):
    mode: str | None = None


class _Entry(wire.Fhir):
    full_url: str | None = None
    resource: wire.Anything = UNSET
    request: _Request | None = None
    search: _Search | None = None


class _Bundle(wire.Fhir):
    resource_type: str | None = None
    type: str | None = None
    entry: list[Raw] | None = None


_bundle = msgspec.json.Decoder(_Bundle)
_entry = msgspec.json.Decoder(_Entry)


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
    if len(slices) > max_entries:
        raise TooLarge(
            f"A Bundle of more than {max_entries} entries; send it in parts.", where="Bundle.entry"
        )
    entries = [_read(each) for each in slices]
    origin = Origin(source, zone, rulebook, _links(entries))
    incoming: list[Incoming] = []
    for index, (entry, each) in enumerate(zip(entries, slices, strict=True)):
        path = f"Bundle.entry[{index}]"
        if isinstance(entry, Unusable):
            incoming.append(unusable("", "", bytes(each), entry._replace(where=path)))
        elif entry.search is None or entry.search.mode != "outcome":
            special = _by_request(entry, bytes(each), path) if bundle.type in _REQUESTS else None
            incoming.append(special or _resource(entry, bytes(each), path, origin))
    return incoming


def _check_type(bundle: _Bundle) -> None:
    if bundle.resource_type != "Bundle":
        raise InvalidResource("Not a Bundle.", where="resourceType")
    if bundle.type in _NOTIFICATIONS:
        raise InvalidResource(
            "Notification Bundles are not supported yet; send the resources.", where="Bundle.type"
        )
    if bundle.type not in _CARRIERS:
        known = ", ".join(sorted(_CARRIERS))
        raise InvalidResource(
            f"A Bundle of this type is not supported; send one of: {known}.", where="Bundle.type"
        )


def _read(raw: Raw) -> _Entry | Unusable:
    try:
        return _entry.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unusable("wrong-type", "", "Not a readable entry of a Bundle.")


def _links(entries: Sequence[_Entry | Unusable]) -> Links:
    """What each fullUrl leads to. An entry without an id takes it from its request (PUT), if it can."""
    links: dict[str, Target] = {}
    for entry in entries:
        if isinstance(entry, Unusable) or not entry.full_url or entry.resource is UNSET:
            continue
        try:
            head = wire.resource.decode(entry.resource)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        id_ = head.id if is_id(head.id) else _instance(entry)[1]
        links[entry.full_url] = Target(head.resource_type or "", id_ or "", bytes(entry.resource))
    return links


def _instance(entry: _Entry) -> tuple[str, str]:
    """Type and id that the request is about; empty for a POST, a search or no request."""
    if entry.request is None or entry.request.url is None or entry.request.method not in ("PUT", "DELETE"):
        return "", ""
    named = _INSTANCE.fullmatch(entry.request.url)
    return (named[1], named[2]) if named else ("", "")


def _by_request(entry: _Entry, raw: bytes, path: str) -> Incoming | None:
    """What the request alone decides; None where the resource is to be decoded."""
    request = entry.request
    if request is None or request.method in (None, "POST", "PUT"):
        return None
    if request.method in ("GET", "HEAD"):
        return Incoming("", "", None, None, raw, None, None, Ignored("read-request"))
    kind, id_ = _instance(entry)
    if request.method == "DELETE" and id_:
        return tombstone(kind, id_, raw)
    detail = "Only POST, PUT and DELETE of a resource by its id are taken."
    return unusable("", "", raw, Unusable("unsupported-request", f"{path}.request", detail))


def _resource(entry: _Entry, raw: bytes, path: str, origin: Origin) -> Incoming:
    if entry.resource is UNSET:
        return unusable(
            "", "", raw, Unusable("no-resource", f"{path}.resource", "The entry holds no resource.")
        )
    own = bytes(entry.resource)
    kind, id_ = _instance(entry)
    try:
        if id_:
            return decode_addressed(own, kind, id_, origin=origin, where=f"{path}.request.url")
        return decode(own, origin)
    except InvalidResource as error:
        return unusable("", "", own, Unusable("no-resource", f"{path}.resource", error.message))
