"""Notifications about a topic: a Bundle whose first entry is the state of the Subscription.

Backport IG on R4: a history Bundle with Parameters. On R4B: the same with SubscriptionStatus. R5: a Bundle of
type subscription-notification. `$status` answers with that first entry alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import uuid4

from service.simulated_ehr.records import Change, Resource
from service.simulated_ehr.styles import TOPIC, Style
from service.simulated_ehr.subscriptions import BACKPORT, Subscriber

Kind = Literal["handshake", "heartbeat", "event-notification", "query-status", "query-event"]
PROFILES: Final = {
    "backport-r4": f"{BACKPORT}/backport-subscription-notification-r4",
    "backport-r4b": f"{BACKPORT}/backport-subscription-notification",
}
_METHODS: Final = {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}


@dataclass(frozen=True, slots=True)
class Event:
    """Something a Subscription was to hear of. Numbers count from 1 in each Subscription."""

    number: int
    change: Change
    timestamp: str


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What every Bundle of one server says of itself."""

    style: Style
    base: str
    """FHIR base URL, without a slash at its end."""


def now() -> str:
    """The instant, as FHIR writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bundle(
    head: Letterhead, subscriber: Subscriber, kind: Kind, count: int, events: Sequence[Event] = ()
) -> Resource:
    """A notification, or the answer to `$events` (query-event).

    Args:
        head: style and address of the server.
        subscriber: whom it is for, with the status and content to state.
        kind: what the notification is.
        count: events since the Subscription began.
        events: those told of here.
    """
    state = status(head, subscriber, kind, count, events)
    first: Resource = {"fullUrl": f"urn:uuid:{state['id']}", "resource": state}
    if head.style.name != "r5":
        address = f"{head.base}/Subscription/{subscriber.id}/$status"
        first |= {"request": {"method": "GET", "url": address}, "response": {"status": "200"}}
    entries = [first]
    if subscriber.content == "full-resource" or (subscriber.content == "id-only" and head.style.name == "r5"):
        entries += [_entry(head, subscriber, each.change) for each in events]
    profile = PROFILES.get(head.style.name)
    return {
        "resourceType": "Bundle",
        "id": str(uuid4()),
        **({"meta": {"profile": [profile]}} if profile else {}),
        "type": "subscription-notification" if head.style.name == "r5" else "history",
        "timestamp": now(),
        "entry": entries,
    }


def status(
    head: Letterhead, subscriber: Subscriber, kind: Kind, count: int, events: Sequence[Event] = ()
) -> Resource:
    """The state of a Subscription: Parameters on R4, SubscriptionStatus elsewhere. Arguments as of `bundle`.

    Counters are strings: so Parameters has them in R4, and so JSON writes an integer64 (R4B and R5).
    """
    reference = {"reference": f"{head.base}/Subscription/{subscriber.id}"}
    if head.style.name == "backport-r4":
        return _parameters(head, subscriber, kind, count, events) | {"id": str(uuid4())}
    told = []
    for each in events:
        focus = {} if subscriber.content == "empty" else {"focus": _focus(head, each)}
        told.append({"eventNumber": str(each.number), "timestamp": each.timestamp, **focus})
    return {
        "resourceType": "SubscriptionStatus",
        "id": str(uuid4()),
        "status": subscriber.status,
        "type": kind,
        "eventsSinceSubscriptionStart": str(count),
        **({"notificationEvent": told} if told else {}),
        "subscription": reference,
        "topic": TOPIC,
    }


def _parameters(
    head: Letterhead, subscriber: Subscriber, kind: Kind, count: int, events: Sequence[Event]
) -> Resource:
    reference = {"reference": f"{head.base}/Subscription/{subscriber.id}"}
    parameters: list[Resource] = [
        {"name": "subscription", "valueReference": reference},
        {"name": "topic", "valueCanonical": TOPIC},
        {"name": "status", "valueCode": subscriber.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(count)},
    ]
    for each in events:
        parts: list[Resource] = [
            {"name": "event-number", "valueString": str(each.number)},
            {"name": "timestamp", "valueInstant": each.timestamp},
        ]
        if subscriber.content != "empty":
            parts.append({"name": "focus", "valueReference": _focus(head, each)})
        parameters.append({"name": "notification-event", "part": parts})
    profile = f"{BACKPORT}/backport-subscription-status-r4"
    return {"resourceType": "Parameters", "meta": {"profile": [profile]}, "parameter": parameters}


def _focus(head: Letterhead, event: Event) -> Resource:
    return {"reference": f"{head.base}/{event.change.kind}/{event.change.id}"}


def _entry(head: Letterhead, subscriber: Subscriber, change: Change) -> Resource:
    method, answered = _METHODS[change.interaction]
    path = change.kind if method == "POST" else f"{change.kind}/{change.id}"
    has_content = subscriber.content == "full-resource" and change.version.resource is not None
    return {
        "fullUrl": f"{head.base}/{change.kind}/{change.id}",
        **({"resource": change.version.resource} if has_content else {}),
        "request": {"method": method, "url": path},
        "response": {"status": answered},
    }
