"""Elevation that persists: runs of elevated day-values, and the intermittent pattern that makes no run."""

from service.clinical.analytes import Analyte
from service.clinical.bands import band, grade
from service.clinical.day_values import DayValue
from service.clinical.episodes import Kind, Tier
from service.clinical.held import Held
from service.clinical.months import add_months
from service.clinical.rulebook import Rulebook
from service.clinical.thresholds import Rules
from service.clinical.track import Run, Track

PERSISTENT = "persistent-6-months"
INTERMITTENT = "intermittent"
_SHORTEST_MONTH = 28
_BANDED = (Analyte.ALT, Analyte.AST)


def persistence(track: Track, value: DayValue, rulebook: Rulebook) -> Held | None:
    """Take the elevated `value`, the latest of `track`, into its run; say if that run is persistent.

    A run is persistent when its last day is later than its first plus six calendar months.
    """
    rules = rulebook.rules
    run = track.run
    if run is None or _later(value, run.last, rules.persistence.max_gap_months):
        run = track.run = Run(value, add_months(value.day, rules.persistence.months))
    run.values.append(value)
    if value.multiple > run.highest.multiple:
        run.highest = value
    begins = not run.persistent
    if begins:
        enough = len(run.values) >= rules.persistence.day_values
        run.persistent = enough and value.day > run.persists_after
        if not run.persistent:
            return None
    track.last_persistent = value.ordinal
    return Held(
        kind=Kind.PERSISTENT,
        reason=PERSISTENT,
        value=value,
        first=run.first.day,
        tier=lasting_tier(value, rules),
        facts=(run, (rules.persistence.chronic_months, rules.persistence.long_months)),
        evidence=tuple(run.values) if begins else (value,),
    )


def intermittent(track: Track, value: DayValue, rulebook: Rulebook) -> Held | None:
    """Whether the elevated `value`, the latest of `track`, completes an intermittent elevation.

    Of the latest five day-values, all within 24 months, at least three are elevated, the first and last of
    those more than six months apart; and none of them belongs to a persistent run.
    """
    rules = rulebook.rules.intermittent
    candidates = track.values[-rules.latest :]
    first = next(one for one in candidates if one.elevated)
    if (track.run is not None and track.run.persistent) or not _later(value, first, rules.apart_months):
        return None
    latest = [one for one in candidates if not _later(value, one, rules.months)]
    elevated = [one for one in latest if one.elevated]
    if len(elevated) < rules.elevated or latest[0].ordinal <= track.last_persistent:
        return None
    if not value.day > add_months(elevated[0].day, rules.apart_months):
        return None
    return Held(
        kind=Kind.INTERMITTENT,
        reason=INTERMITTENT,
        value=value,
        first=elevated[0].day,
        tier=lasting_tier(value, rulebook.rules),
        facts=(tuple(latest),),
        evidence=tuple(elevated),
    )


def _later(value: DayValue, earlier: DayValue, months: int) -> bool:
    """Whether `value` is more than so many calendar months later; most pairs are told by their days alone."""
    if value.ordinal - earlier.ordinal <= months * _SHORTEST_MONTH:
        return False
    return value.day > add_months(earlier.day, months)


def lasting_tier(value: DayValue, rules: Rules) -> Tier:
    """The tier of a lasting elevation at `value`: by band for ALT and AST, by CTCAE grade for the others."""
    if value.analyte in _BANDED:
        high = band(value.value, value.limit, rules.bands) >= rules.tiers.soon_from_band
    else:
        high = grade(value.value, value.limit, rules.ctcae[value.analyte]) >= rules.tiers.soon_from_grade
    return Tier.SOON if high else Tier.ROUTINE
