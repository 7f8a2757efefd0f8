"""The shape of the rulebook: one frozen dataclass a section, one field a number.

Multiples are of the upper limit of normal unless said otherwise. `ascending` lists numbers that must rise.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from service.clinical.analytes import Analyte
from service.clinical.bands import Band
from service.clinical.cause_thresholds import CauseRules
from service.clinical.episodes import Tier
from service.clinical.interpretation_thresholds import Interpretations

Order = tuple[tuple[str, ...], ...]

TRENDED = (Analyte.ALT, Analyte.AST, Analyte.ALP, Analyte.GGT, Analyte.TOTAL_BILIRUBIN)
"""The analytes in which persistence and worsening are looked for."""
_GRADED = (*TRENDED, Analyte.CREATINE_KINASE)
_UPPER = (*_GRADED, Analyte.DIRECT_BILIRUBIN, Analyte.INR)
_LOWER = (Analyte.ALBUMIN, Analyte.PLATELETS)


def _each(analytes: tuple[Analyte, ...]) -> dict[str, object]:
    return {"required": analytes}


_ZERO: dict[str, object] = {"zero": True}
"""Marks a number that may be zero; every other one must be positive. `most` bounds it closer."""


class UlnPolicy(StrEnum):
    """Whose upper limit of normal counts."""

    LAB = "lab"
    GUIDELINE = "guideline"
    STRICTER = "stricter"


@dataclass(frozen=True, slots=True)
class Results:
    """Which results are judged."""

    future_tolerance_hours: int = field(metadata=_ZERO)


@dataclass(frozen=True, slots=True)
class Plausibility:
    """Values outside are impossible, in canonical units."""

    above: Decimal = field(metadata=_ZERO)
    at_most: dict[Analyte, Decimal]


@dataclass(frozen=True, slots=True)
class AdultLimits:
    """Upper limits of adults in canonical units."""

    men: Decimal
    women: Decimal


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """Upper limits under the adult age in canonical units."""

    boys: Decimal
    girls: Decimal


@dataclass(frozen=True, slots=True)
class Limits:
    """The rulebook's own limits of normal and when they are used."""

    policy: UlnPolicy
    laboratory_at_least: Decimal
    laboratory_at_most: Decimal
    """Multiples of the rulebook's own upper limit: a laboratory's for an adult is believed between them."""
    adult_age_years: int
    upper: dict[Analyte, AdultLimits] = field(metadata=_each(_UPPER))
    upper_child: dict[Analyte, ChildLimits]
    lower: dict[Analyte, Decimal] = field(metadata=_each(_LOWER))


@dataclass(frozen=True, slots=True)
class Bands:
    """ALT, AST: how high; `massive_above` in U/L, the others multiples."""

    mild_from: Decimal
    moderate_from: Decimal
    severe_above: Decimal
    massive_above: Decimal
    ascending: ClassVar[Order] = (("mild_from", "moderate_from", "severe_above"),)


@dataclass(frozen=True, slots=True)
class Grades:
    """CTCAE grades: above these multiples."""

    grade_1: Decimal
    grade_2: Decimal
    grade_3: Decimal
    grade_4: Decimal
    grade_1_of_baseline: Decimal
    ascending: ClassVar[Order] = (
        ("grade_1", "grade_2", "grade_3", "grade_4"),
        ("grade_1_of_baseline", "grade_2"),
    )


@dataclass(frozen=True, slots=True)
class Persistence:
    """Runs of elevated day-values, in calendar months."""

    months: int
    day_values: int
    max_gap_months: int
    chronic_months: int
    long_months: int
    ascending: ClassVar[Order] = (("months", "chronic_months", "long_months"),)


@dataclass(frozen=True, slots=True)
class Intermittent:
    """Elevated again and again without a persistent run."""

    latest: int
    months: int
    elevated: int
    apart_months: int
    ascending: ClassVar[Order] = (("elevated", "latest"), ("apart_months", "months"))


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """When a finding alerts."""

    window_days: int
    conjugated_from: Decimal


@dataclass(frozen=True, slots=True)
class Baseline:
    """The window of a day-value's baseline and the fewest day-values that make one."""

    days: int
    day_values: int


@dataclass(frozen=True, slots=True)
class Change:
    """Reference change value: z and percent coefficients of variation."""

    z: Decimal
    cva: Decimal = field(metadata=_ZERO)
    cvi: dict[Analyte, Decimal] = field(metadata=_each(_GRADED))


@dataclass(frozen=True, slots=True)
class Worsening:
    """fold-rise, and what makes a worsening urgent."""

    urgent_multiple: Decimal
    urgent_fold: Decimal
    fold: dict[Analyte, Decimal] = field(metadata=_each(TRENDED))


@dataclass(frozen=True, slots=True)
class SustainedRise:
    """Mann-Kendall over the trailing days."""

    days: int
    day_values: int
    span_days: int
    p_value: Decimal
    exact_up_to: int = field(metadata={"most": 30})
    slope_day_values: int
    ascending: ClassVar[Order] = (("span_days", "days"),)


@dataclass(frozen=True, slots=True)
class SevereElevation:
    """ALT or AST above `multiple`, or from `value` U/L."""

    multiple: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True)
class HysLaw:
    """ALT or AST above `enzyme` with bilirubin from `bilirubin`, and ALP below `alp` or nR from `n_r`."""

    enzyme: Decimal
    bilirubin: Decimal
    bilirubin_days: int
    alp: Decimal
    alp_days: int
    n_r: Decimal


