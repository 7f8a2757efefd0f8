"""Cases of what became of alerts: raised in the days asked about, by the clock on the wall."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from service.alerts.alert import Action, OverrideReason, RemarkKind
from service.alerts.states import ASLEEP, OVER
from service.clinical.episodes import Kind, Tier
from service.clinical.recommendations import orderables
from service.clinical.thresholds import CloseDays, DueDays
from service.clinical.work_up import FIRST_LINE
from service.quality.measures.cases import Case
from service.quality.measures.stories import AlertStory

_ACTED: Final = frozenset({Action.KNOWN_CAUSE, Action.ESCALATE, Action.REFER, Action.OVERRIDE})
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


def taken_in_time(story: AlertStory) -> Case | None:
    """Whether anybody decided anything about it in time."""
    due = _due_to_be_taken(story, story.tier, story.at)
    return _in_time(story, story.decided(Action), due, _HOUR, spared=story.ended(due))


def acted_on_in_time(story: AlertStory) -> Case | None:
    """Whether something was done about it in time."""
    due = _due_to_be_acted_on(story, story.tier, story.at)
    return _in_time(story, story.decided(_ACTED), due, _DAY, spared=story.ended(due))


def closed_in_time(story: AlertStory) -> Case | None:
    """Whether it was settled in time: by results, or by a decision that lets nobody wait for it.

    What stands when the period ends counts; when its time runs out, where that is later.
    """
    question = story.question
    due = _after(story.at, question.rulebook.rules.measures.close_days, story.tier)
    closed = story.closed(min(question.now, max(question.ends, due)))
    return _in_time(story, closed, due, _DAY, spared=story.died is not None and story.died <= due)


def overdue(story: AlertStory) -> Case | None:
    """Of those that somebody has to act on now: whether it waits past the time for its urgency now."""
    alert, since = story.raised.alert, story.waits_since
    if alert.state in OVER or alert.state in ASLEEP:
        return None
    late = since is not None and story.question.now > _due_to_be_taken(story, alert.tier, since)
    return story.case(met=late, strata=(("tier-now", alert.tier.name.lower()),))


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
    story: AlertStory, at: datetime | None, due: datetime, unit: timedelta, *, spared: bool
) -> Case | None:
    """None where its time has not run out yet, or where nothing was done and nothing had to be done.

    What is done already counts only then too: else those still waiting would be missing beside it.
    """
    met = at is not None and at <= due
    if story.question.now <= due or (spared and not met):
        return None
    return story.case(met=met, amount=None if at is None else (at - story.at) / unit)


def _due_to_be_taken(story: AlertStory, tier: Tier, since: datetime) -> datetime:
    if tier is Tier.URGENT:
        return since + timedelta(hours=story.question.rulebook.rules.escalation.untaken_hours)
    return _due_to_be_acted_on(story, tier, since)


def _due_to_be_acted_on(story: AlertStory, tier: Tier, since: datetime) -> datetime:
    return _after(since, story.question.rulebook.rules.tiers.due_days, tier)


def _after(since: datetime, days: DueDays | CloseDays, tier: Tier) -> datetime:
    """The last moment of the day that lies so many days after that one: 0 is the same day."""
    allowed: int = getattr(days, tier.name.lower())
    day = since.astimezone(UTC).date() + timedelta(days=allowed)
    return datetime.combine(day, time.max, UTC)


def _in_words(code: str) -> str:
    return code.replace("-", " ")
