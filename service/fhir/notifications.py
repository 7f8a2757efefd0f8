"""Notifications of subscriptions, in every form: what they bring, what they point at, and what they say.

FHIR R5 (`subscription-notification`), and the Subscriptions R5 Backport IG on R4 (`history` with Parameters
first) and on R4B (with SubscriptionStatus). Counters come as texts or numbers, and each server counts in its
own way: nothing is known again by them. Of a reference only type and id count, wherever it points.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

import msgspec
from msgspec import UNSET

from service.clinical.rulebook import Rulebook
from service.errors import InvalidResource
from service.fhir import datatypes
from service.fhir.bundles import Entry, check_size, decode_bundle
from service.fhir.incoming import Incoming
from service.fhir.references import is_id
from service.fhir.resource import READ_TYPES, tombstone

BUNDLE_TYPES: Final = frozenset({"history", "subscription-notification"})
KINDS: Final = frozenset({"handshake", "heartbeat", "event-notification", "query-status", "query-event"})
STATUSES: Final = frozenset({"requested", "active", "error", "off", "entered-in-error"})
"""Of a Subscription (FHIR R5, subscription-status)."""
_STATUS_TYPES: Final = frozenset({"Parameters", "SubscriptionStatus"})
_INSTANCE: Final = re.compile(r"(?:.*/)?([A-Z][A-Za-z]{1,62})/([A-Za-z0-9._-]{1,128})(?:/_history/[^/]*)?/?")


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification, or a Bundle of history without one."""

    incoming: tuple[Incoming, ...] = ()
    """The resources it carries, and tombstones of what it says was deleted."""
    to_fetch: tuple[str, ...] = ()
    """`Type/id` of what it only points at, of types that are read."""
    whatever: bool = False
    """Something happened that it does not name."""
    kind: str = ""
    """One of KINDS; empty where it is a history and no notification."""
    status: str = ""
    """Of the Subscription, one of STATUSES; empty where it is not said."""
    events: int | None = None
    """Since the Subscription began, as the server counts."""
    numbers: tuple[int, ...] = ()
    """Of the events it tells of, as the server counts."""
    subscription: str = ""
    """Id of the Subscription; empty where it is not said."""


class _Typed(datatypes.Fhir, gc=False):
    type: str | None = None


class _Bundle(datatypes.Fhir):
    type: str | None = None
    entry: list[Entry] | None = None


_bundle = msgspec.json.Decoder(_Bundle)
_type = msgspec.json.Decoder(_Typed)
_plain = msgspec.json.Decoder(float_hook=str)


def bundle_type(raw: bytes) -> str:
    """The type of a Bundle; empty where it cannot be told."""
    try:
        return _type.decode(raw).type or ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def decode_notification(
    raw: bytes, *, source: str, zone: tzinfo | None, rulebook: Rulebook, max_entries: int = 500
) -> Notification:
    """What a Bundle of one of BUNDLE_TYPES says. `raw` is JSON that `check_json` has passed.

    Raises:
        InvalidResource: it is no such Bundle, or says of no kind of notification what it is.
        TooLarge: more than `max_entries` entries.
    """
    try:
        bundle = _bundle.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidResource("Not a readable Bundle.", where="Bundle") from None
    entries = bundle.entry or []
    check_size(entries, max_entries)
    said = _said(entries[0]) if entries else None
    if said is None and bundle.type == "subscription-notification":
        raise InvalidResource("Its first entry is no SubscriptionStatus.", where="Bundle.entry[0]")
    if said is not None and said.kind not in KINDS:
        raise InvalidResource("It does not say of which type it is.", where="Bundle.entry[0].resource")
    rest = entries if said is None else entries[1:]
    carried = [each for each in rest if each.resource is not UNSET]
    gone = [
        key for each in rest if each.resource is UNSET and _method(each) == "DELETE" for key in _keys(each)
    ]
    pointed = [
        key for each in rest if each.resource is UNSET and _method(each) != "DELETE" for key in _keys(each)
    ]
    incoming = _decoded(carried, source=source, zone=zone, rulebook=rulebook)
    for key in dict.fromkeys(gone):
        type_, _, id_ = key.partition("/")
        incoming.append(tombstone(type_, id_))
    if said is None:
        return Notification(tuple(incoming))
    brought = {f"{each.type}/{each.id}" for each in incoming}
    named = dict.fromkeys((*said.focuses, *pointed))
    to_fetch = tuple(key for key in named if key not in brought and key.partition("/")[0] in READ_TYPES)
    happened = said.kind in ("event-notification", "query-event")
    return Notification(
        tuple(incoming),
        to_fetch,
        happened and not named and not incoming,
        said.kind,
        said.status,
        said.events,
        said.numbers,
        said.subscription,
    )


