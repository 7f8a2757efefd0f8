"""What keeps a worklist up to date while somebody looks at it: news of changes, and the rows that changed."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from service.dashboard import cookies
from service.dashboard.access import READERS, NotSignedIn, SignedIn, needs
from service.dashboard.live import Live, View, Watcher
from service.dashboard.looking import note_seen
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.rows import rows_of, visible
from service.dashboard.worklist_filters import of_address
from service.dashboard.worklist_pages import PAGE
from service.store import worklist
from service.store.session import reading, snapshot

router = APIRouter(route_class=PageRoute, dependencies=[needs(*READERS)], default_response_class=Response)


@router.get("/worklist/events")
def events(request: Request, user: SignedIn) -> Response:
    """A stream of what changes in the worklist that the address narrows: which alerts, and not whose."""
    token = cookies.read(request)
    if token is None:
        raise NotSignedIn("sign in first")
    filters, now = of_address(request), datetime.now(UTC)
    with reading(request.app.state.engine) as connection:
        sources = frozenset(filters.narrowed(visible(connection, user)))
    since = request.headers.get("last-event-id") or request.query_params.get("since", "")
    view = View(sources, filters.wanted(user.names, now.date()))
    live: Live = request.app.state.live
    return StreamingResponse(
        live.stream(Watcher(user.account, token, view, _moment(since) or now)),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},  # or a proxy would keep what is said until there is more of it
    )


@router.get("/worklist/rows")
def rows(request: Request, user: SignedIn) -> Response:
    """The rows of some alerts as they are now, to be put in the place of what a page shows of them."""
    now = datetime.now(UTC)
    with snapshot(request.app.state.engine) as connection:
        alerts = _alerts(request)
        lines = worklist.lines(connection, list(visible(connection, user)), alerts=alerts) if alerts else []
        shown = rows_of(connection, lines, request.app.state.rules, now, user)
    note_seen(request, user, [row.alert.id for row in shown])
    return page(request, "rows.html", rows=shown, back=of_address(request).address)


def _alerts(request: Request) -> list[UUID]:
    """Ids of alerts in the address, as many as a page has rows; what is none is left out."""
    found = []
    for given in request.query_params.getlist("alert")[:PAGE]:
        try:
            found.append(UUID(given))
        except ValueError:
            continue
    return found


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
