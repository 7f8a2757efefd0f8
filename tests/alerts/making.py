"""Small makers of episodes, alerts and decisions: results are numbers, days are days of January 2026."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID

from service.alerts.alert import Action, Alert, Disposition, State
from service.alerts.events import Change
from service.alerts.reconcile import reconcile
from service.clinical.analytes import Analyte
from service.clinical.causes.cause import Cause, CauseName, Evidence
from service.clinical.episodes import (
    NO_PLAN,
    AlreadyDone,
    Episode,
    Family,
    Finding,
    Kind,
    Reason,
    Recheck,
    Suppression,
    Tested,
    Tier,
    TierChange,
    Trend,
)
from service.clinical.recommendations import REPEAT_PANEL
from service.clinical.results import ResultKey
from tests.plans import simple_plan

START = datetime(2026, 1, 1, 8, tzinfo=UTC)


def key(number: int) -> ResultKey:
    return ResultKey("lab", f"obs-{number}")


def keys(*numbers: int) -> frozenset[ResultKey]:
    return frozenset(key(number) for number in numbers)


def day(number: int) -> date:
    """Day `number` after 1 January 2026."""
    return START.date() + timedelta(days=number)


def moment(number: int) -> datetime:
    return START + timedelta(days=number)


def episode(
    *evidence: int,
    tier: Tier | None = Tier.SOON,
    normal: Iterable[int] = (),
    family: Family = Family.TRANSAMINASE,
    onset: int | None = None,
    resolved: int | None = None,
    dormant: bool = False,
    deceased: bool = False,
) -> Episode:
    """An episode of elevated results `evidence`; it raises an alert unless its tier is None."""
    began = day(min(evidence) if onset is None else onset)
    numbers = sorted({*evidence, *normal})
    last = day(max((*evidence, *normal), default=0))
    found = () if tier is None else (finding(tier, began, evidence),)
    return Episode(
        family=family,
        onset=began,
        last_result=last,
        resolved=None if resolved is None else day(resolved),
        deceased=deceased,
        dormant=dormant,
        tier=tier,
        alerts_from=None if tier is None else began,
        tier_changes=(),
        findings=found,
        trend=Trend.STABLE,
        latest=(),
        peak=(),
        evidence=keys(*evidence),
        results=keys(*evidence, *normal),
        plan=NO_PLAN if tier is None or resolved is not None else simple_plan(found, tier, last),
        tested=tuple(Tested(day(each), keys(*{each} & {*evidence})) for each in numbers),
    )


def urgent_finding(rule: str, number: int) -> Finding:
    """What that urgent rule finds, on that day."""
    reason = Reason(rule, day(number), day(number), "It is urgent.", tuple(keys(number)))
    began = day(number)
    return Finding(Kind.URGENT, Analyte.ALT, began, began, began, Tier.URGENT, (reason,), began, None)


def finding(tier: Tier, began: date, evidence: Iterable[int]) -> Finding:
    """What makes an episode raise an alert from its onset on."""
    reason = Reason("fold-rise", began, began, "It has risen.", tuple(sorted(keys(*evidence))))
    return Finding(Kind.WORSENING, Analyte.ALT, began, began, began, tier, (reason,), began, None)


def recheck(
    *evidence: int,
    since: int,
    resolved: int | None = None,
    analyte: Analyte = Analyte.ALT,
    tier: Tier | None = Tier.ROUTINE,
    dormant: bool = False,
    deceased: bool = False,
) -> Episode:
    """A recheck of results of day `min(evidence)`, overdue from day `since` on; the repeat is `100 + day`."""
    asked, came = day(min(evidence)), None if resolved is None else day(resolved)
    reason = Reason(
        "recheck-overdue", day(since), day(since), "Not repeated.", tuple(sorted(keys(*evidence)))
    )
    alerts = None if tier is None else day(since)
    missing = Finding(
        *(
            Kind.RECHECK_OVERDUE,
            analyte,
            asked,
            day(since),
            day(since),
            tier or Tier.ROUTINE,
            (reason,),
            alerts,
        ),
        suppressed=Suppression.GGT_ALONE if tier is None else None,
        recheck=Recheck(day(since - 1), came),
    )
    return Episode(
        family=Family.FOLLOW_UP,
        onset=asked,
        last_result=came or asked,
        resolved=came,
        deceased=deceased,
        dormant=dormant,
        tier=tier,
        alerts_from=alerts,
        tier_changes=() if tier is None else (TierChange(day(since), tier),),
        findings=(missing,),
        trend=Trend.STABLE,
        latest=(),
        peak=(),
        evidence=keys(*evidence),
        results=keys(*evidence, *([] if resolved is None else [100 + resolved])),
    )


def drug_cause(drug: str = "Isoniazid") -> Cause:
    """A drug on record whose times fit."""
    grounds = Evidence(f"{drug}: begun 2026-01-01, still taken.", resources=(f"MedicationRequest/{drug}",))
    return Cause(CauseName.DRUG, speaks_for=(grounds,))


def ordered(number: int) -> AlreadyDone:
    """The panel, as the record shows it ordered on that day."""
    return AlreadyDone(REPEAT_PANEL, day(number), True, ("ServiceRequest/s",))


def ids(kind: int = 1) -> Callable[[], UUID]:
    numbers = count(1)
    return lambda: UUID(int=kind << 64 | next(numbers))


def decision(
    number: int,
    action: Action,
    *evidence: int,
    at: int = 0,
    tier: Tier = Tier.SOON,
    results: Iterable[int] = (),
    until: int | None = None,
    until_next_result: bool = False,
    by: str = "nurse",
    family: Family = Family.TRANSAMINASE,
) -> Disposition:
    """A decision made on those results, on day `at`, about an :func:`episode` of that tier."""
    return Disposition(
        id=UUID(int=number),
        family=family,
        action=action,
        by=by,
        at=moment(at),
        tier=tier,
        evidence=keys(*evidence),
        urgent=frozenset({Kind.WORSENING.value} if tier is Tier.URGENT else ()),
        results=keys(*evidence, *results),
        until=None if until is None else day(until),
        until_next_result=until_next_result,
    )


GONE = (State.MERGED, State.ENTERED_IN_ERROR)


@dataclass
class Clinic:
    """The alerts of a patient over time: judge again and again, look at what changed."""

    alerts: dict[UUID, Alert] = field(default_factory=dict)
    dispositions: list[Disposition] = field(default_factory=list)
    mint: Callable[[], UUID] = field(default_factory=ids)
    now: int = 0

    def judge(self, *episodes: Episode, on: int | None = None, subject: int = 1) -> tuple[Change, ...]:
        return self.judge_pairs([(subject, one) for one in episodes], on=on)

    def judge_pairs(
        self, episodes: Sequence[tuple[int, Episode]], on: int | None = None
    ) -> tuple[Change, ...]:
        self.now = self.now + 1 if on is None else on
        changes = reconcile(
            tuple(self.alerts.values()), self.dispositions, episodes, moment(self.now), self.mint
        )
        for change in changes:
            self.alerts[change.after.id] = change.after
        return changes

    def live(self) -> list[Alert]:
        return sorted(
            (a for a in self.alerts.values() if a.state not in GONE),
            key=lambda a: (a.subject, a.family, a.episode.onset),
        )

    def only(self) -> Alert:
        (alert,) = self.live()
        return alert

    def on(self, number: int) -> Alert:
        """The live alert whose evidence holds that result."""
        (alert,) = [a for a in self.live() if key(number) in a.episode.evidence]
        return alert
