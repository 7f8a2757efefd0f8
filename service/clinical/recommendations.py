"""From an episode to the steps a clinician may order: proposals, never orders. Source: clinical.md §12."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files

from service.clinical.episodes import Episode, Family, Finding, Kind, Tier
from service.clinical.results import Coding, ResultKey
from service.clinical.thresholds import DueDays

REPEAT_PANEL = "repeat-hepatic-panel"
ULTRASOUND = "liver-ultrasound"
SAME_DAY = "same-day-assessment"
OVERDUE = "overdue-recheck"
OVERDUE_AFTER_REST = "overdue-recheck-after-rest"

LONGEST_NAME = 27
"""Characters in a step's name: with an alert's UUID and a hyphen it must fit into a FHIR id (64)."""

_AT_ANY_TIME = DueDays(urgent=0, soon=0, routine=0)
"""For asking which steps there are: no name depends on the days."""


class Audience(StrEnum):
    """Whom a step speaks to."""

    CLINICIAN = "clinician"
    """An order to accept or not; all other steps are advice."""
    PRESCRIBER = "prescriber"
    PATIENT = "patient"


@dataclass(frozen=True, slots=True)
class Orderable:
    """A step as the catalogue describes it."""

    name: str
    text: str
    rationale: str
    source: str
    """The guideline that asks for it."""
    coding: Coding | None = None
    """None where no code was verified."""
    display: str | None = None
    """The code system's own words for the code."""
    audience: Audience = Audience.CLINICIAN
    says: tuple[str, ...] = ()
    """Of an advice: the names of its paragraphs in advice.toml, in their order."""


@dataclass(frozen=True, slots=True)
class Step:
    """One recommended step of one episode."""

    order: Orderable
    due: date
    """A function of the episode alone: telling it later, or again, does not move it."""
    priority: Tier
    kind: Kind
    """The kind of finding whose rule asks for it."""
    evidence: tuple[ResultKey, ...]
    """The results it rests on, each once, in date order."""
    criteria: tuple[str, ...] = ()
    """Names of the criteria that the finding meets: which of the urgent rules it is."""

    @property
    def name(self) -> str:
        """Stable name, unique within an alert."""
        return self.order.name


@cache
def orderables() -> Mapping[str, Orderable]:
    """Every step that can ever be recommended, by name.

    Raises:
        ValueError: a name in the catalogue is too long to be part of a FHIR id.
    """
    text = files("service.clinical.catalogues").joinpath("orders.toml").read_text(encoding="utf-8")
    catalogue: dict[str, Orderable] = {}
    for name, entry in tomllib.loads(text).items():
        if len(name) > LONGEST_NAME:
            raise ValueError(f"orders.toml: the name {name} is longer than {LONGEST_NAME} characters")
        coding = Coding(entry["system"], entry["code"]) if "code" in entry else None
        catalogue[name] = Orderable(
            name,
            entry["text"],
            entry["rationale"],
            entry["source"],
            coding,
            entry.get("display"),
            audience=Audience(entry.get("audience", Audience.CLINICIAN)),
            says=tuple(entry.get("says", ())),
        )
    return catalogue


def recommended_steps(episode: Episode, due_days: DueDays) -> tuple[Step, ...]:
    """The steps that an episode asks for, most urgent first; none where nothing in it raises an alert.

    Args:
        episode: what was found, as assessed.
        due_days: how many days each tier leaves (the rulebook's `tiers.due_days`).
    """
    if episode.tier is None:
        return ()
    if episode.family is Family.FOLLOW_UP:
        return (_overdue_recheck(episode, episode.tier),)
    alerting = alerting_findings(episode)
    steps = []
    urgent = [finding for finding in alerting if finding.tier is Tier.URGENT]
    if episode.tier is Tier.URGENT:
        reached = max(
            (c.day for c in episode.tier_changes if c.tier is Tier.URGENT), default=episode.last_result
        )
        steps.append(_step(SAME_DAY, reached, Tier.URGENT, urgent, due_days))
    persistent = [finding for finding in alerting if finding.kind is Kind.PERSISTENT]
    if persistent:
        tier = max(finding.tier for finding in persistent)
        met = min(finding.alerts_from or finding.met for finding in persistent)
        steps.append(_step(ULTRASOUND, met, tier, persistent, due_days))
    repeat = _step(REPEAT_PANEL, episode.last_result, episode.tier, alerting, due_days)
    # A repeat is another panel than the one it repeats, however urgent: the next day at the earliest.
    steps.append(replace(repeat, due=max(repeat.due, episode.last_result + timedelta(days=1))))
    return tuple(sorted(steps, key=lambda step: (-step.priority, step.due)))


def advised_steps(episode: Episode) -> frozenset[str]:
    """The names of the steps that an episode asks for, whenever they are due."""
    return frozenset(step.name for step in recommended_steps(episode, _AT_ANY_TIME))


def alerting_findings(episode: Episode) -> tuple[Finding, ...]:
    """The findings that raise the alert, the gravest first; those for the panel only are left out."""
    kinds = (
        *(Kind.URGENT, Kind.WORSENING, Kind.NEW_MODERATE, Kind.PERSISTENT, Kind.INTERMITTENT),
        *(Kind.RECHECK_OVERDUE, Kind.MONITORING_OVERDUE),
    )
    return tuple(
        sorted(
            (finding for finding in episode.findings if finding.alerts_from is not None),
            key=lambda finding: (-finding.tier, kinds.index(finding.kind), finding.met, finding.analyte),
        )
    )


def evidence_of(findings: Iterable[Finding]) -> tuple[ResultKey, ...]:
    """Every result the findings' arithmetic used, each once, in the order of findings and dates."""
    return tuple(
        dict.fromkeys(key for finding in findings for reason in finding.reasons for key in reason.evidence)
    )


def _overdue_recheck(episode: Episode, tier: Tier) -> Step:
    """The panel that is missing, due since the first that is; after rest where all that is missing is slight.

    Once nothing is missing any more, it stays the step that there was.
    """
    findings = alerting_findings(episode)
    missing = [one for one in findings if one.recheck is not None and one.recheck.ended is None] or findings
    slight = all(one.kind is Kind.RECHECK_OVERDUE and one.tier is Tier.ROUTINE for one in missing)
    due = min(one.recheck.due for one in missing if one.recheck is not None)
    name = OVERDUE_AFTER_REST if slight else OVERDUE
    return Step(orderables()[name], due, tier, missing[0].kind, evidence_of(missing))


def _step(name: str, start: date, tier: Tier, findings: Sequence[Finding], due_days: DueDays) -> Step:
    days = {Tier.URGENT: due_days.urgent, Tier.SOON: due_days.soon, Tier.ROUTINE: due_days.routine}[tier]
    kind = findings[0].kind if findings else Kind.URGENT
    criteria = tuple(reason.name for reason in findings[0].reasons) if findings else ()
    return Step(orderables()[name], start + timedelta(days=days), tier, kind, evidence_of(findings), criteria)
