"""Telling subscribers in the very bytes that arrived, which is what the demo plays.

Subscriptions are R4 resources (`channel.type` rest-hook, `channel.endpoint`, `channel.header`), as an
administrator creates them.
"""

from service.simulated_ehr.outgoing import Message, send
from service.simulated_ehr.records import Records, Resource


def as_it_stands(body: bytes, arrived: Resource) -> Message:
    """The very bytes: a resource by PUT to its type and id, as HAPI does; a Bundle by POST."""
    if arrived["resourceType"] == "Bundle":
        return Message("POST", "", body, {})
    return Message("PUT", f"/{arrived['resourceType']}/{arrived['id']}", body, {})


async def notify(records: Records, body: bytes, arrived: Resource) -> list[int]:
    """Tell every Subscription that is requested or active, in order.

    Returns:
        The HTTP status that each request was answered with; 0 where there was no answer.
    """
    answers: list[int] = []
    for subscription in records.every("Subscription"):
        channel = subscription.get("channel", {})
        if subscription.get("status") not in ("requested", "active") or channel.get("type") != "rest-hook":
            continue
        headers = {"Content-Type": channel.get("payload", "application/fhir+json")}
        for header in channel.get("header", ()):
            name, _, value = header.partition(":")
            headers[name.strip()] = value.strip()
        answers.append(await send(channel["endpoint"], headers, as_it_stands(body, arrived)))
    return answers
