"""An Observation → its results: its own value, its components, and the Observations it contains."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from msgspec import UNSET, DecodeError, Raw

from service.clinical.analytes import CODES, Analyte
from service.clinical.results import LabResult, ReferenceRange, ResultKey
from service.fhir import codes, quantities, ranges, wire
from service.fhir.defects import Defect
from service.fhir.haemolysis import AFFECTED, is_haemolysed
from service.fhir.incoming import Deleted, Ignored, Observed, Problem, Unusable
from service.fhir.origin import Origin
from service.fhir.references import OtherSubjectError, Subject, is_id, subject
from service.fhir.times import moment

Content = Observed | Deleted | Ignored | Unusable
_NOBODY = Subject(None)


class _Part(NamedTuple):
    """One measured thing of liver tests, with the Observation whose time, status and subject it has."""

    measured: wire.Measured
    analyte: Analyte
    sub_key: str
    path: str
    within: wire.Observation


class _When(NamedTuple):
    at: datetime
    issued: bool


def observed(given: wire.Observation, origin: Origin) -> tuple[Content, Subject]:
    """What an Observation says, and whose it is.

    One that counts for nothing (registered, without a value, dated to a month) is Observed without results, so
    that it still replaces its earlier versions.
    """
    if given.status in codes.OBSERVATION_GONE:
        return Deleted(), _subject_if_told(given, origin)
    try:
        parts, problems = _parts(given)
        if not parts and not problems:
            return Ignored("other-code"), _NOBODY
        whose = subject(given.subject, origin.links, given.contained)
    except OtherSubjectError:
        return Ignored("other-subject"), _NOBODY
    except Defect as defect:
        return defect.unusable("Observation"), _subject_if_told(given, origin)
    results: list[LabResult] = []
    for part in parts:
        try:
            result = _result(part, given, whose, origin)
        except Defect as defect:
            problems.append(defect.problem(part.path))
        else:
            if result is not None:
                results.append(result)
    if problems and not results:
        for problem in problems:
            if problem.quarantined:
                return Unusable(*problem[:3]), whose
    return Observed(tuple(results), tuple(problems)), whose


def is_about_liver(code: wire.CodeableConcept | None) -> bool:
    """Whether any coding is of a test this service follows."""
    try:
        return _coded(code) is not None
    except Defect:
        return True


def _subject_if_told(given: wire.Observation, origin: Origin) -> Subject:
    try:
        return subject(given.subject, origin.links, given.contained)
    except (Defect, OtherSubjectError):
        return _NOBODY


def _parts(given: wire.Observation) -> tuple[list[_Part], list[Problem]]:
    """Raises Defect when the Observation's own codes contradict each other."""
    coded = _coded(given.code)
    parts = [] if coded is None else [_Part(given, coded[0], "", "Observation", given)]
    problems: list[Problem] = []
    if given.component is None and given.contained is None:
        return parts, problems
    parts += _components(given, "", "Observation", problems)
    for index, raw in enumerate(given.contained or ()):
        parts += _contained(raw, f"Observation.contained[{index}]", problems)
    if len(parts) > 1 and parts[0].measured is given and not _has_value(given):
        del parts[0]  # a panel under a code of its own: what it holds is in its members
    seen: Counter[str] = Counter()
    for index, part in enumerate(parts):
        seen[part.sub_key] += 1
        if seen[part.sub_key] > 1:
            parts[index] = part._replace(sub_key=f"{part.sub_key}#{seen[part.sub_key]}")
    return parts, problems


def _components(
    given: wire.Observation, prefix: str, path: str, problems: list[Problem]
) -> Iterator[_Part]:
    for index, component in enumerate(given.component or ()):
        place = f"{path}.component[{index}]"
        try:
            coded = _coded(component.code)
        except Defect as defect:
            problems.append(defect.problem(place))
            continue
        if coded is not None:
            yield _Part(component, coded[0], f"{prefix}component:{coded[1]}", place, given)


def _contained(raw: Raw, path: str, problems: list[Problem]) -> Iterator[_Part]:
    try:
        if wire.resource.decode(raw).resourceType != "Observation":
            return
        member = wire.contained_observation.decode(raw)
        coded = _coded(member.code)
    except (DecodeError, ArithmeticError):
        problems.append(Problem("unreadable-resource", path, "The contained Observation cannot be read."))
        return
    except Defect as defect:
        problems.append(defect.problem(path))
        return
    if coded is None and not member.component:
        return
    if not is_id(member.id):
        problems.append(Problem("no-id", path, "A contained Observation needs an id of its own."))
        return
    key = f"contained:{member.id}"
    if coded is not None and (_has_value(member) or not member.component):
        yield _Part(member, coded[0], key, path, member)
    yield from _components(member, f"{key}/", path, problems)


def _coded(code: wire.CodeableConcept | None) -> tuple[Analyte, str] | None:
    """The analyte, and the LOINC code it goes by (of several synonyms the first in order, whatever their order)."""
    found: tuple[Analyte, str] | None = None
    if code is None or code.coding is None:
        return None
    for coding in code.coding:
        analyte = CODES.get(coding.code or "")
        if analyte is None or coding.code is None or coding.system not in codes.LOINC_SYSTEMS:
            continue
        if found is None:
            found = analyte, coding.code
        elif found[0] is not analyte:
            raise Defect("conflicting-codes", "Its LOINC codes name different tests.", "code")
        elif coding.code < found[1]:
            found = analyte, coding.code
    return found


