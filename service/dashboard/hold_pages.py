"""Legal holds: `/holds`, the records under one, and what those who audit do about one on a patient's page."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.dashboard.access import User
from service.dashboard.break_glass import patient_page
from service.dashboard.forms import Sent
from service.dashboard.look_pages import Auditing
from service.dashboard.looking import note_listed
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.rows import visible
from service.errors import InvalidDecision, NotFound
from service.holding import hold, release
from service.store import audit_log, holds, people
from service.store.session import reading

router = APIRouter(route_class=PageRoute, default_response_class=Response)


@router.get("/holds")
def held(request: Request, user: Auditing) -> Response:
    """The records under legal hold, of the sources that somebody sees."""
    with reading(request.app.state.engine) as connection:
        found = holds.standing(connection, list(visible(connection, user)))
    whom = dict.fromkeys((each.source_id, each.number) for each in found)
    note_listed(request, user, "read-holds", list(whom), {})
    return page(request, "holds.html", rows=found)


@router.post("/patients/{public_id}/hold")
def place(request: Request, user: Auditing, public_id: UUID, fields: Sent) -> Response:
    """Place a record under hold, for the reason given."""
    with reading(request.app.state.engine) as connection:
        number = _number(connection, user, public_id)
    hold(request.app.state.engine, number, fields.get("reason", ""), by=user.id, now=datetime.now(UTC))
    return _to_the_page(public_id)


@router.post("/patients/{public_id}/release")
def end(request: Request, user: Auditing, public_id: UUID, fields: Sent) -> Response:
    """Release a record from one hold."""
    with reading(request.app.state.engine) as connection:
        number = _number(connection, user, public_id)
    try:
        chosen = UUID(fields.get("hold", ""))
    except ValueError:
        raise InvalidDecision("say which hold is released", where="hold") from None
    release(request.app.state.engine, number, chosen, by=user.id, now=datetime.now(UTC))
    return _to_the_page(public_id)


def _number(connection: Connection, user: User, public_id: UUID) -> int:
    seen = list(visible(connection, user))
    number = people.numbered(connection, seen, public_id)
    if number is None:
        raise audit_log.erasure_of(connection, seen, public_id) or NotFound("there is no such patient")
    return number


def _to_the_page(public_id: UUID) -> Response:
    return RedirectResponse(f"{patient_page(public_id)}#holds", 303, {"Cache-Control": "no-store"})
