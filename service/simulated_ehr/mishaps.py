"""What goes wrong on the way to a subscriber, on purpose: by chance, but the same each time for a seed."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Odds:
    """How often what goes wrong: shares of all notifications, from 0 to 1."""

    lose: float = 0.0
    duplicate: float = 0.0
    reorder: bool = False
    """Every fourth notification or so arrives after the one behind it."""
    seed: int = 0


@dataclass(slots=True)
class Ledger:
    """What went wrong, by kind: `Type/id version` of invented data, in order."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    """Tried until patience ran out, or overtaken by a newer version."""
    counts: Counter[str] = field(default_factory=Counter)
    """Notifications by how they were answered: `2xx`, `4xx`, ..., `none`."""

    def lines(self) -> list[str]:
        """As it is printed at the end."""
        told = ", ".join(f"{count} answered {answer}" for answer, count in sorted(self.counts.items()))
        lines = [f"notifications: {told or 'none sent'}"]
        for name, what in (
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("reordered", self.reordered),
            ("given up", self.given_up),
        ):
            lines.append(f"{name}: {len(what)}" + (f" ({', '.join(what)})" if what else ""))
        return lines


class Mishaps(Generic[T]):
    """Decides for the notifications of one Subscription, one after the other."""

    def __init__(self, odds: Odds, ledger: Ledger, name: Callable[[T], str]) -> None:
        self._odds, self._ledger, self._name = odds, ledger, name
        self._chance = random.Random(odds.seed)  # noqa: S311 - it plays an accident
        self._held: T | None = None

    def pass_on(self, notification: T) -> Sequence[T]:
        """What is sent now that this one is due: nothing, itself, twice itself, or one held back after it."""
        lost, twice, held = (
            self._chance.random() for _ in range(3)
        )  # always three: options do not shift them
        if lost < self._odds.lose:
            self._ledger.lost.append(self._name(notification))
            return ()
        if self._odds.reorder and self._held is None and held < 1 / 4:
            self._held = notification
            return ()
        sent = [notification]
        if twice < self._odds.duplicate:
            self._ledger.duplicated.append(self._name(notification))
            sent.append(notification)
        if self._held is not None:
            self._ledger.reordered.append(self._name(self._held))
        return [*sent, *self.release()]

    def release(self) -> Sequence[T]:
        """What was held back; nothing is held back any more."""
        held, self._held = self._held, None
        return () if held is None else (held,)
