"""Monitoring dates that passed without a repeat: what a person's decision asked for and nobody did.

"Known cause and stable" sets a date by which the tests of the elevation are to be repeated (clinical.md §8).
A repeat on that date is in time; the day after it is the first overdue one. Overdue is such a date until the
repeat, until another decision about the same elevation, or until its tier rises or another urgent finding
comes; the acknowledged alert sleeps on meanwhile (`states.waking`), so that a person sees one alert and not
two for one fact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from service.alerts.alert import Disposition
from service.alerts.states import awaits_repeat, day_of, effective, repeated_on, risen_on
from service.clinical.analytes import Analyte
from service.clinical.episodes import (
    NO_PLAN,
    Episode,
    Family,
    Finding,
    Kind,
    Plan,
    Reason,
    Recheck,
    TierChange,
    Trend,
)
from service.clinical.recommendations import REPEAT_PANEL, in_question
from service.clinical.remarks import UNDER_18
from service.clinical.results import ResultKey

MONITORING_OVERDUE = "monitoring-overdue"


@dataclass(frozen=True, slots=True)
class _Passed:
    """One monitoring date that passed."""

    monitored: Episode
    held: Disposition
    since: date
    """The first overdue day."""
    repeat: date | None
    ended: date | None
    """The day of the repeat, of another decision or of what wakes it early; None while it is overdue."""


def monitoring_overdue(
    episode: Episode, dispositions: Sequence[Disposition], today: date
) -> Iterator[Episode]:
    """Each monitoring date of the elevation `episode` that passed without a repeat, as an episode of its own.

    Args:
        episode: an elevation that raises an alert.
        dispositions: the decisions that belong to it, in any order.
        today: the UTC day of judgement.
    """
    made = effective(episode, dispositions)
    for place, held in enumerate(made):
        if not awaits_repeat(held) or held.until is None or held.until >= today:
            continue
        after = made[place + 1] if place + 1 < len(made) else None
        since = held.until + timedelta(days=1)
        repeat = repeated_on(episode, held)
        if repeat is None and episode.resolved is not None:
            continue
        ends = [repeat, None if after is None else day_of(after.at), risen_on(episode, held)]
        ended = min((day for day in ends if day is not None), default=None)
        if ended is None or ended >= since:
            yield _episode(_Passed(episode, held, since, repeat, ended))


def _episode(passed: _Passed) -> Episode:
    monitored, ended, tier = passed.monitored, passed.ended, passed.held.tier
    day, evidence = _last_elevated(monitored, passed.held)
    still = ended is None
    tested = [one.day for one in monitored.tested if ended is None or one.day <= ended]
    return Episode(
        family=Family.FOLLOW_UP,
        onset=day,
        last_result=max([day, *tested]),
        resolved=ended,
        deceased=monitored.deceased,
        dormant=still and monitored.dormant,
        tier=tier,
        alerts_from=passed.since,
        tier_changes=(TierChange(passed.since, tier),),
        findings=(_finding(passed, day, evidence),),
        trend=Trend.STABLE,
        latest=monitored.latest if still else (),
        peak=(),
        evidence=evidence,
        results=evidence,
        plan=_plan(monitored.plan) if still else NO_PLAN,
    )


def _plan(monitored: Plan) -> Plan:
    """Of the plan of the elevation, what the test that is missing needs."""
    drug = in_question(monitored)
    ordered = tuple(each for each in monitored.done if each.name == REPEAT_PANEL)
    return Plan(() if drug is None else (drug,), (), ordered)


def _last_elevated(monitored: Episode, held: Disposition) -> tuple[date, frozenset[ResultKey]]:
    """The day and results of the last elevation that the decision was made on: they ask for the repeat."""
    decided = day_of(held.at)
    for tested in reversed(monitored.tested):
        known = tested.elevated & held.evidence
        if known and tested.day <= decided:
            return tested.day, known
    return monitored.onset, frozenset({min(monitored.evidence & held.evidence)})


def _finding(passed: _Passed, day: date, evidence: frozenset[ResultKey]) -> Finding:
    since, held = passed.since, passed.held
    assert held.until is not None  # a monitoring date that passed
    return Finding(
        kind=Kind.MONITORING_OVERDUE,
        analyte=_first_alerting(passed.monitored),
        first=day,
        met=since,
        last=since,
        tier=held.tier,
        reasons=(Reason(MONITORING_OVERDUE, since, since, _words(passed), tuple(sorted(evidence))),),
        alerts_from=since,
        suppressed=None,
        notes=_on_age(passed.monitored),
        recheck=Recheck(held.until, passed.ended),
    )


def _words(passed: _Passed) -> str:
    held, ended = passed.held, passed.ended
    how = "none has come since"
    if ended is not None:
        how = f"repeated on {ended}" if ended == passed.repeat else f"not waited for since {ended}"
    return (
        f"Known cause, decided on {day_of(held.at)}: to be tested again by {held.until}, "
        f"and no usable result up to then; {how}."
    )


def _on_age(monitored: Episode) -> tuple[str, ...]:
    """That the patient is a child, where its alert says so."""
    alerting = (finding for finding in monitored.findings if finding.alerts_from is not None)
    return (UNDER_18,) if any(UNDER_18 in finding.notes for finding in alerting) else ()


def _first_alerting(monitored: Episode) -> Analyte:
    """The analyte whose finding alerted first: later results do not change it."""
    alerting = [finding for finding in monitored.findings if finding.alerts_from is not None]
    return min(alerting, key=lambda one: (one.alerts_from, one.analyte)).analyte
