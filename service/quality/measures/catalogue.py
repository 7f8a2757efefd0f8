"""Every measure in words: what is counted, of what, without what, and by which windows and targets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from service.errors import NotFound
from service.quality.measures import on_alerts, on_arrivals, on_courses
from service.quality.measures.cases import Case, Question
from service.quality.measures.stories import AlertStory
from service.store.courses import Course
from service.store.measured import Arrival, Stored, Subject


class OnAlerts(NamedTuple):
    """Makes a case of an alert, or none."""

    case: Callable[[AlertStory], Case | None]
    by: tuple[str, ...] = ("tier", "family", "rule")
    """Dimensions by which its cases are told apart, beside those of everybody."""


class OnCourses(NamedTuple):
    """Makes cases of what judging a person found."""

    cases: Callable[[Subject, Course, Question], Iterator[Case]]
    by: tuple[str, ...]


class OnArrivals(NamedTuple):
    """Makes a case of an Observation that came, or none."""

    case: Callable[[Arrival, Question], Case | None]
    by: tuple[str, ...] = ()


class OnStored(NamedTuple):
    """Makes a case of a version of an Observation that an EHR stored, or none."""

    case: Callable[[Stored, Question], Case | None]
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure."""

    name: str
    """Stands in addresses and never changes."""
    title: str
    numerator: str
    denominator: str
    excluded: tuple[str, ...]
    more_is_better: bool | None
    """None: neither is."""
    counts: OnAlerts | OnCourses | OnArrivals | OnStored
    unit: str | None = None
    """Of the amounts whose median and 90th percentile are given."""
    amount: str = ""
    """What these amounts are."""
    reasons: str = ""
    """Heading of what is told apart by reason."""
    entries: tuple[str, ...] = ()
    """Dotted paths of the rulebook's entries whose windows and targets it is held to."""
    setting: str = ""
    """Name of the setting that is its target, in seconds."""
    caution: str = ""
    """What it does not say."""


def measure_named(name: str) -> Measure:
    """The measure of that name.

    Raises:
        NotFound: there is none.
    """
    for each in MEASURES:
        if each.name == name:
            return each
    raise NotFound("there is no measure of that name; see /measures")


_NOT_LOOKED_AT: Final = (
    "alerts that were withdrawn, for their results were corrected, retracted or deleted",
    "alerts merged into another: that one is counted, with what was decided on both",
    "alerts over or lost to follow-up when raised; one that a result brings back counts as raised then",
)
_TOO_EARLY: Final = "alerts whose time has not run out yet, whatever has been done about them"
_BY_ITSELF: Final = (
    "alerts over when that time ran out, with nothing done: by their results, by the patient's death, "
    "or lost to follow-up"
)
_IN_OTHER_WORDS: Final = (
    "those that asking found where the feed brought the same Observation in a version with neither "
    "meta.versionId nor meta.lastUpdated: nobody can say whether it is the same version"
)
_BY_RESULTS: Final = (
    "Counted by the days of the results, as the records stand now: corrections and late results move it."
)
_WHOEVER: Final = f"{_BY_RESULTS} Those that are over or lost to follow-up count like any other."

