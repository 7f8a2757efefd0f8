"""From a FHIR value to an exact number in the analyte's canonical unit, or the reason why not."""

import re
from decimal import Decimal
from typing import Any, Final, NamedTuple

from service.clinical.analytes import CANONICAL_UNIT, Analyte
from service.clinical.results import Comparator
from service.clinical.rulebook import Rulebook
from service.clinical.units import UnusableUnit, plausible, scaled, to_canonical
from service.fhir import codes, datatypes
from service.fhir.defects import Defect

SOLE_UNIT: Final = CANONICAL_UNIT.keys() - {
    Analyte.TOTAL_BILIRUBIN,
    Analyte.DIRECT_BILIRUBIN,
    Analyte.ALBUMIN,
}
"""Analytes reported in one unit (or in one that reads the same), so that a bare number means something.

Bilirubin and albumin have two in daily use, mass and moles: a bare number of those is never guessed at.
"""

_MAX_MAGNITUDE = 15
"""Powers of ten, up and down: anything beyond is no laboratory value and would only burden the arithmetic."""

_ONE = Decimal(1)
_UNCENSORED: Final = Comparator.EXACT
_LONGEST = 40
"""Characters of a number written out exactly, in the canonical unit: as many as are kept."""

_COMPARATORS: Final[dict[str, Comparator]] = {
    **{comparator.value: comparator for comparator in Comparator},
    "≤": Comparator.LESS_OR_EQUAL,
    "≥": Comparator.GREATER_OR_EQUAL,
}
_TEXT_VALUE = re.compile(
    r"\s*(<=|>=|<|>|≤|≥)?\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)(?:\s*([^\s0-9.,-].{0,39}?))?\s*"
)


class Reading(NamedTuple):
    """A value in its canonical unit."""

    value: Decimal
    comparator: Comparator


def exact(number: Any, where: str = "value") -> Decimal:
    """A JSON number as it was written.

    Raises:
        Defect: `unreadable-number` when it is missing, no number, or beyond any measurement.
    """
    if type(number) is Decimal and -_MAX_MAGNITUDE <= number.adjusted() <= _MAX_MAGNITUDE:
        return number
    if type(number) is int and abs(number) < 10**_MAX_MAGNITUDE:
        return Decimal(number)
    raise Defect("unreadable-number", "Not a number this service can read; the sender must mend it.", where)


def quantity(analyte: Analyte, given: datatypes.Quantity, rulebook: Rulebook) -> Reading:
    """A Quantity in the canonical unit.

    Raises:
        Defect: `unreadable-number`, `unreadable-comparator`, `unknown-unit`, `conflicting-units`,
            `implausible-value`.
    """
    number = exact(given.value)
    comparator = _comparator(given)
    return _plausible(analyte, _in_canonical_unit(analyte, number, given), comparator, rulebook)


def factor(analyte: Analyte, given: datatypes.Quantity) -> Decimal:
    """What any value in this unit is multiplied with; Defect: `unknown-unit`, `conflicting-units`."""
    return _in_canonical_unit(analyte, _ONE, given)


def multiple(analyte: Analyte, given: datatypes.Quantity, by: Decimal, rulebook: Rulebook) -> Reading:
    """As `quantity`, by a `factor` that is known already."""
    value = scaled(exact(given.value), by)
    return _plausible(analyte, value, _comparator(given) if given.comparator else _UNCENSORED, rulebook)


def text(analyte: Analyte, given: str, rulebook: Rulebook) -> Reading:
    """A value written as text: `45`, `>5000`, `<0.2`, `>=12 mg/dL`. 1,234 is ambiguous, and not read.

    Raises:
        Defect: `unreadable-value`, `unknown-unit`, `implausible-value`, `unreadable-number`.
    """
    form = _TEXT_VALUE.fullmatch(given)
    if form is None:
        raise Defect("unreadable-value", "The text is not a comparator and a number; send a Quantity.")
    comparator = _COMPARATORS[form[1] or ""]
    value = _converted(analyte, Decimal(form[2]), form[3] or _sole_unit(analyte), "")
    return _plausible(analyte, value, comparator, rulebook)


def integer(analyte: Analyte, given: Any, rulebook: Rulebook) -> Reading:
    """A bare whole number, in the analyte's only unit; raises what `text` does, and `unreadable-number`."""
    value = _converted(analyte, exact(given, ""), _sole_unit(analyte), "")
    return _plausible(analyte, value, Comparator.EXACT, rulebook)


def limit(analyte: Analyte, given: datatypes.Quantity, beside: datatypes.Quantity | None) -> Decimal:
    """A limit of a reference range in the canonical unit, by its own unit or else by that of `beside`.

    Raises:
        Defect: as `quantity` does, but for plausibility.
    """
    number = exact(given.value)
    if beside is not None and not given.code and not given.unit:
        given = beside
    return _in_canonical_unit(analyte, number, given)


def _comparator(given: datatypes.Quantity) -> Comparator:
    comparator = _COMPARATORS.get(given.comparator or "")
    if comparator is None:
        raise Defect("unreadable-comparator", "The comparator is none of <, <=, >=, >.", "comparator")
    return comparator


def _sole_unit(analyte: Analyte) -> str:
    if analyte not in SOLE_UNIT:
        raise Defect(
            "unknown-unit", "A bare number, and the test has more than one unit in use; send a Quantity."
        )
    return CANONICAL_UNIT[analyte]


def _in_canonical_unit(analyte: Analyte, number: Decimal, given: datatypes.Quantity) -> Decimal:
    """By the coded unit where there is one; a readable unit text that says something else is a conflict."""
    code, unit = given.code, given.unit
    if not code or given.system not in codes.UCUM_SYSTEMS:
        # Neither unit nor code is fine for an INR, which is a ratio; for all else it is an unknown unit.
        return _converted(analyte, number, unit or code or "", "unit")
    value = _converted(analyte, number, code, "code")
    if unit and unit != code:
        try:
            other = to_canonical(analyte, number, unit)
        except UnusableUnit:
            return value
        if other != value:
            raise Defect(
                "conflicting-units", "The coded unit and the unit text differ; the sender must mend one."
            )
    return value


def _converted(analyte: Analyte, number: Decimal, unit: str, where: str) -> Decimal:
    try:
        return to_canonical(analyte, number, unit)
    except UnusableUnit:
        detail = (
            "Not a unit of this test; if it is right, map it in the source's laboratory system and replay."
        )
        raise Defect("unknown-unit", detail, where) from None


def _plausible(analyte: Analyte, value: Decimal, comparator: Comparator, rulebook: Rulebook) -> Reading:
    if len(str(value)) > _LONGEST:
        raise Defect("unreadable-number", "More digits than any measurement has; the sender must round it.")
    if not plausible(analyte, value, rulebook):
        raise Defect(
            "implausible-value", "Outside what is possible for this test (rulebook); check unit and value."
        )
    return tuple.__new__(Reading, (value, comparator))  # half the time of the constructor, for every result
