"""Whether a finding that was met raises an alert, or is shown in the record only, and why."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from service.clinical.analytes import Analyte
from service.clinical.conjugation import conjugated
from service.clinical.context import Context
from service.clinical.day_values import DayValue
from service.clinical.episodes import Suppression, Tier
from service.clinical.held import Held
from service.clinical.rulebook import Rulebook
from service.clinical.track import NEVER, Track

OPEN_TO_RECHECK = frozenset(
    {Suppression.BONE_SOURCE, Suppression.GGT_ALONE, Suppression.ISOLATED_BILIRUBIN, Suppression.GILBERT}
)
"""Suppressions that another test can lift on a later day."""
_ENZYMES = (Analyte.ALT, Analyte.AST, Analyte.ALP, Analyte.GGT)


class Verdict(NamedTuple):
    """None in `suppressed`: it alerts."""

    suppressed: Suppression | None
    note: str | None = None


ALERTS = Verdict(None)


class AlertPolicy:
    """Judges persistence, intermittent elevation and worsening; what an urgent rule finds always alerts."""

    def __init__(self, rulebook: Rulebook, context: Context, tracks: Mapping[Analyte, Track]) -> None:
        self._days = rulebook.rules.alert_policy.window_days
        self._conjugated_from = rulebook.rules.alert_policy.conjugated_from
        self._context = context
        self._tracks = tracks
        self._share: tuple[int, bool] = (NEVER, False)
        """The latest day with direct and total bilirubin that tell, and whether it was conjugated."""
        self._unexplained_inr = NEVER
        """The latest day with an INR above its limit and no recorded anticoagulant."""

    def observe(self, ordinal: int, today: Mapping[Analyte, DayValue]) -> None:
        """Take the day's day-values, without preliminary ones."""
        direct, total = today.get(Analyte.DIRECT_BILIRUBIN), today.get(Analyte.TOTAL_BILIRUBIN)
        if direct is not None and total is not None:
            share = conjugated(direct, total, self._conjugated_from)
            if share is not None:
                self._share = (ordinal, share)
        inr = today.get(Analyte.INR)
        if inr is not None and inr.elevated and not self._context.anticoagulated(inr.day):
            self._unexplained_inr = ordinal

    def judge(self, held: Held, day: date, *, child: bool, pregnant: bool) -> Verdict:
        """Whether the finding of `held`, which holds on `day`, alerts, by what is known so far.

        Under the adult age only one of the urgent tier may.
        """
        if child and held.tier < Tier.URGENT:
            return Verdict(Suppression.UNDER_18)
        if pregnant:
            return Verdict(Suppression.PREGNANCY)
        return self.by_other_tests(held.value.analyte, day.toordinal())

    def by_other_tests(self, analyte: Analyte, ordinal: int) -> Verdict:
        """The part that other tests within the window around the day `ordinal`, known so far, decide."""
        if analyte is Analyte.GGT:
            return self._ggt(ordinal)
        if analyte is Analyte.ALP:
            return self._alp(ordinal)
        if analyte is Analyte.TOTAL_BILIRUBIN:
            return self._bilirubin(ordinal)
        return ALERTS

    def _alp(self, ordinal: int) -> Verdict:
        ggt = self._tracks[Analyte.GGT]
        if ggt.last_abnormal >= ordinal - self._days:
            return ALERTS
        if ggt.known_within(ordinal, self._days):
            return Verdict(Suppression.BONE_SOURCE)
        return Verdict(
            None, f"GGT unknown within {self._days} days: a bone source of the ALP is not excluded"
        )

    def _ggt(self, ordinal: int) -> Verdict:
        """With an elevated ALP it is not alone; an ALP that is normal or unknown leaves it so."""
        if self._tracks[Analyte.ALP].last_abnormal >= ordinal - self._days:
            return ALERTS
        return Verdict(Suppression.GGT_ALONE)

    def _bilirubin(self, ordinal: int) -> Verdict:
        oldest = ordinal - self._days
        told, share = self._share
        if share and told >= oldest:
            return ALERTS
        tracks = self._tracks
        if self._unexplained_inr >= oldest or tracks[Analyte.ALBUMIN].last_abnormal >= oldest:
            return ALERTS
        if any(tracks[one].last_abnormal >= oldest for one in _ENZYMES):
            return ALERTS
        aminotransferase = any(tracks[one].known_within(ordinal, self._days) for one in _ENZYMES[:2])
        if told >= oldest and aminotransferase and tracks[Analyte.ALP].known_within(ordinal, self._days):
            return Verdict(Suppression.GILBERT)
        return Verdict(Suppression.ISOLATED_BILIRUBIN)
