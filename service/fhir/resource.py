"""One resource's bytes → what it says to this service. Never a crash, never a guess."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from hashlib import sha256
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from service.errors import InvalidResource
from service.fhir import codes, context, datatypes, examinations, observation, patient, report, routine, wire
from service.fhir.defects import Defect
from service.fhir.incoming import RESULT_TYPES, Content, Deleted, Ignored, Incoming, Unusable
from service.fhir.origin import Origin
from service.fhir.references import OtherSubjectError, Subject, is_id, subject
from service.fhir.times import moment

_T = TypeVar("_T")

_Read = (
    routine.Routine
    | wire.DiagnosticReport
    | wire.Patient
    | wire.Condition
    | wire.MedicationRequest
    | wire.MedicationStatement
    | wire.MedicationAdministration
    | wire.Procedure
    | wire.ServiceRequest
)
_read: msgspec.json.Decoder[_Read] = msgspec.json.Decoder(_Read, float_hook=wire.number)
"""Decodes the types that are read; any other is a ValidationError."""

_NOBODY = Subject(None)
_LONGEST_VERSION = 128
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,62}")
_AT = re.compile(r"at `\$\.?([^`]*)`")
_NO_ID = "It has no id (letters, digits, '-', '.', '_'); without one it cannot be told from others."


def decode(raw: bytes, origin: Origin) -> Incoming:
    """What one resource says.

    Raises:
        InvalidResource: it is no FHIR resource at all (not an object, no resourceType), or it is a Bundle.
    """
    try:
        given = _read.decode(raw)
    except (msgspec.DecodeError, ArithmeticError, UnicodeDecodeError) as error:
        return _other_or_mistyped(raw, error, origin)
    if isinstance(given, routine.Routine):
        said: tuple[Content, Subject] | None = routine.observed(given, origin)
        if said is None:
            return _whole_observation(raw, origin)
        return _incoming("Observation", given, said, raw, origin)
    kind = given.__class__
    return _incoming(kind.__name__, given, _READERS[kind](given, origin), raw, origin)


def _whole_observation(raw: bytes, origin: Origin) -> Incoming:
    try:
        given = wire.observation.decode(raw)
    except (msgspec.DecodeError, ArithmeticError, UnicodeDecodeError) as error:
        return _other_or_mistyped(raw, error, origin)
    return _incoming("Observation", given, observation.observed(given, origin), raw, origin)


def _incoming(
    type_: str, given: _Read | wire.Observation, said: tuple[Content, Subject], raw: bytes, origin: Origin
) -> Incoming:
    content, (patient_id, identifier) = said
    id_ = given.id
    if id_ is None or not is_id(id_):
        id_ = ""
        if content.__class__ is not Ignored:
            content = Unusable("no-id", f"{type_}.id", _NO_ID)
    meta, version, updated = given.meta, None, None
    if meta is not None:
        version, updated = _version(meta.version_id), _updated(meta.last_updated, origin.zone)
    # As `Incoming(...)`, without the detour over its keywords: this is done for every resource.
    return tuple.__new__(Incoming, (type_, id_, version, updated, raw, patient_id, identifier, content))


def decode_addressed(
    raw: bytes, type_: str, id_: str, *, origin: Origin, where: str = "resourceType"
) -> Incoming:
    """Decode a resource that was put to `type_`/`id_`; it takes that id if it has none and may have no other.

    `where` is the place of the address, for the refusal `conflicting-id`. Raises what `decode` does.
    """
    incoming = decode(raw, origin)
    if incoming.type == type_ and incoming.id == id_:
        return incoming
    if incoming.type == type_ and not incoming.id and is_id(id_):
        fields: dict[str, msgspec.Raw] = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        fields["id"] = msgspec.Raw(msgspec.json.encode(id_))
        return decode(msgspec.json.encode(fields), origin)._replace(raw=raw)
    detail = "It was sent to the address of another resource; the sender must mend its id or type."
    return incoming._replace(content=Unusable("conflicting-id", where, detail))


def resource_type(raw: bytes) -> str:
    """The resource type, for choosing what to do with a body.

    Raises:
        InvalidResource: it is no FHIR resource.
    """
    return _salvage(raw)[0]


def tombstone(type_: str, id_: str, raw: bytes = b"") -> Incoming:
    """What a DELETE says."""
    return Incoming(type_, id_, None, None, raw, None, None, Deleted())


def unusable(why: Unusable) -> Incoming:
    """Something for the quarantine of which no more is known; its bytes are for the caller to add."""
    return Incoming("", "", None, None, b"", None, None, why)


def _patient(given: wire.Patient, origin: Origin) -> tuple[Content, Subject]:
    return patient.facts(given, origin), Subject(given.id if is_id(given.id) else None)


_READERS: Final[Mapping[type, Callable[[Any, Origin], tuple[Content, Subject]]]] = {
    wire.DiagnosticReport: report.reported,
    wire.Patient: _patient,
    wire.Condition: context.condition,
    wire.MedicationRequest: context.medication,
    wire.MedicationStatement: context.medication,
    wire.MedicationAdministration: context.medication,
    wire.Procedure: examinations.done,
    wire.ServiceRequest: examinations.done,
}
READ_TYPES: Final = frozenset({"Observation", *(kind.__name__ for kind in _READERS)})
"""The resource types that are read; all others are ignored."""


_EXAMINATIONS: Final = frozenset({"Procedure", "DiagnosticReport", "ServiceRequest"})
"""Most of these are not about the liver, and none drives an alert: one that cannot be read is let go."""


def _version(given: object) -> str | None:
    """A number is let pass, as some servers write it so; one too long to be kept is known by its digest."""
    if type(given) is str and given:
        return given if len(given) <= _LONGEST_VERSION else f"sha256:{sha256(given.encode()).hexdigest()}"
    return _version(str(given)) if type(given) is int else None


def _updated(given: object, zone: tzinfo | None) -> datetime | None:
    if type(given) is not str:
        return None
    try:
        at = moment(given, zone)
    except Defect:
        return None
    return at


def _salvage(raw: bytes) -> tuple[str, wire.Salvage]:
    try:
        salvage = wire.salvage.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidResource("Not a FHIR resource: a JSON object with a resourceType is expected.") from None
    kind = salvage.resource_type
    if not isinstance(kind, str) or _TYPE.fullmatch(kind) is None:
        raise InvalidResource("Not a FHIR resource: it has no resourceType.", where="resourceType")
    return kind, salvage


def _other_or_mistyped(raw: bytes, error: Exception, origin: Origin) -> Incoming:
    """A type that is not read, or one that is, with a field of the wrong JSON type."""
    kind, salvage = _salvage(raw)
    if kind == "Bundle":
        raise InvalidResource("A single resource is expected here, not a Bundle.", where="resourceType")
    id_ = salvage.id if is_id(salvage.id) else ""
    meta = _piece(salvage.meta, wire.meta) or datatypes.Meta()
    updated = _updated(meta.last_updated, origin.zone)
    whose = _NOBODY
    content: Content = Ignored("other-type")
    if kind in READ_TYPES:
        content = _mistyped(kind, salvage, error)
        whose = Subject(id_ or None) if kind == "Patient" else _whose(salvage, origin)
        if not id_ and not isinstance(content, Ignored):
            content = Unusable("no-id", f"{kind}.id", _NO_ID)
    return Incoming(
        kind, id_, _version(meta.version_id), updated, raw, whose.patient, whose.identifier, content
    )


def _mistyped(kind: str, salvage: wire.Salvage, error: Exception) -> Content:
    """A retraction is obeyed however broken the rest is; what is not about the liver stays ignored."""
    gone = codes.OBSERVATION_GONE if kind in RESULT_TYPES else {codes.ENTERED_IN_ERROR}
    if isinstance(salvage.status, str) and salvage.status in gone:
        return Deleted()
    if kind == "Observation" and salvage.component is UNSET and salvage.contained is UNSET:
        code = _piece(salvage.code, wire.concept)
        if code is not None and not observation.is_about_liver(code):
            return Ignored("other-code")
    if kind in _EXAMINATIONS and (kind not in RESULT_TYPES or salvage.contained is UNSET):
        return Ignored("unreadable-context")
    if isinstance(error, ArithmeticError):
        return Unusable("unreadable-number", kind, "A number too large or too small to be read.")
    place = _AT.search(str(error))
    where = f"{kind}.{place[1]}" if place and place[1] else kind
    return Unusable("wrong-type", where, "The value here is not of the JSON type that FHIR prescribes.")


def _whose(salvage: wire.Salvage, origin: Origin) -> Subject:
    try:
        return subject(_piece(salvage.subject, wire.reference), origin.links)
    except (Defect, OtherSubjectError):
        return _NOBODY


def _piece(raw: datatypes.Anything, decoder: msgspec.json.Decoder[_T]) -> _T | None:
    if raw is UNSET:
        return None
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, ArithmeticError, UnicodeDecodeError):
        return None
