"""Non-invasive scores of fibrosis: FIB-4, APRI and the NAFLD fibrosis score."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import product

from service.clinical.analytes import Analyte
from service.clinical.catalogues.conditions import concepts_of
from service.clinical.day_values import DayValue
from service.clinical.readings import (
    Input,
    Interpretation,
    Readings,
    from_results,
    limit_caveats,
    not_given,
)
from service.clinical.results import Comparator, Measurement
from service.clinical.saying import analyte_in_words, number

_RULES = "interpretation.scores"
_G_PER_DL = Decimal(10)
"""Grams a litre that are one gram a decilitre."""
_ALT, _AST, _PLT, _ALB = Analyte.ALT, Analyte.AST, Analyte.PLATELETS, Analyte.ALBUMIN


def scores(readings: Readings, day: date) -> list[Interpretation]:
    """The three scores by the results at or nearest to `day`, each with its reading or why it has none."""
    return [_fib4(readings, day), _apri(readings, day), _nfs(readings, day)]


def _together(
    readings: Readings, day: date, analytes: Sequence[Analyte]
) -> tuple[dict[Analyte, DayValue], str]:
    """The values nearest to `day`, within the rulebook's days of each other; or why there are none."""
    days = readings.rules.scores.days
    near: list[list[DayValue]] = []
    for analyte in analytes:
        sides = (_last_before(readings, analyte, day), _first_after(readings, analyte, day))
        near.append([value for value in sides if value and abs(value.ordinal - day.toordinal()) <= days])
    missing = [analyte_in_words(one) for one, found in zip(analytes, near, strict=True) if not found]
    if missing:
        return {}, f"missing within {days} days of {day}: {', '.join(missing)}"
    fitting = [some for some in product(*near) if _span(some) <= days]
    if not fitting:
        return {}, f"its tests lie more than {days} days apart"
    best = min(fitting, key=lambda some: [(abs((one.day - day).days), one.ordinal) for one in some])
    alt = _alt_beside(readings, best)
    most = readings.rules.scores.not_above_alt
    if alt is not None and alt.above(most):
        return {}, f"ALT was above {number(most)} × ULN on {alt.day}: such a score is misleading then"
    return dict(zip(analytes, best, strict=True)), ""


def _alt_beside(readings: Readings, used: Sequence[DayValue]) -> DayValue | None:
    """The ALT of the score itself, or the one nearest to its first test."""
    own = next((value for value in used if value.analyte is _ALT), None)
    return own or readings.nearest(_ALT, used[0].day, readings.rules.scores.days)


def _last_before(readings: Readings, analyte: Analyte, day: date) -> DayValue | None:
    return next((value for value in reversed(readings.exact(analyte)) if value.day <= day), None)


def _first_after(readings: Readings, analyte: Analyte, day: date) -> DayValue | None:
    return next((value for value in readings.exact(analyte) if value.day > day), None)


def _span(values: Sequence[DayValue]) -> int:
    days = [value.ordinal for value in values]
    return max(days) - min(days)


def fib4(age: int, ast: Decimal, alt: Decimal, platelets: Decimal) -> Decimal:
    """Age in years, enzymes in U/L, platelets in 10⁹/L; the square root is rounded."""
    return age * ast / (platelets * alt.sqrt())


def _fib4(readings: Readings, day: date) -> Interpretation:
    rule, name = readings.rules.fib4, "interpretation.fib4"
    used, why = _together(readings, day, (_AST, _ALT, _PLT))
    age = readings.age(used[_AST].day) if used else None
    if used and age is None:
        why = "the age is not known"
    elif age is not None and age <= rule.not_to_years:
        why = f"it is not validated at or under {rule.not_to_years} years"
    if why or age is None:
        return not_given("fib-4", "FIB-4", why, name, _RULES)
    value = fib4(age, used[_AST].value, used[_ALT].value, used[_PLT].value)
    older = age >= rule.older_from_years
    low = rule.low_older if older else rule.low
    reading = _reading(value < low, value > rule.high)
    words = (
        f"FIB-4 {number(value)}: {_told(reading)} (below {number(low)} low, above {number(rule.high)} high)."
    )
    return Interpretation(
        *("fib-4", words, True, value, reading),
        (Input("age", None, Decimal(age)), *from_results(used.values())),
        _age_caveat(rule.older_from_years, low) if older else (),
        (name, _RULES),
    )


