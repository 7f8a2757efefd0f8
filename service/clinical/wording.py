"""The plain words of a reason: the arithmetic at its latest day, the limits used and where they came from."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from service.clinical.bands import Band
from service.clinical.change_limits import ChangeLimits
from service.clinical.day_values import DayValue
from service.clinical.months import add_months
from service.clinical.recheck import Watch
from service.clinical.saying import analyte_in_words, capitalised, number, quantity
from service.clinical.slope import doubling_days
from service.clinical.track import Run


def level(value: DayValue) -> str:
    """`ALT 4.2 × ULN (168 U/L, limit 40, laboratory) on 2024-03-01`."""
    shown = f"{value.result.comparator.value}{quantity(value.analyte, value.value)}"
    return (
        f"{analyte_in_words(value.analyte)} {number(value.multiple)} × ULN "
        f"({shown}, limit {number(value.limit)}, {value.source}) on {value.day}"
    )


def detail(reason: str, facts: tuple[Any, ...]) -> str:
    """The words for `reason` with the facts its detector gave."""
    return capitalised(_WRITERS[reason](*facts))


def _persistent(run: Run, remarks: tuple[int, ...]) -> str:
    first, last, highest = run.first, run.last, run.highest
    days = last.ordinal - first.ordinal
    passed = [months for months in remarks if last.day > add_months(first.day, months)]
    levels = f"Highest {level(highest)}; latest {level(last)}"
    if highest.ordinal == last.ordinal:
        levels = f"Highest and latest {level(last)}"
    still = f" Still elevated after {passed[-1]} months." if passed else ""
    return (
        f"{analyte_in_words(first.analyte)} elevated from {first.day} to {last.day}, {days} days, "
        f"over {_days(len(run.values))}, none normal between. {levels}. "
        f"Rule: elevated for more than six calendar months.{still}"
    )


def _intermittent(latest: tuple[DayValue, ...]) -> str:
    elevated = [value for value in latest if value.elevated]
    days = ", ".join(f"{number(value.multiple)} × on {value.day}" for value in elevated)
    return (
        f"{analyte_in_words(elevated[0].analyte)} elevated on {len(elevated)} of the last "
        f"{_days(len(latest))} ({days}), without a persistent run. Latest {level(latest[-1])}."
    )


def _fold_rise(value: DayValue, baseline: Decimal, count: int, fold: Decimal, change: ChangeLimits) -> str:
    told = f"{number(value.value / baseline)} × its baseline {quantity(value.analyte, baseline)}"
    return (
        f"{level(value)}: {told} (median of {_days(count)} in the year before, elevated). "
        f"Rule: at least {number(fold)} × an elevated baseline and above the reference change limit of "
        f"{number(change.rise)} ×."
    )


def _band_step(value: DayValue, baseline: Decimal, count: int, before: Band, now: Band) -> str:
    return (
        f"{level(value)}: band {now.name.lower()}, up from {before.name.lower()} at the baseline "
        f"{quantity(value.analyte, baseline)} (median of {_days(count)} in the year before), "
        "above the reference change limit."
    )


def _sustained_rise(
    value: DayValue, first: DayValue, exact: list[DayValue], start: int, end: int, most: int
) -> str:
    days = doubling_days(exact[start:end][-most:])
    slope = f" Doubling time about {days} days." if days is not None else ""
    return (
        f"{level(value)}: rising over {_days(end - start)} since {first.day}, "
        f"{number(value.value / first.value)} × the first ({quantity(first.analyte, first.value)}); "
        f"Mann-Kendall trend significant one-sided and above the reference change limit.{slope}"
    )


def _days(count: int) -> str:
    """However many results a day has, they make one value."""
    return "1 day of testing" if count == 1 else f"{count} days of testing"


def _new_moderate(value: DayValue, reached: Band) -> str:
    return f"{level(value)}: the first in this episode in the band {reached.name.lower()}."


def _recheck_overdue(watch: Watch, repeat: DayValue | None) -> str:
    analyte = analyte_in_words(watch.value.analyte)
    came = f"repeated on {repeat.day}" if repeat is not None else "it has not been repeated"
    return (
        f"{level(watch.value)}, {watch.wait.level}: to be repeated by {watch.due}, and no usable result of "
        f"{analyte} up to {watch.last}; {came}."
    )


def _severe(value: DayValue) -> str:
    return f"{level(value)}: severe elevation."


def _hys_law(enzyme: DayValue, total: DayValue, alp: DayValue | None, n_r: Decimal | None) -> str:
    pair = f"{level(enzyme)} with {level(total)}"
    if alp is None or n_r is None:
        return f"{pair}; ALP is missing, so Hy's law is possible but not shown."
    return (
        f"{pair}; {level(alp)}, nR {number(n_r)}: the pattern of Hy's law; other causes are to be excluded."
    )


def _cholestatic(alp: DayValue, total: DayValue, enzyme: DayValue | None, n_r: Decimal | None) -> str:
    ratio = "nR not known" if n_r is None or enzyme is None else f"nR {number(n_r)} with {level(enzyme)}"
    return f"{level(alp)} with {level(total)}; {ratio}: jaundice of cholestatic pattern, not Hy's law."


def _jaundice(total: DayValue, direct: DayValue | None) -> str:
    if direct is None:
        return f"{level(total)}; direct bilirubin not known that day."
    share = quantity(direct.analyte, direct.value)
    return f"{level(total)}; direct bilirubin {share}: not shown to be unconjugated."


def _dili_stop(value: DayValue, since: DayValue | None, inr: DayValue | None, drugs: tuple[str, ...]) -> str:
    lasting = f", and {level(since)} with none lower between" if since is not None else ""
    with_inr = f", with INR {number(inr.value)} on {inr.day}" if inr is not None else ""
    return f"{level(value)}{lasting}{with_inr}, while on record: {', '.join(drugs)}."


def _synthetic_failure(inr: DayValue, total: DayValue | None, enzyme: DayValue | None) -> str:
    partners = " and ".join(level(one) for one in (total, enzyme) if one is not None)
    return f"INR {number(inr.value)} on {inr.day} without a recorded anticoagulant, with {partners}."


def _pregnancy(value: DayValue) -> str:
    return f"{level(value)} in a recorded pregnancy."


_WRITERS: dict[str, Callable[..., str]] = {
    "persistent-6-months": _persistent,
    "intermittent": _intermittent,
    "fold-rise": _fold_rise,
    "band-step": _band_step,
    "sustained-rise": _sustained_rise,
    "new-moderate-elevation": _new_moderate,
    "recheck-overdue": _recheck_overdue,
    "severe-elevation": _severe,
    "hys-law": _hys_law,
    "possible-hys-law": _hys_law,
    "cholestatic-jaundice": _cholestatic,
    "jaundice": _jaundice,
    "dili-stop": _dili_stop,
    "synthetic-failure": _synthetic_failure,
    "pregnancy": _pregnancy,
}
