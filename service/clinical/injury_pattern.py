"""The pattern of a liver injury, as ALT and ALP tell it: of one patient, or typical of a drug."""

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.clinical.day_values import DayValue
    from service.clinical.interpretation_thresholds import RValue


class InjuryPattern(StrEnum):
    """Which cells are hurt: R of 5 and over hepatocellular, of 2 and less cholestatic, between mixed."""

    HEPATOCELLULAR = "hepatocellular"
    CHOLESTATIC = "cholestatic"
    MIXED = "mixed"


def ratio(enzyme: "DayValue", alp: "DayValue") -> Decimal:
    """R, or nR where `enzyme` is the larger of ALT and AST: (enzyme/ULN)/(ALP/ULN), rounded."""
    return (enzyme.value * alp.limit) / (alp.value * enzyme.limit)


def ratio_at_least(enzyme: "DayValue", alp: "DayValue", bound: Decimal) -> bool:
    """Whether R is `bound` or more, compared without dividing, for a quotient is rounded."""
    return enzyme.value * alp.limit >= bound * alp.value * enzyme.limit


def pattern_of(enzyme: "DayValue", alp: "DayValue", rule: "RValue") -> InjuryPattern:
    """The pattern by R; both bounds belong to their pattern."""
    if ratio_at_least(enzyme, alp, rule.hepatocellular_from):
        return InjuryPattern.HEPATOCELLULAR
    if enzyme.value * alp.limit <= rule.cholestatic_to * alp.value * enzyme.limit:
        return InjuryPattern.CHOLESTATIC
    return InjuryPattern.MIXED
