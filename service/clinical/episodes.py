"""What an assessment says: findings, gathered into episodes by family. Types only, no rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple

from service.clinical.analytes import Analyte
from service.clinical.causes.cause import Cause
from service.clinical.peaks import MonthPeak
from service.clinical.results import ResultKey


class Tier(IntEnum):
    """How soon a person must look: same day, within two weeks, within twelve weeks."""

    ROUTINE = 1
    SOON = 2
    URGENT = 3


class Family(StrEnum):
    """Findings of one family make one alert a patient."""

    TRANSAMINASE = "transaminase"
    CHOLESTATIC = "cholestatic"
    BILIRUBIN = "bilirubin"
    FOLLOW_UP = "follow-up"


class Kind(StrEnum):
    """What a finding says of its analyte."""

    PERSISTENT = "persistent"
    INTERMITTENT = "intermittent"
    WORSENING = "worsening"
    NEW_MODERATE = "new-moderate-elevation"
    URGENT = "urgent"
    RECHECK_OVERDUE = "recheck-overdue"
    MONITORING_OVERDUE = "monitoring-overdue"


class Suppression(StrEnum):
    """Why a finding that was met is shown in the record but raises no alert."""

    BONE_SOURCE = "bone-source"
    GGT_ALONE = "ggt-alone"
    ISOLATED_BILIRUBIN = "isolated-bilirubin"
    """Neither shown to be conjugated nor accompanied by another abnormal liver test."""
    GILBERT = "gilbert"
    """Isolated, shown to be unconjugated, with normal enzymes."""
    UNDER_18 = "outside-validated-population"
    PREGNANCY = "pregnancy"


class Trend(StrEnum):
    """Where an open episode is heading, by its latest day-value against its baseline."""

    STABLE = "stable"
    IMPROVING = "improving"
    WORSENING = "worsening"


@dataclass(frozen=True, slots=True)
class Reason:
    """One named criterion and when it held."""

    name: str
    met: date
    """The first day it held."""
    last: date
    """The latest day it held."""
    detail: str
    """The arithmetic in words and numbers at `last`, with the rule that asks for it."""
    evidence: tuple[ResultKey, ...]
    """The results the arithmetic used, across every day it held, in date order."""


@dataclass(frozen=True, slots=True)
class Recheck:
    """The test that a finding of the family `follow-up` misses."""

    due: date
    """The last day on which it would have been in time, without any grace."""
    ended: date | None
    """The day it came, or a decision made it needless; None while it is missing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of finding in one analyte, within one episode."""

    kind: Kind
    analyte: Analyte
    first: date
    """First day-value of the run (persistent), of the elevation (worsening) or of the evidence (urgent)."""
    met: date
    """The first day it held; of a missing recheck: the first day it was overdue."""
    last: date
    tier: Tier
    """The highest tier reached."""
    reasons: tuple[Reason, ...]
    alerts_from: date | None
    """The first day the alert policy let it raise an alert; None while it is for the panel only."""
    suppressed: Suppression | None
    """Why it raises no alert, where `alerts_from` is None."""
    notes: tuple[str, ...] = ()
    """What a reader must know: a missing test, an unknown sex, a fallback limit."""
    recheck: Recheck | None = None
    """The test that is missing; only in findings of the family `follow-up`."""


@dataclass(frozen=True, slots=True)
class TierChange:
    """From this day on the episode was of this tier."""

    day: date
    tier: Tier


@dataclass(frozen=True, slots=True)
class Level:
    """A day-value as a reader wants it: in the canonical unit and as a multiple of its upper limit."""

    analyte: Analyte
    day: date
    value: Decimal
    multiple: Decimal
    """value / upper limit of normal."""
    limit: Decimal
    limit_source: str
    """`laboratory`, or `rulebook`, with what was unknown or implausible in brackets."""
    key: ResultKey


class Tested(NamedTuple):
    """A day on which a test that an episode is about gave a usable result."""

    day: date
    elevated: frozenset[ResultKey]
    """The elevated results of it; none where all were normal."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that an episode asks for: what `orders.toml` says under its name, and when."""

    name: str
    """Stable, and unique within an alert."""
    due: date
    """A function of the record alone: telling it later, or again, does not move it."""
    priority: Tier
    kinds: tuple[Kind, ...]
    """The kinds of finding whose rules ask for it, the gravest first; of its results it rests on theirs."""
    criteria: tuple[str, ...] = ()
    """Names of the criteria that the gravest of them meets: which of the urgent rules it is."""


class AlreadyDone(NamedTuple):
    """A step that is not asked for, because the record shows it."""

    name: str
    day: date
    ordered: bool
    """It is ordered, and not seen to be done yet."""
    shown_by: tuple[str, ...]
    """`Type/id` of the resources that show it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What may lie behind an episode, and what comes next."""

    causes: tuple[Cause, ...] = ()
    """Those of which the record says anything, the ones with most that speaks for them first."""
    steps: tuple[Step, ...] = ()
    """What to do next, the most urgent first."""
    done: tuple[AlreadyDone, ...] = ()


NO_PLAN = Plan()


@dataclass(frozen=True, slots=True)
class Episode:
    """A family's elevation from its first elevated day-value to its resolution, and all found in it.

    In the family `follow-up`: one recheck that did not come in time, from the elevated result that asks for
    it to the repeat. It is a function of the patient's record, the rulebook and `as_of` alone, never of
    arrival order.
    """

    family: Family
    onset: date
    last_result: date
    """The day of the latest usable result of the family's analytes."""
    resolved: date | None
    """The second consecutive normal day-value of the last analyte to become normal; the day of a repeat."""
    deceased: bool
    dormant: bool
    """Unresolved, and the last result older than the rulebook's limit at `as_of`: lost to follow-up."""
    tier: Tier | None
    """The highest tier of its alerting findings; None when nothing in it raises an alert."""
    alerts_from: date | None
    """The first day it raised an alert; None when nothing in it does."""
    tier_changes: tuple[TierChange, ...]
    findings: tuple[Finding, ...]
    trend: Trend
    latest: tuple[Level, ...]
    """The last known level, at the episode's end, of every analyte that was elevated in it or drove it."""
    peak: tuple[Level, ...]
    """The highest level of each of those."""
    evidence: frozenset[ResultKey]
    """Every elevated result in it: what the episode is made of, and what gives an alert its identity."""
    results: frozenset[ResultKey]
    """Every usable result of the family's analytes from onset to end, normal ones too."""
    notes: tuple[str, ...] = ()
    tested: tuple[Tested, ...] = ()
    """Every day with a usable result of its enzymes or bilirubin, from onset to end; none in `follow-up`."""
    plan: Plan = NO_PLAN
    """None where nothing in it raises an alert, and none once it is resolved."""


class AskedRecheck(NamedTuple):
    """A repeat that one elevated day-value asked for, whether it came or not."""

    analyte: Analyte
    day: date
    """Of the elevated result."""
    last: date
    """The last day on which the repeat is in time, grace included."""
    repeated: date | None
    """The day it came; None while it has not."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one patient's record says: episodes in order of onset, then family."""

    episodes: Sequence[Episode]
    next_review: date | None
    """The next day on which the same record would be judged differently, or None."""
    rechecks: Sequence[AskedRecheck] = ()
    """Every repeat that was asked for, in order of its day, then analyte."""
    peaks: Sequence[MonthPeak] = ()
    """How high the tests came, month by month, of a record in which any was ever elevated. Nothing is decided
    by them."""
