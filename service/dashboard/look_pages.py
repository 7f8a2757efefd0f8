"""`/patients/{id}/looks`: who looked at one person's record. For those who audit, of the sources they see."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from service import looks
from service.dashboard.access import AUDITORS, User, needs
from service.dashboard.break_glass import WORDS, patient_page
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.rows import visible
from service.errors import NotFound
from service.request_ids import request_id
from service.store import people
from service.store.decisions import write_audit
from service.store.session import reading, writing

PAGE = 100
"""Looks on one page."""
_GREATEST = 2**63 - 1

router = APIRouter(route_class=PageRoute, default_response_class=Response)

Auditing = Annotated[User, needs(*AUDITORS)]


def looks_page(patient: UUID) -> str:
    """The address of the page about a patient."""
    return f"{patient_page(patient)}/looks"


@router.get("/patients/{public_id}/looks")
def who_looked(
    request: Request,
    user: Auditing,
    public_id: UUID,
    before: Annotated[int | None, Query(ge=1, le=_GREATEST)] = None,
) -> Response:
    """The page of one person: every record of theirs, those merged into it included."""
    engine = request.app.state.engine
    with reading(engine) as connection:
        sources = visible(connection, user)
        number = people.numbered(connection, sources, public_id)
        records = people.by_number(connection, [number])[number] if number is not None else []
        found = looks.looks(connection, [each.id for each in records], sources, PAGE + 1, before)
    with writing(engine) as connection:
        write_audit(
            connection,
            at=datetime.now(UTC),
            actor=user.id,
            action="read-looks",
            source_id=records[0].source_id if records else None,
            patient_id=number,
            detail={"found": bool(records), "request": request_id(request)},
        )
    if not records:
        raise NotFound("there is no such patient")
    return page(
        request,
        "looks.html",
        looks=found[:PAGE],
        reasons=WORDS,
        patient=patient_page(public_id),
        more=f"{looks_page(public_id)}?before={found[PAGE - 1].id}" if len(found) > PAGE else None,
    )
