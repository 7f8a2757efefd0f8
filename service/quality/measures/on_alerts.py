"""Cases of what became of alerts: raised in the days asked about, by the clock on the wall."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import Final

from service.alerts.alert import Action, OverrideReason, RemarkKind, State
from service.alerts.events import EventKind
from service.alerts.states import OVER
from service.clinical.episodes import Kind, Tier
from service.clinical.recommendations import alerting_findings, orderables
from service.clinical.thresholds import CloseDays, DueDays
from service.clinical.work_up import FIRST_LINE
from service.fhir.names import finding_in_words
from service.fhir.wording import finding_code
from service.quality.measures.cases import Case, Question
from service.store.measured import Raised

_ACTED: Final = frozenset({Action.KNOWN_CAUSE, Action.ESCALATE, Action.REFER, Action.OVERRIDE})
_SETTLED: Final = frozenset({Action.KNOWN_CAUSE, Action.OVERRIDE})
_ENDED: Final = frozenset({EventKind.RESOLVED, EventKind.DORMANT})
_FALSE: Final = frozenset(
    {OverrideReason.WRONG_DATA, OverrideReason.NOT_CLINICALLY_RELEVANT, OverrideReason.DUPLICATE}
)
"""Reasons that say an alert should not have been raised."""
_TRUE: Final = frozenset(
    {OverrideReason.ALREADY_MANAGED, OverrideReason.END_OF_LIFE_CARE, OverrideReason.PATIENT_DECLINED}
)
"""Reasons that say it was right, and nothing is to be done about it."""
_VOTES: Final = frozenset({RemarkKind.USEFUL, RemarkKind.NOT_USEFUL})
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class AlertStory:
    """One alert that people were asked to look at, with what is told apart by."""

    raised: Raised
    question: Question

    @cached_property
    def tier(self) -> Tier:
        """With which it was raised."""
        return next(Tier[each.detail.upper()] for each in self.raised.events if each.kind is EventKind.RAISED)

    @cached_property
    def ended(self) -> datetime | None:
        """When it was first over without anybody's doing."""
        return next((each.at for each in self.raised.events if each.kind in _ENDED), None)

    def decided(self, actions: Iterable[Action]) -> datetime | None:
        """When the first such decision was made on it."""
        return next((made.at for made in self.raised.decisions if made.action in actions), None)

    def case(self, *, met: bool, amount: float | None = None, because: Iterable[str] = ()) -> Case:
        """The case that it is."""
        alert = self.raised.alert
        codes = dict.fromkeys(map(finding_code, alerting_findings(alert.episode)))
        strata = {
            "tier": (self.tier.name.lower(),),
            "family": (alert.family.value,),
            "rule": tuple(map(finding_in_words, codes)),
        }
        day = self.raised.at.astimezone(UTC).date()
        return Case(self.raised.subject, day, met, amount, strata, tuple(because), alert.id)


def story_of(raised: Raised, question: Question) -> AlertStory | None:
    """An alert as measures see it; None for one that nobody was to look at.

    That is one that was withdrawn or merged into another, and one that was over when it was raised: of an
    episode of the past that a first look at the record found.
    """
    if raised.alert.state in (State.ENTERED_IN_ERROR, State.MERGED):
        return None
    if any(each.kind in _ENDED and each.at == raised.at for each in raised.events):
        return None
    return AlertStory(raised, question)


def taken_in_time(story: AlertStory) -> Case | None:
    """Whether anybody decided anything about it in time."""
    return _in_time(story, story.decided(Action), _due_to_be_taken(story), _HOUR)


def acted_on_in_time(story: AlertStory) -> Case | None:
    """Whether something was done about it in time."""
    return _in_time(story, story.decided(_ACTED), _due_to_be_acted_on(story), _DAY)


def closed_in_time(story: AlertStory) -> Case | None:
    """Whether it was settled in time: by results, or by a decision that lets nobody wait for it."""
    resolved = (each.at for each in story.raised.events if each.kind is EventKind.RESOLVED)
    settled = [at for at in (next(resolved, None), story.decided(_SETTLED)) if at is not None]
    days = story.question.rulebook.rules.measures.close_days
    return _in_time(story, min(settled, default=None), _after(story, days), _DAY, ends=False)


def overdue(story: AlertStory) -> Case | None:
    """Of those that somebody has to act on now: whether it waits untaken past its time."""
    if story.raised.alert.state in OVER:
        return None
    waits = story.raised.alert.state is State.OPEN and story.decided(Action) is None
    return story.case(met=waits and story.question.now > _due_to_be_taken(story))


def overridden(story: AlertStory) -> Case:
    """Whether it was overridden, and why."""
    reasons = [made.reason or "" for made in story.raised.decisions if made.action is Action.OVERRIDE]
    return story.case(met=bool(reasons), because=map(_in_words, reasons[-1:]))


def right(story: AlertStory) -> Case | None:
    """Whether it was found right: by the latest vote, and where there is none by the last override."""
    votes = [said.kind for said in story.raised.remarks if said.kind in _VOTES]
    if votes:
        return story.case(met=votes[-1] is RemarkKind.USEFUL, because=(f"voted {_in_words(votes[-1])}",))
    reasons = [made.reason for made in story.raised.decisions if made.action is Action.OVERRIDE]
    reason = reasons[-1] if reasons else None
    if reason not in _TRUE | _FALSE:
        return None
    return story.case(met=reason in _TRUE, because=(f"overridden: {_in_words(str(reason))}",))


def worked_up(story: AlertStory) -> Case | None:
    """Of persistent elevations: whether the record shows all of the guideline's first-line work-up done."""
    alert = story.raised.alert
    episode = alert.episode
    lasting = any(each.kind is Kind.PERSISTENT and each.alerts_from for each in episode.findings)
    asked = {step.name for step in episode.plan.steps} | {done.name for done in episode.plan.done}
    if not lasting or alert.state in OVER or not asked.issuperset(FIRST_LINE):
        return None
    done = {each.name for each in episode.plan.done if not each.ordered}
    missing = [orderables()[name].text for name in FIRST_LINE if name not in done]
    return story.case(met=not missing, because=missing)


def _in_time(
    story: AlertStory, at: datetime | None, due: datetime, unit: timedelta, *, ends: bool = True
) -> Case | None:
    """None where its time has not run out yet, or where it ended before anybody had to do anything.

    What is done already counts only then too: else those still waiting would be missing beside it.
    """
    by_itself = ends and at is None and story.ended is not None and story.ended <= due
    if story.question.now <= due or by_itself:
        return None
    took = None if at is None else (at - story.raised.at) / unit
    return story.case(met=at is not None and at <= due, amount=took)


def _due_to_be_taken(story: AlertStory) -> datetime:
    if story.tier is Tier.URGENT:
        hours = story.question.rulebook.rules.escalation.untaken_hours
        return story.raised.at + timedelta(hours=hours)
    return _due_to_be_acted_on(story)


def _due_to_be_acted_on(story: AlertStory) -> datetime:
    return _after(story, story.question.rulebook.rules.tiers.due_days)


def _after(story: AlertStory, days: DueDays | CloseDays) -> datetime:
    """The last moment of the day that lies so many days after that of its raising: 0 is the same day."""
    allowed: int = getattr(days, story.tier.name.lower())
    day = story.raised.at.astimezone(UTC).date() + timedelta(days=allowed)
    return datetime.combine(day, time.max, UTC)


def _in_words(code: str) -> str:
    return code.replace("-", " ")