def _result(part: _Part, given: wire.Observation, whose: Subject, origin: Origin) -> LabResult | None:
    """None where the part does not count; a Defect where it should and cannot."""
    status = part.within.status or given.status
    if status is None:
        raise Defect("no-status", "A result without status cannot be told from one that is retracted.", "status")
    if status not in codes.OBSERVATION_COUNTS and status != codes.OBSERVATION_PRELIMINARY:
        if status in codes.OBSERVATION_NOT_YET or status in codes.OBSERVATION_GONE:
            return None
        raise Defect("unknown-status", "Not a status of an Observation.", "status")
    if part.within is not given and part.within.subject is not None:
        _same_patient(part.within, given, whose, origin)
    measured, analyte = part.measured, part.analyte
    reading = _reading(measured, analyte, origin)
    when = _when(part.within, given, origin)
    flags: tuple[str, ...] = ("issued-time",) if when.issued else ()
    if analyte in AFFECTED and is_haemolysed(measured, part.within, given):
        flags = ("haemolysed", *flags)
    limits: tuple[ReferenceRange, ...] = ()
    if measured.referenceRange:
        limits, unreadable = ranges.ranges(analyte, measured.referenceRange, measured.valueQuantity)
        if unreadable:
            flags = (*flags, "unreadable-range")
    return LabResult(
        ResultKey(origin.source, given.id or "", part.sub_key),
        analyte,
        when.at,
        when.at.date(),
        reading.value,
        reading.comparator,
        limits,
        status == codes.OBSERVATION_PRELIMINARY,
        flags,
    )


def _same_patient(member: wire.Observation, given: wire.Observation, whose: Subject, origin: Origin) -> None:
    try:
        same = subject(member.subject, origin.links, given.contained) == whose
    except OtherSubjectError:
        same = False
    if not same:
        raise Defect("conflicting-patient", "The contained Observation is of someone else.", "subject")


def _reading(measured: wire.Measured, analyte: Analyte, origin: Origin) -> quantities.Reading:
    absent = _given(measured.dataAbsentReason)
    plain = (measured.valueQuantity, measured.valueString, measured.valueInteger)
    values = 3 - plain.count(None)
    if values + absent > 1:
        raise Defect("conflicting-value", "More than one value, or a value beside the reason why there is none.")
    path = "valueQuantity"
    try:
        if measured.valueQuantity is not None:
            return quantities.quantity(analyte, measured.valueQuantity, origin.rulebook)
        path = "valueString"
        if measured.valueString is not None:
            return quantities.text(analyte, measured.valueString, origin.rulebook)
        path = "valueInteger"
        if measured.valueInteger is not None:
            return quantities.integer(analyte, measured.valueInteger, origin.rulebook)
    except Defect as defect:
        defect.where = defect.place(path)
        raise
    if absent:
        raise Defect("value-absent", "It says that there is no value.", "dataAbsentReason", quarantined=False)
    if _has_value(measured):
        raise Defect("unreadable-value", "A value of a kind that this test does not have; send a Quantity.", "value")
    if isinstance(measured, wire.Observation) and (_given(measured.hasMember) or measured.component):
        raise Defect("panel", "It only names its members.", "hasMember", quarantined=False)
    raise Defect("no-value", "Neither a value nor a reason why there is none.", "value")


def _has_value(measured: wire.Measured) -> bool:
    return (
        measured.valueQuantity is not None
        or measured.valueString is not None
        or measured.valueInteger is not None
        or any(
            _given(value)
            for value in (
                *(measured.valueCodeableConcept, measured.valueBoolean, measured.valueRange),
                *(measured.valueRatio, measured.valueSampledData, measured.valueTime, measured.valueDateTime),
                *(measured.valuePeriod, measured.valueAttachment, measured.valueReference),
            )
        )
    )


def _given(value: wire.Anything) -> bool:
    return value is not UNSET and bytes(value) != b"null"


def _when(within: wire.Observation, given: wire.Observation, origin: Origin) -> _When:
    """When the specimen was taken; of a member that says nothing itself, when that of the whole was.

    Raises:
        Defect: see `times.moment`; `no-time`; `unreadable-time` for a Timing; `imprecise-date` for a month or a
            year (not quarantined).
    """
    when = _stated(within, origin)
    if when is None and within is not given:
        when = _stated(given, origin)
    if when is None:
        raise Defect("no-time", "It does not say when it was; the sender must add effectiveDateTime.", "effective")
    return when


def _stated(given: wire.Observation, origin: Origin) -> _When | None:
    issued = False
    if given.effectiveDateTime is not None:
        path, text = "effectiveDateTime", given.effectiveDateTime
    elif given.effectiveInstant is not None:
        path, text = "effectiveInstant", given.effectiveInstant
    elif given.effectivePeriod is not None and given.effectivePeriod.end is not None:
        path, text = "effectivePeriod.end", given.effectivePeriod.end
    elif _given(given.effectiveTiming):
        raise Defect("unreadable-time", "A Timing does not say when the specimen was taken.", "effectiveTiming")
    elif given.issued is not None:
        path, text, issued = "issued", given.issued, True
    else:
        return None
    try:
        at = moment(text, origin.zone)
    except Defect as defect:
        defect.where = path
        raise
    if at is None:
        detail = "Dated to a month or a year only: kept, not trended."
        raise Defect("imprecise-date", detail, path, quarantined=False)
    return _When(at, issued)
