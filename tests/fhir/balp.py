"""IHE's Basic Audit Log Patterns 1.1 as a table of element rules, and what of it an AuditEvent breaks.

Source: the profiles IHE.BasicAudit.Read, .Query, .Create and .Update and their Patient variants, as published
at profiles.ihe.net/ITI/BALP.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

BASE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
MANY: Final = 1000

Codes = frozenset[tuple[str, str]]
Bounds = Mapping[str, tuple[int, int]]


class Slice(NamedTuple):
    """The elements of a list whose type is one of some codes."""

    types: Codes
    least: int
    most: int
    within: Bounds
    roles: Codes | None = None
    requestor: bool | None = None


class Profile(NamedTuple):
    """What a profile says of an AuditEvent."""

    action: str
    interactions: frozenset[str]
    agents: tuple[Slice, ...]
    entities: tuple[Slice, ...]


def _of(system: str, *codes: str) -> Codes:
    return frozenset((system, code) for code in codes)


_MACHINE: Bounds = {"who": (1, 1), "network": (1, 1), "media": (0, 0)}
_USER: Bounds = {"who": (1, 1), "network": (0, 0), "media": (0, 0)}
_TRANSACTION = Slice(
    _of("https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "XrequestId"),
    0,
    1,
    {"what.identifier.value": (1, 1)},
)
_DATA = Slice(_of(ENTITY, "2"), 1, 1, {"what": (1, 1)}, _of(ROLE, "3", "4", "20"))
_ASKED = Slice(
    _of(ENTITY, "2"),
    1,
    1,
    {"what": (0, 0), "lifecycle": (0, 0), "description": (0, 1), "query": (1, 1), "detail": (0, 0)},
    _of(ROLE, "24"),
)
_PATIENT = Slice(_of(ENTITY, "1"), 1, 1, {"what": (1, 1)}, _of(ROLE, "1"))


def _agents(client: str, server: str, *user: str) -> tuple[Slice, ...]:
    return (
        Slice(_of(DICOM, client), 1, 1, _MACHINE),
        Slice(_of(DICOM, server), 1, 1, _MACHINE),
        Slice(_of(PARTICIPATION, *user), 0, 1, _USER, requestor=True),
    )


_AUTHORS = ("AUT", "INF", "CST")
_PLAIN: Final = {
    "Read": Profile(
        "R", frozenset({"read", "vread"}), _agents("110152", "110153", "IRCP"), (_TRANSACTION, _DATA)
    ),
    "Query": Profile(
        "E",
        frozenset({"search", "search-type", "search-system"}),
        _agents("110153", "110152", "IRCP"),
        (_TRANSACTION, _ASKED),
    ),
    "Create": Profile(
        "C", frozenset({"create"}), _agents("110153", "110152", *_AUTHORS), (_TRANSACTION, _DATA)
    ),
    "Update": Profile(
        "U", frozenset({"update", "patch"}), _agents("110153", "110152", *_AUTHORS), (_TRANSACTION, _DATA)
    ),
}
PROFILES: Final = {
    **{f"{BASE}{name}": each for name, each in _PLAIN.items()},
    **{
        f"{BASE}Patient{name}": each._replace(entities=(*each.entities, _PATIENT))
        for name, each in _PLAIN.items()
    },
}


def broken(event: dict[str, Any]) -> list[str]:
    """Where an AuditEvent is not as the profiles that it claims have it."""
    found: list[str] = []
    for claimed in event.get("meta", {}).get("profile", ()):
        if claimed not in PROFILES:
            found.append(f"{claimed} is no profile in the table")
            continue
        profile = PROFILES[claimed]
        if (event["type"]["system"], event["type"]["code"]) != (
            "http://terminology.hl7.org/CodeSystem/audit-event-type",
            "rest",
        ):
            found.append("type")
        done = {
            each["code"]
            for each in event.get("subtype", ())
            if each["system"] == "http://hl7.org/fhir/restful-interaction"
        }
        if not done or not done <= profile.interactions:
            found.append("subtype")
        if (event["action"], event["outcome"]) != (profile.action, "0") or "recorded" not in event:
            found.append("action, outcome, recorded")
        found += _in_slices("agent", event["agent"], profile.agents)
        found += _in_slices("entity", event.get("entity", []), profile.entities)
        found += [
            f"{each['what']} is no Patient"
            for each in event.get("entity", ())
            if each["type"]["code"] == "1" and each["what"].get("type") != "Patient"
        ]
    return found


def _in_slices(name: str, elements: list[dict[str, Any]], slices: tuple[Slice, ...]) -> list[str]:
    found = []
    for slice_ in slices:
        those = [each for each in elements if _codes(each.get("type")) & slice_.types]
        if not slice_.least <= len(those) <= slice_.most:
            found.append(f"{len(those)} of {name} {sorted(slice_.types)}")
        for each in those:
            for path, (least, most) in slice_.within.items():
                if not least <= _count(each, path) <= most:
                    found.append(f"{name} {sorted(slice_.types)}: {path}")
            if slice_.roles is not None and not _codes(each.get("role")) & slice_.roles:
                found.append(f"{name} {sorted(slice_.types)}: role")
            if slice_.requestor is not None and each["requestor"] is not slice_.requestor:
                found.append(f"{name} {sorted(slice_.types)}: requestor")
    return found


def _count(element: dict[str, Any], path: str) -> int:
    node: Any = element
    for part in path.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return int(node is not None)


def _codes(coded: dict[str, Any] | None) -> Codes:
    """Of a Coding or a CodeableConcept."""
    codings = [] if coded is None else coded.get("coding", [coded])
    return frozenset((each["system"], each["code"]) for each in codings)
