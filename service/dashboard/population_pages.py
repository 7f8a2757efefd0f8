"""`/population`: how high everybody's tests came over a period, and who is behind a part of the picture.

The picture itself holds nothing by which anybody is known: what is selected in it is asked for by its bounds.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from service.charts.palette import on_screen
from service.charts.scatter import Lines, scatter_spec
from service.charts.sheet import Spec
from service.clinical.bands import Band
from service.clinical.edish import MEANINGS, Quadrant
from service.clinical.injury_pattern import InjuryPattern
from service.dashboard.access import READERS, User, needs
from service.dashboard.looking import note_listed
from service.dashboard.making import page
from service.dashboard.pages import PageRoute, asked_by_script
from service.dashboard.population_asking import (
    Axes,
    Lasting,
    Measure,
    Question,
    question_of,
    selection_of,
)
from service.dashboard.population_views import MOST_POINTS, Seen, counted, dots, seen_of, selected
from service.dashboard.rows import visible
from service.errors import InvalidResource
from service.ingest import Rules
from service.request_ids import request_id
from service.store import names, peaks
from service.store.decisions import write_audit
from service.store.people import count, public_ids
from service.store.session import reading, writing

PAGE: Final = 50
"""People on one page."""
HIGHEST_PAGE: Final = 1_000_000
MEASURES: Final[Mapping[Measure, str]] = {
    Measure.LIMIT: "limit of normal",
    Measure.BASELINE: "own baseline",
}
"""What values are multiples of, in words."""

Reader = Annotated[User, needs(*READERS)]

router = APIRouter(route_class=PageRoute, default_response_class=Response)


class Asked(NamedTuple):
    """What was found for an address."""

    question: Question
    people: int
    """In the sources that are seen, whether they were ever tested or not."""
    seen: Sequence[Seen]
    sources: Mapping[int, str]
    now: datetime


@router.get("/population")
def population(request: Request, user: Reader) -> Response:
    """The picture, for the script of the page to draw, and its tables, with or without a script."""
    with reading(request.app.state.engine) as connection:
        asked = _asked(connection, request, user)
    _note(request, user, asked)
    rule = request.app.state.rules.rulebook.rules.persistence
    return page(
        request,
        "population.html",
        question=asked.question,
        people=asked.people,
        counted=counted(asked.seen, asked.question),
        picture=_picture(asked),
        sources=sorted(asked.sources.values()),
        quadrants={each: MEANINGS[each] for each in Quadrant},
        bands=[each for each in Band if each is not Band.NORMAL],
        lasting={
            Lasting.MONTHS: f"persistent, {rule.months} to {rule.chronic_months} months",
            Lasting.CHRONIC: f"persistent, {rule.chronic_months} to {rule.long_months} months",
            Lasting.LONG: f"persistent, more than {rule.long_months} months",
            Lasting.INTERMITTENT: "intermittent",
        },
        patterns=list(InjuryPattern),
        measures=MEASURES,
        axes=list(Axes),
        most_points=MOST_POINTS,
    )


@router.get("/population/people")
def people(request: Request, user: Reader) -> Response:
    """Who is behind a part of the picture; that each was shown is in the audit."""
    selection = selection_of(request.query_params)
    number = request.query_params.get("page", "1")
    if not (number.isascii() and number.isdigit() and 0 < int(number) < HIGHEST_PAGE):
        raise InvalidResource("that page is none of ours")
    with reading(request.app.state.engine) as connection:
        asked = _asked(connection, request, user)
        found = selected(asked.seen, asked.question, selection)
        shown = found[(int(number) - 1) * PAGE : int(number) * PAGE]
        numbers = [each.person.number for each in shown]
        called, ids = names.of_patients(connection, numbers), public_ids(connection, numbers)
    whom = [(each.person.source_id, each.person.number) for each in shown]
    note_listed(request, user, "read-population-people", whom, {})
    query = urlencode(asked.question.fields | selection.fields | {"page": str(int(number) + 1)})
    return page(
        request,
        "population_people_part.html" if asked_by_script(request) else "population_people.html",
        question=asked.question,
        selection=selection,
        total=len(found),
        first=(int(number) - 1) * PAGE + 1,
        rows=[(each, ids[each.person.number], called.get(each.person.number)) for each in shown],
        sources=asked.sources,
        measure=MEASURES[asked.question.measure],
        more=f"/population/people?{query}" if len(found) > int(number) * PAGE else None,
    )


def _picture(asked: Asked) -> Spec | None:
    """The scatter as Vega-Lite; None where there is nobody that could be drawn."""
    question, drawn = asked.question, dots(asked.seen, asked.question)
    if not drawn:
        return None
    return scatter_spec(
        drawn,
        Lines(question.enzyme_line, question.bilirubin_line),
        MEASURES[question.measure],
        on_screen,
        log=question.axes is Axes.LOG,
        description=(
            f"Peak ALT or AST against peak total bilirubin of {sum(dot.people for dot in drawn)} people. "
            "The table of quadrants says how many lie where."
        ),
    )


def _asked(connection: Connection, request: Request, user: User) -> Asked:
    rules: Rules = request.app.state.rules
    now, limits = datetime.now(UTC), rules.rulebook.rules
    question = question_of(request.query_params, limits.interpretation.edish, now.date())
    sources = visible(connection, user)
    seen = list(seen_of(peaks.of_sources(connection, sources), question, limits.persistence))
    return Asked(question, count(connection, sources), seen, sources, now)


def _note(request: Request, user: User, asked: Asked) -> None:
    """In the audit, before anything is shown."""
    detail = {**asked.question.fields, "count": len(asked.seen), "request": request_id(request)}
    with writing(request.app.state.engine) as connection:
        write_audit(connection, at=asked.now, actor=user.id, action="read-population", detail=detail)
