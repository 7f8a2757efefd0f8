"""Deciding about alerts, one or several at once. A script gets the row as it stands; a form is sent back."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.clinical.months import add_months
from service.clinical.saying import capitalised
from service.dashboard import decision_forms, meanwhile
from service.dashboard.access import SignedIn, User, needs
from service.dashboard.alert_views import Notice
from service.dashboard.forms import Fields
from service.dashboard.looking import note_seen
from service.dashboard.making import page
from service.dashboard.pages import PageRoute, asked_by_script
from service.dashboard.rows import DECIDERS, line_of, row_alone
from service.dashboard.words import REASONS
from service.dashboard.worklist_filters import read
from service.dashboard.worklist_pages import show
from service.errors import Conflict, Erased, InvalidDecision, LiverwatchError, NotFound
from service.review import Changed, dispose_all, say
from service.store.session import reading, snapshot
from service.store.worklist import Line

router = APIRouter(route_class=PageRoute, dependencies=[needs(*DECIDERS)], default_response_class=Response)

_GONE = "Some of them are there no more: nothing was recorded about those."


@router.get("/alerts/{alert_id}/decide")
def forms(request: Request, user: SignedIn, alert_id: UUID) -> Response:
    """Everything that can be decided about an alert, to be put under its row."""
    now = datetime.now(UTC)
    with snapshot(request.app.state.engine) as connection:
        row = row_alone(connection, user, request.app.state.rules, now, line_of(connection, user, alert_id))
    if not asked_by_script(request):
        return RedirectResponse(f"/patients/{row.public_id}#{alert_id}", 303, {"Cache-Control": "no-store"})
    note_seen(request, user, [alert_id])
    return page(request, "decide.html", row=row, back="/", **choices_of(request))


@router.post("/alerts/{alert_id}/decide")
def decide(request: Request, user: SignedIn, alert_id: UUID, form: Fields) -> Response:
    """Record a decision about the alert as the person saw it."""
    engine, rules = request.app.state.engine, request.app.state.rules
    with reading(engine) as connection:
        line_of(connection, user, alert_id)
    try:
        decided = decision_forms.decided(form, alert_id)
        dispose_all(engine, [decided], by=user.name, rules=rules, now=datetime.now(UTC))
    except (Conflict, InvalidDecision) as error:
        return _refused(request, user, alert_id, form, error)
    return _answer(request, user, alert_id, form)


@router.post("/alerts/{alert_id}/say")
def remark(request: Request, user: SignedIn, alert_id: UUID, form: Fields) -> Response:
    """Keep a remark about an alert."""
    engine = request.app.state.engine
    with reading(engine) as connection:
        line_of(connection, user, alert_id)
    try:
        kind, text = decision_forms.remark(form)
        say(engine, alert_id, kind, by=user.name, now=datetime.now(UTC), text=text)
    except InvalidDecision as error:
        return _refused(request, user, alert_id, form, error)
    return _answer(request, user, alert_id, form)


@router.post("/decide")
def decide_many(request: Request, user: SignedIn, form: Fields) -> Response:
    """Record the same decision about every alert that was ticked; each that cannot be says why."""
    engine, rules = request.app.state.engine, request.app.state.rules
    notices, refused, wrong = [], 0, ""
    try:
        chosen = decision_forms.chosen(form)
    except InvalidDecision as none:
        return show(request, user, read(form), status=none.status, wrong=_not_recorded(none))
    with reading(engine) as connection:
        for alert_id, _ in chosen:  # before anything is recorded
            line_of(connection, user, alert_id)
    for alert_id, revision in chosen:
        error: LiverwatchError | None = None
        try:
            decided = decision_forms.decided(form, alert_id, revision)
            dispose_all(engine, [decided], by=user.name, rules=rules, now=datetime.now(UTC))
        except (Conflict, InvalidDecision) as raised:
            error, refused = raised, max(refused, raised.status)
        except NotFound as raised:
            refused, wrong = max(refused, raised.status), _GONE
        with snapshot(engine) as connection, suppress(NotFound, Erased):
            line = line_of(connection, user, alert_id)
            notice = _notice(connection, user, line, error, revision)
            notices.append(
                row_alone(connection, user, request.app.state.rules, datetime.now(UTC), line, notice)
            )
    return show(request, user, read(form), notices, refused or 200, wrong)


def choices_of(request: Request) -> dict[str, Any]:
    """What the forms offer: reasons, a day to snooze until, and one to monitor until."""
    today = datetime.now(UTC).date()
    months = request.app.state.rules.rulebook.rules.follow_up.monitoring_months
    return {
        "reasons": REASONS,
        "snooze_until": add_months(today, 1),
        "monitor_until": add_months(today, months),
    }


def _refused(request: Request, user: User, alert_id: UUID, form: Fields, error: LiverwatchError) -> Response:
    """What was not recorded, and why, with the alert as it stands now."""
    with snapshot(request.app.state.engine) as connection:
        line = line_of(connection, user, alert_id)
        notice = _notice(connection, user, line, error, decision_forms.first(form, "revision"))
        row = row_alone(connection, user, request.app.state.rules, datetime.now(UTC), line, notice)
    note_seen(request, user, [alert_id])
    template = "row_alone.html" if asked_by_script(request) else "refused.html"
    back = decision_forms.back(form)
    return page(request, template, error.status, row=row, back=back, **choices_of(request))


def _answer(request: Request, user: User, alert_id: UUID, form: Fields) -> Response:
    if not asked_by_script(request):
        back = decision_forms.back(form)
        joint = "&" if "?" in back else "?"
        return RedirectResponse(f"{back}{joint}done={alert_id}", 303, {"Cache-Control": "no-store"})
    with snapshot(request.app.state.engine) as connection:
        line = line_of(connection, user, alert_id)
        told = meanwhile.done(connection, line.alert, user.names)
        row = row_alone(connection, user, request.app.state.rules, datetime.now(UTC), line, told)
    return page(request, "row_alone.html", row=row, back=decision_forms.back(form))


def _notice(
    connection: Connection, user: User, line: Line, error: LiverwatchError | None, revision: str
) -> Notice | None:
    if error is None:
        return meanwhile.done(connection, line.alert, user.names)
    if isinstance(error, Changed):
        return meanwhile.changed(connection, line.alert, int(revision), user.zone)
    return Notice(_not_recorded(error), refused=True)


def _not_recorded(error: LiverwatchError) -> str:
    return f"{capitalised(error.message)}. Nothing was recorded."
