"""`/patients/{id}`: everything about one person. Each time somebody reads it, the audit says so first."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from service.charts.units import Scale
from service.dashboard.access import READERS, SignedIn, needs
from service.dashboard.alert_views import Row
from service.dashboard.chart_views import chart_of
from service.dashboard.decision_pages import choices_of
from service.dashboard.look_pages import looks_page
from service.dashboard.looking import Look, look
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.patient_views import Portrait, portrait
from service.dashboard.rows import done_row, may_decide
from service.store import holds
from service.store.holds import Hold

router = APIRouter(route_class=PageRoute, dependencies=[needs(*READERS)], default_response_class=Response)


@router.get("/patients/{public_id}")
def patient(request: Request, user: SignedIn, public_id: UUID) -> Response:
    """The page of one person; that of the record they were merged into, where they were."""
    rules = request.app.state.rules

    def read(connection: Connection, looked: Look) -> tuple[Look, Portrait, Row | None, Sequence[Hold]]:
        done = done_row(connection, looked.user, rules, looked.now, request.query_params.get("done", ""))
        numbers = {row.id for row in looked.rows}
        of_theirs = done is not None and done.alert.subject in numbers
        found = holds.of_records(connection, numbers)
        return looked, portrait(connection, looked, rules), done if of_theirs else None, found

    looked, shown, done, found = look(request, user, public_id, "read-patient", read)
    if shown.public_id != public_id:
        return RedirectResponse(f"/patients/{shown.public_id}", 303, {"Cache-Control": "no-store"})
    return page(
        request,
        "patient.html",
        shown=shown,
        told=[done] if done else [],
        back=f"/patients/{shown.public_id}",
        glass=looked.until,
        may_write=may_decide(looked.user),
        holds=found,
        looks=looks_page(shown.public_id) if user.audits and looked.until is None else None,
        **choices_of(request),
    )


@router.get("/patients/{public_id}/chart.json")
def chart(request: Request, user: SignedIn, public_id: UUID, scale: Scale = Scale.MULTIPLES) -> Response:
    """The course of the same person as Vega-Lite, for the script of their page."""
    rules = request.app.state.rules
    spec = look(
        request,
        user,
        public_id,
        "read-chart",
        lambda connection, looked: chart_of(connection, looked, rules, scale),
    )
    return JSONResponse(spec, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
