"""`/asleep` and `/lost`: what is off the worklist, for somebody put it off or nobody was tested again."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from service.alerts.alert import Disposition, State
from service.alerts.states import ASLEEP, held_by
from service.dashboard.access import READERS, User, needs
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.rows import visible
from service.dashboard.words import REASONS
from service.dashboard.worklist_pages import note_seen
from service.errors import InvalidResource
from service.fhir.wording import headline
from service.store import alerts, worklist
from service.store.session import reading
from service.store.worklist import Line

PAGE: Final = 100
"""Alerts on one page."""

Reader = Annotated[User, needs(*READERS)]

router = APIRouter(route_class=PageRoute, default_response_class=Response)


class Sleeper(NamedTuple):
    """An alert that is off the worklist's first view."""

    line: Line
    headline: str
    source: str
    held: Disposition | None
    """The decision that put it to sleep."""

    @property
    def reason(self) -> str:
        """Why it was put to sleep, as far as somebody said."""
        if self.held is None or self.held.reason is None:
            return ""
        known = {each.value: words for each, words in REASONS.items()}
        return known.get(self.held.reason, self.held.reason)


Order = Mapping[str, tuple[str, Callable[[Sleeper], Any]]]


def _name(each: Sleeper) -> Any:
    return each.line.name.casefold()


def _tier(each: Sleeper) -> Any:
    return -each.line.alert.tier


ASLEEP_BY: Final[Order] = {
    "until": ("Until", lambda each: each.line.alert.wakes or date.max),
    "since": ("Since", lambda each: each.held.at if each.held else datetime.max.replace(tzinfo=UTC)),
    "by": ("By", lambda each: each.held.by.casefold() if each.held else ""),
    "what": ("What", lambda each: each.line.alert.state.value),
    "tier": ("Urgency", _tier),
    "name": ("Patient", _name),
}
"""By what the list can be sorted: the head of the column, and what decides."""
LOST_BY: Final[Order] = {
    "last": ("Last result", lambda each: each.line.alert.episode.last_result),
    "tier": ("Urgency", _tier),
    "name": ("Patient", _name),
}


@router.get("/asleep")
def asleep(request: Request, user: Reader) -> Response:
    """Everything that somebody put off: snoozes, known causes and overrides."""
    return _listed(request, user, "asleep", ASLEEP, ASLEEP_BY)


@router.get("/lost")
def lost(request: Request, user: Reader) -> Response:
    """Who was lost to follow-up: no result for so long that the alert left the worklist."""
    return _listed(request, user, "lost", [State.DORMANT], LOST_BY)


def _listed(request: Request, user: User, what: str, states: Collection[State], order: Order) -> Response:
    sort, number = _asked(request, order)
    with reading(request.app.state.engine) as connection:
        every = sorted(
            _sleepers(connection, user, states), key=lambda each: (order[sort][1](each), each.line.alert.id)
        )
    shown = every[(number - 1) * PAGE : number * PAGE]
    note_seen(request, user, [each.line.alert.id for each in shown], datetime.now(UTC), what)
    months = request.app.state.rules.rulebook.rules.episode.dormant_months
    return page(
        request,
        f"{what}.html",
        rows=shown,
        total=len(every),
        first=(number - 1) * PAGE + 1,
        heads={key: words for key, (words, _) in order.items()},
        sort=sort,
        months=months,
        more=f"/{what}?sort={sort}&page={number + 1}" if len(every) > number * PAGE else None,
    )


def _asked(request: Request, order: Order) -> tuple[str, int]:
    sort = request.query_params.get("sort", next(iter(order)))
    number = request.query_params.get("page", "1")
    if sort not in order or not (number.isascii() and number.isdigit() and 0 < int(number) < 10**6):
        raise InvalidResource("that list is none of ours")
    return sort, int(number)


def _sleepers(connection: Connection, user: User, states: Collection[State]) -> list[Sleeper]:
    names = visible(connection, user)
    lines = worklist.lines(connection, list(names), states=states)
    ids = {each for line in lines for each in line.alert.dispositions}
    made = {each.id: each for each in alerts.dispositions_of(connection, ids)}
    return [
        Sleeper(
            line,
            headline(line.alert)[1],
            names[line.source_id],
            held_by(line.alert.episode, [made[each] for each in line.alert.dispositions if each in made]),
        )
        for line in lines
    ]
