"""The Subscriptions this service asks for, in the form that a server understands.

R4 rest-hooks carry a search for each type; by topics (Backport IG, R5) one Subscription is made for each.
No search names a status: corrections and retractions must come too.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from service.fhir.capabilities import Capabilities
from service.fhir.queries import ASKED_FOR, codes_asked_for

Resource = dict[str, Any]
Content = Literal["empty", "id-only", "full-resource"]

_BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
HAPI_DELETES: Final = "http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages"
"""Asks HAPI FHIR to tell of deletions too (HapiExtensions.EX_SEND_DELETE_MESSAGES); others pass it over."""
_MEDPLUM_SECRET: Final = "https://www.medplum.com/fhir/StructureDefinition/subscription-secret"  # noqa: S105
"""How Medplum is told what to sign with; FHIR itself knows no signatures of notifications."""
HEARTBEAT_SECONDS: Final = 3600
_MOST_EVENTS: Final = 100
"""In one notification: its body stays far below the feed's limit."""
_REASON: Final = "Liverwatch follows liver tests, and what they need to be understood"


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a server is to send what changes."""

    endpoint: str
    header: str
    """`Authorization: Bearer ...`."""
    content: Content = "full-resource"
    signing_secret: str | None = field(default=None, repr=False)
    """What the server is to sign the bodies of R4 rest-hooks with; None: nothing."""


def wanted(capabilities: Capabilities, hook: Hook, topics: tuple[str, ...] = ()) -> list[Resource]:
    """The Subscriptions to create: by topic where the server has topics, else by search.

    Args:
        capabilities: of the server.
        hook: where it is to send to.
        topics: canonical URLs to subscribe to; unless given, those the server names.
    """
    chosen = topics or capabilities.topics
    if capabilities.release == "R5":
        return [_r5(topic, hook) for topic in chosen]
    if chosen:
        return [_backport(topic, hook) for topic in chosen]
    offered = [
        type_ for type_ in ASKED_FOR if not capabilities.interactions or type_ in capabilities.interactions
    ]
    return [_rest_hook(type_, hook) for type_ in offered]


def _rest_hook(type_: str, hook: Hook) -> Resource:
    criteria = f"Observation?code={codes_asked_for()}" if type_ == "Observation" else f"{type_}?"
    channel: Resource = {
        "extension": [{"url": HAPI_DELETES, "valueBoolean": True}],
        "type": "rest-hook",
        "endpoint": hook.endpoint,
    }
    if hook.content == "full-resource":
        channel["payload"] = "application/fhir+json"
    channel["header"] = [hook.header]
    signing = {"url": _MEDPLUM_SECRET, "valueString": hook.signing_secret}
    return {
        "resourceType": "Subscription",
        **({"extension": [signing]} if hook.signing_secret is not None else {}),
        "status": "requested",
        "reason": _REASON,
        "criteria": criteria,
        "channel": channel,
    }


def _backport(topic: str, hook: Hook) -> Resource:
    """Subscriptions R5 Backport IG 1.1, `backport-subscription`."""
    return {
        "resourceType": "Subscription",
        "meta": {"profile": [f"{_BACKPORT}/backport-subscription"]},
        "status": "requested",
        "reason": _REASON,
        "criteria": topic,
        "channel": {
            "extension": [
                {"url": f"{_BACKPORT}/backport-heartbeat-period", "valueUnsignedInt": HEARTBEAT_SECONDS},
                {"url": f"{_BACKPORT}/backport-max-count", "valuePositiveInt": _MOST_EVENTS},
            ],
            "type": "rest-hook",
            "endpoint": hook.endpoint,
            "payload": "application/fhir+json",
            "_payload": {
                "extension": [{"url": f"{_BACKPORT}/backport-payload-content", "valueCode": hook.content}]
            },
            "header": [hook.header],
        },
    }


def _r5(topic: str, hook: Hook) -> Resource:
    name, _, value = hook.header.partition(": ")
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "topic": topic,
        "reason": _REASON,
        "channelType": {
            "system": "http://terminology.hl7.org/CodeSystem/subscription-channel-type",
            "code": "rest-hook",
        },
        "endpoint": hook.endpoint,
        "parameter": [{"name": name, "value": value}],
        "heartbeatPeriod": HEARTBEAT_SECONDS,
        "contentType": "application/fhir+json",
        "content": hook.content,
        "maxCount": _MOST_EVENTS,
    }
