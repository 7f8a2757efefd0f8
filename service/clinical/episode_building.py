"""An episode while the walk is inside it: opened by the first elevation, closed by normal day-values."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from service.clinical.analytes import Analyte
from service.clinical.day_values import DayValue
from service.clinical.episodes import Episode, Family, Kind, Level, Tested, Tier, TierChange, Trend
from service.clinical.finding_building import OpenFinding
from service.clinical.held import Held
from service.clinical.limits import notes_on
from service.clinical.results import LabResult, ResultKey
from service.clinical.rulebook import Rulebook
from service.clinical.track import Track
from service.clinical.worsening import elevated_or_rising, falling

FAMILIES: dict[Analyte, Family] = {
    Analyte.ALT: Family.TRANSAMINASE,
    Analyte.AST: Family.TRANSAMINASE,
    Analyte.INR: Family.TRANSAMINASE,
    Analyte.ALP: Family.CHOLESTATIC,
    Analyte.GGT: Family.CHOLESTATIC,
    Analyte.TOTAL_BILIRUBIN: Family.BILIRUBIN,
}
"""The family of each analyte; INR belongs only where it drives an urgent finding."""
_FLAG_NOTES = {
    "issued-time": "dated by the time of issue: when the specimen was taken is not known",
    "unordered": "versions of a result could not be ordered: the one received last counts",
}


class OpenEpisode:
    """One family's elevation, gathered day by day."""

    def __init__(self, family: Family, day: date) -> None:
        self.family = family
        self.onset = day
        self.last_day = day
        self.normals: dict[Analyte, int] = {}
        """Analytes elevated in it, with how many normal day-values they have had in a row."""
        self.findings: dict[tuple[Kind, Analyte, int], OpenFinding] = {}
        self.evidence: list[LabResult] = []
        self.results: list[ResultKey] = []
        self.notes: dict[str, None] = {}
        self.moderate_told: set[Analyte] = set()
        """Analytes whose first moderate level a finding has told of."""
        self._explained: set[Analyte] = set()
        """Analytes whose latest elevation a drug explains: they are not waited for."""
        self._latest: dict[Analyte, DayValue] = {}
        self._peak: dict[Analyte, DayValue] = {}
        self._tier: Tier | None = None
        self._alerts_from: date | None = None
        self._changes: list[TierChange] = []
        self._tested: dict[date, list[LabResult]] = {}

    def elevated(self, value: DayValue, results: Sequence[LabResult]) -> None:
        """An elevated day-value of the family, with every elevated result of that day."""
        self.normals[value.analyte] = 0
        self._explained.discard(value.analyte)
        self._latest[value.analyte] = value
        self._rise_peak(value)
        self.evidence += results
        self._test(value, results)

    def normal(self, value: DayValue) -> None:
        """A normal day-value of the family; counts where the analyte was elevated before."""
        count = self.normals.get(value.analyte)
        if count is not None:
            self.normals[value.analyte] = count + 1
            self._latest[value.analyte] = value
        self._test(value, ())

    def explained(self, value: DayValue) -> None:
        """An elevation that a recorded drug explains: the analyte holds the episode open no more."""
        self._explained.add(value.analyte)
        self._latest[value.analyte] = value

    def hold(self, held: Held, day: date, run: int) -> OpenFinding:
        """A criterion holds on `day`; `run` tells one run's persistence from another's."""
        key = (held.kind, held.value.analyte, run)
        finding = self.findings.get(key)
        if finding is None:
            finding = self.findings[key] = OpenFinding(held, day)
        finding.hold(held, day)
        return finding

    def join(self, held: Held, day: date) -> None:
        """An urgent finding's analyte is part of the episode, with the evidence of this family."""
        driver = held.value
        self.last_day = day
        if driver.analyte not in self.normals or driver.day == day:
            self.normals[driver.analyte] = 0
            self._explained.discard(driver.analyte)
        self._latest.setdefault(driver.analyte, driver)
        self._rise_peak(driver)
        if driver.day >= self.onset or driver.analyte is Analyte.INR:
            self.evidence.append(driver.result)
        if not self.evidence:
            self.evidence += [value.result for value in held.evidence if value.day == day]

    def alert(self, finding: OpenFinding, day: date) -> None:
        """`finding` alerts on `day`: the tier never falls within an episode."""
        tier = finding.alert(day)
        if self._alerts_from is None:
            self._alerts_from = day
        if self._tier is not None and tier <= self._tier:
            return
        self._tier = tier
        if self._changes and self._changes[-1].day == day:
            self._changes.pop()
        self._changes.append(TierChange(day, tier))

    def told_of(self, analyte: Analyte, day: date, tier: Tier) -> bool:
        """Whether a finding of `analyte` holds on `day` and alerts as soon as `tier` asks or sooner."""
        return any(one.analyte is analyte and one.tells(day, tier) for one in self.findings.values())

    def over(self, normal_day_values: int) -> bool:
        """Every analyte that was elevated has had so many normal day-values in a row.

        One that a drug explains is not waited for, but cannot end an episode by itself.
        """
        waited_for = self.normals.keys() - self._explained or self.normals.keys()
        return all(self.normals[analyte] >= normal_day_values for analyte in waited_for)

    def freeze(
        self, tracks: Mapping[Analyte, Track], rulebook: Rulebook, resolved: date | None, *, deceased: bool
    ) -> Episode:
        """The episode as it stands; dormancy is added by whoever knows the clock."""
        analytes = [analyte for analyte in Analyte if analyte in self.normals]
        latest = [self._last_known(tracks[analyte]) for analyte in analytes]
        self._add_notes(latest)
        evidence = frozenset(result.key for result in self.evidence)
        findings = [finding.freeze(tracks, ()) for finding in self.findings.values()]
        return Episode(
            family=self.family,
            onset=self.onset,
            last_result=self.last_day,
            resolved=resolved,
            deceased=deceased,
            dormant=False,
            tier=self._tier,
            alerts_from=self._alerts_from,
            tier_changes=tuple(self._changes),
            findings=tuple(
                sorted(findings, key=lambda one: (one.met, _ORDER[one.kind], one.analyte, one.first))
            ),
            trend=self._trend(tracks, rulebook),
            latest=tuple(level_of(value) for value in latest),
            peak=tuple(level_of(self._peak[analyte]) for analyte in analytes),
            evidence=evidence,
            results=evidence.union(self.results),
            notes=tuple(self.notes),
            tested=tuple(
                Tested(day, frozenset(result.key for result in results))
                for day, results in self._tested.items()
            ),
        )

    def _test(self, value: DayValue, elevated: Sequence[LabResult]) -> None:
        """Note that `value` is there; an INR is no repeat of the tests that an episode is about."""
        if value.analyte is not Analyte.INR:
            self._tested.setdefault(value.day, []).extend(elevated)

    def _rise_peak(self, value: DayValue) -> None:
        peak = self._peak.get(value.analyte)
        if peak is None or value.multiple > peak.multiple:
            self._peak[value.analyte] = value

    def _last_known(self, track: Track) -> DayValue:
        """The analyte's last value as the episode ends, normal or not, also from before its onset."""
        latest = self._latest[track.analyte]
        known = track.values[-1] if track.values else latest
        return known if known.ordinal > latest.ordinal else latest

    def _add_notes(self, latest: Iterable[DayValue]) -> None:
        shown = [*latest, *self._peak.values()]
        self.notes.update((note, None) for value in shown for note in notes_on(value.source))
        flags = {flag for result in self.evidence for flag in result.flags}
        for flag, note in _FLAG_NOTES.items():
            if flag in flags:
                self.notes[note] = None

    def _trend(self, tracks: Mapping[Analyte, Track], rulebook: Rulebook) -> Trend:
        improving = False
        for analyte, normals in self.normals.items():
            track = tracks[analyte]
            if not track.values or track.values[-1].day < self.onset:
                continue
            if track.last_worsening == track.values[-1].ordinal:
                return Trend.WORSENING
            improving = improving or normals >= rulebook.rules.episode.normal_day_values
            improving = improving or falling(track, rulebook)
        today = self.last_day.toordinal()
        failing = (Analyte.TOTAL_BILIRUBIN, Analyte.INR)
        if improving and not any(elevated_or_rising(tracks[one], today, rulebook) for one in failing):
            return Trend.IMPROVING
        return Trend.STABLE


_ORDER = {kind: place for place, kind in enumerate(Kind)}


def level_of(value: DayValue) -> Level:
    """A day-value as a reader wants it."""
    return Level(
        analyte=value.analyte,
        day=value.day,
        value=value.value,
        multiple=value.multiple,
        limit=value.limit,
        limit_source=value.source,
        key=value.result.key,
    )
