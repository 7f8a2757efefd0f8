"""Alerts to encode and deliver, made by hand so that each test says what it is about."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from service.alerts.alert import Action, Alert, Disposition, State
from service.clinical.analytes import Analyte
from service.clinical.episodes import (
    Episode,
    Family,
    Finding,
    Kind,
    Level,
    Reason,
    Step,
    Tier,
    TierChange,
    Trend,
)
from service.clinical.recommendations import steps_of
from service.clinical.results import ResultKey
from tests.plans import simple_plan

ALERT_ID = UUID("7d3c1f0e-6a54-4c8e-9f0b-2b1a4c5d6e7f")
OTHER_ID = UUID("11111111-2222-4333-8444-555555555555")
JANUARY, AUGUST = date(2024, 1, 10), date(2024, 8, 20)
NOW = datetime(2024, 8, 20, 12, 0, tzinfo=UTC)


def key(observation: str, sub_key: str = "", source: str = "clinic") -> ResultKey:
    return ResultKey(source, observation, sub_key)


def finding(
    kind: Kind = Kind.PERSISTENT,
    analyte: Analyte = Analyte.ALT,
    tier: Tier = Tier.ROUTINE,
    reason: str = "persistent",
    evidence: tuple[ResultKey, ...] = (key("alt-1"), key("alt-2")),
    *,
    alerting: bool = True,
) -> Finding:
    detail = "2 results above the limit over 223 days, more than 6 calendar months"
    return Finding(
        kind=kind,
        analyte=analyte,
        first=JANUARY,
        met=AUGUST,
        last=AUGUST,
        tier=tier,
        reasons=(Reason(reason, AUGUST, AUGUST, detail, evidence),),
        alerts_from=AUGUST if alerting else None,
        suppressed=None,
    )


def level(observation: str = "alt-2") -> Level:
    value, limit = Decimal("82.50"), Decimal(33)
    return Level(Analyte.ALT, AUGUST, value, value / limit, limit, "laboratory", key(observation))


def episode(*findings: Finding, tier: Tier = Tier.ROUTINE, resolved: date | None = None) -> Episode:
    found = findings or (finding(tier=tier),)
    evidence = frozenset(k for each in found for reason in each.reasons for k in reason.evidence)
    return Episode(
        family=Family.TRANSAMINASE,
        onset=JANUARY,
        last_result=AUGUST,
        resolved=resolved,
        deceased=False,
        dormant=False,
        tier=tier,
        alerts_from=AUGUST,
        tier_changes=(TierChange(AUGUST, tier),),
        findings=found,
        trend=Trend.STABLE,
        latest=(level(),),
        peak=(level(),),
        evidence=evidence,
        results=evidence,
        notes=("Sex is not known: the lower limit was used",),
        plan=simple_plan(found, tier, AUGUST),
    )


def alert(
    of: Episode | None = None, *, state: State = State.OPEN, revision: int = 1, seen: bool = False
) -> Alert:
    of = of or episode()
    return Alert(
        id=ALERT_ID,
        subject=1,
        family=of.family,
        state=state,
        tier=of.tier or Tier.ROUTINE,
        created=NOW,
        episode=of,
        seen=seen,
        advised=names_of(of),
        revision=revision,
    )


def names_of(of: Episode) -> frozenset[str]:
    """The names of the steps that it asks for."""
    return frozenset(step.name for step in steps_of(of))


def urgent() -> Alert:
    hys = finding(Kind.URGENT, Analyte.ALT, Tier.URGENT, "hys-law", (key("alt-2"), key("panel", "bilirubin")))
    return alert(episode(finding(), hys, tier=Tier.URGENT))


def advising(given: Alert, *names: str) -> Alert:
    """The alert, with these steps beside those that it has, due when its repeat is."""
    plan = given.episode.plan
    due = next(step.due for step in plan.steps if step.name == "repeat-hepatic-panel")
    kinds = tuple(dict.fromkeys(each.kind for each in given.episode.findings))
    more = tuple(Step(name, due, given.tier, kinds) for name in names)
    of = replace(given.episode, plan=replace(plan, steps=(*plan.steps, *more)))
    return replace(given, episode=of, advised=given.advised | set(names))


def revised(given: Alert, **changes: object) -> Alert:
    return replace(given, **{"revision": given.revision + 1, **changes})  # type: ignore[arg-type]


def went_on(before: Alert, now: Alert) -> Alert:
    """What the alert `before` is once it says what `now` says: steps it advised once are not forgotten."""
    steps = names_of(now.episode)
    past = names_of(before.episode) | before.ever_advised
    return revised(now, revision=before.revision + 1, advised=steps, no_longer_advised=past - steps)


def disposition(action: Action = Action.TAKE, *, note: str = "", number: int = 1) -> Disposition:
    return Disposition(
        id=UUID(int=number),
        family=Family.TRANSAMINASE,
        action=action,
        by="N. Nurse",
        at=NOW,
        tier=Tier.ROUTINE,
        evidence=frozenset({key("alt-2")}),
        note=note,
    )
