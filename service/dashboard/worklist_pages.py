"""`/`: the worklist. What is searched for is sent in a form, so that no address holds a name."""

from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.clinical.episodes import Tier
from service.clinical.months import add_months
from service.dashboard.access import SignedIn, User, needs
from service.dashboard.alert_views import Row
from service.dashboard.forms import Fields
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.rows import READERS, done_row, may_decide, rows_of, visible
from service.dashboard.worklist_filters import Filters, choices, read, token_of
from service.ingest import Rules
from service.request_ids import request_id
from service.store import worklist
from service.store.decisions import write_audit
from service.store.session import reading, writing
from service.store.worklist import Line

PAGE = 30
"""Alerts on one page."""

router = APIRouter(route_class=PageRoute, dependencies=[needs(*READERS)], default_response_class=Response)


@router.get("/")
def listed(request: Request, user: SignedIn) -> Response:
    """The worklist, narrowed as the address says."""
    given = {name: request.query_params.getlist(name) for name in request.query_params}
    return show(request, user, read(given))


@router.post("/search")
def found(request: Request, user: SignedIn, form: Fields) -> Response:
    """The worklist of whose name or identifier is searched for."""
    return show(request, user, read(form))


def show(
    request: Request,
    user: User,
    filters: Filters,
    told: Sequence[Row] = (),
    status: int = 200,
) -> Response:
    """The page of the worklist that those filters ask for; who saw which alerts is in the audit.

    Args:
        request: what is answered.
        user: who looks.
        filters: what is asked for.
        told: alerts that have just been decided about, or could not be, each with its notice.
        status: of the answer.
    """
    rules: Rules = request.app.state.rules
    now = datetime.now(UTC)
    with reading(request.app.state.engine) as connection:
        names = visible(connection, user)
        narrowed = [key for key, name in names.items() if filters.source in ("", name)]
        people = worklist.named(connection, narrowed, filters.words) if filters.words else None
        wanted = filters.wanted(user.name, now.date(), people)
        lines = worklist.page(connection, narrowed, wanted, PAGE + 1, filters.after)
        counts = worklist.count(connection, narrowed, wanted)
        owners = worklist.owners(connection, list(names))
        rows = rows_of(connection, lines[:PAGE], rules, now, user)
        done = done_row(connection, user, rules, now, request.query_params.get("done", ""))
    note_seen(request, user, lines[:PAGE], filters, now)
    more = lines[PAGE - 1].place if len(lines) > PAGE else None
    return page(
        request,
        "worklist.html",
        status,
        rows=rows,
        counts=counts,
        tiers=list(reversed(Tier)),
        filters=filters,
        choices=choices(filters, owners, sorted(names.values())),
        more=more and filters.going_on(more),
        more_after=more and token_of(more),
        told=[*told, *([done] if done else [])],
        back=filters.address,
        may_decide=may_decide(user),
        snooze_until=add_months(now.date(), 1),
    )


def note_seen(request: Request, user: User, shown: Sequence[Line], filters: Filters, now: datetime) -> None:
    """Note in the audit whose alerts were shown to whom, patient by patient; committed before the answer."""
    of_whom: dict[tuple[int | None, int | None], list[str]] = {}
    for line in shown:
        of_whom.setdefault((line.source_id, line.alert.subject), []).append(str(line.alert.id))
    with writing(request.app.state.engine) as connection:
        for (source_id, patient_id), alerts in (of_whom or {(None, None): []}).items():
            write_audit(
                connection,
                at=now,
                actor=user.id,
                action="read-worklist",
                source_id=source_id,
                patient_id=patient_id,
                detail={"alerts": alerts, "query": filters.query, "request": request_id(request)},
            )
