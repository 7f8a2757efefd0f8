"""An Observation → its results and their context: its own, of its components, of Observations it contains.

A report that contains Observations is read as such a one, without a value of its own: see `report`.
"""

from collections import Counter
from typing import NamedTuple

from service.clinical.analytes import CODES, Analyte
from service.clinical.results import LabResult, ReferenceRange, ResultKey
from service.fhir import codes, datatypes, findings, ranges, wire
from service.fhir.defects import Defect
from service.fhir.effective import effective
from service.fhir.haemolysis import AFFECTED, is_haemolysed
from service.fhir.incoming import Deleted, Ignored, Observed, Problem, Unusable
from service.fhir.members import Member, members
from service.fhir.origin import Origin
from service.fhir.references import OtherSubjectError, Subject, subject
from service.fhir.values import has_value, reading

Content = Observed | Deleted | Ignored | Unusable
_NOBODY = Subject(None)


class _Part(NamedTuple):
    """A place where a liver test was measured."""

    member: Member
    analyte: Analyte
    sub_key: str


def observed(given: wire.Observation, origin: Origin, kind: str = "Observation") -> tuple[Content, Subject]:
    """What an Observation says, and whose it is; `kind` is what it is called where something is wrong.

    One that counts for nothing (registered, without a value, dated to a month) is Observed without results,
    so that it still replaces its earlier versions. Of several parts that are all unusable the first is told.
    """
    if given.status in codes.OBSERVATION_GONE:
        return Deleted(), _subject_if_told(given, origin)
    try:
        parts, beside, problems = _parts(given, kind)
        if not parts and not problems:
            return _context(beside, given, origin)
        whose = subject(given.subject, origin.links, given.contained)
    except OtherSubjectError:
        return Ignored("other-subject"), _NOBODY
    except Defect as defect:
        return defect.unusable(kind), _subject_if_told(given, origin)
    results = _results(parts, problems, given, whose, origin)
    measured, unread = findings.context_of(beside, given, whose, origin)
    if problems and not results and not measured:
        for problem in problems:
            if problem.quarantined:
                return Unusable(problem.reason, problem.where, problem.detail), whose
    return Observed(tuple(results), (*problems, *unread), measured), whose


def _context(beside: list[Member], given: wire.Observation, origin: Origin) -> tuple[Content, Subject]:
    """An Observation without liver tests: context, or nothing for this service. It is never quarantined."""
    if not any(findings.is_context(each.measured.code) for each in beside):
        return Ignored("other-code"), _NOBODY
    try:
        whose = subject(given.subject, origin.links, given.contained)
    except (Defect, OtherSubjectError):
        return Ignored("other-subject"), _NOBODY
    measured, problems = findings.context_of(beside, given, whose, origin)
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


def _parts(given: wire.Observation, kind: str) -> tuple[list[_Part], list[Member], list[Problem]]:
    """The liver tests, and beside them whatever else it holds.

    Raises Defect when the Observation's own codes contradict each other.
    """
    parts: list[_Part] = []
    beside: list[Member] = []
    problems: list[Problem] = []
    for member in members(given, kind, problems):
        try:
            coded = test_of(member.measured.code)
            if coded is None:
                beside.append(member)
            elif _is_measured(member):
                parts.append(_Part(member, coded[0], member.sub_key(coded[1])))
        except Defect as defect:
            if member.measured is given:
                raise
            problems.append(defect.problem(member.path))
    if len(parts) > 1 and parts[0].member.measured is given and not has_value(given):
        del parts[0]  # a panel under a code of its own: what it holds is in its members
    seen: Counter[str] = Counter()
    for index, part in enumerate(parts):
        seen[part.sub_key] += 1
        if seen[part.sub_key] > 1:
            parts[index] = part._replace(sub_key=f"{part.sub_key}#{seen[part.sub_key]}")
    return parts, beside, problems


def _is_measured(member: Member) -> bool:
    """Not so of a contained panel under the code of a test: what it holds is in its components."""
    contained = member.measured is member.within and bool(member.prefix)
    return not contained or not member.within.component or has_value(member.measured)


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
            status = _counting(part.member.status(given))
            if status is not None:
                results.append(_result(part, status, given, whose, origin))
        except Defect as defect:
            problems.append(defect.problem(part.member.path))
    return results


def _counting(status: str | None) -> str | None:
    """The status, or None for one with which a result does not count."""
    if status in codes.OBSERVATION_COUNTS or status == codes.OBSERVATION_PRELIMINARY:
        return status
    if status in codes.OBSERVATION_NOT_YET or status in codes.OBSERVATION_GONE:
        return None
    if status is None:
        detail = "A result without status cannot be told from one that is retracted."
        raise Defect("no-status", detail, "status")
    raise Defect("unknown-status", "Not a status of an Observation.", "status")


def _result(part: _Part, status: str, given: wire.Observation, whose: Subject, origin: Origin) -> LabResult:
    member, analyte, sub_key = part
    measured, within = member.measured, member.within
    member.check_patient(given, whose, origin)
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
