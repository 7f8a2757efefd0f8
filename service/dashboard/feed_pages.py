"""`/feeds`: how each source's feed stands, for those who look after it. It shows nothing of a patient."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.dashboard.access import FEED_READERS, User, needs
from service.dashboard.feed_views import feeds, warnings
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.rows import visible
from service.store.session import reading

Reader = Annotated[User, needs(*FEED_READERS)]

router = APIRouter(route_class=PageRoute, default_response_class=Response)


@router.get("/feeds")
def listed(request: Request, user: Reader) -> Response:
    """Each source that the user sees."""
    state, now = request.app.state, datetime.now(UTC)
    with reading(state.engine) as connection:
        found = feeds(connection, user.sources, now, timedelta(seconds=state.settings.feed_target_seconds))
        behind = warnings(connection, visible(connection, user), state.rules, state.rejudging, now)
    return page(request, "feeds.html", feeds=found, warnings=behind, now=now)
