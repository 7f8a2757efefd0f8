"""`/shadow/activation`: a rulebook proposed by one physician and confirmed by another, or withdrawn."""

from collections.abc import Mapping
from datetime import MAXYEAR, UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service import activating
from service.dashboard.access import User
from service.dashboard.forms import Sent
from service.dashboard.pages import PageRoute
from service.dashboard.shadow_pages import SHADOW_PAGE, Decider, shown
from service.errors import Conflict, Forbidden, InvalidDecision, LiverwatchError, NotFound
from service.ingest import Rules
from service.request_ids import request_id
from service.store import shadows
from service.store.decisions import write_audit
from service.store.rulebooks import stored_rulebook
from service.store.session import writing

router = APIRouter(route_class=PageRoute, default_response_class=Response)


@router.post(f"{SHADOW_PAGE}/activation")
def activate(request: Request, user: Decider, fields: Sent) -> Response:
    """Propose what is in the shadow, confirm what somebody else proposed, or withdraw it."""
    engine, now = request.app.state.engine, datetime.now(UTC)
    try:
        with writing(engine) as connection:
            _carry_out(connection, request.app.state.rules, user, fields, now)
    except (Conflict, InvalidDecision) as error:
        _note_refused(request, user, fields, error, now)
        return shown(request, user, error)
    except (Forbidden, NotFound) as error:
        _note_refused(request, user, fields, error, now)
        raise
    return RedirectResponse(SHADOW_PAGE, 303, {"Cache-Control": "no-store"})


def _note_refused(
    request: Request, user: User, fields: Mapping[str, str], error: LiverwatchError, now: datetime
) -> None:
    """Whoever may not be a second person and tries is in the audit."""
    if fields.get("action") != "confirm":
        return
    detail = {"why": error.message, "request": request_id(request)}
    with writing(request.app.state.engine) as connection:
        write_audit(connection, at=now, actor=user.id, action="rulebook-confirm-refused", detail=detail)


def _carry_out(
    connection: Connection, rules: Rules, user: User, fields: Mapping[str, str], now: datetime
) -> None:
    match fields.get("action"):
        case "propose":
            running = shadows.running(connection)
            if running is None or running.candidate_digest != fields.get("candidate"):
                raise Conflict("another candidate is in the shadow than the one you saw, or none any more")
            candidate = stored_rulebook(connection, running.candidate_digest)
            moment = _moment(fields.get("from", ""), user)
            activating.propose(
                connection, rules, candidate, account=user.account, wanted_from=moment, now=now
            )
        case "confirm":
            activating.confirm(
                connection,
                rules,
                _named(fields),
                shown=fields.get("candidate", ""),
                account=user.account,
                now=now,
            )
        case "withdraw":
            activating.withdraw(connection, _named(fields), by=user.id, now=now)
        case _:
            raise InvalidDecision("choose what to do with the proposal")


def _named(fields: Mapping[str, str]) -> UUID:
    try:
        return UUID(fields.get("activation", ""))
    except ValueError:
        raise InvalidDecision("choose a proposal") from None


def _moment(text: str, user: User) -> datetime | None:
    """A moment as the form's field has it, in the zone in which the user reads times; None where empty."""
    if not text:
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidDecision("give the day and the time from which it is in force") from None
    if told.year == MAXYEAR:  # its end is none in every zone
        raise InvalidDecision(f"give a moment before the year {MAXYEAR}")
    zone = ZoneInfo(user.zone) if user.zone else UTC
    return told if told.tzinfo else told.replace(tzinfo=zone)
