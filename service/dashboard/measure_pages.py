"""`/measures`: how often alerts are raised, right, taken, acted on and closed in time, and who is behind it.

Figures are of the sources that the user sees. Pages show small numbers as they are, for who may look at the
patients themselves; what leaves as a file is masked.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from service.dashboard.access import MEASURE_READERS, User, needs
from service.dashboard.looking import note_listed
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.rule_views import TAGS, thresholds
from service.dashboard.trends import trend
from service.errors import InvalidResource
from service.quality.measures import People, Question, evaluate, exporting, measure_named, people_behind
from service.quality.measures.asking import question_of
from service.quality.measures.strata import HEADINGS
from service.request_ids import request_id
from service.store import measured
from service.store.decisions import write_audit
from service.store.session import reading, writing

PAGE: Final = 50
"""People on one page."""

Reader = Annotated[User, needs(*MEASURE_READERS)]

router = APIRouter(route_class=PageRoute, default_response_class=Response)


@router.get("/measures")
def listed(request: Request, user: Reader) -> Response:
    """Every measure with its total and its course."""
    with reading(request.app.state.engine) as connection:
        question = _asked(connection, request, user)
        counted = evaluate(connection, question)
    _note(request, user, question)
    rows = [
        (measure, figures.total, trend(figures.months, measure.title, 120, 32))
        for measure, figures in counted
    ]
    return page(
        request,
        "measures.html",
        rows=rows,
        years=request.app.state.settings.retention_years,
        **_period(question),
    )


@router.get("/measures.csv")
def exported(request: Request, user: Reader) -> Response:
    """Every figure as CSV, small cells masked."""
    with reading(request.app.state.engine) as connection:
        question = _asked(connection, request, user)
        counted = evaluate(connection, question)
    _note(request, user, question)
    text = exporting.as_csv(exporting.rows(counted, question))
    name = f"measures-{question.first}-{question.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/measures/{name}")
def one(request: Request, user: Reader, name: str) -> Response:
    """One measure: its definition, course and strata, each figure leading to the people behind it."""
    measure = measure_named(name)
    with reading(request.app.state.engine) as connection:
        question = _asked(connection, request, user)
        ((_, figures),) = evaluate(connection, question, [measure])
    _note(request, user, question, measure=name)
    book, settings = request.app.state.rules.rulebook, request.app.state.settings
    return page(
        request,
        "measure.html",
        measure=measure,
        figures=figures,
        course=trend(figures.months, measure.title, 440, 160),
        headings=HEADINGS,
        entries=thresholds(book.entries_under(measure.entries), book),
        tags=TAGS,
        target=getattr(settings, measure.setting) if measure.setting else None,
        people=f"/measures/{name}/people",
        **_period(question),
    )


@router.get("/measures/{name}/people")
def people(request: Request, user: Reader, name: str) -> Response:
    """The people behind a figure; that each was shown is in the audit."""
    measure, wanted = measure_named(name), _people(request)
    after = request.query_params.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) < 16):
        raise InvalidResource("that page is none of ours")
    with reading(request.app.state.engine) as connection:
        question = _asked(connection, request, user)
        found = people_behind(connection, question, measure, wanted, after=int(after), limit=PAGE + 1)
        shown = found.people[:PAGE]
        called = measured.names_of(connection, [each.subject.number or 0 for each in shown])
    whom = [(each.subject.source_id, each.subject.number) for each in shown]
    note_listed(request, user, "read-measure-people", whom, {"measure": name})
    more = (
        {**request.query_params, "after": str(shown[-1].subject.number)} if len(found.people) > PAGE else None
    )
    return page(
        request,
        "measure_people.html",
        measure=measure,
        wanted=wanted,
        heading=HEADINGS.get(wanted.dimension, wanted.dimension),
        found=found,
        rows=[(each, called.get(each.subject.number or 0, "")) for each in shown],
        sources=question.sources,
        more=more and f"/measures/{name}/people?{urlencode(more)}",
        **_period(question),
    )


def _asked(connection: Connection, request: Request, user: User) -> Question:
    state = request.app.state
    return question_of(
        connection,
        state.settings,
        state.rules.rulebook,
        datetime.now(UTC),
        first=_day(request, "from"),
        last=_day(request, "to"),
        names=user.sources,
    )


def _day(request: Request, name: str) -> date | None:
    given = request.query_params.get(name, "")
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise InvalidResource("a day is written as in 2026-03-01") from None


def _people(request: Request) -> People:
    given = request.query_params
    met = {"yes": True, "no": False}.get(given.get("met", ""))
    return People(met, given.get("dimension", ""), given.get("stratum", ""), given.get("month", ""))


def _period(question: Question) -> dict[str, Any]:
    period = {"from": question.first.isoformat(), "to": question.last.isoformat()}
    return {"question": question, "period": urlencode(period)}


def _note(request: Request, user: User, question: Question, **more: str) -> None:
    """In the audit, before anything is shown."""
    period = {"first": question.first.isoformat(), "last": question.last.isoformat()}
    detail = {**period, **more, "request": request_id(request)}
    with writing(request.app.state.engine) as connection:
        write_audit(connection, at=question.now, actor=user.id, action="read-measures", detail=detail)
