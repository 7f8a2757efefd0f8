"""A Patient → what changes how results are read, and whose they are."""

from service.clinical.results import Sex
from service.fhir import wire
from service.fhir.background import ethnicity_in, language_in
from service.fhir.human_name import names_in
from service.fhir.incoming import PatientFacts, Problem
from service.fhir.origin import Origin
from service.fhir.references import is_kept, patient_id
from service.fhir.times import first_day

_SEX = {sex.value: sex for sex in Sex}


def facts(given: wire.Patient, origin: Origin) -> PatientFacts:
    """What a Patient says of sex, age, death and merges. What cannot be read is unknown, and a problem."""
    problems: list[Problem] = []
    birth_date = first_day(given.birth_date)
    if given.birth_date is not None and birth_date is None:
        problems.append(Problem("unreadable-date", "Patient.birthDate", "Not a date: the age is not known."))
    replaced_by, replaces = _merges(given, origin, problems)
    return PatientFacts(
        sex=_SEX.get(given.gender or ""),
        birth_date=birth_date,
        deceased=given.deceased_boolean is True or given.deceased_date_time is not None,
        replaced_by=replaced_by,
        replaces=replaces,
        identifiers=_identifiers(given, problems),
        problems=tuple(problems),
        names=names_in(given.name),
        born=(given.birth_date or "") if birth_date is not None else "",
        ethnicity=ethnicity_in(given.extension),
        language=language_in(given.communication),
    )


def _identifiers(given: wire.Patient, problems: list[Problem]) -> tuple[tuple[str, str], ...]:
    kept: list[tuple[str, str]] = []
    for index, each in enumerate(given.identifier or ()):
        if not each.value:
            continue
        if is_kept(each.system or "", each.value):
            kept.append((each.system or "", each.value))
        else:
            detail = "Too long to be kept (over 500 characters): nothing is found by it."
            place = f"Patient.identifier[{index}]"
            problems.append(Problem("identifier-too-long", place, detail, quarantined=False))
    return tuple(kept)


def _merges(
    given: wire.Patient, origin: Origin, problems: list[Problem]
) -> tuple[str | None, tuple[str, ...]]:
    replaced_by: str | None = None
    replaces: list[str] = []
    for index, link in enumerate(given.link or ()):
        if link.type not in ("replaced-by", "replaces"):
            continue
        path = f"Patient.link[{index}].other"
        other = patient_id(link.other, origin.links)
        if other is None or other == given.id:
            problems.append(Problem("unreadable-link", path, "It leads to no other Patient of this source."))
        elif link.type == "replaces":
            replaces.append(other)
        elif replaced_by is None:
            replaced_by = other
        elif replaced_by != other:
            detail = "Replaced by two different Patients: only the first is followed."
            problems.append(Problem("conflicting-link", path, detail))
    return replaced_by, tuple(replaces)
