"""Enzymes and bilirubin together: Hy's law, and the cholestatic picture that is not Hy's law."""

from collections.abc import Iterator
from decimal import Decimal

from service.clinical.day_values import DayValue
from service.clinical.held import Held, urgent
from service.clinical.recent import Recent
from service.clinical.results import Comparator
from service.clinical.thresholds import CholestaticJaundice, HysLaw

HYS_LAW = "hys-law"
POSSIBLE_HYS_LAW = "possible-hys-law"
CHOLESTATIC_JAUNDICE = "cholestatic-jaundice"
_OPEN_ABOVE = (Comparator.GREATER, Comparator.GREATER_OR_EQUAL)


def hys_law(rule: HysLaw, ordinal: int, enzymes: Recent, bilirubin: Recent, alp: Recent) -> Iterator[Held]:
    """hys-law or possible-hys-law for every enzyme peak whose evidence is completed on the day `ordinal`."""
    for enzyme in enzymes.within(ordinal, max(rule.bilirubin_days, rule.alp_days)):
        if not enzyme.above(rule.enzyme):
            continue
        total = _partner(enzyme, ordinal, bilirubin, rule)
        if total is None:
            continue
        phosphatase = _nearest_alp(enzyme, alp, rule)
        if max(enzyme.ordinal, total.ordinal, phosphatase.ordinal if phosphatase else 0) != ordinal:
            continue
        if phosphatase is None:
            held = urgent(POSSIBLE_HYS_LAW, enzyme, (enzyme, total, None, None), total)
            missing = f"missing: ALP within {rule.alp_days} days of {enzyme.day}"
            yield held._replace(notes=(*held.notes, missing))
            continue
        n_r = enzyme.multiple / phosphatase.multiple
        if not phosphatase.at_least(rule.alp) or n_r >= rule.n_r:
            yield urgent(HYS_LAW, enzyme, (enzyme, total, phosphatase, n_r), total, phosphatase)


def _partner(enzyme: DayValue, ordinal: int, bilirubin: Recent, rule: HysLaw) -> DayValue | None:
    """The bilirubin that goes with the enzyme: today's if high enough, else the nearest."""
    high = [
        one
        for one in bilirubin.within(ordinal, 2 * rule.bilirubin_days)
        if one.at_least(rule.bilirubin) and abs(one.ordinal - enzyme.ordinal) <= rule.bilirubin_days
    ]
    if not high or high[0].ordinal == ordinal:
        return high[0] if high else None
    return min(high, key=lambda one: (abs(one.ordinal - enzyme.ordinal), one.ordinal))


def _nearest_alp(enzyme: DayValue, alp: Recent, rule: HysLaw) -> DayValue | None:
    """The ALP nearest to the enzyme; None where it is missing, or `>x` with x under the threshold."""
    nearest = alp.nearest(enzyme.ordinal, rule.alp_days)
    if nearest is not None and nearest.result.comparator in _OPEN_ABOVE and not nearest.at_least(rule.alp):
        return None
    return nearest


def cholestatic_jaundice(
    rule: CholestaticJaundice, ordinal: int, enzymes: Recent, bilirubin: Recent, alp: Recent
) -> Held | None:
    """High ALP with high bilirubin, the later of them on the day `ordinal`; nR low or not known."""
    for phosphatase in alp.within(ordinal, rule.days):
        if not phosphatase.at_least(rule.alp):
            continue
        for total in bilirubin.within(ordinal, rule.days):
            if max(phosphatase.ordinal, total.ordinal) != ordinal or not total.at_least(rule.bilirubin):
                continue
            enzyme = enzymes.nearest(phosphatase.ordinal, rule.n_r_days)
            n_r: Decimal | None = enzyme.multiple / phosphatase.multiple if enzyme else None
            if n_r is None or n_r < rule.n_r:
                facts = (phosphatase, total, enzyme, n_r)
                return urgent(CHOLESTATIC_JAUNDICE, phosphatase, facts, total, enzyme)
            break
    return None
