"""The context an Observation gives besides liver tests: ferritin, serology, BMI, habits.

Nothing here is ever quarantined, for none of it drives an alert: a value that cannot be read, or is in a unit
that is not in the catalogue, is not kept, and the alert then says that it is not known.
"""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec import UNSET, DecodeError

from service.clinical.catalogues.measurements import Kind, kind_of
from service.clinical.results import Answer, Comparator, Measurement, ResultKey
from service.clinical.units import scaled
from service.fhir import codes, datatypes, wire
from service.fhir.context import named
from service.fhir.defects import Defect
from service.fhir.effective import effective
from service.fhir.incoming import Problem
from service.fhir.members import Member
from service.fhir.origin import Origin
from service.fhir.quantities import exact
from service.fhir.references import Subject

LONGEST: Final = 200
"""Characters of an answer in words that are kept."""
_COMPARATORS: Final = {each.value: each for each in Comparator}
_NUMBER: Final = re.compile(r"\s*(<=|>=|<|>)?\s*([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*(\S.{0,19})?\s*")
_ANSWERS: Final = (
    (Answer.UNCLEAR, re.compile(r"(?<!\w)(?:indeterminate|equivocal|borderline|inconclusive)(?!\w)")),
    (
        Answer.NEGATIVE,
        re.compile(
            r"(?<!\w)(?:neg|negative|non[- ]?reactive|not (?:\w+ )?(?:detected|reactive|present)|undetected"
            r"|undetectable|absent|none detected|no(?: [\w-]+){1,4} (?:detected|present|found|seen))(?!\w)"
            r"|^no[.!]?$"
        ),
    ),
    (
        Answer.POSITIVE,
        re.compile(r"(?<!\w)(?:pos|positive|reactive|detected|present|detectable)(?!\w)|^yes[.!]?$"),
    ),
)


def is_context(code: datatypes.CodeableConcept | None) -> bool:
    """Whether it names a measurement that is read as context."""
    return _kind(code) is not None


def measurements(
    members: Iterable[Member], given: wire.Observation, whose: Subject, origin: Origin
) -> tuple[list[Measurement], list[Problem]]:
    """What is measured as context at these places of an Observation; the problems are of the unreadable.

    Two of one key are not told apart here.
    """
    found: list[Measurement] = []
    problems: list[Problem] = []
    for member in members:
        kind = _kind(member.measured.code)
        if kind is None:
            continue
        try:
            one = _measurement(member, kind, given, whose, origin)
        except Defect as defect:
            problems.append(defect.problem(member.path)._replace(quarantined=False))
            continue
        if one is not None:
            found.append(one)
    return found, problems


def _kind(code: datatypes.CodeableConcept | None) -> Kind | None:
    codings, text = named(code)
    return kind_of(codings, text)


def _measurement(
    member: Member, kind: Kind, given: wire.Observation, whose: Subject, origin: Origin
) -> Measurement | None:
    if member.status(given) not in codes.OBSERVATION_COUNTS:
        return None
    key = ResultKey(origin.source, given.id or "", member.sub_key(kind.name))
    member.check_patient(given, whose, origin)
    measured, day = member.measured, effective(member.within, given, origin)[0].date()
    if measured.value_quantity is not None:
        return _numeric(measured, measured.value_quantity, kind, key, day)
    text = words_of(measured)
    if not text:
        return None
    number = _NUMBER.fullmatch(text)
    if number is not None and kind.units:
        quantity = datatypes.Quantity(Decimal(number[2]), number[1], number[3] or kind.unit)
        return _numeric(measured, quantity, kind, key, day)
    return Measurement(key, kind.name, day, answer=answer_in(text), text=text[:LONGEST])


def _numeric(
    measured: wire.Measured, given: datatypes.Quantity, kind: Kind, key: ResultKey, day: date
) -> Measurement:
    comparator = _COMPARATORS.get(given.comparator or "")
    if comparator is None:
        raise Defect("unreadable-comparator", "Not a comparator this service can read.", "valueQuantity")
    factor = _factor(kind, given)
    low, high = _limits(measured, kind, factor)
    value = scaled(exact(given.value), factor)
    return Measurement(key, kind.name, day, value, comparator, kind.unit, low, high)


def _factor(kind: Kind, given: datatypes.Quantity) -> Decimal:
    """By the code, else by the unit in words: never guessed."""
    for unit in (given.code, given.unit):
        if unit is not None and unit.strip() in kind.units:
            return kind.units[unit.strip()]
    if not given.code and not given.unit and "" in kind.units:
        return kind.units[""]
    raise Defect("unknown-unit", f"Not a unit of {kind.name} in the catalogue: not kept.", "valueQuantity")


def _limits(measured: wire.Measured, kind: Kind, factor: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """Of the one range that is for everybody; several, or one for a group, say nothing here."""
    ranges = measured.reference_range or []
    if len(ranges) != 1 or ranges[0].applies_to or ranges[0].age is not None:
        return None, None
    return _limit(ranges[0].low, kind, factor), _limit(ranges[0].high, kind, factor)


def _limit(given: datatypes.Quantity | None, kind: Kind, beside: Decimal) -> Decimal | None:
    if given is None:
        return None
    try:
        factor = _factor(kind, given) if given.code or given.unit else beside
        return scaled(exact(given.value), factor)
    except Defect:
        return None


def words_of(measured: wire.Measured) -> str:
    """A value in words, or as a plain number; empty where it is of another kind.

    Raises:
        Defect: it is not what it says it is.
    """
    if measured.value_string is not None:
        return measured.value_string.strip()
    if measured.value_boolean is not UNSET:
        return {b"true": "positive", b"false": "negative"}.get(bytes(measured.value_boolean), "")
    if measured.value_integer is not None:
        return str(exact(measured.value_integer))
    if measured.value_codeable_concept is UNSET:
        return ""
    try:
        concept = wire.concept.decode(measured.value_codeable_concept)
    except DecodeError:
        raise Defect("unreadable-value", "Not a CodeableConcept.", "valueCodeableConcept") from None
    return named(concept)[1].strip()


def answer_in(text: str) -> Answer | None:
    """Whether an answer in words is positive, negative or neither; None where that cannot be told."""
    lowered = text.casefold()
    return next((answer for answer, words in _ANSWERS if words.search(lowered)), None)
