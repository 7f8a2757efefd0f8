"""`/`: the worklist. What is searched for is sent in a form, so that no address holds a name."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.clinical.episodes import Tier
from service.clinical.months import add_months
from service.dashboard.access import READERS, SignedIn, User, needs
from service.dashboard.alert_views import Row
from service.dashboard.feed_views import warnings
from service.dashboard.forms import Fields
from service.dashboard.looking import note_seen
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.rows import done_row, may_decide, rows_of, visible
from service.dashboard.worklist_filters import Filters, choices, of_address, read, read_query, token_of
from service.ingest import Rules
from service.store import saved_views, worklist
from service.store.session import reading, snapshot

PAGE = 30
"""Alerts on one page."""

router = APIRouter(route_class=PageRoute, dependencies=[needs(*READERS)], default_response_class=Response)


@router.get("/")
def listed(request: Request, user: SignedIn) -> Response:
    """The worklist, narrowed as the address says; or else the view that is to be seen first."""
    if not request.query_params:
        with reading(request.app.state.engine) as connection:
            views = saved_views.of_account(connection, user.account)
        if views and views[0].first:
            address = read_query(views[0].query).address
            return RedirectResponse(address, 303, {"Cache-Control": "no-store"})
    return show(request, user, of_address(request))


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
    wrong: str = "",
) -> Response:
    """The page of the worklist that those filters ask for; who saw which alerts is in the audit.

    Args:
        request: what is answered.
        user: who looks.
        filters: what is asked for.
        told: alerts that have just been decided about, or could not be, each with its notice.
        status: of the answer.
        wrong: why nothing was recorded about any alert.
    """
    rules: Rules = request.app.state.rules
    now = datetime.now(UTC)
    with snapshot(request.app.state.engine) as connection:
        names = visible(connection, user)
        narrowed = filters.narrowed(names)
        people = worklist.named(connection, narrowed, filters.words) if filters.words else None
        wanted = filters.wanted(user.names, now.date(), people)
        lines = worklist.page(connection, narrowed, wanted, PAGE + 1, filters.after)
        counts = worklist.count(connection, narrowed, wanted)
        owners = worklist.owners(connection, list(names))
        views = _views(connection, user, names, now)
        behind = warnings(connection, names, rules, request.app.state.rejudging, now)
        rows = rows_of(connection, lines[:PAGE], rules, now, user)
        done = done_row(connection, user, rules, now, request.query_params.get("done", ""))
    told = [*told, *([done] if done else [])]
    shown = list(dict.fromkeys(row.alert.id for row in [*told, *rows]))
    note_seen(request, user, shown, filters.chosen_from_lists)
    more = lines[PAGE - 1].place if len(lines) > PAGE else None
    return page(
        request,
        "worklist.html",
        status,
        rows=rows,
        counts=counts,
        tiers=list(reversed(Tier)),
        filters=filters,
        views=views,
        warnings=behind,
        choices=choices(filters, owners, sorted(names.values())),
        more=more and filters.going_on(more),
        more_after=more and token_of(more),
        told=told,
        wrong=wrong,
        back=filters.address,
        now=now,
        may_decide=may_decide(user),
        snooze_until=add_months(now.date(), 1),
    )


class Link(NamedTuple):
    """A saved view, as a link."""

    name: str
    filters: Filters
    total: int


def _views(connection: Connection, user: User, sources: Mapping[int, str], now: datetime) -> list[Link]:
    saved = saved_views.of_account(connection, user.account)
    filters = [read_query(view.query) for view in saved]
    asked = [(each.narrowed(sources), each.wanted(user.names, now.date())) for each in filters]
    totals = worklist.totals(connection, asked)
    return [Link(view.name, each, total) for view, each, total in zip(saved, filters, totals, strict=True)]
