"""How results of one person differ without a reason: analytical and biological variation, by the rulebook."""

import math
from functools import cache
from random import Random
from typing import Final

from service.clinical.analytes import Analyte
from service.clinical.rulebook import load_rulebook

_OTHERS: Final = {Analyte.ALBUMIN: 2.6, Analyte.PLATELETS: 6.0, Analyte.INR: 3.0}
"""Percent; of analytes whose change no rule judges, so that the rulebook has no figure of them. Invented data
only: nobody is judged by these."""

USUAL: Final = {
    Analyte.ALT: (0.50, 0.22),
    Analyte.AST: (0.50, 0.17),
    Analyte.ALP: (0.56, 0.17),
    Analyte.GGT: (0.38, 0.22),
    Analyte.TOTAL_BILIRUBIN: (0.42, 0.15),
    Analyte.DIRECT_BILIRUBIN: (0.36, 0.15),
    Analyte.ALBUMIN: (1.22, 0.04),
    Analyte.PLATELETS: (1.65, 0.12),
    Analyte.INR: (0.85, 0.03),
    Analyte.CREATINE_KINASE: (0.50, 0.22),
}
"""What is usual in the healthy, in multiples of the limit, and how far people differ (of the logarithm)."""


@cache
def spread(analyte: Analyte) -> float:
    """Standard deviation of the logarithm of one person's results: √ln(1 + CVa² + CVi²)."""
    change = load_rulebook().rules.change
    measured = Analyte.TOTAL_BILIRUBIN if analyte is Analyte.DIRECT_BILIRUBIN else analyte
    cvi = float(change.cvi[measured]) if measured in change.cvi else _OTHERS[measured]
    return math.sqrt(math.log1p((float(change.cva) / 100) ** 2 + (cvi / 100) ** 2))


def usual(analyte: Analyte, chance: Random) -> float:
    """The level around which a healthy person's results lie, in multiples of the limit."""
    middle, width = USUAL[analyte]
    return middle * math.exp(chance.gauss(0, width))


def varied(analyte: Analyte, multiple: float, chance: Random) -> float:
    """What one measurement of that level gives."""
    return multiple * math.exp(chance.gauss(0, spread(analyte)))
