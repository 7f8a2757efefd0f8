"""One patient's history, day by day: tracks, detectors, alert policy and episodes in step."""

from collections.abc import Iterable
from datetime import date
from operator import attrgetter

from service.clinical.alert_policy import OPEN_TO_RECHECK, AlertPolicy
from service.clinical.analytes import Analyte
from service.clinical.context import Context
from service.clinical.day_values import HAEMOLYSED, DayResults, DayValue, read_day
from service.clinical.episode_building import FAMILIES, OpenEpisode
from service.clinical.episodes import AskedRecheck, Episode, Family, Kind
from service.clinical.finding_building import OpenFinding
from service.clinical.follow_up import FollowUp
from service.clinical.held import Held, rests_on_finals_of
from service.clinical.limits import LimitFinder
from service.clinical.month_peaks import month_peaks
from service.clinical.new_moderate import BANDED, new_moderate
from service.clinical.peaks import MonthPeak
from service.clinical.persistence import intermittent, persistence
from service.clinical.remarks import BIRTH_DATE_UNKNOWN, UNDER_18
from service.clinical.results import LabResult, PatientRecord
from service.clinical.rulebook import Rulebook
from service.clinical.thresholds import TRENDED
from service.clinical.track import Track
from service.clinical.urgent_watch import UrgentWatch
from service.clinical.worsening import worsening

JUDGED = frozenset({*TRENDED, Analyte.DIRECT_BILIRUBIN, Analyte.ALBUMIN, Analyte.INR})
"""The analytes that a rule here looks at."""
_TRENDED = frozenset(TRENDED)


