"""Plans for episodes made by hand, with the steps that every alert has."""

from collections.abc import Sequence
from datetime import date, timedelta

from service.clinical.episodes import Finding, Kind, Plan, Step, Tier
from service.clinical.thresholds import DueDays

DUE_DAYS = DueDays(urgent=0, soon=14, routine=84)


def simple_plan(findings: Sequence[Finding], tier: Tier, last_result: date) -> Plan:
    """The same day where it is urgent, an ultrasound where it persists, and always a repeat."""
    alerting = [each for each in findings if each.alerts_from is not None]
    days = {Tier.URGENT: DUE_DAYS.urgent, Tier.SOON: DUE_DAYS.soon, Tier.ROUTINE: DUE_DAYS.routine}
    due = last_result + timedelta(days=days[tier])
    graver = sorted(alerting, key=lambda each: -each.tier)
    criteria = tuple(reason.name for reason in graver[0].reasons) if graver else ()
    kinds = tuple(dict.fromkeys(each.kind for each in graver))
    steps = []
    if tier is Tier.URGENT:
        steps.append(Step("same-day-assessment", due, tier, (Kind.URGENT,), criteria))
    if Kind.PERSISTENT in kinds:
        steps.append(Step("liver-ultrasound", due, tier, (Kind.PERSISTENT,)))
    repeat = max(due, last_result + timedelta(days=1))
    steps.append(Step("repeat-hepatic-panel", repeat, tier, kinds, criteria))
    return Plan(steps=tuple(steps))
