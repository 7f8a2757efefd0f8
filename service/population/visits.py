"""When people come: days before the day the population is made for, the oldest first."""

import math
from random import Random
from typing import Final

ROUTINE: Final = (150, 230)
"""Days between two visits: twice a year or so."""
DENSE: Final = (20, 45)
SPARSE: Final = (280, 400)
_PATTERNS: Final = (*[ROUTINE] * 5, *[SPARSE] * 4, DENSE)


def lately(chance: Random) -> int:
    """How long ago somebody was seen last: mostly some days, sometimes months."""
    return chance.choice((chance.randint(1, 10), chance.randint(4, 45), chance.randint(30, 85)))


def any_pattern(chance: Random) -> tuple[int, int]:
    """Mostly routine or sparse; in one of ten dense."""
    return chance.choice(_PATTERNS)


def between(since: int, until: int, pattern: tuple[int, int], chance: Random) -> list[int]:
    """Visits from the first to the last, both included, never further apart than the pattern says.

    Args:
        since: days ago of the first.
        until: days ago of the last; not more than `since`.
        pattern: the fewest and the most days between two.
        chance: where the numbers come from.
    """
    span = since - until
    if span == 0:
        return [until]
    step = span / math.ceil(span / chance.uniform(*pattern))
    inner = [since - step * place for place in range(1, round(span / step))]
    moved = [round(ago + chance.uniform(-0.12, 0.12) * step) for ago in inner]
    return [since, *moved, until]
