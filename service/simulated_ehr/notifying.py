"""Telling subscribers what has changed. A style is how a kind of server words its notifications.

Subscriptions are R4 resources (`channel.type` rest-hook, `channel.endpoint`, `channel.header`), as an
administrator creates them. Another style is one more function in :data:`STYLES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import httpx2

from service.simulated_ehr.records import Records, Resource

TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Notification:
    """One request to a subscriber."""

    method: str
    path: str
    """Put after the Subscription's endpoint."""
    body: bytes


Style = Callable[[bytes, Resource], Sequence[Notification]]
"""From what arrived here, its bytes and what they say, to the requests that tell of it."""


def as_it_stands(body: bytes, arrived: Resource) -> Sequence[Notification]:
    """The very bytes: a resource by PUT to its type and id, as HAPI does; a Bundle by POST."""
    if arrived["resourceType"] == "Bundle":
        return [Notification("POST", "", body)]
    return [Notification("PUT", f"/{arrived['resourceType']}/{arrived['id']}", body)]


STYLES: Final[dict[str, Style]] = {"as-it-stands": as_it_stands}
"""By name, for the command line."""


async def notify(records: Records, style: Style, body: bytes, arrived: Resource) -> list[int]:
    """Tell every active Subscription, in order.

    Returns:
        The HTTP status that each request was answered with; 0 where there was no answer.
    """
    answers: list[int] = []
    for subscription in records.every("Subscription"):
        channel = subscription.get("channel", {})
        if subscription.get("status") not in ("requested", "active") or channel.get("type") != "rest-hook":
            continue
        headers = {"Content-Type": channel.get("payload", "application/fhir+json")}
        headers |= {name.strip(): value.strip() for name, _, value in map(_split, channel.get("header", ()))}
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, headers=headers) as client:
            endpoint = channel["endpoint"].rstrip("/")
            answers += [await _send(client, endpoint, each) for each in style(body, arrived)]
    return answers


def _split(header: str) -> tuple[str, str, str]:
    return header.partition(":")


async def _send(client: httpx2.AsyncClient, endpoint: str, notification: Notification) -> int:
    try:
        answer = await client.request(
            notification.method, endpoint + notification.path, content=notification.body
        )
    except httpx2.TransportError:
        return 0
    return answer.status_code
