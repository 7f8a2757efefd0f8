"""A criterion that holds on a day: what every detector hands to the walk."""

from datetime import date
from typing import Any, NamedTuple

from service.clinical.day_values import DayValue
from service.clinical.episodes import Kind, Tier


class Held(NamedTuple):
    """One named criterion, met on one day."""

    kind: Kind
    reason: str
    value: DayValue
    """The driving day-value: its analyte is the finding's."""
    first: date
    """Where the run, the elevation or the evidence begins."""
    tier: Tier
    facts: tuple[Any, ...]
    """What the words about it need; see wording.py."""
    evidence: tuple[DayValue, ...]
    span: tuple[int, int] | None = None
    """Further evidence: a slice of the analyte's uncensored day-values."""
    notes: tuple[str, ...] = ()


def urgent(reason: str, value: DayValue, facts: tuple[object, ...], *evidence: DayValue | None) -> Held:
    """A met urgent rule, driven by `value`, resting on it and on `evidence`."""
    used = (value, *(one for one in evidence if one is not None))
    notes = ("rests on a preliminary result",) if any(one.result.preliminary for one in used) else ()
    first = min(one.day for one in used)
    return Held(Kind.URGENT, reason, value, first, Tier.URGENT, facts, used, None, notes)


def rests_on_finals_of(day: date, held: Held) -> bool:
    """Whether a result of `day` drives the criterion, and no preliminary result is behind it."""
    return held.value.day == day and not any(one.result.preliminary for one in held.evidence)
