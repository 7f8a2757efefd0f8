"""Constants that follow from the rulebook: reference change limits and critical values of the trend test.

Computed once, in decimal or integer arithmetic, so that every machine judges alike.
"""

from decimal import Context, Decimal, localcontext
from statistics import NormalDist
from typing import NamedTuple

_EXACT = Context(prec=40)
_PLACES = Decimal("1e-12")


class ChangeLimits(NamedTuple):
    """How far a value may lie from its baseline by analytical and biological variation alone."""

    rise: Decimal
    """A value above baseline × rise has risen (1.31: +31 %)."""
    fall: Decimal
    """A value below baseline × fall has fallen (0.76: -24 %)."""


class TrendLimits(NamedTuple):
    """When a Mann-Kendall statistic is significant, one-sided, for a rise."""

    exact: tuple[int | None, ...]
    """By number of values: the least S that is significant without ties; None where none can be."""
    z_squared: Decimal
    """Square of the normal quantile: (S - 1)² ≥ z² × Var(S) is significant otherwise."""


def change_limits(cva: Decimal, cvi: Decimal, z: Decimal) -> ChangeLimits:
    """Reference change limits for log-normal variation (Fokkema 2006); `cva`, `cvi` in percent."""
    with localcontext(_EXACT):
        variance = (cva / 100) ** 2 + (cvi / 100) ** 2
        width = z * Decimal(2).sqrt() * (1 + variance).ln().sqrt()
        return ChangeLimits(width.exp().quantize(_PLACES), (-width).exp().quantize(_PLACES))


def trend_limits(p_value: Decimal, exact_up_to: int) -> TrendLimits:
    """Critical values for a one-sided level `p_value` (0 < p < 1), exact up to `exact_up_to` values."""
    quantile = Decimal(NormalDist().inv_cdf(1 - float(p_value)))
    return TrendLimits(
        exact=tuple(_least_significant(n, p_value) for n in range(exact_up_to + 1)),
        z_squared=(quantile * quantile).quantize(_PLACES),
    )


def exact_tail(n: int) -> list[Decimal]:
    """P(at most k discordant pairs) among `n` untied values in random order, for k = 0, 1, ...

    With k discordant pairs the Mann-Kendall statistic is S = n(n-1)/2 - 2k.
    """
    counts = [1]
    for size in range(2, n + 1):
        sums = [0]
        for count in counts + [0] * (size - 1):
            sums.append(sums[-1] + count)
        counts = [sums[k + 1] - sums[max(0, k + 1 - size)] for k in range(len(sums) - 1)]
    total = sum(counts)
    tail, running = [], 0
    for count in counts:
        running += count
        tail.append(Decimal(running) / Decimal(total))
    return tail


def _least_significant(n: int, p_value: Decimal) -> int | None:
    discordant = sum(1 for probability in exact_tail(n) if probability <= p_value)
    return n * (n - 1) // 2 - 2 * (discordant - 1) if discordant else None
