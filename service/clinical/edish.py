"""The quadrants of eDISH: how high the enzymes came, against how high bilirubin did.

The lines are the rulebook's (`interpretation.edish`), or those somebody moves on a chart.
"""

from enum import StrEnum


class Quadrant(StrEnum):
    """By whether ALT or AST peaks above its line, and total bilirubin at its line or above."""

    HYS_LAW = "Hy's law"
    ENZYMES = "enzymes only"
    BILIRUBIN = "bilirubin only"
    NEITHER = "neither"


MEANINGS = {
    Quadrant.HYS_LAW: "enzymes and bilirubin both high",
    Quadrant.ENZYMES: "high enzymes without high bilirubin",
    Quadrant.BILIRUBIN: "high bilirubin without high enzymes",
    Quadrant.NEITHER: "neither enzymes nor bilirubin high",
}


def quadrant(*, enzyme_high: bool, bilirubin_high: bool) -> Quadrant:
    """The quadrant of a person whose peaks lie beyond their lines, or do not."""
    if enzyme_high:
        return Quadrant.HYS_LAW if bilirubin_high else Quadrant.ENZYMES
    return Quadrant.BILIRUBIN if bilirubin_high else Quadrant.NEITHER
