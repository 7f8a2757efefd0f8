"""The alert of the family `follow-up`: every recheck and monitoring date of one patient that was missed.

The record gives each missed recheck by itself, the decisions give each missed monitoring date. A patient has
one open alert of this family, so those are joined that are missing at the same time, and those that the same
panel asks for: what is joined has evidence that no other has, as the Law "Identity" of design.md wants it.

A decision can make a repeat needless. "Known cause" sets a date of its own for the results it was made on,
and an override says that nobody is to act on them: from then on no recheck of theirs is missing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from service.alerts.alert import Action, Disposition
from service.alerts.identity import attach
from service.alerts.monitoring import monitoring_overdue
from service.alerts.states import day_of, effective
from service.clinical.analytes import Analyte
from service.clinical.episode_building import FAMILIES
from service.clinical.episodes import NO_PLAN, Episode, Family, Level, Plan, Recheck, TierChange

_ANSWERS = frozenset({Action.KNOWN_CAUSE, Action.OVERRIDE})
"""Decisions about an elevation after which the recheck of its results is not waited for."""


@dataclass(frozen=True, slots=True)
class _Lapse:
    """One missed recheck or monitoring date."""

    episode: Episode
    asked_by: tuple[Family, date]
    """The panel that asks for it: the family of its tests, and its day."""
    since: date
    until: date | None
    """The day from which no other joins it: it came, or its alert was overridden."""

    def meets(self, other: "_Lapse") -> bool:
        """Whether `other`, which began later or on the same day, belongs to the same alert."""
        if self.asked_by == other.asked_by or self.until is None or other.since < self.until:
            return True
        # Two dates set one after the other for the same results, whose days a correction has moved since.
        return not self.episode.evidence.isdisjoint(other.episode.evidence)


def with_follow_up(
    episodes: Sequence[Episode], dispositions: Sequence[Disposition], as_of: datetime
) -> list[Episode]:
    """The episodes of one patient as alerts are made of them: what was missed is joined, see above.

    Args:
        episodes: as assessed.
        dispositions: the decisions made about that patient.
        as_of: the moment of judgement, aware.
    """
    missed = [one for one in episodes if one.family is Family.FOLLOW_UP and one.alerts_from is not None]
    if not missed and not any(made.action is Action.KNOWN_CAUSE for made in dispositions):
        return list(episodes)
    others = [one for one in episodes if one.family is not Family.FOLLOW_UP]
    silent = [one for one in episodes if one.family is Family.FOLLOW_UP and one.alerts_from is None]
    made_on = attach(dispositions, others).by_episode
    effects = (effective(one, made) for one, made in zip(others, made_on, strict=True))
    answers = [made for changing in effects for made in changing if made.action in _ANSWERS]
    overridden = [
        made for made in dispositions if made.family is Family.FOLLOW_UP and made.action is Action.OVERRIDE
    ]
    found = [one for one in (_answered(one, answers) for one in missed) if one is not None]
    for one, decisions in zip(others, made_on, strict=True):
        if one.alerts_from is not None:
            found += monitoring_overdue(one, decisions, day_of(as_of))
    return [*others, *silent, *_joined([_lapse(one, overridden) for one in found])]


def _answered(episode: Episode, answers: Sequence[Disposition]) -> Episode | None:
    """The missed recheck as decisions leave it; None where one was made before it was overdue."""
    (finding,) = episode.findings
    mine = [made for made in answers if made.evidence & episode.evidence]
    decided = min((day_of(made.at) for made in mine), default=None)
    if decided is None or (episode.resolved is not None and episode.resolved <= decided):
        return episode
    if decided < finding.met:
        return None
    assert finding.recheck is not None  # a finding of this family has one
    ended = replace(
        finding,
        recheck=Recheck(finding.recheck.due, decided),
        notes=(*finding.notes, f"not waited for since a decision of {decided}"),
    )
    return replace(episode, resolved=decided, findings=(ended,), plan=NO_PLAN)


def _lapse(episode: Episode, overridden: Sequence[Disposition]) -> _Lapse:
    (finding,) = episode.findings
    days = [day_of(made.at) for made in overridden if made.evidence & episode.evidence]
    ends = [day for day in (episode.resolved, *days) if day is not None]
    panel = (FAMILIES[finding.analyte], finding.first)
    return _Lapse(episode, panel, finding.met, min(ends, default=None))


def _joined(lapses: Sequence[_Lapse]) -> Iterator[Episode]:
    """One episode for all that belong to the same alert."""
    groups: list[list[_Lapse]] = []
    for lapse in sorted(lapses, key=_place):
        apart, together = [], [lapse]
        for group in groups:
            if any(one.meets(lapse) for one in group):
                together += group
            else:
                apart.append(group)
        groups = [*apart, together]
    for group in groups:
        yield _one_episode([lapse.episode for lapse in sorted(group, key=_place)])


def _place(lapse: _Lapse) -> tuple[date, date, Analyte, str]:
    (finding,) = lapse.episode.findings
    return lapse.since, finding.first, finding.analyte, finding.kind


def _one_episode(members: Sequence[Episode]) -> Episode:
    """What several missed rechecks and monitoring dates come to."""
    if len(members) == 1:
        return members[0]
    missing = [one for one in members if one.resolved is None]
    over = [one.resolved for one in members if one.resolved is not None]
    return replace(
        members[0],
        onset=min(one.onset for one in members),
        last_result=max(one.last_result for one in members),
        resolved=None if missing else max(over),
        dormant=bool(missing) and all(one.dormant for one in missing),
        tier=max(one.tier for one in members if one.tier is not None),
        alerts_from=min(one.alerts_from for one in members if one.alerts_from is not None),
        tier_changes=_rises(members),
        findings=tuple(finding for one in members for finding in one.findings),
        latest=_by_analyte((level for one in members for level in one.latest), _day),
        peak=_by_analyte((level for one in members for level in one.peak), _multiple),
        evidence=frozenset().union(*(one.evidence for one in members)),
        results=frozenset().union(*(one.results for one in members)),
        notes=tuple(dict.fromkeys(note for one in members for note in one.notes)),
        plan=_one_plan([one.plan for one in missing]) if missing else NO_PLAN,
    )


def _one_plan(plans: Sequence[Plan]) -> Plan:
    """The drugs of the one that has most in question; the panel as ordered where it is for each of them."""
    most = max(plans, key=lambda plan: sum(len(cause.speaks_for) for cause in plan.causes))
    ordered = sorted((done for plan in plans for done in plan.done), key=_day)
    return Plan(most.causes, (), tuple(ordered[-1:]) if all(plan.done for plan in plans) else ())


def _rises(members: Sequence[Episode]) -> tuple[TierChange, ...]:
    """The days on which the highest tier so far rose; the highest of a day only."""
    changes: list[TierChange] = []
    for change in sorted((change for one in members for change in one.tier_changes), key=_day):
        if changes and change.tier <= changes[-1].tier:
            continue
        if changes and changes[-1].day == change.day:
            changes.pop()
        changes.append(change)
    return tuple(changes)


def _by_analyte(levels: Iterable[Level], by: Callable[[Level], Any]) -> tuple[Level, ...]:
    """One level of each analyte: the greatest by `by`."""
    found = {level.analyte: level for level in sorted(levels, key=by)}
    return tuple(found[analyte] for analyte in Analyte if analyte in found)


_day = attrgetter("day")
_multiple = attrgetter("multiple")
