"""Enzymes and bilirubin together: Hy's law, and the cholestatic picture that is not Hy's law."""

from collections.abc import Iterator
from datetime import date

from service.clinical.analytes import Analyte
from service.clinical.day_values import DayValue
from service.clinical.held import Held, urgent
from service.clinical.injury_pattern import ratio, ratio_at_least
from service.clinical.recent import Recent
from service.clinical.results import OPEN_ABOVE
from service.clinical.thresholds import CholestaticJaundice, HysLaw

HYS_LAW = "hys-law"
POSSIBLE_HYS_LAW = "possible-hys-law"
CHOLESTATIC_JAUNDICE = "cholestatic-jaundice"


class _Peak:
    """A day with ALT or AST above the rule's multiple, and the nearest other tests known so far."""

    __slots__ = ("alp", "bilirubin", "enzyme", "missing")

    def __init__(self, enzyme: DayValue, bilirubin: DayValue | None, alp: DayValue | None) -> None:
        self.enzyme = enzyme
        self.bilirubin = bilirubin
        self.alp = alp
        self.missing: str | None = None
        """What was said of the ALP on the first day it was needed and not known."""

    def nearer(self, new: DayValue, known: DayValue | None) -> bool:
        """Whether `new` (later than `known`) is nearer to the enzyme's day; a tie stays with the earlier."""
        day = self.enzyme.ordinal
        return known is None or new.ordinal - day < abs(known.ordinal - day)


class HysLawWatch:
    """Hy's law along one patient's walk: one look at each recent peak for every day of new tests."""

    def __init__(self, rule: HysLaw) -> None:
        self._rule = rule
        self._peaks: list[_Peak] = []
        self._bilirubin: DayValue | None = None
        """The latest bilirubin high enough for the rule."""
        self._alp: DayValue | None = None
        self.answered: list[tuple[Analyte, str]] = []
        """Notes of a missing ALP, with the enzyme they stand beside, that the latest step made void."""

    def step(
        self, ordinal: int, enzyme: DayValue | None, bilirubin: DayValue | None, alp: DayValue | None
    ) -> list[Held]:
        """The larger of the day's ALT and AST, its bilirubin and its ALP; the criteria they complete.

        One of each criterion and driving enzyme, that of the highest peak (of equal ones the latest).
        """
        rule = self._rule
        self.answered = []
        total = bilirubin if bilirubin is not None and bilirubin.at_least(rule.bilirubin) else None
        self._bilirubin = total or self._bilirubin
        self._alp = alp or self._alp
        met = list(self._look_back(ordinal, total, alp)) if self._peaks and (total or alp) else []
        if enzyme is not None and enzyme.above(rule.enzyme):
            peak = _Peak(
                enzyme,
                _not_before(self._bilirubin, ordinal - rule.bilirubin_days),
                _not_before(self._alp, ordinal - rule.alp_days),
            )
            self._peaks.append(peak)
            held = self._judge(peak, peak.bilirubin, ordinal)
            if held is not None:
                met.append(held)
        return _highest(met)

    def _look_back(self, ordinal: int, total: DayValue | None, alp: DayValue | None) -> Iterator[Held]:
        """What today's bilirubin or ALP adds to earlier peaks."""
        rule = self._rule
        oldest = ordinal - max(rule.bilirubin_days, rule.alp_days)
        if self._peaks[0].enzyme.ordinal < oldest:
            self._peaks = [peak for peak in self._peaks if peak.enzyme.ordinal >= oldest]
        for peak in self._peaks:
            new_total = total if _within(total, peak, rule.bilirubin_days) else None
            new_alp = alp if _within(alp, peak, rule.alp_days) else None
            if new_total is not None and peak.nearer(new_total, peak.bilirubin):
                peak.bilirubin = new_total
            if new_alp is not None and peak.nearer(new_alp, peak.alp):
                peak.alp = new_alp
            elif new_total is None:
                continue
            held = self._judge(peak, new_total or peak.bilirubin, ordinal)
            if held is not None:
                yield held

    def _judge(self, peak: _Peak, total: DayValue | None, ordinal: int) -> Held | None:
        if total is None:
            return None
        rule, enzyme, alp = self._rule, peak.enzyme, peak.alp
        if alp is not None and alp.result.comparator in OPEN_ABOVE and not alp.at_least(rule.alp):
            alp = None
        if alp is None:
            today = date.fromordinal(ordinal)
            text = f"missing: ALP within {rule.alp_days} days of {enzyme.day}, not known on {today}"
            peak.missing = peak.missing or text
            held = urgent(POSSIBLE_HYS_LAW, enzyme, (enzyme, total, None, None), total)
            return held._replace(notes=(*held.notes, peak.missing))
        if peak.missing is not None:
            self.answered.append((enzyme.analyte, peak.missing))
            peak.missing = None
        n_r = ratio(enzyme, alp)
        if not alp.at_least(rule.alp) or ratio_at_least(enzyme, alp, rule.n_r):
            return urgent(HYS_LAW, enzyme, (enzyme, total, alp, n_r), total, alp)
        return None


def _highest(met: list[Held]) -> list[Held]:
    found: dict[tuple[str, Analyte], Held] = {}
    for held in met:
        key = (held.reason, held.value.analyte)
        if key not in found or held.value.multiple >= found[key].value.multiple:
            found[key] = held
    return list(found.values())


def _within(value: DayValue | None, peak: _Peak, days: int) -> bool:
    return value is not None and value.ordinal - peak.enzyme.ordinal <= days


def _not_before(value: DayValue | None, ordinal: int) -> DayValue | None:
    return value if value is not None and value.ordinal >= ordinal else None


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
            n_r = ratio(enzyme, phosphatase) if enzyme else None
            if enzyme is None or not ratio_at_least(enzyme, phosphatase, rule.n_r):
                facts = (phosphatase, total, enzyme, n_r)
                return urgent(CHOLESTATIC_JAUNDICE, phosphatase, facts, total, enzyme)
            break
    return None
