"""Muscle, sleep, alcohol, and what adds to a liver disease: what the way somebody lives may explain."""

from decimal import Decimal

from service.clinical.analytes import Analyte
from service.clinical.catalogues.words import any_of
from service.clinical.causes.bounds import Bound, Side
from service.clinical.causes.cause import Cause, CauseName
from service.clinical.causes.on_record import OnRecord
from service.clinical.causes.weighing import Weighing, levels, measured
from service.clinical.results import Answer, Measurement
from service.clinical.saying import number

_MUSCLE_EVENTS = ("trauma", "burn", "seizure", "surgery")
_MUSCLE_DISEASES = ("rhabdomyolysis", "myositis", "muscular-dystrophy", "muscle-disease")
_NEVER_SMOKED = any_of(
    ["never", "non[- ]?(?:smoker|user)", "not a (?:smoker|user)", "(?:no|does not use) tobacco"]
)
_NOT_NOW = any_of(["former(?:ly)?", "ex", "quit", "stopped", "past", "unknown"])
_SMOKES = any_of(["smokes", "smoker", "smoking", "every day", "some days?", "daily", "user", "uses"])


def muscle(on: OnRecord) -> Cause | None:
    """AST and CK come from muscle as well; ALP, GGT and bilirubin do not, so there it is left out."""
    if not (on.elevated(Analyte.AST) or on.elevated(Analyte.ALT)):
        return None
    weighing = Weighing(CauseName.MUSCLE, on)
    rule = on.readings.rules.muscle
    ck = on.nearest(Analyte.CREATINE_KINASE, rule.days)
    if ck is None:
        weighing.unknown(f"No creatine kinase (CK) within {rule.days} days.")
    elif ck.above(rule.ck):
        weighing.speaks_for(f"{levels(ck)}: above {number(rule.ck)} × ULN.", ck)
    elif ck.elevated:
        weighing.unknown(f"{levels(ck)}: raised, but not above {number(rule.ck)} × ULN.", ck)
    else:
        weighing.speaks_against(f"{levels(ck)}: normal.", ck)
    more_ast_than_alt(weighing, on, "muscle raises AST more")
    _exercise(weighing, on)
    weighing.conditions(on.events(on.rules.muscle.event_days, *_MUSCLE_EVENTS))
    weighing.conditions(on.lasting(*_MUSCLE_DISEASES))
    return weighing.cause()


def more_ast_than_alt(weighing: Weighing, on: OnRecord, why: str) -> None:
    """AST raised more than ALT speaks for a source outside the liver, ALT raised more against it."""
    ast, alt = on.enzymes
    if ast is None or alt is None:
        weighing.unknown("AST and ALT are not both known.")
    elif ast.elevated and ast.multiple > alt.multiple:
        weighing.speaks_for(f"AST is raised more than ALT ({levels(ast, alt)}): {why}.", ast, alt)
    elif alt.elevated and alt.multiple > ast.multiple:
        weighing.speaks_against(f"ALT is raised more than AST ({levels(alt, ast)}): {why}.", alt, ast)


def _exercise(weighing: Weighing, on: OnRecord) -> None:
    days = on.rules.muscle.exercise_days
    found = on.newest("exercise")
    if found is None or abs((found.day - on.day).days) > days:
        weighing.unknown(f"Strenuous exercise within {days} days: not recorded.")
        return
    words = f"{measured('strenuous exercise', found)}: {found.text or found.answer}."
    if found.answer is Answer.POSITIVE:
        weighing.speaks_for(words, found)
    elif found.answer is Answer.NEGATIVE:
        weighing.speaks_against(words, found)
    else:
        weighing.unknown(words, found)


def sleep(on: OnRecord) -> Cause:
    """Short sleep and fatigue, which can raise the enzymes a little and pass."""
    weighing = Weighing(CauseName.SLEEP, on)
    rule = on.rules.sleep
    found = on.number_near("sleep-hours", rule.days)
    weighing.held(found, "sleep", Bound(Side.BELOW, rule.hours_below))
    weighing.conditions(on.lasting("insomnia", "sleep-disorder"))
    return weighing.cause()


def alcohol(on: OnRecord) -> Cause:
    """By the ratio of the enzymes, GGT, what the patient says of drinking, and recorded conditions."""
    weighing = Weighing(CauseName.ALCOHOL, on)
    ast_to_alt(weighing, on, low_speaks_for=False)
    days = on.readings.rulebook.rules.alert_policy.window_days
    ggt = on.nearest(Analyte.GGT, days)
    if ggt is None:
        weighing.unknown(f"No GGT within {days} days.")
    elif ggt.elevated:
        weighing.speaks_for(f"{levels(ggt)}: raised.", ggt)
    else:
        weighing.speaks_against(f"{levels(ggt)}: normal.", ggt)
    _audit_c(weighing, on)
    _drinks(weighing, on)
    weighing.conditions(on.lasting("alcohol-use-disorder"))
    return weighing.cause()


