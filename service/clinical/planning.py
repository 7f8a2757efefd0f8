"""From an episode to its plan: what may lie behind it, which steps come next, and which are done already."""

from datetime import date, timedelta

from service.clinical.already_done import Shown
from service.clinical.causes.candidates import candidate_causes, drugs_on_record
from service.clinical.causes.cause import Cause
from service.clinical.causes.on_record import Course, OnRecord
from service.clinical.episodes import NO_PLAN, AlreadyDone, Episode, Plan, Step, Tier
from service.clinical.interpretation import latest_elevated
from service.clinical.readings import Readings
from service.clinical.recommendations import REPEAT_PANEL, alerting_findings, in_question, orderables
from service.clinical.work_up import Asked, Ground, work_up


class Planning:
    """The plans of one record's episodes; what episodes have in common is worked out once."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._shown = Shown(readings)
        self._weighed: dict[Course, tuple[OnRecord, tuple[Cause, ...]]] = {}

    def plan_of(self, episode: Episode, tier: Tier) -> Plan:
        """The plan of an episode of that tier that raises an alert and is not resolved.

        It is a function of the record up to the readings' time, the rulebook and the episode. By waiting
        alone it changes only when a day comes on which more of the context is known (`becoming_known`).
        """
        allowed = self._readings.rulebook.rules.tiers.due_days
        days = {Tier.URGENT: allowed.urgent, Tier.SOON: allowed.soon, Tier.ROUTINE: allowed.routine}
        steps: list[Step] = []
        done: list[AlreadyDone] = []
        on, causes = self._causes_of(episode)
        ground = Ground(episode, tier, on, self._shown, causes, alerting_findings(episode))
        for asked in work_up(ground):
            found = self._shown.by(asked.name, asked.since)
            if found is not None:
                done.append(found)
            else:
                steps.append(_step(asked, days[asked.tier], episode.last_result))
        places = {name: place for place, name in enumerate(orderables())}
        steps.sort(key=lambda step: (-step.priority, step.due, places[step.name]))
        told = tuple(cause for cause in causes if cause.speaks_for or cause.speaks_against or cause.notes)
        return Plan(told, tuple(steps), tuple(done))

    def plan_of_missed(self, episode: Episode, elevation: Episode) -> Plan:
        """What the advice about a missed recheck rests on: the drugs in question, and whether it is ordered.

        Args:
            episode: the missed recheck.
            elevation: the episode that its result belongs to; where it has a plan, both name the same drugs.
        """
        drug = in_question(elevation.plan)
        if elevation.plan is NO_PLAN:
            found = drugs_on_record(OnRecord(self._readings, self._course_of(elevation)))
            drug = found if found.speaks_for else None
        # An order of the day itself is the one that the result came from.
        ordered = self._shown.by(REPEAT_PANEL, episode.onset + timedelta(days=1))
        return Plan(() if drug is None else (drug,), (), () if ordered is None else (ordered,))

    def _causes_of(self, episode: Episode) -> tuple[OnRecord, tuple[Cause, ...]]:
        course = self._course_of(episode)
        if course not in self._weighed:
            on = OnRecord(self._readings, course)
            self._weighed[course] = on, candidate_causes(on)
        return self._weighed[course]

    def _course_of(self, episode: Episode) -> Course:
        return Course.of(episode, latest_elevated(self._readings.record, episode))


def _step(asked: Asked, days: int, last_result: date) -> Step:
    due = asked.since + timedelta(days=days)
    if asked.name == REPEAT_PANEL:
        # Another panel than the one it repeats, however urgent: the next day at the earliest.
        due = max(due, last_result + timedelta(days=1))
    kinds = tuple(dict.fromkeys(finding.kind for finding in asked.findings))
    criteria = tuple(reason.name for reason in asked.findings[0].reasons)
    return Step(asked.name, due, asked.tier, kinds, criteria)
