"""How far the results are out, and where to: CTCAE grades, the eDISH quadrant, doubling times."""

from datetime import date, timedelta
from statistics import median

from service.clinical.analytes import Analyte
from service.clinical.bands import grade, grade_from_baseline
from service.clinical.day_values import DayValue
from service.clinical.edish import MEANINGS, quadrant
from service.clinical.readings import Interpretation, Readings, from_results, limit_caveats, not_given
from service.clinical.saying import analyte_in_words, capitalised, number, quantity
from service.clinical.slope import doubling_days
from service.clinical.wording import level


def grades(readings: Readings, analyte: Analyte, day: date) -> Interpretation | None:
    """The CTCAE v5 grade of the latest day-value up to `day`; None for a test that CTCAE does not grade.

    The baseline is that of worsening: the median of the uncensored day-values of the year before, the graded
    one excluded, so that no result is graded against itself.
    """
    rules = readings.rulebook.rules
    values = [value for value in readings.exact(analyte) if value.day <= day]
    if analyte not in rules.ctcae or not values:
        return None
    value, multiples = values[-1], rules.ctcae[analyte]
    before = [one.value for one in values[:-1] if value.ordinal - one.ordinal <= rules.baseline.days]
    of_limit = grade(value.value, value.limit, multiples)
    baseline = median(before) if len(before) >= rules.baseline.day_values else None
    told, graded, caveats = "from a normal baseline", of_limit, limit_caveats((value,))
    if baseline is None:
        caveats = (*caveats, f"no {analyte_in_words(analyte)} in the year before: taken as normal before")
    elif baseline > value.limit:
        graded = grade_from_baseline(value.value, baseline, multiples)
        told = (
            f"from an abnormal baseline ({quantity(analyte, baseline)}, median of {len(before)} in the year "
            f"before); against the upper limit alone it would be {of_limit}"
        )
    words = f"CTCAE grade {graded} {told}: {level(value)}."
    used = tuple(
        one for one in values if one is value or (baseline is not None and _year(one, value, readings))
    )
    return Interpretation(
        f"ctcae-{analyte.value}",
        *(words, True, None, f"grade {graded}", from_results(used), caveats, (f"ctcae.{analyte.value}",)),
    )


def _year(one: DayValue, value: DayValue, readings: Readings) -> bool:
    return value.ordinal - one.ordinal <= readings.rulebook.rules.baseline.days


def edish(readings: Readings, first: date, last: date) -> Interpretation:
    """The quadrant of the highest enzyme and the highest bilirubin from `first` to `last`."""
    rule, name = readings.rules.edish, "interpretation.edish"
    enzyme = max(
        (_highest(readings, each, first, last) for each in (Analyte.ALT, Analyte.AST)),
        key=lambda value: value.multiple if value else -1,
    )
    total = _highest(readings, Analyte.TOTAL_BILIRUBIN, first, last)
    if enzyme is None or total is None:
        absent = [what for what, one in (("ALT or AST", enzyme), ("total bilirubin", total)) if one is None]
        return not_given("edish", "The eDISH quadrant", f"no {' and no '.join(absent)} since {first}", name)
    found = quadrant(enzyme_high=enzyme.above(rule.enzyme), bilirubin_high=total.at_least(rule.bilirubin))
    words = (
        f"eDISH quadrant {found}: {MEANINGS[found]} at their highest since {first} "
        f"({level(enzyme)}; {level(total)}; "
        f"lines at {number(rule.enzyme)} × and {number(rule.bilirubin)} × ULN)."
    )
    used = (enzyme, total)
    return Interpretation(
        "edish", words, True, None, found.value, from_results(used), limit_caveats(used), (name,)
    )


def _highest(readings: Readings, analyte: Analyte, first: date, last: date) -> DayValue | None:
    """Censored values count as at least what they say; of equal ones the earliest."""
    within = [value for value in readings.values.get(analyte, ()) if first <= value.day <= last]
    return max(within, key=lambda value: (value.multiple, -value.ordinal), default=None)


def doubling(readings: Readings, analyte: Analyte, day: date) -> Interpretation | None:
    """The doubling time of a rising test over the days of a sustained rise; None where nothing rises."""
    rule = readings.rulebook.rules.sustained_rise
    since = day - timedelta(days=rule.days)
    values = [value for value in readings.exact(analyte) if since <= value.day <= day]
    values = values[-rule.slope_day_values :]
    if len(values) < rule.day_values:
        return None
    days = doubling_days(values)
    if days is None:
        return None
    words = (
        f"{capitalised(analyte_in_words(analyte))} doubles in about {days} days "
        f"(median slope over {len(values)} days with results since {values[0].day})."
    )
    return Interpretation(
        f"doubling-{analyte.value}", words, reading=f"{days} days", inputs=from_results(values),
        rules=("sustained_rise",),
    )  # fmt: skip