@dataclass(frozen=True, slots=True)
class DiliStop:
    """ALT or AST above these multiples on a possibly hepatotoxic drug."""

    at_once: Decimal
    sustained: Decimal
    sustained_days: int
    with_inr: Decimal
    inr: Decimal
    inr_days: int
    ascending: ClassVar[Order] = (("with_inr", "sustained", "at_once"),)


@dataclass(frozen=True, slots=True)
class SyntheticFailure:
    """INR from `inr` with bilirubin from `bilirubin` or an elevated ALT or AST."""

    inr: Decimal
    bilirubin: Decimal
    days: int


@dataclass(frozen=True, slots=True)
class Jaundice:
    """Bilirubin from `bilirubin`, unless direct/total is below `unconjugated_below`."""

    bilirubin: Decimal
    unconjugated_below: Decimal


@dataclass(frozen=True, slots=True)
class CholestaticJaundice:
    """ALP and bilirubin from these multiples, nR below `n_r` or unknown."""

    alp: Decimal
    bilirubin: Decimal
    days: int
    n_r: Decimal
    n_r_days: int


@dataclass(frozen=True, slots=True)
class Pregnancy:
    """ALT or AST from `enzyme`, bilirubin above `bilirubin`."""

    enzyme: Decimal
    bilirubin: Decimal
    longest_days: int


@dataclass(frozen=True, slots=True)
class Urgent:
    """The rules that one panel can meet."""

    severe_elevation: SevereElevation
    hys_law: HysLaw
    dili_stop: DiliStop
    synthetic_failure: SyntheticFailure
    jaundice: Jaundice
    cholestatic_jaundice: CholestaticJaundice
    pregnancy: Pregnancy


@dataclass(frozen=True, slots=True)
class EpisodeRules:
    """Normal day-values that end an episode; months without a result that make it dormant."""

    normal_day_values: int
    dormant_months: int


@dataclass(frozen=True, slots=True)
class DueDays:
    """Days within which a person must look."""

    urgent: int = field(metadata=_ZERO)
    soon: int
    routine: int
    ascending: ClassVar[Order] = (("urgent", "soon", "routine"),)


@dataclass(frozen=True, slots=True)
class Tiers:
    """Which tier a finding has."""

    soon_from_band: Band
    soon_from_grade: int
    worsening: Tier
    new_moderate: Tier
    urgent: Tier
    due_days: DueDays


@dataclass(frozen=True, slots=True)
class DaysByBand:
    """Days by band, or for ALP, GGT and bilirubin by grade (1 mild, 2 moderate, 3 and over severe)."""

    borderline: int
    mild: int
    moderate: int
    severe: int


@dataclass(frozen=True, slots=True)
class OverdueTiers:
    """The tier of a recheck that did not come: by band for ALT and AST, by CTCAE grade for the others."""

    borderline: Tier
    mild: Tier
    moderate: Tier
    severe: Tier
    grade_1: Tier
    grade_2: Tier
    grade_3: Tier
    """Grade 3 and over."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The recheck after an elevation, the grace beyond it, and how soon a person must look after that."""

    monitoring_months: int
    recheck_days: DaysByBand
    grace_days: DaysByBand
    overdue: OverdueTiers


@dataclass(frozen=True, slots=True)
class Escalation:
    """How long an urgent alert may wait for somebody to take it before the next contact is told."""

    untaken_hours: int


@dataclass(frozen=True, slots=True)
class DoneWithin:
    """Months before a step is asked for within which it counts as done."""

    imaging: int
    serology: int
    scores: int
    """The tests that a fibrosis score needs."""


@dataclass(frozen=True, slots=True)
class Recommendations:
    """From how many elevated results on a cause is sought, and how long what was done counts."""

    elevated_results: int
    long_term_risks_evidence: int
    """Things that must speak for fatty liver before its long-term risks are explained to the patient."""
    done_within_months: DoneWithin


@dataclass(frozen=True, slots=True)
class CloseDays:
    """Days within which an alert is to be settled, by the tier it was raised with."""

    urgent: int
    soon: int
    routine: int
    ascending: ClassVar[Order] = (("urgent", "soon", "routine"),)


@dataclass(frozen=True, slots=True)
class Measures:
    """Targets that measures are held to and no rule has; the others are the rules' own windows."""

    close_days: CloseDays


@dataclass(frozen=True, slots=True)
class DrugExposure:
    """Days before the onset of an injury: when a suspected drug was begun, or last taken (both ends count).

    `stopped_days_cholestatic` is for cholestatic and mixed injury, and for drugs whose injury is cholestatic.
    """

    begun_from_days: int
    begun_to_days: int
    stopped_days: int
    stopped_days_cholestatic: int
    paracetamol_days: int
    ascending: ClassVar[Order] = (
        ("begun_from_days", "begun_to_days"),
        ("stopped_days", "stopped_days_cholestatic"),
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """All sections."""

    results: Results
    plausibility: Plausibility
    limits: Limits
    bands: Bands
    ctcae: dict[Analyte, Grades] = field(metadata=_each(_GRADED))
    persistence: Persistence
    intermittent: Intermittent
    alert_policy: AlertPolicy
    baseline: Baseline
    change: Change
    worsening: Worsening
    sustained_rise: SustainedRise
    urgent: Urgent
    episode: EpisodeRules
    tiers: Tiers
    follow_up: FollowUp
    escalation: Escalation
    recommendations: Recommendations
    measures: Measures
    drug_exposure: DrugExposure
    interpretation: Interpretations
    causes: CauseRules
