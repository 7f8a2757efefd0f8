"""What became of one alert, moment by moment: from when on it asked for somebody, and how it ended."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Final

from service.alerts.alert import Action, Disposition, State
from service.alerts.events import EventKind
from service.alerts.states import DATE_HAS_COME, day_of
from service.clinical.episodes import Tier
from service.clinical.recommendations import alerting_findings
from service.fhir.names import finding_in_words
from service.fhir.wording import finding_code
from service.quality.measures.cases import Case, Question, Strata
from service.quality.measures.strata import strata_of
from service.store.alerts import Happened
from service.store.measured import CAME, Raised

_WENT: Final = frozenset({EventKind.RESOLVED, EventKind.DORMANT, EventKind.WITHDRAWN, EventKind.MERGED})
"""Nobody has to act on it from then on, by nobody's decision."""
_ASKS_ANEW: Final = CAME | {EventKind.TIER_RAISED, EventKind.WOKEN, EventKind.STATE_CHANGED}
_OF_TIERS: Final = frozenset({EventKind.RAISED, EventKind.TIER_RAISED, EventKind.TIER_LOWERED})
_SETTLED: Final = frozenset({Action.KNOWN_CAUSE, Action.OVERRIDE})
"""Decisions that let nobody wait for an alert any more."""


@dataclass(frozen=True)
class AlertStory:
    """One alert that people were asked to look at, with what is told apart by."""

    raised: Raised
    question: Question
    at: datetime
    """From when on it asked for somebody: it is counted as raised then."""

    @cached_property
    def tier(self) -> Tier:
        """With which it first asked for somebody."""
        events = self.raised.events
        return [_tier(each) for each in events if each.kind in _OF_TIERS and each.at <= self.at][-1]

    @cached_property
    def waits_since(self) -> datetime | None:
        """Since when it has waited for somebody, at the urgency that it has now; None where it does not."""
        if self.raised.alert.state is not State.OPEN:
            return None
        asked = [each.at for each in self.raised.events if each.kind in _ASKS_ANEW]
        given_back = [made.at for made in self.raised.decisions if made.action is Action.REOPEN]
        return max([*asked, *given_back])

    @cached_property
    def died(self) -> datetime | None:
        """When the patient's death ended it, as it stands; None where it did not."""
        alert, episode = self.raised.alert, self.raised.alert.episode
        if alert.state is not State.RESOLVED or not episode.deceased or episode.resolved is not None:
            return None
        return [each.at for each in self.raised.events if each.kind is EventKind.RESOLVED][-1]

    def decided(self, actions: Iterable[Action]) -> datetime | None:
        """When the first such decision was made on it; of one it came into being with, when it did."""
        made = (each.at for each in self.raised.decisions if each.action in actions)
        return next((max(at, self.at) for at in made), None)

    def ended(self, by: datetime) -> bool:
        """Whether it was over then without anybody's doing: by results, by death, or lost to follow-up."""
        return [asks for at, asks in _asking(self.raised.events).items() if at <= by][-1:] == [False]

    def closed(self, by: datetime) -> datetime | None:
        """Since when it had been closed then, by its results or by a decision; None where it was not.

        A known cause stays closed when it is looked at again on its monitoring date; whatever else undoes a
        close opens it. Death closes nothing.
        """
        resolved, held, since = False, None, None
        for at, happened in self._steps():
            if at > by:
                break
            if isinstance(happened, Disposition):
                held = happened if happened.action in _SETTLED else None
            elif happened.kind is EventKind.RESOLVED:
                resolved = self.died is None
            elif happened.kind in (EventKind.REOPENED, EventKind.WITHDRAWN):
                resolved = False
            elif happened.kind is EventKind.TIER_RAISED or _woke_early(happened):
                held = None
            since = (since or max(at, self.at)) if resolved or held is not None else None
        return since

    def case(
        self,
        *,
        met: bool,
        amount: float | None = None,
        because: Iterable[str] = (),
        strata: Strata = (),
    ) -> Case:
        """The case that it is, of these strata too."""
        raised = self.raised
        told = self._strata + strata
        return Case(raised.subject, self._day, met, amount, told, tuple(because), raised.alert.id)

    @cached_property
    def _day(self) -> date:
        return day_of(self.at)

    @cached_property
    def _strata(self) -> Strata:
        alert = self.raised.alert
        codes = map(finding_code, alerting_findings(alert.episode))
        rules = dict.fromkeys(map(finding_in_words, codes))
        return (
            *strata_of(self.raised.subject, self._day, self.question.sources),
            ("tier", self.tier.name.lower()),
            ("family", alert.family.value),
            *(("rule", rule) for rule in rules),
        )

    def _steps(self) -> Iterator[tuple[datetime, Happened | Disposition]]:
        """What happened and what was decided, in order; of one moment, first what happened by itself."""
        happened = [(each.at, each) for each in self.raised.events]
        made = [(each.at, each) for each in self.raised.decisions]
        steps: list[tuple[datetime, Happened | Disposition]] = [*happened, *made]
        yield from sorted(steps, key=lambda step: step[0])


def _woke_early(happened: Happened) -> bool:
    return happened.kind is EventKind.WOKEN and happened.detail != DATE_HAS_COME


def story_of(raised: Raised, question: Question) -> AlertStory | None:
    """An alert as measures see it; None for one that nobody was asked to look at in the period.

    That is one that was withdrawn or merged into another, and one that was over or lost to follow-up when it
    was raised: of an episode of the past that a first look at the record found. Where a result brings such a
    one back, it asks for somebody from then on.
    """
    if raised.alert.state in (State.ENTERED_IN_ERROR, State.MERGED):
        return None
    at = next((at for at, asks in _asking(raised.events).items() if asks), None)
    if at is None or not question.begins <= at < question.ends:
        return None
    return AlertStory(raised, question, at)


def _asking(events: Iterable[Happened]) -> Mapping[datetime, bool]:
    """Whether it asked for somebody after each moment that could change that, decisions apart."""
    return {each.at: each.kind in CAME for each in events if each.kind in CAME | _WENT}


def _tier(event: Happened) -> Tier:
    """As it was after an event that tells of it: `soon`, or `routine → soon`."""
    return Tier[event.detail.rpartition(" → ")[2].upper()]
