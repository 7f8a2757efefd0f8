"""The routine Observation, of which a feed mostly consists: one value, one time, nothing out of the ordinary.

The same codes, units and reference ranges come again with every result of a laboratory. What they mean is
remembered by their bytes, so that only the value, the time and the patient are read anew. Whatever is not
routine or not right is left to `observation`, which alone decides what is wrong with it: this module never
refuses anything, and never says anything else than that one would.
"""

from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple, TypeVar

from msgspec import UNSET, DecodeError
from msgspec.json import Decoder

from service.clinical.analytes import Analyte
from service.clinical.results import LabResult, ReferenceRange, ResultKey
from service.fhir import codes, datatypes, quantities, ranges, wire
from service.fhir.defects import Defect
from service.fhir.findings import is_context
from service.fhir.haemolysis import says_haemolysed
from service.fhir.incoming import Ignored, Observed
from service.fhir.observation import test_of
from service.fhir.origin import Origin
from service.fhir.references import OtherSubjectError, Subject, subject
from service.fhir.times import moment

_K = TypeVar("_K")
_V = TypeVar("_V")

MOST: Final = 4096
"""Entries of each memory: a feed needs some dozens, but one that never repeats itself must not fill it."""

LONGEST: Final = 2048
"""Bytes or characters of what is remembered."""


class Routine(datatypes.Fhir, tag_field="resourceType", tag="Observation"):
    """An Observation as far as a routine one goes: what repeats through a feed stays undecoded.

    What is typed here is typed alike in `wire.Observation`, so that what this refuses that refuses too. The
    last fields are there to be absent; those missing here say nothing beside a valueQuantity and a time.
    """

    id: str | None = None
    meta: datatypes.Meta | None = None
    status: str | None = None
    code: datatypes.Anything = UNSET
    subject: datatypes.Reference | None = None
    effective_date_time: str | None = None
    issued: str | None = None
    value_quantity: datatypes.Quantity | None = None
    interpretation: datatypes.Anything = UNSET
    reference_range: datatypes.Anything = UNSET
    note: list[datatypes.Annotation] | None = None
    specimen: datatypes.Reference | None = None
    value_string: datatypes.Anything = UNSET
    value_integer: datatypes.Anything = UNSET
    data_absent_reason: datatypes.Anything = UNSET
    effective_instant: datatypes.Anything = UNSET
    effective_period: datatypes.Anything = UNSET
    component: datatypes.Anything = UNSET
    contained: datatypes.Anything = UNSET


class _Reporting(NamedTuple):
    """How a laboratory reports one test."""

    factor: Decimal
    """From its unit to the canonical one."""
    ranges: tuple[ReferenceRange, ...]
    flags: tuple[str, ...]


class _Context(Enum):
    """Stands for every measurement that `measurement` reads."""

    ANY = "any"


_CONTEXT: Final = _Context.ANY

# Nothing in these is of a patient: codes, units, ranges and interpretations only.
_analytes: dict[bytes, Analyte | _Context | None] = {}
"""`code` → the test, or that it is read as context; None for what is neither."""
_reportings: dict[tuple[Analyte, bytes, str | None, str | None, str | None], _Reporting] = {}
"""Test, `referenceRange`, and the system, code and text of the value's unit."""
_unremarkable: dict[bytes, None] = {}
"""`interpretation` that can be read and does not speak of haemolysis."""

_OTHER_CODE: Final = Ignored("other-code")
_concepts = Decoder(list[datatypes.CodeableConcept] | None, float_hook=wire.number)
_ranges = Decoder(list[datatypes.ReferenceRange] | None, float_hook=wire.number)

_NOBODY: Final = Subject(None)
_new = tuple.__new__
"""Makes a named tuple without the detour over its keywords: half the time, four times a result."""


def observed(given: Routine, origin: Origin) -> tuple[Observed | Ignored, Subject] | None:
    """As `observation.observed`; None where that has to be asked."""
    if given.component is not UNSET or given.contained is not UNSET or given.code is UNSET:
        return None
    status = given.status
    preliminary = status == codes.OBSERVATION_PRELIMINARY
    if not preliminary and status not in codes.OBSERVATION_COUNTS:
        return None
    try:
        analyte = _analyte(bytes(given.code))
        if analyte is None:
            return _OTHER_CODE, _NOBODY
        if analyte is _CONTEXT:
            return None
        whose = subject(given.subject, origin.links)
        result = _result(given, analyte, preliminary, origin)
    except (Defect, OtherSubjectError, DecodeError, ArithmeticError):
        return None
    return None if result is None else (_new(Observed, ((result,), (), (), ())), whose)


def _result(given: Routine, analyte: Analyte, preliminary: bool, origin: Origin) -> LabResult | None:
    value, time = given.value_quantity, given.effective_date_time
    if (
        value is None
        or time is None
        or given.value_string is not UNSET
        or given.value_integer is not UNSET
        or given.data_absent_reason is not UNSET
        or given.effective_instant is not UNSET
        or given.effective_period is not UNSET
        or not _is_unremarkable(given)
    ):
        return None
    at = moment(time, origin.zone)
    if at is None:
        return None
    reference_range = b"" if given.reference_range is UNSET else bytes(given.reference_range)
    factor, limits, flags = _reporting(analyte, reference_range, value)
    number, comparator = quantities.multiple(analyte, value, factor, origin.rulebook)
    key = _new(ResultKey, (origin.source, given.id or "", ""))
    return _new(LabResult, (key, analyte, at, at.date(), number, comparator, limits, preliminary, flags))


def _analyte(code: bytes) -> Analyte | _Context | None:
    try:
        return _analytes[code]
    except KeyError:
        concept = wire.concept.decode(code)
        found = test_of(concept)
        other = _CONTEXT if found is None and is_context(concept) else None
        return _remembered(_analytes, code, other if found is None else found[0], len(code))


def _reporting(analyte: Analyte, reference_range: bytes, value: datatypes.Quantity) -> _Reporting:
    key = (analyte, reference_range, value.system, value.code, value.unit)
    found = _reportings.get(key)
    if found is not None:
        return found
    factor = quantities.factor(analyte, value)
    given = _ranges.decode(reference_range) if reference_range else None
    limits, unreadable = ranges.ranges(analyte, given or [], value)
    size = len(reference_range) + sum(len(part or "") for part in key[2:])
    reporting = _Reporting(factor, limits, ("unreadable-range",) if unreadable else ())
    return _remembered(_reportings, key, reporting, size)


def _is_unremarkable(given: Routine) -> bool:
    """False where the interpretation says that the specimen is haemolysed."""
    if given.interpretation is UNSET:
        return True
    interpretation = bytes(given.interpretation)
    if interpretation in _unremarkable:
        return True
    if says_haemolysed(_concepts.decode(interpretation)):
        return False
    _remembered(_unremarkable, interpretation, None, len(interpretation))
    return True


def _remembered(memory: dict[_K, _V], key: _K, value: _V, size: int) -> _V:
    if size <= LONGEST:
        if len(memory) >= MOST:
            memory.clear()
        memory[key] = value
    return value
