"""The chart of a patient's page."""

from typing import Final

from sqlalchemy import Connection

from service.assessments import assess_people
from service.charts.description import described
from service.charts.palette import on_screen
from service.charts.reading import read_course
from service.charts.sheet import Spec
from service.charts.spec import chart_spec
from service.charts.units import Scale
from service.dashboard.looking import Look
from service.errors import NotFound
from service.ingest import Rules
from service.languages import ENGLISH
from service.languages.phrasebook import phrasebook

TABLE: Final = "The table Results holds the same results."


def chart_of(connection: Connection, looked: Look, rules: Rules, scale: Scale) -> Spec:
    """Vega-Lite in the colours of the page, as wide as its script makes it.

    Raises:
        NotFound: there is no result that could be drawn on the scale.
    """
    person = {looked.rows[0].id: looked.rows}
    (assessed,) = assess_people(connection, person, looked.sources, rules, looked.now)
    course, book = read_course(connection, assessed, rules.rulebook).course, phrasebook(ENGLISH)
    if not any(scale is not Scale.MULTIPLES or point.limit is not None for point in course.points):
        raise NotFound("there is no result that could be drawn on this scale")
    description = f"{described(course, scale, book)} {TABLE}"
    return chart_spec(course, scale, book.say, on_screen, description=description)
