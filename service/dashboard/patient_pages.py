"""`/patients/{id}`: everything about one person. Each time somebody reads it, the audit says so first."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.dashboard.access import SignedIn, User, needs
from service.dashboard.break_glass import BehindGlass, admitted
from service.dashboard.decision_pages import choices_of
from service.dashboard.look_pages import looks_page, may_audit
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.patient_views import Portrait, portrait
from service.dashboard.rows import DECIDERS, READERS, done_row
from service.errors import NotFound
from service.request_ids import request_id
from service.store.decisions import write_audit
from service.store.session import reading, writing

router = APIRouter(route_class=PageRoute, dependencies=[needs(*READERS)], default_response_class=Response)


@router.get("/patients/{public_id}")
def patient(request: Request, user: SignedIn, public_id: UUID) -> Response:
    """The page of one person; that of the record they were merged into, where they were."""
    engine, rules, now = request.app.state.engine, request.app.state.rules, datetime.now(UTC)
    try:
        with reading(engine) as connection:
            sees, glass = _looking(connection, user, public_id, now)
            shown = portrait(connection, sees, public_id, rules, now)
            done = done_row(connection, sees, rules, now, request.query_params.get("done", ""))
    except BehindGlass:
        _note(request, user, None, now, glass=False)
        raise
    _note(request, user, shown, now, glass=glass is not None)
    if shown is None:
        raise NotFound("there is no such patient")
    if shown.public_id != public_id:
        return RedirectResponse(f"/patients/{shown.public_id}", 303, {"Cache-Control": "no-store"})
    return page(
        request,
        "patient.html",
        shown=shown,
        told=[done] if done else [],
        back=f"/patients/{shown.public_id}",
        glass=glass,
        looks=looks_page(shown.public_id) if may_audit(user) and glass is None else None,
        **choices_of(request),
    )


def _looking(
    connection: Connection, user: User, public_id: UUID, now: datetime
) -> tuple[User, datetime | None]:
    """As whom somebody looks, and until when: through the glass they see the record, and decide nothing.

    Raises:
        BehindGlass: it is of a source that they do not see, and they gave no reason.
    """
    try:
        admission = admitted(connection, user, public_id, now)
    except NotFound:
        return user, None
    if admission.until is None:
        return user, None
    sources = user.sources | {admission.patient.source}
    return replace(user, sources=sources, roles=user.roles.difference(DECIDERS)), admission.until


def _note(request: Request, user: User, shown: Portrait | None, now: datetime, *, glass: bool) -> None:
    """In the audit, before anything is shown; a look in vain as well."""
    with writing(request.app.state.engine) as connection:
        write_audit(
            connection,
            at=now,
            actor=user.id,
            action="read-patient",
            source_id=shown.source_id if shown else None,
            patient_id=shown.number if shown else None,
            detail={"found": shown is not None, "request": request_id(request), "glass": glass},
        )