def _decoded(
    carried: Iterable[Entry], *, source: str, zone: tzinfo | None, rulebook: Rulebook
) -> list[Incoming]:
    """The carried resources, which may refer to each other by their fullUrls."""
    entries = [
        {**({"fullUrl": each.full_url} if each.full_url else {}), "resource": each.resource}
        for each in carried
    ]
    whole = msgspec.json.encode({"resourceType": "Bundle", "type": "collection", "entry": entries})
    return decode_bundle(whole, source=source, zone=zone, rulebook=rulebook, max_entries=len(entries))


@dataclass(slots=True)
class _Said:
    kind: str
    status: str
    events: int | None
    numbers: tuple[int, ...]
    subscription: str
    focuses: list[str]


def _said(entry: Entry) -> _Said | None:
    """What the status in the first entry says; None where that is no status."""
    if entry.resource is UNSET:
        return None
    content = _plain.decode(bytes(entry.resource))
    if not isinstance(content, dict) or content.get("resourceType") not in _STATUS_TYPES:
        return None
    if content["resourceType"] == "Parameters":
        content = _of_parameters(content)
    told = content.get("notificationEvent")
    events = [each for each in (told if isinstance(told, list) else []) if isinstance(each, dict)]
    focuses = [key for event in events for reference in _references(event) for key in _key(reference)]
    counted = [_count(each.get("eventNumber")) for each in events]
    status = content.get("status")
    return _Said(
        str(content.get("type", "")),
        status if isinstance(status, str) and status in STATUSES else "",
        _count(content.get("eventsSinceSubscriptionStart")),
        tuple(each for each in counted if each is not None),
        _subscription(content.get("subscription")),
        focuses,
    )


def _of_parameters(content: dict[str, Any]) -> dict[str, Any]:
    """The Parameters of the Backport IG on R4 as the SubscriptionStatus they stand for."""
    events: list[dict[str, Any]] = []
    status: dict[str, Any] = {"notificationEvent": events}
    for name, value, parts in _parameters(content.get("parameter")):
        if name == "type":
            status["type"] = value
        elif name == "status":
            status["status"] = value
        elif name == "events-since-subscription-start":
            status["eventsSinceSubscriptionStart"] = value
        elif name == "subscription":
            status["subscription"] = value
        elif name == "notification-event":
            found = list(_parameters(parts))
            events.append(
                {
                    "eventNumber": next((each for part, each, _ in found if part == "event-number"), None),
                    "focus": next((each for part, each, _ in found if part == "focus"), None),
                    "additionalContext": [each for part, each, _ in found if part == "additional-context"],
                }
            )
    return status


def _parameters(found: object) -> Iterator[tuple[str, Any, object]]:
    """Name, value and parts of each."""
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict):
            value = next((value for key, value in each.items() if key.startswith("value")), None)
            yield str(each.get("name", "")), value, each.get("part")


def _references(event: dict[str, Any]) -> Iterator[str]:
    more = event.get("additionalContext")
    for each in (event.get("focus"), *(more if isinstance(more, list) else ())):
        if isinstance(each, dict) and isinstance(each.get("reference"), str):
            yield each["reference"]


def _subscription(reference: object) -> str:
    """The id of the Subscription that is referred to."""
    named = reference.get("reference") if isinstance(reference, dict) else None
    (key,) = (_key(named) if isinstance(named, str) else []) or [""]
    return key.removeprefix("Subscription/") if key.startswith("Subscription/") else ""


def _count(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _method(entry: Entry) -> str:
    return entry.request.method or "" if entry.request is not None else ""


def _keys(entry: Entry) -> list[str]:
    """`Type/id` of what an entry is about; nothing where it does not say."""
    url = entry.request.url if entry.request is not None else None
    return _key(url or "") or _key(entry.full_url or "")


def _key(reference: str) -> list[str]:
    named = _INSTANCE.fullmatch(reference)
    return [f"{named[1]}/{named[2]}"] if named and is_id(named[2]) else []
