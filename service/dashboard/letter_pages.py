"""`/alerts/{id}/letter`: a letter about an alert, as PDF, for those who decide about it."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.dashboard.access import SignedIn, needs
from service.dashboard.forms import Sent
from service.dashboard.pages import PageRoute, problem
from service.dashboard.rows import DECIDERS, line_of
from service.errors import ConfigurationError, Conflict, InvalidDecision
from service.languages import LOCALES
from service.letters.issuing import Order, issue
from service.letters.letter import Recipient
from service.store.session import reading

router = APIRouter(route_class=PageRoute, dependencies=[needs(*DECIDERS)], default_response_class=Response)


@router.post("/alerts/{alert_id}/letter")
def letter(request: Request, user: SignedIn, alert_id: UUID, fields: Sent) -> Response:
    """The letter; a page that says why where there can be none."""
    engine, rules, to = request.app.state.engine, request.app.state.rules, fields.get("to", "")
    with reading(engine) as connection:
        line_of(connection, user, alert_id)
    if to not in list(Recipient):
        raise InvalidDecision("choose whom the letter is to", where="to")
    if (language := fields.get("language", "")) not in LOCALES:
        raise InvalidDecision("choose the language of the letter", where="language")
    try:
        order = Order(alert_id, Recipient(to), language)
        printed = issue(engine, order, rules, by=user.id, now=datetime.now(UTC))
    except Conflict as error:
        return problem(request, error, "No letter was written")
    except ConfigurationError as error:
        return problem(request, error, "Letters cannot be printed here", 501)
    headers = {
        "Content-Disposition": f'attachment; filename="{to}-letter.pdf"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(printed, media_type="application/pdf", headers=headers)
