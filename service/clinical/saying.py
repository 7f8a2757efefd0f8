"""How numbers, quantities and analytes are said to a reader: one way, wherever this service says them."""

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from service.clinical.analytes import CANONICAL_UNIT, Analyte

_PLACES = 2
_STEP = Decimal("0.5")
"""Multiples that rules ask for (2 ×, 2.5 ×, 3 ×, ...) are multiples of this."""

_NAMES: dict[Analyte, str] = {
    Analyte.TOTAL_BILIRUBIN: "total bilirubin",
    Analyte.DIRECT_BILIRUBIN: "direct bilirubin",
    Analyte.ALBUMIN: "albumin",
    Analyte.PLATELETS: "platelets",
    Analyte.PROTHROMBIN_TIME: "prothrombin time",
    Analyte.PROTHROMBIN_ACTIVITY: "prothrombin activity",
    Analyte.CREATINE_KINASE: "creatine kinase",
}
"""Analytes whose short name a reader may not know, in words."""

_UNITS = {"1": "", "umol/L": "µmol/L", "10*9/L": "10⁹/L"}
"""UCUM codes that readers write otherwise; a ratio has no unit to say."""


@lru_cache(maxsize=4096)  # limits, bounds and the latest values are said again and again
def number(value: Decimal) -> str:
    """Rounded half up to two decimals, without trailing zeros.

    A number that is not a whole or a half never reads as one, for those are what rules compare with: 1.996
    stays 1.996 and 3.004 stays 3.004. Such a number is said with as many more digits as it takes.
    """
    places = _PLACES
    rounded = _rounded(value, places)
    while rounded != value and rounded % _STEP == 0:
        places += 1
        rounded = _rounded(value, places)
    text = f"{rounded:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantity(analyte: Analyte, value: Decimal) -> str:
    """`value` with the unit the analyte is kept in: `61.5 µmol/L`; an INR alone."""
    code = CANONICAL_UNIT[analyte]
    unit = _UNITS.get(code, code)
    return f"{number(value)} {unit}".rstrip()


def analyte_in_words(analyte: Analyte) -> str:
    """The analyte as a reader knows it."""
    return _NAMES.get(analyte, analyte.value)


def capitalised(text: str) -> str:
    """With a capital at its start, and the rest as it is."""
    return text[:1].upper() + text[1:]


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
