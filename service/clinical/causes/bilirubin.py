"""Haemolysis and Gilbert syndrome: bilirubin that the liver has not conjugated."""

from service.clinical.analytes import Analyte
from service.clinical.causes.bounds import Bound, Side
from service.clinical.causes.cause import Cause, CauseName
from service.clinical.causes.muscle_and_habits import more_ast_than_alt
from service.clinical.causes.on_record import OnRecord
from service.clinical.causes.weighing import Weighing, levels, measured
from service.clinical.conjugation import conjugated
from service.clinical.day_values import DayValue
from service.clinical.saying import number

_ENZYMES = (Analyte.ALT, Analyte.AST, Analyte.ALP, Analyte.GGT)
_RED_CELLS = ("haemolysis", "sickle-cell-disease", "g6pd-deficiency")


def share_of_direct(weighing: Weighing, on: OnRecord, *, conjugated_speaks_for: bool) -> None:
    """Direct against total bilirubin of one day, the nearest day on which the total is raised."""
    policy = on.readings.rulebook.rules.alert_policy
    pair = _pair(on, policy.window_days)
    if pair is None:
        if on.elevated(Analyte.TOTAL_BILIRUBIN):
            weighing.unknown("Direct bilirubin is not known for a day on which the total is raised.")
        return
    direct, total = pair
    is_conjugated = conjugated(direct, total, policy.conjugated_from)
    said = f"{levels(direct, total)}: "
    bound = number(policy.conjugated_from)
    if is_conjugated is None:
        weighing.unknown(f"{said}the share of direct bilirubin cannot be told.", direct, total)
        return
    words = f"{said}direct/total {'at least' if is_conjugated else 'below'} {bound}."
    tell = weighing.speaks_for if is_conjugated is conjugated_speaks_for else weighing.speaks_against
    tell(words, direct, total)


def _pair(on: OnRecord, days: int) -> tuple[DayValue, DayValue] | None:
    ordinal = on.day.toordinal()
    direct_on = {value.ordinal: value for value in on.readings.values.get(Analyte.DIRECT_BILIRUBIN, ())}
    raised = [
        total
        for total in on.readings.values.get(Analyte.TOTAL_BILIRUBIN, ())
        if total.elevated and total.ordinal in direct_on and abs(total.ordinal - ordinal) <= days
    ]
    total = min(raised, key=lambda each: (abs(each.ordinal - ordinal), each.ordinal), default=None)
    return None if total is None else (direct_on[total.ordinal], total)


def haemolysis(on: OnRecord) -> Cause | None:
    """It raises unconjugated bilirubin, AST and LDH: left out where neither bilirubin nor AST was raised."""
    if not (on.elevated(Analyte.TOTAL_BILIRUBIN) or on.elevated(Analyte.AST)):
        return None
    weighing = Weighing(CauseName.HAEMOLYSIS, on)
    rule = on.rules.haemolysis
    share_of_direct(weighing, on, conjugated_speaks_for=False)
    haptoglobin = Bound(Side.BELOW, rule.haptoglobin, own_first=True)
    failing = "A failing liver lowers it too."
    weighing.held(on.number_near("haptoglobin", rule.days), "haptoglobin", haptoglobin, failing)
    tests = (
        ("ldh", "LDH", Bound(Side.ABOVE, rule.ldh, own_first=True)),
        ("reticulocytes", "reticulocytes", Bound(Side.ABOVE, rule.reticulocytes, own_first=True)),
    )
    for what, title, bound in tests:
        weighing.held(on.number_near(what, rule.days), title, bound)
    if on.elevated(Analyte.AST):
        more_ast_than_alt(weighing, on, "red cells hold AST rather than ALT")
    weighing.conditions(on.lasting(*_RED_CELLS))
    return weighing.cause()


def gilbert(on: OnRecord) -> Cause | None:
    """Raised unconjugated bilirubin and nothing else: left out where bilirubin was not raised."""
    if not on.elevated(Analyte.TOTAL_BILIRUBIN):
        return None
    weighing = Weighing(CauseName.GILBERT, on)
    share_of_direct(weighing, on, conjugated_speaks_for=False)
    highest = on.highest(Analyte.TOTAL_BILIRUBIN)
    if highest is not None and highest.value > on.rules.gilbert.bilirubin:
        limit = number(on.rules.gilbert.bilirubin)
        weighing.speaks_against(f"{levels(highest)}: above {limit} µmol/L.", highest)
    _enzymes(weighing, on)
    _no_haemolysis(weighing, on)
    weighing.conditions(on.lasting("gilbert-syndrome"))
    return weighing.cause()


def _enzymes(weighing: Weighing, on: OnRecord) -> None:
    days = on.readings.rulebook.rules.alert_policy.window_days
    near = [value for value in (on.nearest(analyte, days) for analyte in _ENZYMES) if value is not None]
    raised = [value for value in near if value.elevated]
    if raised:
        weighing.speaks_against(f"{levels(*raised)}: raised.", *raised)
    elif {Analyte.ALT, Analyte.ALP} <= {value.analyte for value in near}:
        weighing.speaks_for(f"{levels(*near)}: normal.", *near)
    else:
        weighing.unknown(f"ALT and ALP are not both known within {days} days.", *near)


def _no_haemolysis(weighing: Weighing, on: OnRecord) -> None:
    """A low haptoglobin speaks against it, one that is not low for it."""
    rule = on.rules.haemolysis
    found = on.number_near("haptoglobin", rule.days)
    if found is None or found.value is None:
        weighing.unknown("Haemolysis is not excluded: no haptoglobin in the record for this time.")
    else:
        bound = Bound(Side.BELOW, rule.haptoglobin, own_first=True).of(found)
        words = measured("haptoglobin", found)
        low = bound.met(found.value, found.comparator)
        if low is None:
            weighing.unknown(f"{words}: it may be low or not.", found)
        elif low:
            weighing.speaks_against(f"{words}, below {number(bound.value)}: haemolysis.", found)
        else:
            weighing.speaks_for(f"{words}, not below {number(bound.value)}: no haemolysis.", found)
    weighing.conditions(on.lasting(*_RED_CELLS), against="Haemolysis raises bilirubin too.")
