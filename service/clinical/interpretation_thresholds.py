"""The numbers by which an alert is read: scores, ratios and patterns. Multiples are of the upper limit."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

Order = tuple[tuple[str, ...], ...]
_SIGNED: dict[str, object] = {"signed": True}
"""Marks a number that may be negative."""


@dataclass(frozen=True, slots=True)
class RValue:
    """R and nR: from `hepatocellular_from` on, up to `cholestatic_to`, between them mixed."""

    hepatocellular_from: Decimal
    cholestatic_to: Decimal
    days: int
    ascending: ClassVar[Order] = (("cholestatic_to", "hepatocellular_from"),)


@dataclass(frozen=True, slots=True)
class AstToAlt:
    """AST/ALT: above `alcohol_above`, below `metabolic_below`, above `fibrosis_above` without alcohol."""

    alcohol_above: Decimal
    metabolic_below: Decimal
    fibrosis_above: Decimal
    days: int
    audit_c_men: Decimal
    audit_c_women: Decimal


@dataclass(frozen=True, slots=True)
class Muscle:
    """AST raised more than ALT with CK above `ck`."""

    ck: Decimal
    days: int


@dataclass(frozen=True, slots=True)
class Scores:
    """When a fibrosis score is given at all."""

    days: int
    not_above_alt: Decimal


@dataclass(frozen=True, slots=True)
class Fib4:
    """Below `low` low, above `high` high; `low_older` takes the place of `low` from `older_from_years`."""

    low: Decimal
    low_older: Decimal
    high: Decimal
    older_from_years: int
    not_to_years: int
    ascending: ClassVar[Order] = (("low", "low_older", "high"), ("not_to_years", "older_from_years"))


@dataclass(frozen=True, slots=True)
class Apri:
    """`factor` x (AST/ULN) / platelets: up to `low` low, above `high` high."""

    factor: Decimal
    low: Decimal
    high: Decimal
    ascending: ClassVar[Order] = (("low", "high"),)


@dataclass(frozen=True, slots=True)
class Nfs:
    """NAFLD fibrosis score: its coefficients (albumin in g/dL), and its cut-offs as in `Fib4`."""

    intercept: Decimal = field(metadata=_SIGNED)
    age: Decimal
    bmi: Decimal
    diabetes: Decimal
    ast_to_alt: Decimal
    platelets: Decimal = field(metadata=_SIGNED)
    albumin: Decimal = field(metadata=_SIGNED)
    low: Decimal = field(metadata=_SIGNED)
    low_older: Decimal = field(metadata=_SIGNED)
    high: Decimal
    older_from_years: int
    ascending: ClassVar[Order] = (("low", "low_older", "high"),)


@dataclass(frozen=True, slots=True)
class Edish:
    """The lines of the quadrants: ALT or AST above `enzyme`, bilirubin from `bilirubin`."""

    enzyme: Decimal
    bilirubin: Decimal


@dataclass(frozen=True, slots=True)
class Interpretations:
    """What is said beside every alert."""

    r: RValue
    ast_alt: AstToAlt
    muscle: Muscle
    scores: Scores
    fib4: Fib4
    apri: Apri
    nfs: Nfs
    edish: Edish
