"""Counting cases: numerators, denominators and quantiles, over all and by month and stratum.

Memory is bounded by the number of months and strata, not of cases: amounts are kept to three digits, each
once with its count, and of the people behind a figure no more than it takes to tell that they are not few.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from service.quality.measures.cases import Case, Question
from service.quality.measures.strata import REASON, strata_of


class Behind(NamedTuple):
    """The people behind a figure by the store's numbers, None for nobody known; as many as are not few."""

    met: Set[int | None] = frozenset()
    """Of cases of the numerator."""
    unmet: Set[int | None] = frozenset()
    """Of the others; somebody may be of both."""
    measured: Set[int | None] = frozenset()
    """Of cases with an amount."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a measure says of some cases."""

    numerator: int
    denominator: int
    median: float | None = None
    """Of the amounts there are, in the measure's unit, to three digits; None where there are none."""
    p90: float | None = None
    """Nine in ten amounts are not above it."""
    behind: Behind = field(default=Behind(), compare=False, repr=False)

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
    enough: int
    """People of a kind are not few from so many on."""
    numerator: int = 0
    denominator: int = 0
    amounts: Counter[float] = field(default_factory=Counter)
    met: set[int | None] = field(default_factory=set)
    unmet: set[int | None] = field(default_factory=set)
    measured: set[int | None] = field(default_factory=set)

    def add(self, person: int | None, *, met: bool, amount: float | None = None) -> None:
        self.denominator += 1
        self.numerator += met
        self._note(self.met if met else self.unmet, person)
        if amount is not None:
            self.amounts[amount] += 1
            self._note(self.measured, person)

    def with_none_met(self) -> "_Tally":
        """The same cases, as if none were of the numerator."""
        return _Tally(self.enough, 0, self.denominator, unmet=self.met | self.unmet)

    def figure(self) -> Figure:
        half, most = quantile(self.amounts, 50), quantile(self.amounts, 90)
        behind = Behind(self.met, self.unmet, self.measured)
        return Figure(self.numerator, self.denominator, half, most, behind)

    def _note(self, people: set[int | None], person: int | None) -> None:
        if len(people) < self.enough:
            people.add(person)


class Count:
    """Cases counted so far."""

    def __init__(self, question: Question) -> None:
        self._sources, self._enough = question.sources, question.smallest
        self._total = self._tally()
        self._months = defaultdict[str, _Tally](self._tally)
        self._strata = defaultdict[str, defaultdict[str, _Tally]](lambda: defaultdict(self._tally))
        self._reasons: dict[str, _Tally] = {}

    def add(self, case: Case) -> None:
        """Count one more."""
        person, amount = case.subject.number, None if case.amount is None else _to_three_digits(case.amount)
        for reason in case.because:
            if reason not in self._reasons:
                self._reasons[reason] = self._total.with_none_met()
        for reason, tally in self._reasons.items():
            tally.add(person, met=reason in case.because)
        self._total.add(person, met=case.met, amount=amount)
        self._months[case.month].add(person, met=case.met, amount=amount)
        for dimension, stratum in strata_of(case, self._sources):
            self._strata[dimension][stratum].add(person, met=case.met, amount=amount)

    def figures(self) -> Figures:
        """What has been counted."""
        strata = {name: _largest_first(tallies) for name, tallies in self._strata.items()}
        if self._reasons:
            often = sorted(self._reasons.items(), key=lambda item: -item[1].numerator)
            strata[REASON] = {why: tally.figure() for why, tally in often}
        months = {month: tally.figure() for month, tally in sorted(self._months.items())}
        return Figures(self._total.figure(), months, strata)

    def _tally(self) -> _Tally:
        return _Tally(self._enough)


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
