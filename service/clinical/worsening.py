"""Elevation that worsens: fold-rise, band-step, sustained-rise; and where an analyte is heading."""

from bisect import bisect_left
from decimal import Decimal

from service.clinical.analytes import Analyte
from service.clinical.bands import Band, band
from service.clinical.day_values import DayValue
from service.clinical.episodes import Kind, Tier
from service.clinical.held import Held
from service.clinical.rulebook import Rulebook
from service.clinical.track import Track

FOLD_RISE = "fold-rise"
BAND_STEP = "band-step"
SUSTAINED_RISE = "sustained-rise"
_BANDED = (Analyte.ALT, Analyte.AST)


def worsening(track: Track, value: DayValue, rulebook: Rulebook) -> list[Held]:
    """The worsening criteria that the elevated `value`, the latest of `track`, meets; none if censored."""
    if not value.exact:
        return []
    found = []
    rules = rulebook.rules
    baseline = track.baseline(value.ordinal, rules.baseline.days, rules.baseline.day_values)
    if baseline is not None and value.value > baseline * rulebook.change[value.analyte].rise:
        found += _against_baseline(track, value, baseline, rulebook)
    rise = _sustained_rise(track, value, baseline, rulebook)
    if rise is not None:
        found.append(rise)
    if found:
        track.last_worsening = value.ordinal
    return found


def _against_baseline(track: Track, value: DayValue, baseline: Decimal, rulebook: Rulebook) -> list[Held]:
    rules = rulebook.rules
    start, end = track.baseline_span(value.ordinal, rules.baseline.days)
    span = (start, end + 1)
    fold = rules.worsening.fold[value.analyte]
    found = []
    if baseline > value.limit and value.value >= fold * baseline:
        of_fold = (value, baseline, end - start, fold, rulebook.change[value.analyte])
        found.append(_held(track, FOLD_RISE, value, baseline, rulebook, of_fold, span))
    if value.analyte in _BANDED:
        before = band(baseline, value.limit, rules.bands)
        now = band(value.value, value.limit, rules.bands)
        if now > before and now >= Band.MILD:
            of_step = (value, baseline, end - start, before, now)
            found.append(_held(track, BAND_STEP, value, baseline, rulebook, of_step, span))
    return found


def _sustained_rise(
    track: Track, value: DayValue, baseline: Decimal | None, rulebook: Rulebook
) -> Held | None:
    """Mann-Kendall over the trailing window; its running statistic is moved only where it can matter."""
    rules = rulebook.rules.sustained_rise
    end = len(track.exact)
    start = bisect_left(track.exact_days, value.ordinal - rules.days)
    if end - start < rules.day_values:
        return None
    first = track.exact[start]
    if value.ordinal - first.ordinal < rules.span_days:
        return None
    if not value.value > first.value * rulebook.change[value.analyte].rise:
        return None
    if not track.trend(start, end).significant(rulebook.trend):
        return None
    facts = (value, first, track.exact, start, end, rules.slope_day_values)
    return _held(track, SUSTAINED_RISE, value, baseline, rulebook, facts, (start, end))


def _held(
    track: Track,
    reason: str,
    value: DayValue,
    baseline: Decimal | None,
    rulebook: Rulebook,
    facts: tuple[object, ...],
    span: tuple[int, int],
) -> Held:
    rules = rulebook.rules.worsening
    tier = rulebook.rules.tiers.worsening
    if baseline is not None and value.value >= rules.urgent_fold * baseline:
        tier = Tier.URGENT if value.at_least(rules.urgent_multiple) else tier
    first = track.run.first.day if track.run is not None else value.day
    return Held(Kind.WORSENING, reason, value, first, tier, facts, (value,), span)


def falling(track: Track, rulebook: Rulebook) -> bool:
    """Whether the latest day-value lies below its baseline by more than the reference change value."""
    value = track.values[-1]
    change = rulebook.change.get(value.analyte)
    if change is None or not value.exact:
        return False
    rules = rulebook.rules.baseline
    baseline = track.baseline(value.ordinal, rules.days, rules.day_values)
    return baseline is not None and value.value < baseline * change.fall


def elevated_or_rising(track: Track, ordinal: int, rulebook: Rulebook) -> bool:
    """Whether the latest day-value (bilirubin, INR), no older than a baseline's window, is high or has risen.

    INR has no reference change value here: any INR above its baseline counts as rising.
    """
    rules = rulebook.rules.baseline
    if not track.known_within(ordinal, rules.days):
        return False
    value = track.values[-1]
    if value.elevated or not value.exact:
        return value.elevated
    baseline = track.baseline(value.ordinal, rules.days, rules.day_values)
    change = rulebook.change.get(value.analyte)
    return baseline is not None and value.value > (baseline * change.rise if change else baseline)
