"""What of an alert is said on its row: what was found, since when, what comes next, who has it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from service.alerts.advising import SILENT, standing_with
from service.alerts.alert import Action, Alert
from service.alerts.states import permitted
from service.alerts.undoing import Undoing
from service.clinical.catalogues.causes import known_causes
from service.clinical.day_values import DayValue
from service.clinical.episodes import Finding, Kind, Level
from service.clinical.readings import Readings
from service.clinical.recommendations import alerting_findings, orderable
from service.clinical.saying import analyte_in_words, capitalised, number, quantity
from service.dashboard.sparklines import Sparkline, sparkline
from service.dashboard.words import span
from service.fhir import wording
from service.store.changes import stamp_of
from service.store.worklist import Line


@dataclass(frozen=True, slots=True)
class Notice:
    """What has just happened, said on the row it happened to."""

    words: str
    undo: Undoing | None = None
    refused: bool = False
    """Nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Next:
    """The most urgent step."""

    text: str
    due: date
    overdue: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the worklist."""

    alert: Alert
    public_id: UUID
    name: str
    age: int | None
    born: str
    sex: str
    source: str
    headline: str
    """What was found, and of which tests."""
    level: str
    """`168 U/L on 2025-03-01`; empty where nothing was measured."""
    times: str
    """`4.2 × ULN`."""
    course: str
    """How long, or by how much it rose."""
    since: str
    spark: Sparkline | None
    next: Next | None
    steps_with: Sequence[str]
    """What the patient's other alerts are about on which steps stand that this one asks for as well."""
    cause: str
    allowed: Collection[Action] = field(default=())
    """What may be decided about it; nothing by who may only look."""
    notice: Notice | None = None

    @property
    def stamp(self) -> str:
        """By which a page knows whether what it shows of the alert is what there is."""
        waiting = self.alert.waiting
        return stamp_of(self.alert.revision, overdue=waiting is not None and waiting.overdue)


def row_of(
    line: Line,
    source: str,
    readings: Readings,
    today: date,
    *,
    others: Sequence[Alert] = (),
    may_decide: bool,
    notice: Notice | None = None,
) -> Row:
    """A line as a person reads it.

    Args:
        line: the alert, and whose it is.
        source: the name of its source.
        readings: of the person's record.
        today: the day that due dates are held to.
        others: the patient's other alerts, where steps may stand that this one asks for as well.
        may_decide: whether who looks may decide.
        notice: what has just happened to it.
    """
    alert = line.alert
    finding, level = _shown(alert)
    values = readings.values.get(level.analyte if level else finding.analyte, []) if finding else []
    sex = readings.record.sex
    return Row(
        alert=alert,
        public_id=line.public_id,
        name=line.name or f"Patient {line.fhir_id}",
        age=readings.age(today),
        born=line.born,
        sex=sex.value if sex else "sex not known",
        source=source,
        headline=wording.headline(alert)[1],
        level=f"{quantity(level.analyte, level.value)} on {level.day}" if level else "",
        times=f"{analyte_in_words(level.analyte)} {number(level.multiple)} × ULN" if level else "",
        course=_course(finding, values, today) if finding else "",
        since=f"since {alert.episode.onset}",
        spark=sparkline(values, analyte_in_words(level.analyte)) if level else None,
        next=next_step(alert, today),
        steps_with=[wording.headline(other)[1] for other in standing_with(alert, others)],
        cause=leading_cause(alert),
        allowed=permitted(alert.state) if may_decide else (),
        notice=notice,
    )


def next_step(alert: Alert, today: date) -> Next | None:
    """The most urgent step, of several the one due first; none where nothing is asked for."""
    if alert.state in SILENT or not alert.steps:
        return None
    first = min(alert.steps, key=lambda step: (-step.priority, step.due))
    return Next(orderable(first.name).text, first.due, first.due < today)


def leading_cause(alert: Alert) -> str:
    """The candidate cause that most in the record speaks for; empty where nothing speaks for any."""
    found = next((cause for cause in alert.episode.plan.causes if cause.speaks_for), None)
    return known_causes()[found.name].title if found else ""


def _shown(alert: Alert) -> tuple[Finding | None, Level | None]:
    """The gravest finding, and the latest level of its test, or else of the one furthest out."""
    episode = alert.episode
    finding = next(iter(alerting_findings(episode) or episode.findings), None)
    of_finding = [level for level in episode.latest if finding and level.analyte is finding.analyte]
    level = max(of_finding or episode.latest, key=lambda each: each.multiple, default=None)
    return finding, level


def _course(finding: Finding, values: Collection[DayValue], today: date) -> str:
    """How long it has lasted, or how far it rose, by the finding's own dates."""
    if finding.recheck is not None:
        due = finding.recheck.due
        if finding.recheck.ended is not None:
            return f"repeat was due {due}, ended {finding.recheck.ended}"
        late = span(due, today) if due < today else "0 days"
        return f"repeat was due {due}, {late} ago"
    if finding.kind is Kind.WORSENING:
        return _rise(finding, values)
    if finding.kind in (Kind.PERSISTENT, Kind.INTERMITTENT):
        how = "elevated" if finding.kind is Kind.PERSISTENT else "elevated on and off"
        return f"{how} for {span(finding.first, finding.last)}"
    return f"first met {finding.met}"


def _rise(finding: Finding, values: Collection[DayValue]) -> str:
    """Against the last value before the elevation that rose, or its first."""
    before = [value for value in values if value.day <= finding.first and value.exact]
    latest = [value for value in values if value.day <= finding.last]
    if not before or not latest or latest[-1].day <= before[-1].day or before[-1].value <= 0:
        return f"rising, first met {finding.met}"
    fold = latest[-1].value / before[-1].value
    return capitalised(
        f"{number(fold)}-fold in {span(before[-1].day, latest[-1].day)}, from {before[-1].day}"
    )
