"""Ischaemic and congestive injury: the liver short of blood, or the heart failing before it."""

from service.clinical.analytes import Analyte
from service.clinical.causes.bounds import Bound, Side
from service.clinical.causes.cause import Cause, CauseName
from service.clinical.causes.on_record import OnRecord
from service.clinical.causes.weighing import Weighing, levels
from service.clinical.saying import number

_EVENTS = ("shock", "cardiac-arrest", "sepsis", "hypoxia", "ischaemic-hepatitis")
_LASTING = ("heart-failure", "hepatic-congestion")


def circulatory(on: OnRecord) -> Cause:
    """A peak that halves within days, LDH, shock and the like just before, and heart failure."""
    weighing = Weighing(CauseName.CIRCULATORY, on)
    _fall(weighing, on)
    rule = on.rules.haemolysis
    ldh = on.number_near("ldh", on.rules.circulatory.event_days)
    weighing.held(ldh, "LDH", Bound(Side.ABOVE, rule.ldh, own_first=True))
    events, lasting = on.events(on.rules.circulatory.event_days, *_EVENTS), on.lasting(*_LASTING)
    weighing.conditions(events)
    weighing.conditions(lasting)
    if not events:
        days = on.rules.circulatory.event_days
        weighing.unknown(
            f"Shock, cardiac arrest, sepsis or hypoxia in the {days} days before: none recorded."
        )
    if not lasting:
        weighing.unknown("Heart failure: none recorded.")
    return weighing.cause()


def _fall(weighing: Weighing, on: OnRecord) -> None:
    """By the highest ALT or AST of the episode, and what came in the days after it."""
    rule = on.rules.circulatory
    peak = on.highest(Analyte.ALT, Analyte.AST)
    if peak is None:
        weighing.unknown("Neither ALT nor AST is known in this episode.")
        return
    if not peak.above(rule.enzyme):
        weighing.speaks_against(
            f"Highest {levels(peak)}: an ischaemic injury goes above {number(rule.enzyme)} × ULN, "
            "congestion alone need not.",
            peak,
        )
        return
    after = [
        value
        for value in on.readings.values.get(peak.analyte, ())
        if 0 < value.ordinal - peak.ordinal <= rule.fall_days
    ]
    lowest = min(after, key=lambda value: value.value, default=None)
    if lowest is None:
        weighing.unknown(f"{levels(peak)}: not repeated within {rule.fall_days} days.", peak)
        return
    share = f"{number(rule.falls_to)} of it within {rule.fall_days} days"
    if lowest.value <= rule.falls_to * peak.value:
        weighing.speaks_for(f"{levels(peak, lowest)}: fallen to {share}.", peak, lowest)
    else:
        weighing.speaks_against(f"{levels(peak, lowest)}: not fallen to {share}.", peak, lowest)
