"""A person's course as it is stored: their results, what became of them, alerts and decisions."""

from dataclasses import dataclass

from sqlalchemy import Connection

from service.alerts.alert import Alert, Disposition
from service.assessments import Assessed
from service.charts.course import Course, course_of
from service.charts.revisions import older_results, revisions_of
from service.clinical.rulebook import Rulebook
from service.store import alerts


@dataclass(frozen=True, slots=True)
class Stored:
    """A course, and what people and this service said of it."""

    course: Course
    alerts: tuple[Alert, ...]
    decisions: tuple[Disposition, ...]
    """Those that stand on any of the alerts, oldest first."""


def read_course(connection: Connection, person: Assessed, book: Rulebook) -> Stored:
    """The course of one person as of when they were assessed.

    Args:
        connection: an open transaction.
        person: with what their record says.
        book: the rulebook they were assessed by.
    """
    record = person.record
    every = alerts.of_patients(connection, [row.id for row in person.rows])
    made = alerts.dispositions_of(connection, {each for one in every for each in one.dispositions})
    older = older_results(connection, person.rows, book)
    course = course_of(
        record,
        book,
        person.assessment.episodes,
        person.as_of.date(),
        every,
        made,
        revisions_of(connection, person.rows, record.results, older),
    )
    return Stored(course, tuple(every), tuple(made))
