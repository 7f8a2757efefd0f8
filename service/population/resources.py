"""What is told, as FHIR R4 resources in plain dicts."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final

from service.clinical.analytes import LOINC
from service.clinical.results import Coding
from service.population.story import Person

Resource = dict[str, Any]

IDENTIFIERS: Final = "https://liverwatch.example/invented-people"
"""Nobody has a number of this system: the domain is one that cannot exist."""
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"
_UCUM: Final = "http://unitsofmeasure.org"
_SHOWN: Final = {"ukat/L": "µkat/L", "umol/L": "µmol/L", "[IU]/L": "IU/L", "{INR}": "INR"}
"""How some units are written for people."""
_GROUPS: Final = f"{_TERMINOLOGY}/observation-category"


def versioned(kind: str, id_: str, updated: datetime, version: int = 1) -> Resource:
    """The beginning of a resource, as a server that keeps versions gives it."""
    stamp = updated.isoformat(timespec="milliseconds")
    return {"resourceType": kind, "id": id_, "meta": {"versionId": str(version), "lastUpdated": stamp}}


def concept(text: str, codings: Iterable[Coding] = ()) -> Resource:
    """Text, and the codes that are known for it."""
    listed = [{"system": each.system, "code": each.code} for each in codings]
    return {"coding": listed, "text": text} if listed else {"text": text}


def loinc(text: str, code: str | None) -> Resource:
    """A test by its LOINC code; by its text alone where there is none."""
    return concept(text, [] if code is None else [Coding(LOINC, code)])


def category(code: str) -> list[Resource]:
    """The category of an Observation: laboratory, survey, vital-signs."""
    return [{"coding": [{"system": _GROUPS, "code": code}]}]


def quantity(value: float, unit: str) -> Resource:
    """A value with its UCUM unit."""
    plain = int(value) if value == int(value) else value
    return {"value": plain, "unit": _SHOWN.get(unit, unit), "system": _UCUM, "code": unit}


def reference_range(limit: float, unit: str, sex: str | None = None, *, lower: bool = False) -> Resource:
    """What the laboratory holds for normal; for one sex where it says so."""
    printed: Resource = {"low" if lower else "high": quantity(limit, unit)}
    if sex is not None:
        gender = {"system": "http://hl7.org/fhir/administrative-gender", "code": sex}
        printed["appliesTo"] = [{"coding": [gender]}]
    return printed


def subject(person: Person) -> Resource:
    """Whose it is."""
    return {"reference": f"Patient/{person.id}"}


def patient(person: Person, updated: datetime) -> Resource:
    """Who it is."""
    return versioned("Patient", person.id, updated) | {
        "active": True,
        "identifier": [{"system": IDENTIFIERS, "value": f"INVENTED-{person.number:06d}"}],
        "name": [{"use": "official", "family": person.family, "given": [person.given]}],
        "gender": person.sex.value,
        "birthDate": person.birth_date.isoformat(),
    }


def condition(
    start: Resource, who: Person, code: Resource, since: date, until: date | None = None
) -> Resource:
    """An entry of the problem list."""
    status = "active" if until is None else "resolved"
    told = start | {
        "clinicalStatus": {"coding": [{"system": f"{_TERMINOLOGY}/condition-clinical", "code": status}]},
        "verificationStatus": {
            "coding": [{"system": f"{_TERMINOLOGY}/condition-ver-status", "code": "confirmed"}]
        },
        "code": code,
        "subject": subject(who),
        "onsetDateTime": since.isoformat(),
        "recordedDate": since.isoformat(),
    }
    return told if until is None else told | {"abatementDateTime": until.isoformat()}


def order(start: Resource, who: Person, drug: Resource, begun: date, stopped: date | None) -> Resource:
    """A drug that was prescribed."""
    period = {"start": begun.isoformat()} | ({"end": stopped.isoformat()} if stopped else {})
    return start | {
        "status": "stopped" if stopped else "active",
        "intent": "order",
        "medicationCodeableConcept": drug,
        "subject": subject(who),
        "authoredOn": begun.isoformat(),
        "dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": period}}}],
    }


def statement(start: Resource, who: Person, drug: Resource, begun: date, stopped: date | None) -> Resource:
    """A drug that somebody says was taken."""
    period = {"start": begun.isoformat()} | ({"end": stopped.isoformat()} if stopped else {})
    return start | {
        "status": "stopped" if stopped else "active",
        "medicationCodeableConcept": drug,
        "subject": subject(who),
        "effectivePeriod": period,
    }


def observation(  # noqa: PLR0913 - one argument for each part of the resource
    start: Resource,
    who: Person,
    code: Resource,
    taken: str,
    value: Resource,
    ranges: Sequence[Resource] = (),
    *,
    group: str = "laboratory",
    status: str = "final",
) -> Resource:
    """A result: `value` is the element with its name (`valueQuantity`, `valueString`)."""
    told = start | {
        "status": status,
        "category": category(group),
        "code": code,
        "subject": subject(who),
        "effectiveDateTime": taken,
        **value,
    }
    return told | {"referenceRange": list(ranges)} if ranges else told


def procedure(start: Resource, who: Person, text: str, day: date) -> Resource:
    """An examination that was done."""
    return start | {
        "status": "completed",
        "code": {"text": text},
        "subject": subject(who),
        "performedDateTime": day.isoformat(),
    }


def service_request(start: Resource, who: Person, text: str, day: date) -> Resource:
    """An examination that is ordered and not done yet."""
    return start | {
        "status": "active",
        "intent": "order",
        "code": {"text": text},
        "subject": subject(who),
        "authoredOn": day.isoformat(),
    }
