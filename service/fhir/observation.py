"""An Observation → its results: its own value, its components, and the Observations it contains.

A report that contains Observations is read as such a one, without a value of its own: see `report`.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import DecodeError, Raw

from service.clinical.analytes import CODES, Analyte
from service.clinical.results import LabResult, Measurement, ReferenceRange, ResultKey
from service.fhir import codes, datatypes, measurement, ranges, wire
from service.fhir.defects import Defect
from service.fhir.effective import effective
from service.fhir.haemolysis import AFFECTED, is_haemolysed
from service.fhir.incoming import Deleted, Ignored, Observed, Problem, Unusable
from service.fhir.origin import Origin
from service.fhir.references import OtherSubjectError, Subject, is_id, subject
from service.fhir.values import has_value, reading

Content = Observed | Deleted | Ignored | Unusable
_NOBODY = Subject(None)


class _Part(NamedTuple):
    """One measured thing of liver tests, with the Observation whose time, status and subject it has."""

    measured: wire.Measured
    analyte: Analyte
    sub_key: str
    path: str
    within: wire.Observation


def observed(given: wire.Observation, origin: Origin, kind: str = "Observation") -> tuple[Content, Subject]:
    """What an Observation says, and whose it is; `kind` is what it is called where something is wrong.

    One that counts for nothing (registered, without a value, dated to a month) is Observed without results,
    so that it still replaces its earlier versions. Of several parts that are all unusable the first is told.
    """
    if given.status in codes.OBSERVATION_GONE:
        return Deleted(), _subject_if_told(given, origin)
    try:
        parts, problems = _parts(given, kind)
        if not parts and not problems:
            return _context(given, origin)
        whose = subject(given.subject, origin.links, given.contained)
    except OtherSubjectError:
        return Ignored("other-subject"), _NOBODY
    except Defect as defect:
        return defect.unusable(kind), _subject_if_told(given, origin)
    results = _results(parts, problems, given, whose, origin)
    if problems and not results:
        for problem in problems:
            if problem.quarantined:
                return Unusable(problem.reason, problem.where, problem.detail), whose
    measured: tuple[Measurement, ...] = ()
    if given.component is not None:
        measured, unread = measurement.measurements(given, origin)
        problems += unread
    return Observed(tuple(results), tuple(problems), measured), whose


def _context(given: wire.Observation, origin: Origin) -> tuple[Content, Subject]:
    """An Observation without liver tests: context, or nothing for this service. It is never quarantined."""
    if not measurement.names_context(given):
        return Ignored("other-code"), _NOBODY
    try:
        whose = subject(given.subject, origin.links, given.contained)
    except (Defect, OtherSubjectError):
        return Ignored("other-subject"), _NOBODY
    measured, problems = measurement.measurements(given, origin)
    return Observed((), tuple(problems), measured), whose


def is_about_liver(code: datatypes.CodeableConcept | None) -> bool:
    """Whether any coding is of a test this service follows."""
    try:
        return test_of(code) is not None
    except Defect:
        return True


def _subject_if_told(given: wire.Observation, origin: Origin) -> Subject:
    try:
        return subject(given.subject, origin.links, given.contained)
    except (Defect, OtherSubjectError):
        return _NOBODY


def _parts(given: wire.Observation, kind: str) -> tuple[list[_Part], list[Problem]]:
    """Raises Defect when the Observation's own codes contradict each other."""
    coded = test_of(given.code)
    parts = [] if coded is None else [_Part(given, coded[0], "", kind, given)]
    problems: list[Problem] = []
    if given.component is None and given.contained is None:
        return parts, problems
    parts += _components(given, "", kind, problems)
    for index, raw in enumerate(given.contained or ()):
        parts += _contained(raw, f"{kind}.contained[{index}]", problems)
    if len(parts) > 1 and parts[0].measured is given and not has_value(given):
        del parts[0]  # a panel under a code of its own: what it holds is in its members
    seen: Counter[str] = Counter()
    for index, part in enumerate(parts):
        seen[part.sub_key] += 1
        if seen[part.sub_key] > 1:
            parts[index] = part._replace(sub_key=f"{part.sub_key}#{seen[part.sub_key]}")
    return parts, problems


def _components(given: wire.Observation, prefix: str, path: str, problems: list[Problem]) -> Iterator[_Part]:
    for index, component in enumerate(given.component or ()):
        place = f"{path}.component[{index}]"
        try:
            coded = test_of(component.code)
        except Defect as defect:
            problems.append(defect.problem(place))
            continue
        if coded is not None:
            yield _Part(component, coded[0], f"{prefix}component:{coded[1]}", place, given)


def _contained(raw: Raw, path: str, problems: list[Problem]) -> Iterator[_Part]:
    try:
        if wire.resource.decode(raw).resource_type != "Observation":
            return
        member = wire.observation.decode(raw)
        coded = test_of(member.code)
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
    if coded is not None and (has_value(member) or not member.component):
        yield _Part(member, coded[0], key, path, member)
    yield from _components(member, f"{key}/", path, problems)


def test_of(code: datatypes.CodeableConcept | None) -> tuple[Analyte, str] | None:
    """The analyte, and the LOINC code it goes by (of several synonyms the first in sorted order)."""
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


def _results(
    parts: list[_Part], problems: list[Problem], given: wire.Observation, whose: Subject, origin: Origin
) -> list[LabResult]:
    """The usable parts; the others are added to `problems`."""
    results: list[LabResult] = []
    for part in parts:
        try:
            status = _status(part.within, given)
            if status is not None:
                results.append(_result(part, status, given, whose, origin))
        except Defect as defect:
            problems.append(defect.problem(part.path))
    return results


def _status(within: wire.Observation, given: wire.Observation) -> str | None:
    """The status, or None for one with which a result does not count."""
    status = within.status or given.status
    if status in codes.OBSERVATION_COUNTS or status == codes.OBSERVATION_PRELIMINARY:
        return status
    if status in codes.OBSERVATION_NOT_YET or status in codes.OBSERVATION_GONE:
        return None
    if status is None:
        detail = "A result without status cannot be told from one that is retracted."
        raise Defect("no-status", detail, "status")
    raise Defect("unknown-status", "Not a status of an Observation.", "status")


def _result(part: _Part, status: str, given: wire.Observation, whose: Subject, origin: Origin) -> LabResult:
    measured, analyte, sub_key, _, within = part
    if within is not given and within.subject is not None:
        _same_patient(within, given, whose, origin)
    value, comparator = reading(measured, analyte, origin.rulebook)
    at, flags = effective(within, given, origin)
    if analyte in AFFECTED and is_haemolysed(measured, within, given):
        flags = ("haemolysed", *flags)
    limits: tuple[ReferenceRange, ...] = ()
    if measured.reference_range:
        limits, unreadable = ranges.ranges(analyte, measured.reference_range, measured.value_quantity)
        if unreadable:
            flags = (*flags, "unreadable-range")
    key = ResultKey(origin.source, given.id or "", sub_key)
    preliminary = status == codes.OBSERVATION_PRELIMINARY
    return LabResult(key, analyte, at, at.date(), value, comparator, limits, preliminary, flags)


def _same_patient(member: wire.Observation, given: wire.Observation, whose: Subject, origin: Origin) -> None:
    try:
        same = subject(member.subject, origin.links, given.contained) == whose
    except OtherSubjectError:
        same = False
    if not same:
        raise Defect("conflicting-patient", "The contained Observation is of someone else.", "subject")
