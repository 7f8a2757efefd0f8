"""What one panel, or a few panels close together, can make urgent.

The rules take the day-values they are given; urgent_watch.py gives them final and preliminary ones.

A rule that combines tests of several days is judged on the latest of those days.
"""

from decimal import Decimal

from service.clinical.analytes import Analyte
from service.clinical.conjugation import conjugated
from service.clinical.context import Context
from service.clinical.day_values import DayValue
from service.clinical.dili_stop import DiliWatch
from service.clinical.held import Held, urgent
from service.clinical.hys_law import HysLawWatch, cholestatic_jaundice
from service.clinical.recent import Recent
from service.clinical.rulebook import Rulebook

SEVERE_ELEVATION = "severe-elevation"
SYNTHETIC_FAILURE = "synthetic-failure"
JAUNDICE = "jaundice"
PREGNANCY = "pregnancy"

DayValues = dict[Analyte, DayValue]


class UrgentRules:
    """The urgent rules along one patient's walk."""

    def __init__(self, rulebook: Rulebook, context: Context) -> None:
        rules = rulebook.rules.urgent
        self._rules = rules
        self._context = context
        self._dili = DiliWatch(rules.dili_stop, context)
        self._hys_law = HysLawWatch(rules.hys_law)
        self._high_bilirubin = min(
            rules.cholestatic_jaundice.bilirubin, rules.synthetic_failure.bilirubin, rules.jaundice.bilirubin
        )
        days = max(
            rules.cholestatic_jaundice.days + rules.cholestatic_jaundice.n_r_days,
            rules.dili_stop.inr_days,
            rules.synthetic_failure.days,
        )
        self._enzymes = Recent(days)
        """The larger of ALT and AST of each day."""
        self._bilirubin = Recent(days)
        """Total bilirubin high enough for a rule that combines it."""
        self._alp = Recent(days)
        """ALP high enough for cholestatic jaundice."""
        self._inr = Recent(days)
        """High INR that no recorded anticoagulant explains."""

    @property
    def answered(self) -> list[tuple[Analyte, str]]:
        """Notes beside urgent findings of an analyte that the latest step made void."""
        return self._hys_law.answered

    def step(self, ordinal: int, today: DayValues, *, pregnant: bool) -> list[Held]:
        """The rules met on the day `ordinal` with the day-values `today`."""
        enzymes = [today[one] for one in (Analyte.ALT, Analyte.AST) if one in today]
        bilirubin = today.get(Analyte.TOTAL_BILIRUBIN)
        larger = self._remember(today, enzymes, bilirubin)
        found = self._dili.step(ordinal, enzymes, self._enzymes, self._inr)
        for value in enzymes:
            found += self._severe(value)
        if pregnant:
            found += self._pregnancy(enzymes, bilirubin)
        if self._inr.values:
            found += self._synthetic_failure(ordinal)
        found += self._hys_law.step(ordinal, larger, bilirubin, today.get(Analyte.ALP))
        if self._bilirubin.values:
            found += self._with_bilirubin(ordinal, bilirubin, today.get(Analyte.DIRECT_BILIRUBIN))
        return found

    def _remember(
        self, today: DayValues, enzymes: list[DayValue], bilirubin: DayValue | None
    ) -> DayValue | None:
        """Keep the day's values for the days to come; gives the larger of ALT and AST."""
        rules = self._rules
        larger = None
        if enzymes:
            larger = enzymes[0] if len(enzymes) == 1 else max(enzymes, key=_multiple)
            self._enzymes.add(larger)
        if bilirubin is not None and bilirubin.elevated and bilirubin.at_least(self._high_bilirubin):
            self._bilirubin.add(bilirubin)
        alp = today.get(Analyte.ALP)
        if alp is not None and alp.elevated and alp.at_least(rules.cholestatic_jaundice.alp):
            self._alp.add(alp)
        inr = today.get(Analyte.INR)
        lowest = min(rules.synthetic_failure.inr, rules.dili_stop.inr)
        if inr is not None and inr.value >= lowest and not self._context.anticoagulated(inr.day):
            self._inr.add(inr)
        return larger

    def _severe(self, value: DayValue) -> list[Held]:
        rule = self._rules.severe_elevation
        if value.above(rule.multiple) or value.value >= rule.value:
            return [urgent(SEVERE_ELEVATION, value, (value,))]
        return []

    def _pregnancy(self, enzymes: list[DayValue], bilirubin: DayValue | None) -> list[Held]:
        rule = self._rules.pregnancy
        found = [urgent(PREGNANCY, one, (one,)) for one in enzymes if one.at_least(rule.enzyme)]
        if bilirubin is not None and bilirubin.above(rule.bilirubin):
            found.append(urgent(PREGNANCY, bilirubin, (bilirubin,)))
        return found

    def _synthetic_failure(self, ordinal: int) -> list[Held]:
        """A high unexplained INR with a high bilirubin or an elevated enzyme, the later of them today."""
        rule = self._rules.synthetic_failure
        inr = next((one for one in self._inr.within(ordinal, rule.days) if one.value >= rule.inr), None)
        if inr is None:
            return []
        totals = (one for one in self._bilirubin.within(ordinal, rule.days) if one.at_least(rule.bilirubin))
        enzymes = (one for one in self._enzymes.within(ordinal, rule.days) if one.elevated)
        total, enzyme = next(totals, None), next(enzymes, None)
        partners = [one for one in (total, enzyme) if one is not None]
        if not partners or max(inr.ordinal, *(one.ordinal for one in partners)) != ordinal:
            return []
        return [urgent(SYNTHETIC_FAILURE, inr, (inr, total, enzyme), total, enzyme)]

    def _with_bilirubin(self, ordinal: int, total: DayValue | None, direct: DayValue | None) -> list[Held]:
        rules = self._rules
        cholestatic = cholestatic_jaundice(
            rules.cholestatic_jaundice, ordinal, self._enzymes, self._bilirubin, self._alp
        )
        if cholestatic is not None:
            return [cholestatic]
        if total is not None and total.at_least(rules.jaundice.bilirubin):
            share = conjugated(direct, total, rules.jaundice.unconjugated_below) if direct else None
            if share is not False:
                return [urgent(JAUNDICE, total, (total, direct))]
        return []


def _multiple(value: DayValue) -> Decimal:
    return value.multiple
