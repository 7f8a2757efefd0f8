"""One request to a subscriber, and sending it. Only endpoints that a Subscription names are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx2

TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Message:
    """One request to a subscriber."""

    method: str
    path: str
    """Put after the Subscription's endpoint."""
    body: bytes
    headers: Mapping[str, str]
    """Besides those of the Subscription."""


async def send(endpoint: str, headers: Mapping[str, str], message: Message) -> int:
    """Send it once, following no redirect.

    Returns:
        The HTTP status of the answer; 0 where there was none.
    """
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = await client.request(
                message.method,
                endpoint.rstrip("/") + message.path,
                content=message.body,
                headers={**headers, **message.headers},
            )
    except (httpx2.TransportError, httpx2.InvalidURL):
        return 0
    return answer.status_code
