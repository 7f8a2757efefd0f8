"""What a chart of one patient shows, as plain tuples: points, spans and events. Nothing of how it looks."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from service.alerts.alert import Alert, Disposition, State
from service.clinical.analytes import Analyte
from service.clinical.catalogues.conditions import concepts_of
from service.clinical.catalogues.drugs import possibly_hepatotoxic
from service.clinical.causes.weighing import name_of
from service.clinical.context import Context
from service.clinical.day_values import usable
from service.clinical.episodes import Episode, Family, Kind
from service.clinical.limits import LimitFinder
from service.clinical.results import Comparator, Condition, LabResult, Medication, PatientRecord, ResultKey
from service.clinical.rulebook import Rulebook

_GONE = frozenset({State.MERGED, State.ENTERED_IN_ERROR})


class Standing(StrEnum):
    """What a result counts for."""

    COUNTED = "counted"
    CORRECTED = "corrected"
    """Counted; its laboratory has corrected it."""
    CENSORED = "censored"
    """Reported as more or less than a number; counted where that decides."""
    PRELIMINARY = "preliminary"
    """Counted for the urgent rules alone."""
    NOT_USED = "not used"
    """Haemolysed, without a limit that may be used, or censored so that it tells nothing."""
    RETRACTED = "retracted"
    """Deleted or entered in error: as it stood before."""


class Point(NamedTuple):
    """One result."""

    analyte: Analyte
    day: date
    value: Decimal
    """In the canonical unit."""
    limit: Decimal | None
    """The limit of normal it is held against; for albumin and platelets the lower one."""
    limit_source: str
    comparator: Comparator
    standing: Standing

    @property
    def multiple(self) -> Decimal | None:
        """How many times the limit it is; None where no limit may be used."""
        return None if self.limit is None else self.value / self.limit


class Lane(StrEnum):
    """What a span is of."""

    EPISODE = "Episode"
    RUN = "Persistent"
    DRUG = "Drug"
    DIAGNOSIS = "Diagnosis"


class Span(NamedTuple):
    """Something that lasted."""

    lane: Lane
    name: str
    """In the record's own words; a family or an analyte for what this service found."""
    start: date | None
    """None where the record does not say."""
    end: date | None
    """None where it goes on, or the record does not say."""
    matters: bool = True
    """It bears on the liver as far as the catalogues know: what is shown first where room is short."""


class Mark(StrEnum):
    """What an event is."""

    ALERT = "Alert"
    DECISION = "Decision"


class Event(NamedTuple):
    """Something that happened on a day."""

    mark: Mark
    day: date
    what: str
    """A tier, or what was decided."""


class Threshold(NamedTuple):
    """A line of the rulebook, as a multiple of the upper limit of ALT and AST."""

    name: str
    multiple: Decimal


class Revisions(NamedTuple):
    """What became of results after they were first reported."""

    corrected: Collection[ResultKey] = ()
    retracted: Sequence[LabResult] = ()


NO_REVISIONS = Revisions()


@dataclass(frozen=True, slots=True)
class Course:
    """All that a chart shows of one patient."""

    points: tuple[Point, ...]
    spans: tuple[Span, ...]
    events: tuple[Event, ...]
    thresholds: tuple[Threshold, ...]
    until: date
    """As of when it is drawn."""


def course_of(
    record: PatientRecord,
    rulebook: Rulebook,
    episodes: Iterable[Episode],
    until: date,
    alerts: Iterable[Alert] = (),
    decisions: Iterable[Disposition] = (),
    revisions: Revisions = NO_REVISIONS,
) -> Course:
    """Gather what there is to be drawn.

    Args:
        record: the patient's.
        rulebook: gives limits and thresholds.
        episodes: every episode that the record holds, those without an alert too.
        until: the day as of which it is drawn; nothing open runs beyond it.
        alerts: the patient's; merged and withdrawn ones are left out.
        decisions: that people made about them.
        revisions: results that were corrected or retracted.
    """
    bands = rulebook.rules.bands
    return Course(
        tuple(sorted(_points(record, rulebook, revisions), key=lambda each: (each.analyte, each.day))),
        (*_found(episodes), *_context(record)),
        (*_alerting(alerts), *(Event(Mark.DECISION, each.at.date(), each.action) for each in decisions)),
        (
            Threshold("mild", bands.mild_from),
            Threshold("moderate", bands.moderate_from),
            Threshold("severe", bands.severe_above),
        ),
        until,
    )


def _points(record: PatientRecord, rulebook: Rulebook, revisions: Revisions) -> Iterator[Point]:
    context = Context(record, rulebook)
    limits = LimitFinder(rulebook, record.sex, record.birth_date)
    both = ((record.results, False), (revisions.retracted, True))
    for result, retracted in ((each, retracted) for results, retracted in both for each in results):
        day = result.day
        limit = limits.find(result, child=context.child(day), pregnant=context.pregnant(day))
        used = limit is not None and usable(result, day.toordinal(), limit) is not None
        yield Point(
            result.analyte,
            day,
            result.value,
            limit.value if limit else None,
            limit.source if limit else "",
            result.comparator,
            Standing.RETRACTED if retracted else _standing(result, revisions, used=used),
        )


def _standing(result: LabResult, revisions: Revisions, *, used: bool) -> Standing:
    if not used:
        return Standing.NOT_USED
    if result.preliminary:
        return Standing.PRELIMINARY
    if result.key in revisions.corrected:
        return Standing.CORRECTED
    return Standing.COUNTED if result.comparator is Comparator.EXACT else Standing.CENSORED


def _found(episodes: Iterable[Episode]) -> Iterator[Span]:
    for episode in episodes:
        if episode.family is Family.FOLLOW_UP:
            continue
        yield Span(Lane.EPISODE, episode.family.value, episode.onset, episode.resolved or episode.last_result)
        for finding in episode.findings:
            if finding.kind is Kind.PERSISTENT:
                yield Span(Lane.RUN, finding.analyte.value, finding.first, finding.last)


def _context(record: PatientRecord) -> Iterator[Span]:
    for drug in sorted(record.medications, key=_order):
        matters = bool(possibly_hepatotoxic(drug.codings, drug.text))
        yield Span(Lane.DRUG, name_of(drug), drug.start, _end(drug, current=drug.current), matters)
    for condition in sorted(record.conditions, key=_order):
        matters = bool(concepts_of(condition.codings, condition.text))
        end = _end(condition, current=condition.active)
        yield Span(Lane.DIAGNOSIS, name_of(condition), condition.start, end, matters)


def _order(each: Condition | Medication) -> tuple[date, str, str]:
    return each.start or date.min, each.text, each.reference


def _end(each: Condition | Medication, *, current: bool) -> date | None:
    """What is over and does not say when is known of its first day alone."""
    return each.end if each.end is not None or current else each.start


def _alerting(alerts: Iterable[Alert]) -> Iterator[Event]:
    for alert in alerts:
        if alert.state not in _GONE:
            for change in alert.episode.tier_changes:
                yield Event(Mark.ALERT, change.day, change.tier.name.lower())
