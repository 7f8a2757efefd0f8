"""Counting cases: numerators, denominators and quantiles, over all and by month and stratum.

Memory is bounded by the months, and by the strata that there are together, not by cases: amounts are kept to
three digits, each once with its count, and of the people behind a figure no more than it takes to tell that
they are not few.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from service.quality.measures.cases import Case, Question, Strata
from service.quality.measures.strata import REASON


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
        self._note(self.met if met else self.unmet, (person,))
        if amount is not None:
            self.amounts[amount] += 1
            self._note(self.measured, (person,))

    def take(self, other: "_Tally") -> None:
        """Add the cases of another."""
        self.denominator += other.denominator
        self.numerator += other.numerator
        self.amounts.update(other.amounts)
        self._note(self.met, other.met)
        self._note(self.unmet, other.unmet)
        self._note(self.measured, other.measured)

    def with_none_met(self) -> "_Tally":
        """The same cases, as if none were of the numerator."""
        return _Tally(self.enough, 0, self.denominator, unmet=self.met | self.unmet)

    def figure(self) -> Figure:
        half, most = quantile(self.amounts, 50), quantile(self.amounts, 90)
        behind = Behind(self.met, self.unmet, self.measured)
        return Figure(self.numerator, self.denominator, half, most, behind)

    def _note(self, known: set[int | None], people: Collection[int | None]) -> None:
        if len(known) < self.enough:
            known.update(people)


class Count:
    """Cases counted so far: those of one month that are of the same strata together."""

    def __init__(self, question: Question) -> None:
        self._enough = question.smallest
        self._together = defaultdict[tuple[int, int, Strata], _Tally](self._none)
        self._reasons: dict[str, _Tally] = {}

    def add(self, case: Case) -> None:
        """Count one more."""
        person, amount = case.subject.number, None if case.amount is None else _to_three_digits(case.amount)
        for reason in case.because:
            if reason not in self._reasons:
                self._reasons[reason] = self._sum(self._together.values()).with_none_met()
        for reason, tally in self._reasons.items():
            tally.add(person, met=reason in case.because)
        tally = self._together[case.day.year, case.day.month, case.strata]
        tally.add(person, met=case.met, amount=amount)

    def figures(self) -> Figures:
        """What has been counted."""
        months = defaultdict[str, _Tally](self._none)
        strata = defaultdict[str, defaultdict[str, _Tally]](lambda: defaultdict(self._none))
        for (year, month, together), tally in self._together.items():
            months[f"{year}-{month:02}"].take(tally)
            for dimension, stratum in together:
                strata[dimension][stratum].take(tally)
        told = {name: _largest_first(tallies) for name, tallies in strata.items()}
        if self._reasons:
            often = sorted(self._reasons.items(), key=lambda item: -item[1].numerator)
            told[REASON] = {why: tally.figure() for why, tally in often}
        total = self._sum(months.values()).figure()
        return Figures(total, {month: tally.figure() for month, tally in sorted(months.items())}, told)

    def _none(self) -> _Tally:
        return _Tally(self._enough)

    def _sum(self, tallies: Iterable[_Tally]) -> _Tally:
        every = self._none()
        for tally in tallies:
            every.take(tally)
        return every


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