MEASURES: Final = (
    Measure(
        "alerts-raised",
        "Elevations that raised an alert",
        "those that raised an alert, of any urgency",
        "episodes, and missed rechecks, that met a rule for the first time in the period",
        (),
        more_is_better=None,
        counts=OnCourses(on_courses.alerted, by=("family", "tier")),
        caution=_WHOEVER,
    ),
    Measure(
        "alerts-suppressed",
        "Elevations that the alert policy suppressed",
        "those that are shown in the record and raised no alert",
        "episodes, and missed rechecks, that met a rule for the first time in the period",
        (),
        more_is_better=None,
        counts=OnCourses(on_courses.suppressed, by=("family",)),
        reasons="Why no alert was raised",
        entries=("alert_policy",),
        caution=_WHOEVER,
    ),
    Measure(
        "predictive-value",
        "Alerts judged right",
        "those voted useful; without a vote, those overridden as managed, declined, or in end-of-life care",
        "alerts raised in the period on which somebody voted, or that were overridden for a coded reason",
        (*_NOT_LOOKED_AT, "alerts that nobody judged", "overrides for another reason, where nobody voted"),
        more_is_better=True,
        counts=OnAlerts(on_alerts.right),
        reasons="How they were judged",
        caution="Only what people took the trouble to judge is counted: it is no estimate for all alerts.",
    ),
    Measure(
        "overrides",
        "Alerts overridden",
        "those that somebody overrode, whether or not it was undone later",
        "alerts raised in the period",
        _NOT_LOOKED_AT,
        more_is_better=False,
        counts=OnAlerts(on_alerts.overridden),
        reasons="Reason of the last override",
    ),
    Measure(
        "taken-in-time",
        "Alerts taken in time",
        "those that somebody decided about in time: whoever decides has looked",
        "alerts raised in the period, by their urgency when raised",
        (*_NOT_LOOKED_AT, _TOO_EARLY, _BY_ITSELF),
        more_is_better=True,
        counts=OnAlerts(on_alerts.taken_in_time),
        unit="hours",
        amount="from the alert to the first decision",
        entries=("escalation.untaken_hours", "tiers.due_days"),
    ),
    Measure(
        "acted-on-in-time",
        "Alerts acted on in time",
        "those escalated, referred, overridden or of a known cause in time",
        "alerts raised in the period, by their urgency when raised",
        (*_NOT_LOOKED_AT, _TOO_EARLY, _BY_ITSELF),
        more_is_better=True,
        counts=OnAlerts(on_alerts.acted_on_in_time),
        unit="days",
        amount="from the alert to the first such decision",
        entries=("tiers.due_days",),
        caution="What is done in the EHR alone, and told to nobody here, is not seen.",
    ),
    Measure(
        "closed-in-time",
        "Alerts closed in time",
        "those resolved by their results, overridden, or of a known cause in time, and not opened again",
        "alerts raised in the period, by their urgency when raised",
        (
            *_NOT_LOOKED_AT,
            _TOO_EARLY,
            "alerts of patients who died within that time, before they were closed",
        ),
        more_is_better=True,
        counts=OnAlerts(on_alerts.closed_in_time),
        unit="days",
        amount="from the alert to its close",
        entries=("measures.close_days",),
        caution=(
            "What stands at the end of the period counts; where its time runs out later, what stands then. A "
            "known cause stays closed when its monitoring date comes. Lost to follow-up is not closed."
        ),
    ),
    Measure(
        "overdue",
        "Alerts that wait past their time now",
        "those that wait, since they last asked for somebody, for longer than their urgency now allows",
        "alerts raised in the period that somebody has to act on now",
        (
            *_NOT_LOOKED_AT,
            "alerts that are resolved, by results or by death, or lost to follow-up",
            "alerts that are snoozed, of a known cause with a date to come, or overridden",
        ),
        more_is_better=False,
        counts=OnAlerts(on_alerts.overdue, by=("tier", "family", "rule", "tier-now")),
        entries=("escalation.untaken_hours", "tiers.due_days"),
    ),
    Measure(
        "rechecks-in-time",
        "Rechecks done within their window",
        "those whose test was repeated within its window, grace included",
        "elevated results of ALT, AST, ALP, GGT or bilirubin in the period that asked for a repeat",
        (
            "results of a run that is persistent already, neither worsening nor urgent: the alert stands",
            "repeats whose window has not run out yet, whether or not they came",
            "repeats that never came of patients who died",
        ),
        more_is_better=True,
        counts=OnCourses(on_courses.rechecked, by=("test",)),
        unit="days",
        amount="from the elevated result to its repeat",
        entries=("follow_up.recheck_days", "follow_up.grace_days"),
        caution=_BY_RESULTS,
    ),
    Measure(
        "work-up-done",
        "Persistent elevations with the first-line work-up done",
        "those with all of it done: hepatitis B and C, iron, autoantibodies, metabolic tests, ultrasound",
        "alerts for a persistent elevation, raised in the period, neither over nor lost to follow-up",
        (
            *_NOT_LOOKED_AT,
            "people under 18, for whom the guideline is not",
            "steps that are ordered only count as missing",
        ),
        more_is_better=True,
        counts=OnAlerts(on_alerts.worked_up),
        reasons="What is missing",
        entries=("recommendations.elevated_results", "recommendations.done_within_months"),
        caution="What was done elsewhere and is not in the record is not seen.",
    ),
    Measure(
        "feed-on-time",
        "Results that the feed brought on time",
        "those here within the target after the EHR had stored them",
        "Observations whose latest version was received in the period",
        (
            "those that do not say when the EHR stored them (meta.lastUpdated)",
            "those that the EHR had stored before the source was set up: they came with its history",
            "deletions",
        ),
        more_is_better=True,
        counts=OnArrivals(on_arrivals.on_time),
        unit="minutes",
        amount="from the EHR's storing to receipt",
        setting="feed_target_seconds",
        caution=(
            "What the feed loses comes later, by asking the EHR, and is late here unless that was soon; "
            "what never came cannot be counted."
        ),
    ),
    Measure(
        "feed-lost",
        "Results that the feed lost",
        "those that the feed has not brought until now, nor pointed at: asking the EHR found them",
        "versions of Observations that the EHR stored in the period, once the source's feed had brought "
        "anything at all, and that the feed brought or asking found",
        (
            "those that do not say when the EHR stored them (meta.lastUpdated)",
            "those of sources whose feed never brought anything: there is none that could lose them",
            "those that came in files, or with the past of somebody first seen, and in no other way",
            "those stored no longer ago than the target: the feed may yet bring them, whether or not it has",
            _IN_OTHER_WORDS,
            "deletions",
        ),
        more_is_better=False,
        counts=OnStored(on_arrivals.lost),
        unit="minutes",
        amount="from the EHR's storing to its being found, of what was lost",
        setting="feed_target_seconds",
        caution=(
            "A result that the feed brings at last is not lost any more; one that was refused on receipt, or "
            "that the feed was never set up for, is. So is a version that the feed pointed at by Type/id and "
            "that was corrected before it was fetched: only the version fetched counts as brought. Where a "
            "feed says only that something changed, what is then found counts as brought if the EHR stored "
            "it after all that had been read before; what asking had found by then, be it moments earlier, "
            "stays lost. Nothing is counted of what a feed brings without meta.lastUpdated: only what it "
            "lost is. What nobody finds is not counted."
        ),
    ),
    Measure(
        "feed-unusable",
        "Results that could not be used",
        "those that wait in quarantine",
        "Observations whose latest version was received in the period",
        ("deletions", "what has no id in the EHR"),
        more_is_better=False,
        counts=OnArrivals(on_arrivals.unusable),
        caution="As the quarantine stands now: a result that is corrected or replayed leaves it.",
    ),
)
"""In the order in which they are shown."""
