"""`/shadow`: what a candidate rulebook that follows behind the one in force would make of the alerts.

Everything shown is of the sources that the user sees. Who may put a rulebook in force may put one here.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.alerts.states import day_of
from service.dashboard.access import MEASURE_READERS, User, needs
from service.dashboard.forms import Sent
from service.dashboard.looking import note_listed
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.rows import visible
from service.dashboard.simulation_pages import OUTCOMES, PAGE, book_of, comparison, which
from service.errors import Conflict, InvalidDecision, NotFound
from service.quality import shadowing
from service.request_ids import request_id
from service.store import activations, people, shadow_figures, shadows, simulations, users
from service.store.activations import Activation, State
from service.store.decisions import write_audit
from service.store.rulebooks import stored_rulebook
from service.store.session import reading, snapshot, writing
from service.store.shadows import Shadow
from service.store.users import ACTOR
from service.two_people import DECIDERS, SETTLED

SHADOW_PAGE: Final = "/shadow"
STATES: Final[Mapping[State, str]] = {
    State.PROPOSED: "Proposed",
    State.CONFIRMED: "Confirmed, its moment lies ahead",
    State.IN_FORCE: "Put in force",
    State.WITHDRAWN: "Withdrawn",
}

Reader = Annotated[User, needs(*MEASURE_READERS)]
Decider = Annotated[User, needs(*DECIDERS)]

router = APIRouter(route_class=PageRoute, default_response_class=Response)


@router.get(SHADOW_PAGE)
def one(request: Request, user: Reader) -> Response:
    """What was collected so far, and what is proposed."""
    return shown(request, user)


@router.get(f"{SHADOW_PAGE}/alerts")
def alerts(request: Request, user: Reader, outcome: str = "gained", after: str = "0") -> Response:
    """The alerts that would become so, and whose they are; that each person was shown is in the audit."""
    wanted, above = which(outcome, after)
    with reading(request.app.state.engine) as connection:
        seen, made = visible(connection, user), _latest(connection)
        found = shadow_figures.alerts_of(connection, made, list(seen), wanted, after=above, limit=PAGE + 1)
        book = book_of(connection, made.candidate_digest)
    rows = found[:PAGE]
    whom = dict.fromkeys((each.alert.source_id, each.alert.patient_id) for each in rows)
    detail = {"shadow": str(made.id), "outcome": outcome}
    note_listed(request, user, "read-shadow-people", list(whom), detail)
    return page(
        request,
        "shadow_alerts.html",
        made=made,
        after=book,
        words=OUTCOMES[wanted],
        rows=rows,
        sources=seen,
        more=f"{SHADOW_PAGE}/alerts?outcome={wanted}&after={rows[-1].number}" if len(found) > PAGE else None,
    )


@router.post(SHADOW_PAGE)
def change(request: Request, user: Decider, fields: Sent) -> Response:
    """Let the candidate of a simulation follow behind the rulebook in force, or end the one that does."""
    engine, rules, now = request.app.state.engine, request.app.state.rules, datetime.now(UTC)
    try:
        with writing(engine) as connection:
            match fields.get("action"):
                case "begin":
                    candidate = stored_rulebook(connection, _simulated(connection, user, fields))
                    shadowing.begin(connection, rules, candidate, by=user.id, now=now)
                case "end":
                    shadowing.end(connection, by=user.id, now=now)
                case _:
                    raise InvalidDecision("choose what to do with the shadow")
    except Conflict as error:
        return shown(request, user, error)
    return RedirectResponse(SHADOW_PAGE, 303, {"Cache-Control": "no-store"})


def shown(request: Request, user: User, wrong: Conflict | InvalidDecision | None = None) -> Response:
    """The page, with what went wrong where something did; that it was read is in the audit first."""
    now = datetime.now(UTC)
    with snapshot(request.app.state.engine) as connection:
        seen = visible(connection, user)
        made = shadows.latest(connection)
        compared = {} if made is None else _compared(connection, made, seen, day_of(now))
        proposals = activations.every(connection)
        pending = activations.pending(connection, now)
        content = {
            "activations": [(each, _version(connection, each)) for each in proposals],
            "pending": pending,
            "pending_book": "" if pending is None else _version(connection, pending),
            "names": _names(connection, proposals),
        }
    detail: dict[str, Any] = {"request": request_id(request)}
    if made is not None:
        detail["shadow"] = str(made.id)
    with writing(request.app.state.engine) as connection:
        write_audit(connection, at=now, actor=user.id, action="read-shadow", detail=detail)
    return page(
        request,
        "shadow.html",
        200 if wrong is None else wrong.status,
        made=made,
        **compared,
        **content,
        states=STATES,
        settled_days=SETTLED.days,
        errors={} if wrong is None else {"activation": wrong.message},
        sources=sorted(seen.values()),
        now=now,
    )


def _compared(connection: Connection, made: Shadow, seen: Mapping[int, str], today: date) -> dict[str, Any]:
    """What the template shows of a candidate."""
    effects, last_day = shadowing.effects(connection, made, seen, today)
    books = [book_of(connection, each) for each in (made.in_force_digest, made.candidate_digest)]
    return {
        **comparison(simulations.together(effects.values()), books[0], books[1], last_day),
        "everybody": people.count(connection, list(seen)),
        "passed": shadow_figures.passed(connection, made, list(seen)),
    }


def _latest(connection: Connection) -> Shadow:
    made = shadows.latest(connection)
    if made is None:
        raise NotFound("no candidate ever was in the shadow")
    return made


def _simulated(connection: Connection, user: User, fields: Mapping[str, str]) -> str:
    """The digest of the candidate of the simulation that a form names."""
    try:
        simulation = UUID(fields.get("simulation", ""))
    except ValueError:
        raise InvalidDecision("choose a simulation") from None
    made, _ = simulations.get(connection, simulation, list(visible(connection, user)))
    return made.candidate_digest


def _version(connection: Connection, each: Activation) -> str:
    book = book_of(connection, each.digest)
    return each.digest[:12] if book is None else book.version


def _names(connection: Connection, every: Sequence[Activation]) -> dict[str | None, str]:
    """What everybody who had a part in these is called on pages, by what the audit log calls them."""
    actors = {
        name
        for each in every
        for name in (each.proposed_by, each.confirmed_by, each.withdrawn_by)
        if name is not None
    }
    shown_as = users.shown_names(connection, [each.removeprefix(ACTOR) for each in actors])
    return {each: shown_as.get(each.removeprefix(ACTOR), each) for each in actors}
