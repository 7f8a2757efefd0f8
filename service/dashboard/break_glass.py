"""`/patients/{patient}/break-glass`: opening a record of a source that one does not see, for a reason.

A page of a patient asks :func:`admitted` first. It is open to those who see the record's source, and for an
hour (a setting) to a nurse or physician who said why; each time is audited and on the auditors' page.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.dashboard.access import Role, User, needs
from service.dashboard.forms import Sent
from service.dashboard.making import page
from service.errors import Forbidden, NotFound
from service.ingest.receiving import in_transaction
from service.store import audit_log, decisions, glass, patients, sources
from service.store.glass import Reason, Whose
from service.store.session import reading, writing

SHORTEST_WORDS: Final = 10
LONGEST_WORDS: Final = 1000
SHOWN_AT_MOST: Final = 200
WORDS: Final = {
    Reason.EMERGENCY: "Emergency: the patient needs care now",
    Reason.COVER: "I cover for a colleague who sees this source",
    Reason.REFERRED: "The patient was referred to us",
    Reason.ASKED: "The patient, or who treats them, asked me",
    Reason.OTHER: "Another reason",
}
"""Each reason as the form says it."""

Clinician = Annotated[User, needs(Role.NURSE, Role.PHYSICIAN)]
Auditor = Annotated[User, needs(Role.AUDITOR)]


class BehindGlass(Forbidden):
    """A record of a source that the user does not see."""

    def __init__(self, patient: UUID, whose: Whose) -> None:
        super().__init__("this record is of a source that you do not see: say why you need it")
        self.address = break_glass_page(patient)
        self.whose = whose


class Admission(NamedTuple):
    """Somebody may see a record."""

    patient: Whose
    until: datetime | None
    """Until when, by the reason that they gave; None where they see its source anyway."""


def patient_page(patient: UUID) -> str:
    """The address of a patient's page."""
    return f"/patients/{patient}"


def break_glass_page(patient: UUID) -> str:
    """The address of the page on which a reason is given."""
    return f"{patient_page(patient)}/break-glass"


def admitted(connection: Connection, user: User, patient: UUID, now: datetime) -> Admission:
    """By what somebody may see a record.

    Args:
        connection: in a transaction.
        user: who wants to.
        patient: the id that stands in addresses.
        now: the moment, aware.

    Raises:
        NotFound: there is no such patient.
        Erased: there was one, of a source that they see.
        BehindGlass: it is of a source that they do not see, and they gave no reason, or too long ago.
    """
    found = glass.whose(connection, patient)
    if found is None:
        seen = {each.id for each in sources.every(connection) if user.sees(each.name)}
        raise audit_log.erasure_of(connection, seen, patient) or NotFound("there is no such patient")
    if user.sees(found.source):
        return Admission(found, None)
    until = glass.open_until(connection, user.account, found.id, now)
    if until is None:
        raise BehindGlass(patient, found)
    return Admission(found, until)


def create_router() -> APIRouter:
    """The routes. Their application has `state.engine`, `.settings` and `.rules`."""
    router = APIRouter()
    router.add_api_route("/patients/{patient}/break-glass", _form, methods=["GET"])
    router.add_api_route("/patients/{patient}/break-glass", _open, methods=["POST"])
    router.add_api_route("/break-glass", _opened, methods=["GET"])
    return router


def _form(request: Request, patient: UUID, user: Clinician) -> Response:
    with reading(request.app.state.engine) as connection:
        found = _found(connection, patient)
    if user.sees(found.source):
        return _to_the_page(patient)
    return _shown(request, found, patient, {})


def _open(request: Request, patient: UUID, user: Clinician, fields: Sent) -> Response:
    settings, now = request.app.state.settings, datetime.now(UTC)
    reason, words = fields.get("reason", ""), fields.get("words", "").strip()
    errors: dict[str, str] = {}
    if reason not in list(Reason):
        errors["reason"] = "Choose a reason"
    if not SHORTEST_WORDS <= len(words) <= LONGEST_WORDS:
        errors["words"] = f"Say why in {SHORTEST_WORDS} to {LONGEST_WORDS} characters"
    if errors:
        with reading(request.app.state.engine) as connection:
            found = _found(connection, patient)
        return _shown(request, found, patient, errors, chosen=reason, words=words)
    until = now + timedelta(minutes=settings.break_glass_minutes)

    def work(connection: Connection) -> None:
        found = _found(connection, patient)
        if user.sees(found.source):
            return
        patients.keep_there(connection, found.id)
        glass.open_record(connection, user.account, found.id, Reason(reason), words, now, until)
        decisions.write_audit(
            connection,
            at=now,
            actor=user.id,
            action="break-glass",
            source_id=found.source_id,
            patient_id=found.id,
            detail={"reason": reason, "until": until.isoformat()},
        )

    in_transaction(request.app.state.engine, work)
    return _to_the_page(patient)


def _opened(request: Request, user: Auditor) -> Response:
    now = datetime.now(UTC)
    with writing(request.app.state.engine) as connection:
        rows = glass.opened(connection, user.sources, SHOWN_AT_MOST)
        decisions.write_audit(
            connection, at=now, actor=user.id, action="read-break-glass", detail={"count": len(rows)}
        )
    return page(request, "glass_opened.html", rows=rows, reasons=WORDS, now=now)


def _found(connection: Connection, patient: UUID) -> Whose:
    found = glass.whose(connection, patient)
    if found is None:
        raise NotFound("there is no such patient")
    return found


def _to_the_page(patient: UUID) -> Response:
    return RedirectResponse(patient_page(patient), 303, {"Cache-Control": "no-store"})


def _shown(
    request: Request,
    found: Whose,
    patient: UUID,
    errors: dict[str, str],
    *,
    chosen: str = "",
    words: str = "",
) -> Response:
    return page(
        request,
        "break_glass.html",
        422 if errors else 200,
        source=found.source,
        action=break_glass_page(patient),
        minutes=request.app.state.settings.break_glass_minutes,
        reasons=WORDS,
        errors=errors,
        chosen=chosen,
        words=words,
    )
