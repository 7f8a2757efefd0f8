"""From an episode to the steps a clinician may order: proposals, never orders. Source: clinical.md §12."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

from service.clinical.causes.cause import Cause, CauseName
from service.clinical.episodes import Episode, Family, Finding, Kind, Plan, Step, Tier
from service.clinical.remarks import UNDER_18
from service.clinical.results import Coding, ResultKey

REPEAT_PANEL = "repeat-hepatic-panel"
ULTRASOUND = "liver-ultrasound"
MEDICATION_REVIEW = "medication-review"
SAME_DAY = "same-day-assessment"
VISITS = (SAME_DAY, "prompt-re-evaluation", "liver-history")
"""One look at the patient, the sooner the graver: who is seen for one of them is seen for all."""
OVERDUE = "overdue-recheck"
OVERDUE_AFTER_REST = "overdue-recheck-after-rest"
OVERDUE_ON_DRUGS = "overdue-on-drugs"

LONGEST_NAME = 27
"""Characters in a step's name: with an alert's UUID and a hyphen it must fit into a FHIR id (64)."""


class Audience(StrEnum):
    """Whom a step speaks to."""

    CLINICIAN = "clinician"
    """An order to accept or not; all other steps are advice."""
    PRESCRIBER = "prescriber"
    PATIENT = "patient"
    """Or, where the step says so, the parent or guardian of one who is under 18."""


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
    done_by: tuple[tuple[str, ...], ...] = ()
    """What shows that it was done or ordered: any of these, all of one."""
    done_within: str = ""
    """How long before it is asked for that counts; see orders.toml."""
    audience: Audience = Audience.CLINICIAN
    says: tuple[str, ...] = ()
    """Of an advice: the names of its paragraphs in advice.toml, in their order."""
    to_guardian: bool = False
    """Of an advice to the patient: it addresses the parent or guardian."""


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
            tuple(tuple(alternative) for alternative in entry.get("done_by", ())),
            entry.get("done_within", ""),
            Audience(entry.get("audience", Audience.CLINICIAN)),
            tuple(entry.get("says", ())),
            entry.get("to_guardian", False),
        )
    return catalogue


def orderable(name: str) -> Orderable:
    """As the catalogue describes it; one that no catalogue knows any more is spelt out."""
    return orderables().get(name) or Orderable(name, name.replace("-", " ").capitalize(), "", "")


def steps_of(episode: Episode) -> tuple[Step, ...]:
    """The steps that an episode asks for, most urgent first; none where nothing in it raises an alert."""
    if episode.tier is not None and episode.family is Family.FOLLOW_UP:
        return tuple(_overdue(episode, episode.tier))
    return episode.plan.steps


def evidence_for(step: Step, episode: Episode) -> tuple[ResultKey, ...]:
    """The results that a step of an episode rests on: those of the findings that ask for it."""
    findings = alerting_findings(episode)
    if episode.family is Family.FOLLOW_UP:
        findings = missing(findings)
    return evidence_of(finding for finding in findings if finding.kind in step.kinds)


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


def missing(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Of those of the family `follow-up`, the ones whose test has not come; once it has for all, all."""
    return tuple(one for one in findings if one.recheck and one.recheck.ended is None) or findings


def in_question(plan: Plan) -> Cause | None:
    """The drugs on record, where the times of any fit; None where they do not."""
    return next((cause for cause in plan.causes if cause.name is CauseName.DRUG and cause.speaks_for), None)


def _overdue(episode: Episode, tier: Tier) -> Iterator[Step]:
    """The panel that is missing, unless it is ordered already, and what is to be said about its lateness.

    It is due since the first test that is missing was; after rest where all that is missing is slight. Advice
    is due on the first overdue day. Once nothing is missing any more, they stay the steps that there were.
    """
    late = missing(alerting_findings(episode))
    slight = all(one.kind is Kind.RECHECK_OVERDUE and one.tier is Tier.ROUTINE for one in late)
    kinds = tuple(dict.fromkeys(one.kind for one in late))
    if not any(done.name == REPEAT_PANEL for done in episode.plan.done):
        due = min(one.recheck.due for one in late if one.recheck is not None)
        yield Step(OVERDUE_AFTER_REST if slight else OVERDUE, due, tier, kinds)
    since = min(one.met for one in late)
    if in_question(episode.plan):
        yield Step(OVERDUE_ON_DRUGS, since, tier, kinds)
    child = any(UNDER_18 in one.notes for one in late)
    yield Step("guardian-recheck-education" if child else "recheck-education", since, tier, kinds)