def _apri(readings: Readings, day: date) -> Interpretation:
    rule, name = readings.rules.apri, "interpretation.apri"
    used, why = _together(readings, day, (_AST, _PLT))
    if why:
        return not_given("apri", "APRI", why, name, _RULES)
    ast, platelets = used[_AST], used[_PLT]
    value = rule.factor * ast.value / (ast.limit * platelets.value)
    reading = _reading(value <= rule.low, value > rule.high)
    words = (
        f"APRI {number(value)}: {_told(reading)} "
        f"(up to {number(rule.low)} low, above {number(rule.high)} high)."
    )
    caveats = limit_caveats((ast,))
    return Interpretation(
        "apri", words, True, value, reading, from_results(used.values()), caveats, (name, _RULES)
    )


def _nfs(readings: Readings, day: date) -> Interpretation:
    rule, name = readings.rules.nfs, "interpretation.nfs"
    used, why = _together(readings, day, (_AST, _ALT, _PLT, _ALB))
    age = readings.age(used[_AST].day) if used else None
    bmi = _bmi(readings, used[_AST].day) if used else None
    if used and (age is None or bmi is None):
        absent = [what for what, known in (("age", age), ("BMI", bmi)) if known is None]
        why = f"missing: {', '.join(absent)}"
    if why or age is None or bmi is None or bmi.value is None:
        return not_given("nfs", "The NAFLD fibrosis score", why, name, _RULES)
    diabetes = _diabetic(readings, used[_AST].day)
    value = (
        rule.intercept
        + rule.age * age
        + rule.bmi * bmi.value
        + rule.diabetes * int(diabetes)
        + rule.ast_to_alt * used[_AST].value / used[_ALT].value
        + rule.platelets * used[_PLT].value
        + rule.albumin * used[_ALB].value / _G_PER_DL
    )
    older = age >= rule.older_from_years
    low = rule.low_older if older else rule.low
    reading = _reading(value < low, value > rule.high)
    words = (
        f"NAFLD fibrosis score {number(value)}: {_told(reading)} "
        f"(below {low} low, above {rule.high} high; diabetes {'recorded' if diabetes else 'not recorded'})."
    )
    inputs = (
        Input("age", None, Decimal(age)),
        Input("BMI", bmi.day, bmi.value, bmi.key),
        Input("diabetes", None, Decimal(int(diabetes))),
        *from_results(used.values()),
    )
    caveats: tuple[str, ...] = ("it is for fatty liver disease; it says nothing of other causes",)
    if older:
        caveats += _age_caveat(rule.older_from_years, low)
    return Interpretation("nfs", words, True, value, reading, inputs, caveats, (name, _RULES))


def _bmi(readings: Readings, day: date) -> Measurement | None:
    """The uncensored BMI nearest to `day`, within the rulebook's days; of equals the earliest."""
    days = timedelta(days=readings.rules.scores.days)
    near = [
        each
        for each in readings.record.measurements
        if each.what == "bmi"
        and each.value is not None
        and each.comparator is Comparator.EXACT
        and abs(each.day - day) <= days
    ]
    return min(near, key=lambda each: (abs(each.day - day), each.day, each.key), default=None)


def _diabetic(readings: Readings, day: date) -> bool:
    """Recorded as begun by `day` and not as over before it."""
    return any(
        "diabetes" in concepts_of(each.codings, each.text)
        for each in readings.record.conditions
        if (each.start is None or each.start <= day)
        and (each.active if each.end is None else day <= each.end)
    )


def _reading(low: bool, high: bool) -> str:
    if low:
        return "low"
    return "high" if high else "indeterminate"


def _told(reading: str) -> str:
    return {
        "low": "advanced fibrosis is unlikely",
        "high": "advanced fibrosis is likely: elastography or a specialist",
        "indeterminate": "unclear: a second test, such as elastography, decides",
    }[reading]


def _age_caveat(years: int, low: Decimal) -> tuple[str, ...]:
    return (f"from {years} years the lower limit is {low}",)
