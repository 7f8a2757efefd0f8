"""Reported units → the canonical unit of each analyte, by an explicit table. What is not in it is refused.

Bilirubin: 1 mg/dL = 17.1 µmol/L. Enzymes: 1 µkat/L = 60 U/L. Albumin: 66,437 g/mol (1 g/L = 15.05 µmol/L).
"""

from decimal import Context, Decimal

from service.clinical.analytes import CANONICAL_UNIT, Analyte
from service.clinical.rulebook import Rulebook
from service.errors import LiverwatchError

_EXACT = Context(prec=100)
_ONE = Decimal(1)
_LONGEST_UNIT = 16
"""Longer ones are not repeated in messages: they may be anything."""


class UnusableUnit(LiverwatchError):
    """The unit is unknown, or measures something else than the analyte."""

    status = 400
    issue_code = "value"


def _table(*rows: tuple[str, str]) -> dict[str, Decimal]:
    return {unit: Decimal(factor) for factor, units in rows for unit in units.split()}


_ENZYME = _table(
    ("1", "U/L U/l IU/L IU/l iU/L [IU]/L [iU]/L [IU]/l [iU]/l"),
    ("1", "mU/mL mU/ml mIU/mL mIU/ml m[IU]/mL m[iU]/mL m[IU]/ml m[iU]/ml umol/min/L"),
    ("1000", "U/mL U/ml IU/mL IU/ml [IU]/mL [iU]/mL kU/L"),
    ("60", "ukat/L ukat/l UKAT/L \u00b5kat/L \u00b5kat/l \u03bckat/L \u03bckat/l umol/s/L"),
    ("0.06", "nkat/L nkat/l NKAT/L nmol/s/L"),
)
_BILIRUBIN = _table(
    ("1", "umol/L umol/l UMOL/L \u00b5mol/L \u00b5mol/l \u03bcmol/L \u03bcmol/l mcmol/L nmol/mL nmol/ml"),
    ("1000", "mmol/L mmol/l"),
    ("17.1", "mg/dL mg/dl MG/DL mg% mg/100mL"),
    ("1.71", "mg/L mg/l"),
)
_ALBUMIN = _table(
    ("1", "g/L g/l G/L mg/mL mg/ml"),
    ("10", "g/dL g/dl G/DL g% g/100mL"),
    ("0.01", "mg/dL mg/dl MG/DL"),
    ("0.001", "mg/L mg/l"),
    ("0.066437", "umol/L umol/l UMOL/L \u00b5mol/L \u00b5mol/l \u03bcmol/L \u03bcmol/l"),
    ("66.437", "mmol/L mmol/l"),
)
_PLATELETS = _table(
    ("1", "10*9/L 10*9/l 10^9/L 10^9/l 10E9/L 10e9/L x10*9/L x10^9/L x10E9/L x10e9/L G/L Giga/L G/l"),
    ("1", "10*3/uL 10*3/ul 10*3/UL 10*3/\u00b5L 10*3/\u03bcL 10^3/uL 10^3/ul 10^3/\u00b5L 10^3/\u03bcL"),
    ("1", "10E3/uL 10e3/uL x10*3/uL x10^3/uL x10E3/uL x10e3/uL Thousand/uL"),
    ("1", "K/uL k/uL K/\u00b5L K/\u03bcL K/mcL"),
    ("1", "10*3/mm3 10^3/mm3 K/mm3 10*6/mL 10^6/mL"),
    ("0.001", "/uL /ul /UL /\u00b5L /\u03bcL /mm3 {#}/uL 10*6/L 10^6/L"),
)
_RATIO = {**_table(("1", "1 {INR} {ratio} INR")), "": Decimal(1)}

_FACTORS: dict[Analyte, dict[str, Decimal]] = {
    Analyte.ALT: _ENZYME,
    Analyte.AST: _ENZYME,
    Analyte.ALP: _ENZYME,
    Analyte.GGT: _ENZYME,
    Analyte.CREATINE_KINASE: _ENZYME,
    Analyte.TOTAL_BILIRUBIN: _BILIRUBIN,
    Analyte.DIRECT_BILIRUBIN: _BILIRUBIN,
    Analyte.ALBUMIN: _ALBUMIN,
    Analyte.PLATELETS: _PLATELETS,
    Analyte.INR: _RATIO,
    Analyte.PROTHROMBIN_TIME: _table(("1", "s sec secs second seconds")),
    Analyte.PROTHROMBIN_ACTIVITY: _table(("1", "%")),
}


def to_canonical(analyte: Analyte, value: Decimal, unit: str) -> Decimal:
    """`value` in the canonical unit of `analyte`, exactly; `unit` is a UCUM code or a listed alias of one.

    An empty unit is accepted for INR only. Raises UnusableUnit for any unit not in the table.
    """
    factor = _FACTORS[analyte].get(unit.strip())
    if factor is None:
        raise UnusableUnit(
            f"unit {_shown(unit)} cannot be converted to {CANONICAL_UNIT[analyte]} for {analyte.value}; "
            f"accepted: {', '.join(unit or '(none)' for unit in _FACTORS[analyte])}",
            where="valueQuantity.code",
        )
    return scaled(value, factor)


def scaled(value: Decimal, factor: Decimal) -> Decimal:
    """`value` times `factor`, exactly, and as it was written where the factor is 1."""
    return value if factor == _ONE else _EXACT.multiply(value, factor)


def _shown(unit: str) -> str:
    """A unit fit for a message: short ones as they are, anything long only by its length."""
    return repr(unit) if len(unit) <= _LONGEST_UNIT else f"of {len(unit)} characters"


def plausible(analyte: Analyte, value: Decimal, rulebook: Rulebook) -> bool:
    """Whether `value` (canonical unit) is possible by the rulebook; an impossible one is quarantined."""
    if not value.is_finite():
        return False
    limits = rulebook.rules.plausibility
    at_most = limits.at_most.get(analyte)
    return value > limits.above and (at_most is None or value <= at_most)
