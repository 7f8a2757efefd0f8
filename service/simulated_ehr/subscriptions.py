"""What a Subscription asks for, in whichever of the three forms its style has.

R4: `criteria` is a query. Backport: `criteria` is a topic, queries are extensions. R5: `topic`, `filterBy`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args
from urllib.parse import parse_qsl, urlsplit

from service.fhir.subscriptions import HAPI_DELETES
from service.simulated_ehr.records import Refusal, Resource
from service.simulated_ehr.searching import fits
from service.simulated_ehr.styles import NOTIFIED, TOPIC, Content, Style

BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
FILTER: Final = f"{BACKPORT}/backport-filter-criteria"
CONTENT: Final = f"{BACKPORT}/backport-payload-content"
HEARTBEAT: Final = f"{BACKPORT}/backport-heartbeat-period"
MEDPLUM_INTERACTION: Final = "https://medplum.com/fhir/StructureDefinition/subscription-supported-interaction"
MEDPLUM_SECRET: Final = "https://www.medplum.com/fhir/StructureDefinition/subscription-secret"  # noqa: S105

Query = tuple[str, tuple[tuple[str, str], ...]]
"""A type and the search parameters that its resources must all fit."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whom to tell of what, and how."""

    id: str
    status: str
    endpoint: str
    headers: Mapping[str, str]
    content: Content
    queries: tuple[Query, ...]
    interactions: frozenset[str]
    heartbeat_seconds: int | None
    secret: str | None
    """Key of the signature (Medplum)."""

    def wants(self, interaction: str, resource: Resource) -> bool:
        """Whether a change is one of those asked for."""
        kind = resource["resourceType"]
        return interaction in self.interactions and any(
            kind == each and all(fits(resource, *one) for one in parameters)
            for each, parameters in self.queries
        )


def read(subscription: Resource, style: Style) -> Subscriber:
    """What a Subscription asks a server of this style for.

    Raises:
        Refusal: 422 with the element that a server of this style would not take.
    """
    return _read_r5(subscription, style) if style.name == "r5" else _read_r4(subscription, style)


def _read_r4(subscription: Resource, style: Style) -> Subscriber:
    channel = subscription.get("channel") or {}
    if channel.get("type") != "rest-hook":
        raise Refusal(422, "not-supported", "Subscription.channel.type: only rest-hook is supported")
    criteria = str(subscription.get("criteria", ""))
    payload = channel.get("_payload") or {}
    extensions = [*subscription.get("extension", ()), *channel.get("extension", ())]
    if style.has_topics:
        _check_topic(criteria, "Subscription.criteria")
        filters = _values((subscription.get("_criteria") or {}).get("extension", ()), FILTER)
        queries = _of_topic([_query(str(each), "Subscription._criteria") for each in filters])
        content = next(iter(_values(payload.get("extension", ()), CONTENT)), "empty")
    else:
        queries = (_query(criteria, "Subscription.criteria"),)
        content = "full-resource" if channel.get("payload") or style.name == "medplum" else "empty"
    return Subscriber(
        id=str(subscription.get("id", "")),
        status=str(subscription.get("status", "")),
        endpoint=_endpoint(channel.get("endpoint"), "Subscription.channel.endpoint"),
        headers=_headers(channel, style),
        content=_content(content),
        queries=queries,
        interactions=_interactions(extensions, style),
        heartbeat_seconds=next(iter(_values(extensions, HEARTBEAT)), None),
        secret=next(iter(_values(extensions, MEDPLUM_SECRET)), None),
    )


def _read_r5(subscription: Resource, style: Style) -> Subscriber:
    if (subscription.get("channelType") or {}).get("code") != "rest-hook":
        raise Refusal(422, "not-supported", "Subscription.channelType: only rest-hook is supported")
    _check_topic(str(subscription.get("topic", "")), "Subscription.topic")
    queries = []
    for each in subscription.get("filterBy", ()):
        kind = str(each.get("resourceType", "")).rpartition("/")[2]
        text = f"{kind}?{each.get('filterParameter', '')}={each.get('value', '')}"
        queries.append(_query(text, "Subscription.filterBy"))
    parameters = subscription.get("parameter", ())
    headers = {str(each["name"]): str(each["value"]) for each in parameters}
    return Subscriber(
        id=str(subscription.get("id", "")),
        status=str(subscription.get("status", "")),
        endpoint=_endpoint(subscription.get("endpoint"), "Subscription.endpoint"),
        headers={"Content-Type": subscription.get("contentType", "application/fhir+json")} | headers,
        content=_content(subscription.get("content", "empty")),
        queries=_of_topic(queries),
        interactions=_interactions((), style),
        heartbeat_seconds=subscription.get("heartbeatPeriod"),
        secret=None,
    )


def _headers(channel: Resource, style: Style) -> dict[str, str]:
    """The channel's headers; Medplum loses what follows a second colon, and so does its style."""
    headers = {"Content-Type": channel.get("payload") or "application/fhir+json"}
    for header in channel.get("header", ()):
        name, _, value = str(header).partition(":")
        headers[name.strip()] = (value.split(":")[0] if style.name == "medplum" else value).strip()
    return headers


def _interactions(extensions: Any, style: Style) -> frozenset[str]:
    """HAPI tells of deletions only where asked to; Medplum can be limited to one interaction."""
    every = frozenset({"create", "update", "delete"})
    if style.name == "hapi":
        return every if True in _values(extensions, HAPI_DELETES) else every - {"delete"}
    asked = _values(extensions, MEDPLUM_INTERACTION) if style.name == "medplum" else []
    return frozenset(map(str, asked)) or every


def _of_topic(filters: list[Query]) -> tuple[Query, ...]:
    """All types of the topic; the filters of a type, which must all fit, limit that type alone."""
    return tuple(
        (kind, tuple(one for each, parameters in filters if each == kind for one in parameters))
        for kind in NOTIFIED
    )


def _query(text: str, path: str) -> Query:
    kind, _, parameters = text.partition("?")
    if kind not in NOTIFIED:
        raise Refusal(422, "not-supported", f"{path}: no changes of that type are told")
    query = tuple(parse_qsl(parameters, keep_blank_values=True))
    try:
        blank = {"resourceType": kind, "id": "x", "meta": {"lastUpdated": "2000-01-01T00:00:00Z"}}
        for name, value in query:
            fits(blank, name, value)
    except Refusal as refusal:
        raise Refusal(422, refusal.code, f"{path}: {refusal.message}") from None
    return kind, query


def _check_topic(topic: str, path: str) -> None:
    if topic != TOPIC:
        raise Refusal(422, "not-supported", f"{path}: the topic here is {TOPIC}")


def _endpoint(given: Any, path: str) -> str:
    if not isinstance(given, str) or urlsplit(given).scheme not in ("http", "https"):
        raise Refusal(422, "value", f"{path}: an http or https address is expected")
    return given


def _content(given: Any) -> Content:
    for known in get_args(Content):
        if given == known:
            return known  # type: ignore[no-any-return] # one of its values
    raise Refusal(422, "value", "Subscription: empty, id-only or full-resource is expected as content")


def _values(extensions: Any, url: str) -> list[Any]:
    """The values of all extensions of that address."""
    return [
        value
        for each in extensions
        if each.get("url") == url
        for name, value in each.items()
        if name.startswith("value")
    ]
