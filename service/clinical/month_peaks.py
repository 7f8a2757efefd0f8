"""From the day-values of one person to how high they came in each month.

Preliminary results do not count, and a censored value counts as what it says.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from service.clinical.analytes import Analyte
from service.clinical.bands import Band, band
from service.clinical.day_values import DayValue, nearest
from service.clinical.injury_pattern import InjuryPattern, pattern_of
from service.clinical.peaks import MonthPeak, Peak
from service.clinical.results import Comparator
from service.clinical.rulebook import Rulebook
from service.clinical.track import Track

_ENZYMES = (Analyte.ALT, Analyte.AST)


def month_peaks(tracks: Mapping[Analyte, Track], rulebook: Rulebook) -> list[MonthPeak]:
    """Every month with ALT, AST or total bilirubin, the oldest first.

    Args:
        tracks: by analyte, walked to their ends.
        rulebook: says what a baseline, a band and a pattern are.
    """
    enzymes = _by_month(tracks, rulebook, *_ENZYMES)
    bilirubin = _by_month(tracks, rulebook, Analyte.TOTAL_BILIRUBIN)
    return [
        MonthPeak(
            month,
            _peak(enzymes.get(month, ())),
            _peak(bilirubin.get(month, ())),
            max((_band(value, rulebook) for value, _ in enzymes.get(month, ())), default=Band.NORMAL),
            _pattern([value for value, _ in enzymes.get(month, ())], tracks[Analyte.ALP], rulebook),
        )
        for month in sorted({*enzymes, *bilirubin})
    ]


_Measured = tuple[DayValue, float | None]
"""A day-value, and how many times its baseline it is."""


def _by_month(
    tracks: Mapping[Analyte, Track], rulebook: Rulebook, *analytes: Analyte
) -> dict[date, list[_Measured]]:
    months: dict[date, list[_Measured]] = {}
    for analyte in analytes:
        for value, of_baseline in _against_baseline(tracks[analyte], rulebook):
            months.setdefault(value.day.replace(day=1), []).append((value, of_baseline))
    return months


def _against_baseline(track: Track, rulebook: Rulebook) -> Iterator[_Measured]:
    rule, again = rulebook.rules.baseline, Track(track.analyte)
    for value in track.values:
        baseline = again.baseline(value.ordinal, rule.days, rule.day_values)
        yield value, None if baseline is None else _beyond(value, float(value.value / baseline))
        again.add(value)


def _peak(measured: Sequence[_Measured]) -> Peak | None:
    if not measured:
        return None
    of_baselines = [of_baseline for _, of_baseline in measured if of_baseline is not None]
    multiple = max(_beyond(value, float(value.multiple)) for value, _ in measured)
    return Peak(multiple, max(of_baselines, default=None))


def _beyond(value: DayValue, multiple: float) -> float:
    """`>x` is more than x: a hair's breadth tells it from x where a line lies there."""
    return math.nextafter(multiple, math.inf) if value.result.comparator is Comparator.GREATER else multiple


def _band(value: DayValue, rulebook: Rulebook) -> Band:
    return band(value.value, value.limit, rulebook.rules.bands)


def _pattern(enzymes: list[DayValue], alp: Track, rulebook: Rulebook) -> InjuryPattern | None:
    rule = rulebook.rules.interpretation.r
    enzyme = max((value for value in enzymes if value.exact), key=lambda each: each.multiple, default=None)
    beside = None if enzyme is None else nearest(alp.exact, enzyme.day, rule.days)
    if enzyme is None or beside is None or not (enzyme.elevated or beside.elevated):
        return None
    return pattern_of(enzyme, beside, rule)
