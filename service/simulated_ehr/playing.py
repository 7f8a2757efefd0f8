"""What comes from the command line: a feed that is subscribed from the start, and records from files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from service.simulated_ehr.encoding import decode
from service.simulated_ehr.records import Resource
from service.simulated_ehr.styles import NOTIFIED, TOPIC, Content, Style
from service.fhir.subscriptions import HAPI_DELETES
from service.simulated_ehr.subscriptions import CONTENT, HEARTBEAT, MEDPLUM_SECRET

HEARTBEAT_SECONDS = 60


def subscription_for(style: Style, feed: str, secret: str | None, content: Content) -> list[Resource]:
    """The Subscriptions that an administrator of such a server would make for a feed.

    Without topics it takes one for each type.

    Args:
        style: the kind of server.
        feed: address that notifications go to.
        secret: bearer token for it; on Medplum also the key of the signature.
        content: how much of a resource they hold.
    """
    bearer = [f"Authorization: Bearer {secret}"] if secret else []
    if style.name == "r5":
        return [_r5(feed, secret, content)]
    common: Resource = {"resourceType": "Subscription", "status": "requested", "reason": "given at the start"}
    payload = {"payload": "application/fhir+json"} if style.has_topics or content != "empty" else {}
    channel: Resource = {"type": "rest-hook", "endpoint": feed, **payload, "header": bearer}
    if style.has_topics:
        channel["extension"] = [{"url": HEARTBEAT, "valueUnsignedInt": HEARTBEAT_SECONDS}]
        channel["_payload"] = {"extension": [{"url": CONTENT, "valueCode": content}]}
        return [{**common, "id": "start", "criteria": TOPIC, "channel": channel}]
    if style.name == "medplum":
        common |= {"status": "active"}
        common |= {"extension": [{"url": MEDPLUM_SECRET, "valueString": secret}]} if secret else {}
    elif style.name == "hapi":
        channel["extension"] = [{"url": HAPI_DELETES, "valueBoolean": True}]
    return [
        {**common, "id": f"start-{kind.lower()}", "criteria": f"{kind}?", "channel": channel}
        for kind in NOTIFIED
    ]


def _r5(feed: str, secret: str | None, content: Content) -> Resource:
    bearer = [{"name": "Authorization", "value": f"Bearer {secret}"}] if secret else []
    return {
        "resourceType": "Subscription",
        "id": "start",
        "status": "requested",
        "topic": TOPIC,
        "channelType": {
            "system": "http://terminology.hl7.org/CodeSystem/subscription-channel-type",
            "code": "rest-hook",
        },
        "endpoint": feed,
        **({"parameter": bearer} if bearer else {}),
        "heartbeatPeriod": HEARTBEAT_SECONDS,
        "contentType": "application/fhir+json",
        "content": content,
    }


def files_in(paths: Sequence[Path]) -> Iterator[Path]:
    """The .json and .ndjson files among paths and below folders, in order of their names."""
    for path in paths:
        if path.is_dir():
            found = (each for each in path.rglob("*") if each.suffix in (".json", ".ndjson"))
            yield from sorted(each for each in found if each.is_file())
        else:
            yield path


def resources_in(path: Path) -> Iterator[Resource]:
    """The resources of a file, out of their Bundles; one without id is given one.

    Raises:
        ValueError: it is not JSON, or holds what is no resource. The message names the file and line only.
    """
    content = path.read_bytes()
    pieces = content.splitlines() if path.suffix == ".ndjson" else [content]
    for number, piece in enumerate(pieces, 1):
        if not piece.strip():
            continue
        try:
            yield from _unpacked(decode(piece))
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path}, line {number}: not a FHIR resource in JSON") from None


def _unpacked(content: Any) -> Iterator[Resource]:
    if not isinstance(content["resourceType"], str):
        raise TypeError
    if content["resourceType"] != "Bundle":
        yield {**content, "id": content.get("id") or str(uuid4())}
        return
    for entry in content.get("entry", ()):
        yield from _unpacked(entry["resource"])
