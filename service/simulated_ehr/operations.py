"""`$status` and `$events` of Subscriptions to topics."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from service.simulated_ehr.notifying import Notifier
from service.simulated_ehr.records import Records, Refusal, Resource
from service.simulated_ehr.styles import Content
from service.simulated_ehr.subscriptions import Subscriber, read
from service.simulated_ehr.topic_bundles import bundle, status


def subscription_status(records: Records, notifier: Notifier, id_: str) -> Resource:
    """The answer to `Subscription/{id}/$status`: a searchset with the state of one.

    Raises:
        Refusal: 404 where there is none, or where the style has no topics.
    """
    subscriber = _subscriber(records, notifier, id_)
    state = status(notifier.head, subscriber, "query-status", len(notifier.line(id_).events))
    address = f"{notifier.head.base}/Subscription/{id_}/$status"
    entry = {"fullUrl": f"urn:uuid:{state['id']}", "resource": state, "search": {"mode": "match"}}
    link = [{"relation": "self", "url": address}]
    return {"resourceType": "Bundle", "type": "searchset", "total": 1, "link": link, "entry": [entry]}


def subscription_events(records: Records, notifier: Notifier, id_: str, asked: Mapping[str, str]) -> Resource:
    """The answer to `Subscription/{id}/$events`: events by number, both ends included.

    Args:
        records: where the Subscription is.
        notifier: where its events are.
        id_: its id.
        asked: `eventsSinceNumber`, `eventsUntilNumber`, `content`; the rest is not looked at.

    Raises:
        Refusal: 404 where there is none; 400 for a value that is no number or content.
    """
    subscriber = _subscriber(records, notifier, id_)
    events = notifier.line(id_).events
    since = _number(asked, "eventsSinceNumber", 1)
    until = _number(asked, "eventsUntilNumber", len(events))
    for content in get_args(Content):
        if asked.get("content") == content:
            subscriber = replace(subscriber, content=content)
    chosen = [each for each in events if since <= each.number <= until]
    return bundle(notifier.head, subscriber, "query-event", len(events), chosen)


def parameters_of(body: Any) -> dict[str, str]:
    """The parameters of an operation invoked by POST, as a query would have them."""
    listed = body.get("parameter", ()) if isinstance(body, dict) else ()
    return {
        str(each["name"]): str(value)
        for each in listed
        for name, value in each.items()
        if name.startswith("value")
    }


def _subscriber(records: Records, notifier: Notifier, id_: str) -> Subscriber:
    if not notifier.style.has_topics:
        raise Refusal(404, "not-supported", "there is no such operation on this server")
    return read(records.read("Subscription", id_), notifier.style)


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    given = asked.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit()):
        raise Refusal(400, "value", f"{name}: a number is expected")
    return int(given)
