"""Findings while the walk still gathers them; frozen into :class:`Finding` when their episode is."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from service.clinical.analytes import Analyte
from service.clinical.day_values import DayValue
from service.clinical.episodes import Finding, Kind, Reason, Suppression, Tier
from service.clinical.held import Held
from service.clinical.track import Track
from service.clinical.wording import detail


class Grounds:
    """One criterion of a finding, over all the days it held."""

    __slots__ = ("_evidence", "_spans", "facts", "last", "met", "name")

    def __init__(self, name: str, day: date) -> None:
        self.name = name
        self.met = self.last = day
        self.facts: tuple[Any, ...] = ()
        self._evidence: list[DayValue] = []
        self._spans: list[tuple[int, int]] = []

    def hold(self, held: Held, day: date) -> None:
        """It holds on `day` too; days come in order."""
        self.last = day
        self.facts = held.facts
        self._evidence += held.evidence
        if held.span is not None:
            start, end = held.span
            if self._spans and start <= self._spans[-1][1]:
                start = min(start, self._spans[-1][0])
                end = max(end, self._spans.pop()[1])
            self._spans.append((start, end))

    def freeze(self, exact: list[DayValue]) -> Reason:
        """The finished reason; `exact` are the uncensored day-values its spans refer to."""
        used = {(value.ordinal, value.result.key) for value in self._evidence}
        for start, end in self._spans:
            used.update((value.ordinal, value.result.key) for value in exact[start:end])
        return Reason(
            name=self.name,
            met=self.met,
            last=self.last,
            detail=detail(self.name, self.facts),
            evidence=tuple(key for _, key in sorted(used)),
        )


class OpenFinding:
    """One kind of finding in one analyte (for persistence: in one run) of an open episode."""

    __slots__ = (
        *("_grounds", "_held_tier", "_latest_tier", "_notes", "_tier", "alerts_from", "analyte"),
        *("first", "kind", "last", "met", "suppressed"),
    )

    def __init__(self, held: Held, day: date) -> None:
        self.kind: Kind = held.kind
        self.analyte: Analyte = held.value.analyte
        self.first = held.first
        self.met = self.last = day
        self.alerts_from: date | None = None
        self.suppressed: Suppression | None = None
        self._grounds: dict[str, Grounds] = {}
        self._held_tier = self._latest_tier = held.tier
        self._tier: Tier | None = None
        self._notes: dict[str, None] = {}

    def hold(self, held: Held, day: date) -> None:
        """A criterion of it holds on `day`."""
        self._latest_tier = held.tier if day != self.last else max(held.tier, self._latest_tier)
        self._held_tier = max(held.tier, self._held_tier)
        self.first = min(self.first, held.first)
        self.last = day
        grounds = self._grounds.get(held.reason)
        if grounds is None:
            grounds = self._grounds[held.reason] = Grounds(held.reason, day)
        grounds.hold(held, day)
        self.note(*held.notes)

    def note(self, *notes: str) -> None:
        """Say this beside the finding, once."""
        for note in notes:
            self._notes[note] = None

    def unsay(self, note: str) -> None:
        """No longer say this beside the finding."""
        self._notes.pop(note, None)

    def alert(self, day: date) -> Tier:
        """It may alert on `day`; gives the tier it alerts with."""
        if self.alerts_from is None:
            self.alerts_from = day
            self.suppressed = None
        self._tier = self._latest_tier if self._tier is None else max(self._tier, self._latest_tier)
        return self._tier

    def tells(self, day: date, tier: Tier) -> bool:
        """Whether it held on `day`, and alerts as soon as `tier` asks or sooner."""
        return self.last == day and self.alerts_from is not None and self._latest_tier >= tier

    def suppress(self, reason: Suppression) -> None:
        """It may not alert now; one that has alerted before goes on alerting."""
        if self.alerts_from is None:
            self.suppressed = reason

    def freeze(self, tracks: Mapping[Analyte, Track], more_notes: Iterable[str]) -> Finding:
        """The finished finding."""
        exact = tracks[self.analyte].exact
        self.note(*more_notes)
        return Finding(
            kind=self.kind,
            analyte=self.analyte,
            first=self.first,
            met=self.met,
            last=self.last,
            tier=self._held_tier if self._tier is None else self._tier,
            reasons=tuple(grounds.freeze(exact) for grounds in self._grounds.values()),
            alerts_from=self.alerts_from,
            suppressed=self.suppressed,
            notes=tuple(self._notes),
        )