def ast_to_alt(weighing: Weighing, on: OnRecord, *, low_speaks_for: bool) -> None:
    """A ratio that alcohol makes high and fatty liver low; between its bounds it tells nothing."""
    rule = on.readings.rules.ast_alt
    ast, alt = on.enzymes
    if ast is None or alt is None:
        weighing.unknown("AST/ALT: AST and ALT are not both known.")
        return
    low, high = ast.value < rule.metabolic_below * alt.value, ast.value > rule.alcohol_above * alt.value
    if (ast.elevated or alt.elevated) and (low or high):
        bound = f"below {number(rule.metabolic_below)}" if low else f"above {number(rule.alcohol_above)}"
        tell = weighing.speaks_for if low is low_speaks_for else weighing.speaks_against
        tell(f"AST/ALT {number(ast.value / alt.value)} ({levels(ast, alt)}): {bound}.", ast, alt)


def _audit_c(weighing: Weighing, on: OnRecord) -> None:
    """Its bounds are those of adults."""
    rule = on.readings.rules.ast_alt
    if on.child:
        weighing.unknown("AUDIT-C is not read under the adult age.")
        return
    least = rule.audit_c_men if on.male else rule.audit_c_women
    weighing.number("audit-c", "AUDIT-C", Bound(Side.FROM, least), on.rules.windows.habits_months)


def _drinks(weighing: Weighing, on: OnRecord) -> None:
    """In grams of alcohol a week, from drinks or else from units."""
    rule, months = on.rules.alcohol, on.rules.windows.habits_months
    each_grams = {"drinks-per-week": rule.grams_a_drink, "alcohol-units-per-week": rule.grams_a_unit}
    for what, grams in each_grams.items():
        found = on.number(what)
        if found is not None and found.value is not None and on.not_older(found, months):
            one = "drinks" if what == "drinks-per-week" else "units"
            words = f"{measured(f'{one} of alcohol', found)}, {number(grams)} g each"
            _grams(weighing, on, found, words, found.value * grams)
            return
    weighing.unknown(f"How much alcohol is drunk in a week: not recorded in the last {months} months.")


def _grams(weighing: Weighing, on: OnRecord, found: Measurement, words: str, grams: Decimal) -> None:
    rule = on.rules.alcohol
    bound = Bound(Side.ABOVE, rule.grams_men if on.male else rule.grams_women)
    limit = f"{number(bound.value)} g a week"
    met = bound.met(grams, found.comparator)
    if met is None:
        weighing.unknown(f"{words}: it may lie on either side of {limit}.", found)
    elif met:
        weighing.speaks_for(f"{words}: {number(grams)} g, above {limit}.", found)
    else:
        weighing.speaks_against(f"{words}: {number(grams)} g, not above {limit}.", found)


def contributors(on: OnRecord) -> Cause:
    """What adds to a liver disease of another cause. Diet is in no record in a form that could be read."""
    weighing = Weighing(CauseName.CONTRIBUTORS, on)
    rule, months = on.rules.contributors, on.rules.windows.habits_months
    weighing.conditions(on.lasting("obesity"))
    body_mass(weighing, on, rule.bmi)
    activity = Bound(Side.BELOW, rule.active_minutes)
    weighing.number("activity-minutes", "physical activity", activity, months)
    _tobacco(weighing, on)
    weighing.conditions(on.lasting("tobacco-use", "chemical-exposure", "parenteral-nutrition"))
    weighing.unknown("Diet, and contact with solvents where none is recorded.")
    return weighing.cause()


def body_mass(weighing: Weighing, on: OnRecord, bmi: Decimal) -> None:
    """By the bounds of adults, and not in pregnancy."""
    if on.child:
        weighing.unknown("BMI is not read by the bounds of adults under the adult age.")
    elif on.pregnant:
        weighing.unknown("BMI is not read in pregnancy.")
    else:
        weighing.number("bmi", "BMI", Bound(Side.FROM, bmi), on.rules.windows.bmi_months)


def _tobacco(weighing: Weighing, on: OnRecord) -> None:
    found = on.newest("tobacco")
    if found is None or not on.not_older(found, on.rules.windows.habits_months):
        weighing.unknown("Tobacco: not recorded in the time.")
        return
    told = found.text.casefold()
    words = f"{measured('tobacco', found)}: {found.text or found.answer}."
    if _NEVER_SMOKED.search(told) or found.answer is Answer.NEGATIVE:
        weighing.speaks_against(words, found)
    elif _NOT_NOW.search(told) or not (_SMOKES.search(told) or found.answer is Answer.POSITIVE):
        weighing.unknown(words, found)
    else:
        weighing.speaks_for(words, found)
