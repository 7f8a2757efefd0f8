"""Counting cases: numerators, denominators and quantiles, over all and by month and stratum.

Memory is bounded by the number of months and strata, not of cases: amounts are kept to three digits, each
once with its count.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from service.quality.measures.cases import Case
from service.quality.measures.strata import REASON, strata_of


class Figure(NamedTuple):
    """What a measure says of some cases."""

    numerator: int
    denominator: int
    median: float | None = None
    """Of the amounts there are, in the measure's unit, to three digits; None where there are none."""
    p90: float | None = None
    """Nine in ten amounts are not above it."""

    @property
    def rate(self) -> float | None:
        """Numerator by denominator, 0 to 1; None where nothing was counted."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class Figures:
    """All that a measure says."""

    total: Figure
    months: Mapping[str, Figure]
    """By `2026-03`, in order, without the months in which nothing was counted."""
    strata: Mapping[str, Mapping[str, Figure]]
    """By dimension and stratum, the largest first; the dimension `reason` counts cases of the denominator
    that are so, whether of the numerator or not."""


@dataclass(slots=True)
class _Tally:
    numerator: int = 0
    denominator: int = 0
    amounts: Counter[float] = field(default_factory=Counter)

    def add(self, met: bool, amount: float | None) -> None:
        self.denominator += 1
        self.numerator += met
        if amount is not None:
            self.amounts[amount] += 1

    def figure(self) -> Figure:
        half, most = quantile(self.amounts, 50), quantile(self.amounts, 90)
        return Figure(self.numerator, self.denominator, half, most)


@dataclass(slots=True)
class Count:
    """Cases counted so far."""

    sources: Mapping[int, str]
    total: _Tally = field(default_factory=_Tally)
    months: defaultdict[str, _Tally] = field(default_factory=lambda: defaultdict(_Tally))
    strata: defaultdict[str, defaultdict[str, _Tally]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(_Tally))
    )
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, case: Case) -> None:
        """Count one more."""
        met, amount = case.met, None if case.amount is None else _to_three_digits(case.amount)
        self.total.add(met, amount)
        self.months[case.month].add(met, amount)
        for dimension, stratum in strata_of(case, self.sources):
            self.strata[dimension][stratum].add(met, amount)
        for reason in case.because:
            self.reasons[reason] += 1

    def figures(self) -> Figures:
        """What has been counted."""
        strata = {name: _largest_first(tallies) for name, tallies in self.strata.items()}
        if self.reasons:
            of_all = self.total.denominator
            strata[REASON] = {why: Figure(count, of_all) for why, count in self.reasons.most_common()}
        months = {month: tally.figure() for month, tally in sorted(self.months.items())}
        return Figures(self.total.figure(), months, strata)


def count(cases: Iterable[Case], sources: Mapping[int, str]) -> Figures:
    """The figures of all cases."""
    counted = Count(sources)
    for case in cases:
        counted.add(case)
    return counted.figures()


def quantile(amounts: Mapping[float, int], percent: int) -> float | None:
    """The least amount that at least so many in a hundred are not above (nearest rank); None of none.

    Args:
        amounts: how often there is each.
        percent: 1 to 100.
    """
    rank = -(-sum(amounts.values()) * percent // 100)
    for amount in sorted(amounts):
        rank -= amounts[amount]
        if rank <= 0:
            return amount
    return None


def _to_three_digits(amount: float) -> float:
    return float(f"{amount:.3g}")


def _largest_first(tallies: Mapping[str, _Tally]) -> dict[str, Figure]:
    ordered = sorted(tallies.items(), key=lambda item: (-item[1].denominator, item[0]))
    return {label: tally.figure() for label, tally in ordered}
