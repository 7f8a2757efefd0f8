"""The laboratory's own reference ranges, and the people each is for."""

from decimal import Decimal
from typing import NamedTuple

from service.clinical.analytes import Analyte
from service.clinical.results import ReferenceRange, Sex
from service.fhir import codes, datatypes, quantities
from service.fhir.defects import Defect

_DAYS_A_YEAR = Decimal("365.25")


class _Population(NamedTuple):
    sex: Sex | None
    other: bool
    """For a group that this service cannot tell."""


_EVERYBODY = _Population(None, other=False)


def ranges(
    analyte: Analyte, given: list[datatypes.ReferenceRange], value: datatypes.Quantity | None
) -> tuple[tuple[ReferenceRange, ...], bool]:
    """The ranges of type normal, or of no type, in the canonical unit; and whether one could not be read.

    Left out: critical, therapeutic and other special ranges; ranges in words only. Unreadable: a unit that is
    not one of the test, an upper limit that is not positive, a lower limit above the upper one.
    """
    read: list[ReferenceRange] = []
    unreadable = False
    for each in given:
        if (each.low is None and each.high is None) or (each.type is not None and not _is_normal(each.type)):
            continue
        try:
            read.append(_range(analyte, each, value))
        except Defect:
            unreadable = True
    return tuple(read), unreadable


def _range(
    analyte: Analyte, given: datatypes.ReferenceRange, value: datatypes.Quantity | None
) -> ReferenceRange:
    low = None if given.low is None else quantities.limit(analyte, given.low, _unit_of(given.high, value))
    high = None if given.high is None else quantities.limit(analyte, given.high, _unit_of(given.low, value))
    if (high is not None and high <= 0) or (
        low is not None and (low < 0 or (high is not None and low > high))
    ):
        raise Defect("unreadable-range", "The limits are not those of a range.")
    if given.applies_to is None and given.age is None:
        return ReferenceRange(low, high)
    sex, other = _population(given.applies_to or [])
    age_low = age_high = None
    if given.age is not None:
        try:
            age_low, age_high = _years(given.age.low), _years(given.age.high)
        except Defect:
            other = True
    return ReferenceRange(low, high, sex, age_low, age_high, other)


def _unit_of(
    other_limit: datatypes.Quantity | None, value: datatypes.Quantity | None
) -> datatypes.Quantity | None:
    """What a limit without a unit has it from: the range's other limit, or else the value."""
    if other_limit is not None and (other_limit.code or other_limit.unit):
        return other_limit
    return value


def _is_normal(meaning: datatypes.CodeableConcept) -> bool:
    if meaning.coding:
        return any(coding.code == codes.NORMAL_RANGE for coding in meaning.coding)
    return (meaning.text or "").strip().lower() in ("", codes.NORMAL_RANGE, "normal range")


def _population(applies_to: list[datatypes.CodeableConcept]) -> _Population:
    """Both sexes named is no restriction; any group that is not a sex cannot be checked."""
    sexes: set[Sex] = set()
    other = False
    for concept in applies_to:
        sex = _sex(concept)
        if sex is None:
            other = True
        else:
            sexes.add(sex)
    if not other and len(sexes) != 1:
        return _EVERYBODY
    return _Population(next(iter(sexes)) if len(sexes) == 1 else None, other)


def _sex(concept: datatypes.CodeableConcept) -> Sex | None:
    words = [coding.code for coding in concept.coding or () if coding.code] or [concept.text or ""]
    found = {codes.SEX_CODES.get(word.strip().lower()) for word in words}
    return found.pop() if len(found) == 1 else None


def _years(age: datatypes.Quantity | None) -> Decimal | None:
    """In years, exactly where the age is given in years."""
    if age is None:
        return None
    number = quantities.exact(age.value)
    days = codes.DAYS_PER_UNIT.get((age.code or age.unit or "").strip().lower())
    if days is None:
        raise Defect("unreadable-range", "An age without a unit of time.")
    return number if Decimal(days) == _DAYS_A_YEAR else number * Decimal(days) / _DAYS_A_YEAR
