"""`/asleep` and `/lost`: what is off the worklist, for somebody put it off or nobody was tested again."""

from collections.abc import Collection, Mapping
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.alerts.alert import Disposition, State
from service.alerts.states import ASLEEP
from service.dashboard.access import READERS, User, needs
from service.dashboard.looking import note_seen
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.rows import visible
from service.dashboard.words import REASONS
from service.errors import InvalidResource
from service.fhir.wording import headline
from service.store import off_worklist
from service.store.session import snapshot
from service.store.worklist import Line

PAGE: Final = 100
"""Alerts on one page."""

Reader = Annotated[User, needs(*READERS)]

router = APIRouter(route_class=PageRoute, default_response_class=Response)


class Row(NamedTuple):
    """An alert that is off the worklist's first view."""

    line: Line
    held: Disposition | None
    """The decision that put it to sleep."""
    headline: str
    source: str

    @property
    def reason(self) -> str:
        """Why it was put to sleep, as far as somebody said."""
        if self.held is None or self.held.reason is None:
            return ""
        known = {each.value: words for each, words in REASONS.items()}
        return known.get(self.held.reason, self.held.reason)


Heads = Mapping[str, str]
"""Of the columns that a list can be sorted by, by their order."""
ASLEEP_BY: Final[Heads] = {
    "until": "Until",
    "since": "Since",
    "by": "By",
    "what": "What",
    "tier": "Urgency",
    "name": "Patient",
}
LOST_BY: Final[Heads] = {"last": "Last result", "tier": "Urgency", "name": "Patient"}


@router.get("/asleep")
def asleep(request: Request, user: Reader) -> Response:
    """Everything that somebody put off: snoozes, known causes and overrides."""
    return _listed(request, user, "asleep", ASLEEP, ASLEEP_BY)


@router.get("/lost")
def lost(request: Request, user: Reader) -> Response:
    """Who was lost to follow-up: no result for so long that the alert left the worklist."""
    return _listed(request, user, "lost", [State.DORMANT], LOST_BY)


def _listed(request: Request, user: User, what: str, states: Collection[State], heads: Heads) -> Response:
    sort, number = _asked(request, heads)
    before = (number - 1) * PAGE
    with snapshot(request.app.state.engine) as connection:
        names = visible(connection, user)
        total = off_worklist.count(connection, names, states)
        found = off_worklist.page(connection, names, states, sort, PAGE, before)
    note_seen(request, user, [each.line.alert.id for each in found], what)
    months = request.app.state.rules.rulebook.rules.episode.dormant_months
    return page(
        request,
        f"{what}.html",
        rows=[Row(*each, headline(each.line.alert)[1], names[each.line.source_id]) for each in found],
        total=total,
        first=before + 1,
        heads=heads,
        sort=sort,
        months=months,
        more=f"/{what}?sort={sort}&page={number + 1}" if total > number * PAGE else None,
    )


def _asked(request: Request, heads: Heads) -> tuple[str, int]:
    sort = request.query_params.get("sort", next(iter(heads)))
    number = request.query_params.get("page", "1")
    if sort not in heads or not (number.isascii() and number.isdigit() and 0 < int(number) < 10**6):
        raise InvalidResource("that list is none of ours")
    return sort, int(number)
