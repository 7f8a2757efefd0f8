"""For those who ask later: an alert's decisions made again, and what was known of a patient on a day."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from service.alerts.alert import Alert
from service.clinical.results import PatientRecord, ResultKey
from service.clinical.rulebook import Rulebook
from service.dashboard.access import READERS, Role, SignedIn, User, needs
from service.dashboard.break_glass import patient_page
from service.dashboard.looking import Look, look
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.reason_views import Why, whys
from service.dashboard.result_views import Grid, Shown, grid_of, shown_results
from service.dashboard.rows import line_of
from service.fhir.wording import headline, standing
from service.quality import Knowledge, known_on, replay_alert
from service.quality.telling import verdict
from service.request_ids import request_id
from service.store import names
from service.store.decisions import write_audit
from service.store.session import reading, writing

router = APIRouter(route_class=PageRoute, default_response_class=Response)

Auditor = Annotated[User, needs(Role.AUDITOR)]


@dataclass(frozen=True, slots=True)
class Stood:
    """An alert as it stood."""

    alert: Alert
    headline: str
    standing: Sequence[str]
    whys: Sequence[Why]


@dataclass(frozen=True, slots=True)
class Then:
    """What was known of one person, as it is shown."""

    known: Knowledge
    verdict: str
    record: PatientRecord | None
    grid: Grid | None
    stood: Sequence[Stood]


@router.get("/alerts/{alert_id}/replay")
def replay(request: Request, user: Auditor, alert_id: UUID) -> Response:
    """Every decision that changed an alert, made again from what is stored."""
    with reading(request.app.state.engine) as connection:
        line = line_of(connection, user, alert_id)
        made = replay_alert(connection, line.alert)
    with writing(request.app.state.engine) as connection:
        write_audit(
            connection,
            at=datetime.now(UTC),
            actor=user.id,
            action="replay",
            source_id=line.source_id,
            patient_id=line.alert.subject,
            detail={"alert": str(alert_id), "identical": made.identical, "request": request_id(request)},
        )
    return page(
        request,
        "replay.html",
        line=line,
        headline=headline(line.alert)[1],
        made=made,
        verdicts=[verdict(each) for each in made.replays],
        back=f"{patient_page(line.public_id)}#{alert_id}",
    )


@router.get("/patients/{public_id}/as-of", dependencies=[needs(*READERS)])
def as_of(request: Request, user: SignedIn, public_id: UUID, day: str = "") -> Response:
    """What was known of a patient at the end of a day; of today where none is given."""
    now = datetime.now(UTC)
    chosen = _day(day) if day else now.date()

    def read(connection: Connection, looked: Look) -> tuple[str, Sequence[Knowledge]]:
        number = looked.rows[0].id
        called = names.of_patients(connection, [number]).get(number)
        found = known_on(connection, [row.id for row in looked.rows], chosen) if chosen is not None else []
        return called.name if called else "", found

    name, found = look(request, user, public_id, "read-as-of", read, day=str(chosen))
    return page(
        request,
        "as_of.html",
        200 if chosen is not None else 422,
        name=name or "Patient",
        public_id=public_id,
        day=chosen,
        today=now.date(),
        then=[_then(each) for each in found],
        back=patient_page(public_id),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _then(known: Knowledge) -> Then:
    record, book = known.replay.record, known.rulebook
    if record is None or book is None:
        return Then(known, verdict(known.replay), None, None, ())
    shown = shown_results(record, book, known.replay.recorded.made.as_of, {})
    return Then(
        known,
        verdict(known.replay),
        record,
        grid_of(shown),
        _stood(known.alerts, {one.key: one for one in shown}, book),
    )


def _stood(alerts: Collection[Alert], by_key: Mapping[ResultKey, Shown], book: Rulebook) -> list[Stood]:
    return [Stood(each, headline(each)[1], standing(each), whys(each, by_key, book)) for each in alerts]
