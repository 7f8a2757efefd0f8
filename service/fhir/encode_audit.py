"""From a row of the audit log to its FHIR R4 AuditEvent, after IHE's BALP where that has a pattern.

Two things a pattern asks for are not in the log. Where a client was in the network is not kept: the element
says that it is unknown. A search is told as this service understood it, which names people by opaque ids
alone: the words that somebody typed are never kept.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from service.fhir import audit_codes, names
from service.fhir.audit_codes import Code, Kind, Pattern, kind_of
from service.fhir.encode import Resource, instant, without_nothing
from service.fhir.wording import printable

PROFILE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
THE_SERVICE: Final = "liverwatch"
"""What the log calls this service itself."""

_DEVICE: Final = "Device/liverwatch"
_UNKNOWN: Final = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    ]
}
_SUCCESS, _FAILURE = "0", "4"
_TOLD_ELSEWHERE: Final = frozenset({"request", "query", "resource", "id", "glass"})
_PEOPLE: Final = ("user:", "cli", "cds:")


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the audit log, and how what it is about is called in FHIR."""

    id: int
    at: datetime
    actor: str
    action: str
    detail: Mapping[str, Any]
    patient: str | None = field(default=None, repr=False)
    """Reference to the Patient; None where it is about none."""
    server: str | None = None
    """Base URL of the EHR that was written to."""
    source: str | None = None
    """Name of the source."""


def encode_audit_event(event: Event, public_url: str) -> Resource:
    """The AuditEvent of a row; its id is the row's number.

    Args:
        event: the row.
        public_url: where this service is reached.
    """
    kind = kind_of(event.action)
    failed = kind.failed or _in_vain(event)
    pattern = None if failed else kind.pattern
    own = Code(names.AUDITED, event.action, event.action.replace("-", " ").replace(".", " "))
    return without_nothing(
        {
            "resourceType": "AuditEvent",
            "id": str(event.id),
            "meta": {"profile": [_profile(pattern, event)]} if pattern else None,
            "type": _coding(kind.type),
            "subtype": [_coding(each) for each in (kind.subtype, own) if each],
            "action": kind.does,
            "recorded": instant(event.at),
            "outcome": _FAILURE if failed else _SUCCESS,
            "purposeOfEvent": [_concept(audit_codes.BREAK_THE_GLASS)] if _through_the_glass(event) else [],
            "agent": _agents(event, kind, public_url),
            "source": {
                "observer": {"reference": _DEVICE},
                "type": [_coding(audit_codes.APPLICATION_SERVER)],
            },
            "entity": _entities(event, kind),
        }
    )


def _profile(pattern: Pattern, event: Event) -> str:
    return f"{PROFILE}{'Patient' if event.patient else ''}{pattern}"


def _in_vain(event: Event) -> bool:
    """Whether what was to be read is not there; a search that finds nothing has succeeded."""
    nothing = event.detail.get("found") is False or event.detail.get("count") == 0
    return kind_of(event.action).pattern == "Read" and nothing


def _through_the_glass(event: Event) -> bool:
    return event.action == "break-glass" or event.detail.get("glass") is True


def _agents(event: Event, kind: Kind, public_url: str) -> list[Resource]:
    ours = {"reference": _DEVICE}
    if kind.pattern is None:
        human = _concept(audit_codes.HUMAN) if event.actor.startswith(_PEOPLE) else None
        return [without_nothing({"type": human, **_who(event.actor), "requestor": True})]
    from_server = (
        kind.pattern == "Read"
    )  # the roles follow the data, but in a query, where they follow the query
    client_role = audit_codes.DESTINATION_ROLE if from_server else audit_codes.SOURCE_ROLE
    server_role = audit_codes.SOURCE_ROLE if from_server else audit_codes.DESTINATION_ROLE
    if event.actor == THE_SERVICE:
        there = {"address": event.server, "type": "5"} if event.server else _UNKNOWN
        at_ehr = {"display": f"FHIR server of {event.source}"}
        return [
            _machine(client_role, ours, {"address": public_url, "type": "5"}, requestor=True),
            _machine(server_role, at_ehr, there, requestor=False),
        ]
    server = _machine(server_role, ours, {"address": public_url, "type": "5"}, requestor=False)
    if event.actor.startswith("reader:"):
        client = _machine(client_role, _who(event.actor)["who"], _UNKNOWN, requestor=True)
        return [client, server]
    user_role = audit_codes.RECIPIENT if kind.pattern in ("Read", "Query") else audit_codes.AUTHOR
    client = _machine(client_role, {"display": "What the user works with"}, _UNKNOWN, requestor=False)
    return [client, server, {"type": _concept(user_role), **_who(event.actor), "requestor": True}]


def _machine(role: Code, who: Resource, network: Resource, *, requestor: bool) -> Resource:
    return {"type": _concept(role), "who": who, "requestor": requestor, "network": network}


def _who(actor: str) -> Resource:
    """Who it was, as the log names them. Only people outside it say their names as anything else."""
    if actor == THE_SERVICE:
        return {"who": {"reference": _DEVICE}}
    named = printable(actor)
    return {"who": {"identifier": {"system": names.ACTOR, "value": named}}, "name": named}


def _entities(event: Event, kind: Kind) -> list[Resource]:
    more = [
        {
            "type": name,
            "valueString": value if isinstance(value, str) else msgspec.json.encode(value).decode(),
        }
        for name, value in sorted(event.detail.items())
        if name not in _TOLD_ELSEWHERE and value not in ("", None)
    ]
    entities: list[Resource] = []
    if kind.pattern == "Query":
        entities.append(_entity(audit_codes.SYSTEM_OBJECT, audit_codes.QUERY, query=_query(event)))
    elif kind.pattern is not None:
        entities.append(
            _entity(audit_codes.SYSTEM_OBJECT, audit_codes.DOMAIN_RESOURCE, what=_data(event), detail=more)
        )
    elif more:
        entities.append(_entity(audit_codes.SYSTEM_OBJECT, None, detail=more))
    if event.patient:
        whom = {"reference": event.patient, "type": "Patient"}
        entities.append(_entity(audit_codes.PERSON, audit_codes.PATIENT, what=whom))
    if request := event.detail.get("request"):
        entities.append(_entity(audit_codes.REQUEST_ID, None, what={"identifier": {"value": request}}))
    return entities


def _entity(type_: Code, role: Code | None, **content: Any) -> Resource:
    coded = {"type": _coding(type_), "role": _coding(role) if role else None}
    return without_nothing({**content, **coded})


def _data(event: Event) -> Resource:
    """What was read or changed: a resource of our own, or a person's record."""
    detail = event.detail
    if alert := detail.get("alert"):
        return {"reference": f"DetectedIssue/{alert}", "type": "DetectedIssue"}
    kind = detail.get("resource", "Patient")
    if known := detail.get("id"):
        return {"reference": f"{kind}/{known}", "type": kind}
    if kind == "Patient" and event.patient:
        return {"reference": event.patient, "type": kind}
    return {"type": kind, "display": "Not there"}


def _query(event: Event) -> str:
    understood = f"{event.detail.get('resource', 'DetectedIssue')}?{event.detail.get('query', '')}"
    return base64.b64encode(understood.encode()).decode()


def _coding(code: Code) -> Resource:
    return {"system": code.system, "code": code.code, "display": code.display}


def _concept(code: Code) -> Resource:
    return {"coding": [_coding(code)]}
