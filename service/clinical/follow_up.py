"""Rechecks along a patient's walk: which elevated results ask for one, and which did not come in time.

clinical.md §8 says that a first elevation opens a watch, and that a watch runs beside an alert for a result
that worsens or is urgent. Here every elevated day-value of ALT, AST, ALP, GGT and total bilirubin opens one,
which the next usable result of that analyte, normal or not, closes: if only the first of an episode did, the
second of two mildly raised results, after which nobody tested again, would never come to anybody's notice.
The exception is a value in a run that is persistent already and neither worsening nor urgent on its day:
there the alert for the persistent elevation stands, and its monitoring date takes the place of the watch.

Only what a decision may use opens or closes a watch: no preliminary, haemolysed or undecidably censored
result. Each missed recheck is an episode of its own in the family `follow-up`, from the elevated result to
the repeat. What suppresses an alert for the result suppresses the one for its missing repeat, judged once,
on the first overdue day, by the tests known before it: GGT alone, ALP with a normal GGT, isolated bilirubin;
or a pregnancy or an age under 18 on the day of the result. The dead are judged as the living are, since no
date of death is known here; their episodes are closed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from service.clinical.alert_policy import AlertPolicy, Verdict
from service.clinical.analytes import Analyte
from service.clinical.day_values import DayValue
from service.clinical.episode_building import level_of
from service.clinical.episodes import (
    AskedRecheck,
    Episode,
    Family,
    Finding,
    Kind,
    Reason,
    Recheck,
    TierChange,
    Trend,
)
from service.clinical.held import Held
from service.clinical.limits import notes_on
from service.clinical.recheck import Watch, watch_for
from service.clinical.remarks import BIRTH_DATE_UNKNOWN, UNDER_18
from service.clinical.results import LabResult, PatientRecord
from service.clinical.rulebook import Rulebook
from service.clinical.wording import detail

RECHECK_OVERDUE = "recheck-overdue"


class FollowUp:
    """The watches of one patient's walk, at most one an analyte."""

    def __init__(self, record: PatientRecord, rulebook: Rulebook, policy: AlertPolicy, today: date) -> None:
        self._record = record
        self._rulebook = rulebook
        self._policy = policy
        self._today = today
        self._watches: dict[Analyte, Watch] = {}
        self._overdue: dict[Analyte, Verdict] = {}
        """Those of the watches that are overdue, with whether that alerts."""
        self._over: list[Episode] = []
        self._repeated: list[AskedRecheck] = []

    def before(self, day: date, finals: Mapping[Analyte, DayValue]) -> None:
        """The walk has come to `day`, with these day-values: what was overdue by then, what they repeat.

        It is to be called before anything else learns of the day.
        """
        for analyte, watch in list(self._watches.items()):
            repeat = finals.get(analyte)
            if watch.overdue_from <= day and (repeat is not None or watch.overdue_from <= self._today):
                self._lapse(watch)
            if repeat is not None:
                del self._watches[analyte]
                self._repeated.append(_asked(watch, repeat.day))
                verdict = self._overdue.pop(analyte, None)
                if verdict is not None:
                    self._over.append(self._episode(watch, verdict, repeat))

    def open(self, value: DayValue, results: Sequence[LabResult], *, child: bool, pregnant: bool) -> None:
        """The elevated `value` asks for a recheck."""
        self._watches[value.analyte] = watch_for(
            value, results, self._rulebook, child=child, pregnant=pregnant
        )

    def finish(self) -> list[Episode]:
        """Every recheck that was missed up to today, come since or not."""
        for watch in self._watches.values():
            if watch.overdue_from <= self._today:
                self._lapse(watch)
        missing = (
            self._episode(self._watches[analyte], verdict, None) for analyte, verdict in self._overdue.items()
        )
        return [*self._over, *missing]

    def asked(self) -> list[AskedRecheck]:
        """Every recheck that was asked for, come or not, in order of its day."""
        missing = (_asked(watch, None) for watch in self._watches.values())
        return sorted((*self._repeated, *missing), key=lambda each: (each.day, each.analyte.value))

    def coming(self) -> Iterable[date]:
        """The days on which a recheck becomes overdue unless it comes."""
        return (one.overdue_from for one in self._watches.values() if one.overdue_from > self._today)

    def _lapse(self, watch: Watch) -> None:
        """The grace is over: whether that alerts is judged by what is known now, and once."""
        value = watch.value
        if value.analyte in self._overdue:
            return
        held = Held(
            Kind.RECHECK_OVERDUE, RECHECK_OVERDUE, value, value.day, watch.wait.tier, (watch, None), (value,)
        )
        self._overdue[value.analyte] = self._policy.judge(
            held, value.day, child=watch.child, pregnant=watch.pregnant
        )

    def _episode(self, watch: Watch, verdict: Verdict, repeat: DayValue | None) -> Episode:
        value, alerts = watch.value, verdict.suppressed is None
        evidence = frozenset(result.key for result in watch.results)
        since = watch.overdue_from
        return Episode(
            family=Family.FOLLOW_UP,
            onset=value.day,
            last_result=value.day if repeat is None else repeat.day,
            resolved=None if repeat is None else repeat.day,
            deceased=self._record.deceased,
            dormant=False,
            tier=watch.wait.tier if alerts else None,
            alerts_from=since if alerts else None,
            tier_changes=(TierChange(since, watch.wait.tier),) if alerts else (),
            findings=(_finding(watch, verdict, repeat),),
            trend=Trend.STABLE,
            latest=(level_of(repeat or value),),
            peak=(level_of(value),),
            evidence=evidence,
            results=evidence if repeat is None else evidence | {repeat.result.key},
            notes=self._notes(value),
        )

    def _notes(self, value: DayValue) -> tuple[str, ...]:
        notes = list(notes_on(value.source))
        if self._record.birth_date is None:
            notes.append(BIRTH_DATE_UNKNOWN)
        return tuple(notes)


def _asked(watch: Watch, repeated: date | None) -> AskedRecheck:
    return AskedRecheck(watch.value.analyte, watch.value.day, watch.last, repeated)


def _finding(watch: Watch, verdict: Verdict, repeat: DayValue | None) -> Finding:
    value, since = watch.value, watch.overdue_from
    words = detail(RECHECK_OVERDUE, (watch, repeat))
    notes = (UNDER_18,) if watch.child and verdict.suppressed is None else ()
    return Finding(
        kind=Kind.RECHECK_OVERDUE,
        analyte=value.analyte,
        first=value.day,
        met=since,
        last=since,
        tier=watch.wait.tier,
        reasons=(Reason(RECHECK_OVERDUE, since, since, words, (value.result.key,)),),
        alerts_from=since if verdict.suppressed is None else None,
        suppressed=verdict.suppressed,
        notes=notes if verdict.note is None else (*notes, verdict.note),
        recheck=Recheck(watch.due, None if repeat is None else repeat.day),
    )