class Walk:
    """The state of the walk between two days."""

    def __init__(
        self, record: PatientRecord, rulebook: Rulebook, context: Context, limits: LimitFinder, today: date
    ) -> None:
        self._record = record
        self._rulebook = rulebook
        self._context = context
        self._limits = limits
        self._tracks = {analyte: Track(analyte) for analyte in JUDGED}
        self._policy = AlertPolicy(rulebook, self._context, self._tracks)
        preliminary = any(result.preliminary for result in record.results)
        self._urgent = UrgentWatch(rulebook, self._context, preliminary=preliminary)
        self._follow_up = FollowUp(record, rulebook, self._policy, today)
        self._open: dict[Family, OpenEpisode] = {}
        self._closed: list[Episode] = []
        self._child = self._pregnant = False

    def step(self, day: date, results: list[LabResult]) -> None:
        """Take all results of the next day on which there are any."""
        ordinal = day.toordinal()
        self._child = self._context.child(day)
        self._pregnant = self._context.pregnant(day)
        read = read_day(results, ordinal, self._limits, child=self._child, pregnant=self._pregnant)
        self._follow_up.before(day, read.finals)
        for analyte, value in read.finals.items():
            self._tracks[analyte].add(value)
        self._policy.observe(ordinal, read.finals)
        self._follow_episodes(day, read)
        to_recheck = {
            analyte
            for analyte, value in read.finals.items()
            if value.elevated and analyte in _TRENDED and self._look(self._tracks[analyte], value, day)
        }
        if read.urgents:
            for held in self._urgent.step(ordinal, read, pregnant=self._pregnant):
                self._hold_urgent(held, day)
                if rests_on_finals_of(day, held):
                    to_recheck.add(held.value.analyte)
            for analyte, note in self._urgent.answered:
                self._unsay(analyte, note)
        self._watch(to_recheck & read.elevated.keys() & _TRENDED, read)
        if Family.TRANSAMINASE in self._open:
            self._look_for_moderate(day, read)
        if self._open:
            self._gather(day, results, read.left_out)
            self._recheck(day, ordinal)
            self._resolve(day)

    def finish(self) -> list[Episode]:
        """Every episode, resolved or not."""
        standing = (self._freeze(episode, None) for episode in self._open.values())
        return [*self._closed, *standing, *self._follow_up.finish()]

    def rechecks(self) -> list[AskedRecheck]:
        """Every repeat that an elevated result asked for."""
        return self._follow_up.asked()

    def peaks(self) -> list[MonthPeak]:
        """How high the tests came, month by month."""
        return month_peaks(self._tracks, self._rulebook)

    def coming(self) -> Iterable[date]:
        """The days, after today, on which a recheck becomes overdue unless it comes."""
        return self._follow_up.coming()

    def _follow_episodes(self, day: date, read: DayResults) -> None:
        """Open an episode at its first elevated day-value, and follow the analytes of open ones."""
        for analyte, value in read.finals.items():
            if value.elevated and analyte in _TRENDED:
                self._episode(FAMILIES[analyte], day).elevated(value, read.elevated[analyte])
            elif self._open and analyte in FAMILIES:
                episode = self._open.get(FAMILIES[analyte])
                if episode is None:
                    continue
                if not value.elevated:
                    episode.normal(value)
                elif analyte in episode.normals:
                    if self._context.anticoagulated(day):
                        episode.explained(value)
                    else:
                        episode.elevated(value, read.elevated[analyte])

    def _look(self, track: Track, value: DayValue, day: date) -> bool:
        """Persistence and worsening at an elevated day-value; gives whether that asks for a recheck.

        It does unless its run is persistent and nothing worsens.
        """
        lasting = persistence(track, value, self._rulebook)
        if lasting is not None:
            self._hold(lasting, day, lasting.facts[0].first.ordinal)
        else:
            pattern = intermittent(track, value, self._rulebook)
            if pattern is not None:
                self._hold(pattern, day)
        worse = worsening(track, value, self._rulebook)
        for held in worse:
            self._hold(held, day)
        return lasting is None or bool(worse)

    def _watch(self, analytes: Iterable[Analyte], read: DayResults) -> None:
        for analyte in analytes:
            self._follow_up.open(
                read.finals[analyte], read.elevated[analyte], child=self._child, pregnant=self._pregnant
            )

    def _look_for_moderate(self, day: date, read: DayResults) -> None:
        """The first moderate level of ALT and of AST, unless another finding of the day tells of it."""
        episode = self._open[Family.TRANSAMINASE]
        soon = self._rulebook.rules.tiers.new_moderate
        for analyte in BANDED:
            value = read.finals.get(analyte)
            if value is None or not value.elevated or analyte in episode.moderate_told:
                continue
            held = new_moderate(value, self._rulebook)
            if held is None:
                continue
            if not episode.told_of(analyte, day, soon):
                self._hold(held, day)
            if episode.told_of(analyte, day, soon):
                episode.moderate_told.add(analyte)

    def _hold(self, held: Held, day: date, run: int = 0) -> None:
        episode = self._open[FAMILIES[held.value.analyte]]
        finding = episode.hold(held, day, run)
        verdict = self._policy.judge(held, day, child=self._child, pregnant=self._pregnant)
        if verdict.suppressed is not None:
            finding.suppress(verdict.suppressed)
            return
        if verdict.note is not None:
            finding.note(verdict.note)
        self._alert(episode, finding, day)

    def _hold_urgent(self, held: Held, day: date) -> None:
        episode = self._episode(FAMILIES[held.value.analyte], day)
        finding = episode.hold(held, day, 0)
        episode.join(held, day)
        self._alert(episode, finding, day)

    def _unsay(self, analyte: Analyte, note: str) -> None:
        """A later test has made a note beside an urgent finding of an open episode void."""
        episode = self._open.get(FAMILIES[analyte])
        finding = episode.findings.get((Kind.URGENT, analyte, 0)) if episode is not None else None
        if finding is not None:
            finding.unsay(note)

    def _alert(self, episode: OpenEpisode, finding: OpenFinding, day: date) -> None:
        if self._child:
            finding.note(UNDER_18)
        episode.alert(finding, day)

    def _gather(self, day: date, results: Iterable[LabResult], left_out: Iterable[LabResult]) -> None:
        """Keep every final result of the families whose episodes are open, and say what was left out."""
        for result in results:
            if result.preliminary:
                continue
            family = FAMILIES.get(result.analyte)
            episode = self._open.get(family) if family is not None else None
            if episode is not None and (result.analyte in _TRENDED or result.analyte in episode.normals):
                episode.results.append(result.key)
                episode.last_day = day
        for result in sorted(left_out, key=attrgetter("key")):
            self._note_left_out(result)

    def _note_left_out(self, result: LabResult) -> None:
        analyte = result.analyte
        family = Family.BILIRUBIN if analyte is Analyte.DIRECT_BILIRUBIN else FAMILIES.get(analyte)
        episode = self._open.get(family) if family is not None else None
        if episode is None:
            return
        if HAEMOLYSED in result.flags:
            episode.notes[f"{analyte.value} of {result.day} left out: haemolysed specimen"] = None
        elif analyte is Analyte.ALP and (self._child or self._pregnant):
            state = "under 18" if self._child else "in pregnancy"
            episode.notes[f"ALP counts as missing {state} without the laboratory's own range"] = None
        else:
            episode.notes[f"{analyte.value} of {result.day} left out: too imprecise to decide"] = None

    def _recheck(self, day: date, ordinal: int) -> None:
        """Findings that only other tests held back alert on the day those tests speak."""
        window = self._rulebook.rules.alert_policy.window_days
        for family in (Family.CHOLESTATIC, Family.BILIRUBIN):
            episode = self._open.get(family)
            if episode is None:
                continue
            for finding in episode.findings.values():
                waits = finding.suppressed in OPEN_TO_RECHECK and finding.last < day
                if waits and ordinal - finding.last.toordinal() <= window:
                    self._judge_again(episode, finding, day)

    def _judge_again(self, episode: OpenEpisode, finding: OpenFinding, day: date) -> None:
        verdict = self._policy.by_other_tests(finding.analyte, finding.last.toordinal())
        if verdict.suppressed is None:
            self._alert(episode, finding, day)
        else:
            finding.suppress(verdict.suppressed)

    def _resolve(self, day: date) -> None:
        enough = self._rulebook.rules.episode.normal_day_values
        for family, episode in list(self._open.items()):
            if episode.over(enough):
                self._closed.append(self._freeze(episode, day))
                del self._open[family]

    def _episode(self, family: Family, day: date) -> OpenEpisode:
        episode = self._open.get(family)
        if episode is None:
            episode = self._open[family] = OpenEpisode(family, day)
            if self._child:
                episode.notes[UNDER_18] = None
            if self._record.birth_date is None:
                episode.notes[BIRTH_DATE_UNKNOWN] = None
        return episode

    def _freeze(self, episode: OpenEpisode, resolved: date | None) -> Episode:
        return episode.freeze(self._tracks, self._rulebook, resolved, deceased=self._record.deceased)
