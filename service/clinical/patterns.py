"""What the enzymes say side by side: R and nR, AST/ALT, ALT alone, a muscle source."""

from datetime import date
from decimal import Decimal

from service.clinical.analytes import Analyte
from service.clinical.catalogues.conditions import concepts_of
from service.clinical.day_values import DayValue
from service.clinical.injury_pattern import InjuryPattern, pattern_of, ratio
from service.clinical.readings import Interpretation, Readings, from_results, limit_caveats, not_given
from service.clinical.results import Sex
from service.clinical.saying import number
from service.clinical.wording import level

_R = "interpretation.r"
_AST_ALT = "interpretation.ast_alt"
_MUSCLE = "interpretation.muscle"
_AUDIT_C = "audit-c"
_ALCOHOL = "alcohol-use-disorder"


def patterns(readings: Readings, day: date) -> list[Interpretation]:
    """Every pattern that the results at or nearest to `day` show, or for want of a test cannot show."""
    found = [r_value(readings, day), _n_r(readings, day)]
    ast, alt = enzymes(readings, day)
    if ast is None or alt is None:
        absent = "AST" if ast is None else "ALT"
        within = f"no {absent} known to a number within {readings.rules.ast_alt.days} days"
        return [*found, not_given("ast-alt", "AST/ALT", within, _AST_ALT)]
    if ast.elevated or alt.elevated:
        found.append(_ast_alt(readings, ast, alt))
    if alt.elevated and not ast.elevated:
        found.append(_isolated_alt(ast, alt))
    if ast.elevated and ast.multiple > alt.multiple:
        found.append(_muscle(readings, ast, alt))
    return found


def enzymes(readings: Readings, day: date) -> tuple[DayValue | None, DayValue | None]:
    """AST nearest to `day`, and the ALT nearest to that."""
    days = readings.rules.ast_alt.days
    ast = readings.nearest(Analyte.AST, day, days)
    return ast, readings.nearest(Analyte.ALT, ast.day if ast else day, days)


def r_value(readings: Readings, day: date) -> Interpretation:
    """R by the ALT nearest to `day` and the ALP nearest to that, or why it is not given."""
    alt = readings.nearest(Analyte.ALT, day, readings.rules.r.days)
    if alt is None:
        why = f"no ALT known to a number within {readings.rules.r.days} days of {day}"
        return not_given("r", "R", why, _R)
    return _against_alp("r", "R", alt, readings)


def _n_r(readings: Readings, day: date) -> Interpretation:
    """By the larger of ALT and AST, each as a multiple of its limit; ALT where they are equal."""
    near = (readings.nearest(analyte, day, readings.rules.r.days) for analyte in (Analyte.ALT, Analyte.AST))
    enzyme = max((value for value in near if value), key=lambda value: value.multiple, default=None)
    if enzyme is None:
        why = f"neither ALT nor AST known to a number within {readings.rules.r.days} days of {day}"
        return not_given("n-r", "nR", why, _R)
    return _against_alp("n-r", "nR", enzyme, readings)


def _against_alp(name: str, title: str, enzyme: DayValue, readings: Readings) -> Interpretation:
    rule = readings.rules.r
    alp = readings.nearest(Analyte.ALP, enzyme.day, rule.days)
    if alp is None:
        why = f"no usable ALP within {rule.days} days of the {enzyme.analyte.value} of {enzyme.day}"
        return not_given(name, title, why, _R)
    if not (enzyme.elevated or alp.elevated):
        why = f"{enzyme.analyte.value} and ALP were normal on {enzyme.day}"
        return not_given(name, title, why, _R)
    value, pattern = ratio(enzyme, alp), pattern_of(enzyme, alp, rule)
    bounds = {
        InjuryPattern.HEPATOCELLULAR: f"{number(rule.hepatocellular_from)} or more",
        InjuryPattern.CHOLESTATIC: f"{number(rule.cholestatic_to)} or less",
        InjuryPattern.MIXED: f"between {number(rule.cholestatic_to)} and {number(rule.hepatocellular_from)}",
    }[pattern]
    words = f"{title} {number(value)} ({level(enzyme)}; {level(alp)}): {pattern.value} pattern ({bounds})."
    used = (enzyme, alp)
    caveats = limit_caveats(used)
    return Interpretation(name, words, True, value, pattern.value, from_results(used), caveats, (_R,))


def _ast_alt(readings: Readings, ast: DayValue, alt: DayValue) -> Interpretation:
    """By the values in U/L, compared without dividing."""
    rule = readings.rules.ast_alt
    value, alcohol = ast.value / alt.value, _drinking(readings)
    said, reading = [], "between"
    if ast.value > rule.alcohol_above * alt.value:
        reading = "high"
        said.append(f"more than {number(rule.alcohol_above)}, which suggests alcohol")
    elif ast.value < rule.metabolic_below * alt.value:
        reading = "low"
        said.append(f"below {number(rule.metabolic_below)}, as in MASLD or viral hepatitis")
    if ast.value > rule.fibrosis_above * alt.value and not alcohol:
        said.append(
            f"above {number(rule.fibrosis_above)} without alcohol it raises the question of advanced "
            "fibrosis: read it with FIB-4"
        )
    told = "; ".join(said) or "not telling by itself"
    words = f"AST/ALT {number(value)} (AST {number(ast.value)} and ALT {number(alt.value)} U/L): {told}."
    caveats = (f"alcohol in the record: {alcohol}",) if alcohol else ("no harmful drinking is recorded",)
    used = (ast, alt)
    return Interpretation("ast-alt", words, True, value, reading, from_results(used), caveats, (_AST_ALT,))


def _drinking(readings: Readings) -> str:
    """What the record says of harmful drinking; empty where it says nothing, or that there is none."""
    rule, record = readings.rules.ast_alt, readings.record
    scores = [each for each in record.measurements if each.what == _AUDIT_C and each.value is not None]
    if scores:
        latest = max(scores, key=lambda each: (each.day, each.key))
        least = rule.audit_c_men if record.sex is Sex.MALE else rule.audit_c_women
        if latest.value is not None and latest.value >= least:
            return f"AUDIT-C {number(Decimal(latest.value))} on {latest.day}"
    if any(each.active and _ALCOHOL in concepts_of(each.codings, each.text) for each in record.conditions):
        return "a condition that speaks of alcohol"
    return ""


def _isolated_alt(ast: DayValue, alt: DayValue) -> Interpretation:
    words = (
        f"ALT raised with a normal AST ({level(alt)}; {level(ast)}): mild or recent injury, often reversible."
    )
    used = (alt, ast)
    return Interpretation(
        "isolated-alt", words, inputs=from_results(used), caveats=limit_caveats(used), rules=("limits",)
    )


def _muscle(readings: Readings, ast: DayValue, alt: DayValue) -> Interpretation:
    rule = readings.rules.muscle
    ck = readings.nearest(Analyte.CREATINE_KINASE, ast.day, rule.days)
    if ck is None:
        why = f"AST is raised more than ALT, and no usable CK is within {rule.days} days of {ast.day}"
        return not_given("muscle", "A muscle source", why, _MUSCLE)
    used = (ast, alt, ck)
    muscle = ck.above(rule.ck)
    told = "speaks for a muscle source" if muscle else "does not speak for a muscle source"
    words = (
        f"AST is raised more than ALT ({level(ast)}; {level(alt)}); {level(ck)} {told} "
        f"(CK above {number(rule.ck)} × ULN)."
    )
    reading = "muscle" if muscle else "not muscle"
    return Interpretation(
        "muscle", words, True, ck.multiple, reading, from_results(used), limit_caveats(used), (_MUSCLE,)
    )
