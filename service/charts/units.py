"""Values as a chart tells them: multiples of the limit, or with the units of a region."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from service.charts.course import Point
from service.clinical.analytes import CANONICAL_UNIT, Analyte
from service.clinical.limits import LOW_IS_ABNORMAL
from service.clinical.saying import number
from service.clinical.units import to_canonical


class Scale(StrEnum):
    """What the vertical axis tells."""

    MULTIPLES = "multiples"
    """Multiples of the limit of normal, on a log scale."""
    SI = "si"
    """Absolute values in SI units, as they are stored."""
    US = "us"
    """Absolute values in the units that are usual in the United States."""


_US: Final[Mapping[Analyte, str]] = MappingProxyType(
    {
        Analyte.TOTAL_BILIRUBIN: "mg/dL",
        Analyte.DIRECT_BILIRUBIN: "mg/dL",
        Analyte.ALBUMIN: "g/dL",
        Analyte.PLATELETS: "10*3/uL",
    }
)
_SHOWN: Final = MappingProxyType({"umol/L": "µmol/L", "10*9/L": "10⁹/L", "10*3/uL": "10³/µL", "1": "INR"})
_ONE: Final = Decimal(1)


class Told(NamedTuple):
    """One point on its scale."""

    panel: str
    """What stands together on one axis: a unit, or which limit it is a multiple of."""
    value: float
    limit: float | None
    words: str
    """Value, unit and multiple as they are read out."""


UPPER: Final = "× upper limit"
LOWER: Final = "× lower limit"


def told(point: Point, scale: Scale) -> Told | None:
    """The point on the scale; None for a multiple of a limit that there is not."""
    unit = _unit(point.analyte, scale)
    each = to_canonical(point.analyte, _ONE, unit)
    value = f"{point.comparator.value}{number(point.value / each)} {_SHOWN.get(unit, unit)}"
    if point.multiple is not None:
        value += f", {number(point.multiple)} ×"
    if scale is not Scale.MULTIPLES:
        limit = None if point.limit is None else float(point.limit / each)
        return Told(_SHOWN.get(unit, unit), float(point.value / each), limit, value)
    if point.multiple is None:
        return None
    panel = LOWER if point.analyte in LOW_IS_ABNORMAL else UPPER
    return Told(panel, float(point.multiple), 1.0, value)


def _unit(analyte: Analyte, scale: Scale) -> str:
    canonical = CANONICAL_UNIT[analyte]
    return _US.get(analyte, canonical) if scale is Scale.US else canonical
