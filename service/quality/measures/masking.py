"""Small cells masked, so that nobody is recognised in what leaves.

A figure is masked as a whole where few people are behind its numerator, its denominator or their difference,
however many cases are theirs. The other figures of its table would give it away by what is left of the total,
so others are masked with it, the smallest first, until those behind what is masked are not few either, and
it is more than one figure. A median of few people's amounts is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from service.quality.measures.figures import Figure, Figures


class Masked(NamedTuple):
    """A figure that is not shown."""


MASKED = Masked()


@dataclass(frozen=True, slots=True)
class Shown:
    """Figures as they may leave: of what is masked nothing is told."""

    total: Figure | Masked
    months: Mapping[str, Figure | Masked]
    strata: Mapping[str, Mapping[str, Figure | Masked]]


def masked(figures: Figures, smallest: int) -> Shown:
    """The figures without small cells.

    Args:
        figures: what was counted.
        smallest: fewer people, but for none, are few; 1 masks nothing. They were counted up to as many at
            least (`Question.smallest`).
    """
    if _is_small(figures.total, smallest):
        return Shown(
            MASKED,
            dict.fromkeys(figures.months, MASKED),
            {name: dict.fromkeys(table, MASKED) for name, table in figures.strata.items()},
        )
    strata = {name: _table(table, smallest) for name, table in figures.strata.items()}
    return Shown(_without_few(figures.total, smallest), _table(figures.months, smallest), strata)


def _table(table: Mapping[str, Figure], smallest: int) -> dict[str, Figure | Masked]:
    hidden = {label for label, figure in table.items() if _is_small(figure, smallest)}
    # Empty figures hide nothing: of them it is known that they are 0.
    left = sorted(
        (label for label, figure in table.items() if label not in hidden and figure.denominator),
        key=lambda label: _size(label, table[label]),
    )
    while hidden and left and not _is_safe([table[label] for label in hidden], smallest):
        hidden.add(left.pop(0))
    return {
        label: MASKED if label in hidden else _without_few(figure, smallest)
        for label, figure in table.items()
    }


def _size(label: str, figure: Figure) -> tuple[int, int, str]:
    """The same for what a measure counts and for what it leaves.

    Two measures that are each other's rest would else mask different figures, and give each other away.
    """
    return figure.denominator, min(figure.numerator, figure.denominator - figure.numerator), label


def _is_safe(hidden: list[Figure], smallest: int) -> bool:
    """Whether what is hidden cannot be told from its sum."""
    met = frozenset().union(*(figure.behind.met for figure in hidden))
    unmet = frozenset().union(*(figure.behind.unmet for figure in hidden))
    return len(hidden) > 1 and min(len(met), len(unmet)) >= smallest


def _is_small(figure: Figure, smallest: int) -> bool:
    # Where those of the denominator are few, those of its larger part are too.
    return any(0 < len(people) < smallest for people in (figure.behind.met, figure.behind.unmet))


def _without_few(figure: Figure, smallest: int) -> Figure:
    """The figure, its quantiles left out where they would tell of few."""
    few = len(figure.behind.measured) < smallest
    return replace(figure, median=None, p90=None) if few else figure
