"""Four invented laboratories: each with its own units, limits, decimals and habits of printing ranges."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final, NamedTuple

from service.clinical.analytes import Analyte
from service.clinical.limits import LOW_IS_ABNORMAL
from service.clinical.results import Sex
from service.clinical.rulebook import load_rulebook
from service.clinical.units import to_canonical

_ENZYMES: Final = (Analyte.ALT, Analyte.AST, Analyte.ALP, Analyte.GGT, Analyte.CREATINE_KINASE)
_BILIRUBIN: Final = (Analyte.TOTAL_BILIRUBIN, Analyte.DIRECT_BILIRUBIN)
_DECIMALS: Final = {"ukat/L": 2, "mg/dL": 2, "g/dL": 1, "{INR}": 1}
"""The other units are reported in whole numbers."""
_GROWING_BONE: Final = 3
"""How many times an adult's limit of ALP laboratories print for a child."""

Limits = dict[Analyte, tuple[float, float]]
"""Men's and women's limit in the canonical unit: the upper one, of albumin and platelets the lower one."""


@dataclass(frozen=True, slots=True, eq=False)
class Laboratory:
    """Where somebody's blood is sent."""

    id: str
    name: str
    offset: str
    """Of its clock to UTC, as FHIR writes it."""
    enzymes: str
    """UCUM unit, as are the following."""
    bilirubin: str
    albumin: str
    platelets: str
    limits: Limits
    prints_ranges: bool = True
    by_sex: bool = False
    """It prints a range for each sex, and leaves it to the reader which is meant."""

    def unit(self, analyte: Analyte) -> str:
        """The unit it reports an analyte in."""
        if analyte in _ENZYMES:
            return self.enzymes
        if analyte in _BILIRUBIN:
            return self.bilirubin
        return {Analyte.ALBUMIN: self.albumin, Analyte.PLATELETS: self.platelets}.get(analyte, "{INR}")

    @property
    def by_substance(self) -> bool:
        """Bilirubin is reported as an amount of substance, which has LOINC codes of its own."""
        return self.bilirubin == "umol/L"


class Scale(NamedTuple):
    """How a laboratory reports one analyte for a kind of people."""

    unit: str
    decimals: int
    limit: float
    """In that unit, as printed; the rulebook's where the laboratory prints none."""


@cache
def scale(laboratory: Laboratory, analyte: Analyte, sex: Sex, *, child: bool = False) -> Scale:
    """How `laboratory` reports `analyte` for people of that sex, and by which limit that is read."""
    unit = laboratory.unit(analyte)
    decimals = _DECIMALS.get(unit, 0)
    factor = float(to_canonical(analyte, Decimal(1), unit))
    if laboratory.prints_ranges:
        limit = laboratory.limits[analyte][sex is Sex.FEMALE]
        limit *= _GROWING_BONE if child and analyte is Analyte.ALP else 1
        return Scale(unit, decimals, round(limit / factor, decimals))
    return Scale(unit, decimals, _rulebook_limit(analyte, sex, child=child) / factor)


def _rulebook_limit(analyte: Analyte, sex: Sex, *, child: bool) -> float:
    limits = load_rulebook().rules.limits
    if analyte in LOW_IS_ABNORMAL:
        return float(limits.lower[analyte])
    if child and analyte in limits.upper_child:
        young = limits.upper_child[analyte]
        return float(young.girls if sex is Sex.FEMALE else young.boys)
    adult = limits.upper[analyte]
    return float(adult.women if sex is Sex.FEMALE else adult.men)


def _limits(
    alt: tuple[float, float], ast: tuple[float, float], alp: float, ggt: tuple[float, float]
) -> Limits:
    """Enzymes as given, in U/L; the rest as most laboratories have it."""
    return {
        Analyte.ALT: alt,
        Analyte.AST: ast,
        Analyte.ALP: (alp, alp),
        Analyte.GGT: ggt,
        Analyte.TOTAL_BILIRUBIN: (20.52, 20.52),
        Analyte.DIRECT_BILIRUBIN: (5.13, 5.13),
        Analyte.ALBUMIN: (35, 35),
        Analyte.PLATELETS: (150, 150),
        Analyte.INR: (1.2, 1.2),
        Analyte.CREATINE_KINASE: (200, 170),
    }


LABORATORIES: Final = (
    Laboratory(
        *("riverside", "Riverside General Laboratory", "-05:00", "U/L", "mg/dL", "g/dL", "10*3/uL"),
        _limits((41, 33), (40, 32), 129, (61, 36)),
    ),
    Laboratory(
        *("nordhamn", "Nordhamn Hospital Laboratory", "+01:00", "ukat/L", "umol/L", "g/L", "10*9/L"),
        _limits((66, 45), (45, 36), 114, (78, 42)),
    ),
    Laboratory(
        *("minster", "Minster Pathology", "+00:00", "U/L", "umol/L", "g/L", "10*9/L"),
        _limits((50, 35), (40, 35), 130, (60, 40)),
        by_sex=True,
    ),
    Laboratory(
        *("oldmill", "Old Mill Practice", "+00:00", "[IU]/L", "mg/dL", "g/dL", "10*9/L"),
        {},
        prints_ranges=False,
    ),
)
