"""The context of an Observation, and what reports conclude: measurements, and what imaging or a biopsy found.

None of it is ever quarantined, and a finding is only what its sender says of it: found, not found or unclear.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from msgspec import UNSET, DecodeError
from msgspec.json import Decoder

from service.clinical.catalogues import findings as catalogue
from service.clinical.catalogues.examinations import examination
from service.clinical.results import Answer, Measurement, ResultKey
from service.fhir import codes, datatypes, measurement, wire
from service.fhir.context import named
from service.fhir.defects import Defect
from service.fhir.effective import effective
from service.fhir.examinations import day_of
from service.fhir.incoming import Problem
from service.fhir.members import Member
from service.fhir.origin import Origin
from service.fhir.references import OtherSubjectError, Subject, subject

_LOOKS: Final = frozenset({"ultrasound", "elastography", "mri", "mrcp", "biopsy"})
"""Examinations whose Observations may say in a concept what was found."""
_REPORT_COUNTS: Final = codes.OBSERVATION_COUNTS | {"appended", "modified"}
_concepts: Final = Decoder(list[datatypes.CodeableConcept] | None, float_hook=wire.number)


def is_context(code: datatypes.CodeableConcept | None) -> bool:
    """Whether it names a measurement, a finding or an examination that is read as context."""
    return measurement.is_context(code) or _finding(code) is not None or _is_look(code)


def context_of(
    members: Sequence[Member], given: wire.Observation, whose: Subject, origin: Origin
) -> tuple[tuple[Measurement, ...], list[Problem]]:
    """All context at these places of an Observation, each with its own key; and what could not be read."""
    said, problems = measurement.measurements(members, given, whose, origin)
    for member in members:
        try:
            said += _found(member, given, whose, origin)
        except Defect as defect:
            problems.append(defect.problem(member.path)._replace(quarantined=False))
    seen: Counter[str] = Counter()
    for place, each in enumerate(said):
        sub_key = each.key.sub_key
        seen[sub_key] += 1
        if seen[sub_key] > 1:
            said[place] = replace(each, key=each.key._replace(sub_key=f"{sub_key}#{seen[sub_key]}"))
    return tuple(said), problems


def concluded(given: wire.DiagnosticReport, origin: Origin) -> tuple[Measurement, ...]:
    """The findings that a report's `conclusionCode` says, where it counts and says whose it is and when."""
    day = day_of(given)
    if given.conclusion_code is UNSET or given.status not in _REPORT_COUNTS or day is None:
        return ()
    try:
        subject(given.subject, origin.links, given.contained)
        concepts = _concepts.decode(given.conclusion_code) or []
    except (Defect, OtherSubjectError, DecodeError):
        return ()
    told: dict[str, list[tuple[Answer, str]]] = {}
    for concept in concepts:
        for name, answer in _said(concept).items():
            told.setdefault(name, []).append((answer, named(concept)[1]))
    return tuple(
        _measurement(origin, f"DiagnosticReport/{given.id}", f"conclusion:{name}", name, day, answers)
        for name, answers in told.items()
    )


def _measurement(
    origin: Origin, id_: str, sub_key: str, name: str, day: date, told: Sequence[tuple[Answer, str]]
) -> Measurement:
    answer = catalogue.surest(each for each, _ in told)
    text = next(words for each, words in told if each is answer)[: measurement.LONGEST]
    return Measurement(ResultKey(origin.source, id_, sub_key), name, day, answer=answer, text=text)


def _found(member: Member, given: wire.Observation, whose: Subject, origin: Origin) -> list[Measurement]:
    """An Observation named after a finding is answered; one named after an examination says what it found."""
    measured = member.measured
    if measurement.is_context(measured.code):
        return []
    name = _finding(measured.code)
    if name is None and not _is_look(measured.code):
        return []
    if member.status(given) not in codes.OBSERVATION_COUNTS:
        return []
    member.check_patient(given, whose, origin)
    text = measurement.words_of(measured)
    answers = dict(_said(_concept(measured))) if name is None else {name: _answer(name, text)}
    told = {found: answer for found, answer in answers.items() if answer is not None}
    if not told:
        return []
    day = effective(member.within, given, origin)[0].date()
    return [
        _measurement(origin, given.id or "", _sub_key(member, name, found), found, day, [(answer, text)])
        for found, answer in told.items()
    ]


def _sub_key(member: Member, name: str | None, found: str) -> str:
    place = member.sub_key(name or "finding")
    return place if name is not None else f"{place}/finding:{found}".lstrip("/")


def _answer(name: str, text: str) -> Answer | None:
    return catalogue.answered(name, text) or measurement.answer_in(text)


def _concept(measured: wire.Measured) -> datatypes.CodeableConcept | None:
    """Free text is not searched for findings: a report's prose says more than a catalogue understands."""
    if measured.value_codeable_concept is UNSET:
        return None
    return wire.concept.decode(measured.value_codeable_concept)


def _said(concept: datatypes.CodeableConcept | None) -> Mapping[str, Answer]:
    if concept is None:
        return {}
    codings, _ = named(concept)
    displays = "; ".join(each.display for each in concept.coding or () if each.display)
    return catalogue.concluded(codings, concept.text or "", displays)


def _finding(code: datatypes.CodeableConcept | None) -> str | None:
    return catalogue.finding_named(*named(code))


def _is_look(code: datatypes.CodeableConcept | None) -> bool:
    return examination(*named(code)) in _LOOKS
