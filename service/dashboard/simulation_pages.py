"""`/simulations`: what changed rulebooks that were tried would make of the alerts, and whose those are.

Everything shown is of the sources that the user sees; runs are started by `liverwatch simulate`.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from service.alerts.comparing import Outcome
from service.clinical.rulebook import Rulebook
from service.dashboard.access import MEASURE_READERS, User, needs
from service.dashboard.looking import note_listed
from service.dashboard.making import page
from service.dashboard.pages import PageRoute
from service.dashboard.rows import visible
from service.dashboard.rule_views import TAGS, changes
from service.dashboard.weeks import weeks
from service.errors import Damaged, InvalidResource
from service.quality.tallying import HEADINGS
from service.request_ids import request_id
from service.store import simulations
from service.store.decisions import write_audit
from service.store.rulebooks import stored_rulebook
from service.store.session import reading, writing
from service.store.simulations import Effect

PAGE: Final = 50
"""Alerts on one page."""

OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.GAINED: "Gained",
    Outcome.LOST: "Lost",
    Outcome.TIER_CHANGED: "Urgency changed",
    Outcome.UNCHANGED: "Unchanged",
}
LISTED: Final = tuple(each for each in Outcome if each is not Outcome.UNCHANGED)
"""Those of which the alerts are kept one by one."""

Reader = Annotated[User, needs(*MEASURE_READERS)]

router = APIRouter(route_class=PageRoute, default_response_class=Response)


@router.get("/simulations")
def listed(request: Request, user: Reader) -> Response:
    """Every run in which a source took part that the user sees, the latest first."""
    with reading(request.app.state.engine) as connection:
        seen = visible(connection, user)
        rows = [
            (made, effect, book_of(connection, made.candidate_digest))
            for made, effect in simulations.listed(connection, list(seen))
        ]
    _note(request, user, None)
    return page(request, "simulations.html", rows=rows, outcomes=OUTCOMES, sources=sorted(seen.values()))


@router.get("/simulations/{simulation_id}")
def one(request: Request, user: Reader, simulation_id: UUID) -> Response:
    """One run: what the rulebook changes, what would become of the alerts, and how many are new a week."""
    with reading(request.app.state.engine) as connection:
        seen = visible(connection, user)
        made, effects = simulations.get(connection, simulation_id, list(seen))
        before = book_of(connection, made.in_force_digest)
        after = book_of(connection, made.candidate_digest)
    _note(request, user, simulation_id)
    effect = simulations.together(effects.values())
    return page(
        request,
        "simulation.html",
        made=made,
        **comparison(effect, before, after, made.last_day),
        sources=sorted(seen[number] for number in effects),
    )


@router.get("/simulations/{simulation_id}/alerts")
def alerts(
    request: Request, user: Reader, simulation_id: UUID, outcome: str = "gained", after: str = "0"
) -> Response:
    """The alerts that would become so, and whose they are; that each person was shown is in the audit."""
    wanted, above = which(outcome, after)
    with reading(request.app.state.engine) as connection:
        seen = visible(connection, user)
        made, effects = simulations.get(connection, simulation_id, list(seen))
        found = simulations.alerts_of(
            connection, simulation_id, list(seen), wanted, after=above, limit=PAGE + 1
        )
        book = book_of(connection, made.candidate_digest)
    shown = found[:PAGE]
    following = f"/simulations/{simulation_id}/alerts?outcome={wanted}&after="
    whom = dict.fromkeys((each.alert.source_id, each.alert.patient_id) for each in shown)
    detail = {"simulation": str(simulation_id), "outcome": outcome}
    note_listed(request, user, "read-simulation-people", list(whom), detail)
    return page(
        request,
        "simulation_alerts.html",
        made=made,
        after=book,
        words=OUTCOMES[wanted],
        count=simulations.together(effects.values()).total.get(wanted, 0),
        rows=shown,
        sources=seen,
        more=f"{following}{shown[-1].number}" if len(found) > PAGE else None,
    )


def comparison(
    effect: Effect, before: Rulebook | None, after: Rulebook | None, last_day: date
) -> dict[str, Any]:
    """What `comparing.html` shows of a candidate beside the rulebook in force.

    Args:
        effect: what it comes to.
        before: the rulebook in force; None where this release cannot read it any more.
        after: the candidate; None likewise.
        last_day: the year whose weeks are shown ends on it.
    """
    return {
        "effect": effect,
        "before": before,
        "after": after,
        "changes": [] if after is None else changes(before, after),
        "tags": TAGS,
        "outcomes": OUTCOMES,
        "listed": LISTED,
        "headings": HEADINGS,
        "course": weeks(effect.weeks_before, effect.weeks_after, last_day, 440, 160),
    }


def which(outcome: str, after: str) -> tuple[Outcome, int]:
    """Which alerts are asked for, and after which number.

    Raises:
        InvalidResource: there are none such.
    """
    if outcome not in LISTED:
        raise InvalidResource("only alerts that are gained, lost or of another tier are listed")
    if not (after.isascii() and after.isdigit() and len(after) < 16):
        raise InvalidResource("that page is none of ours")
    return Outcome(outcome), int(after)


def book_of(connection: Connection, digest: str) -> Rulebook | None:
    """A stored rulebook; None where this release cannot read it any more."""
    try:
        return stored_rulebook(connection, digest)
    except Damaged:
        return None


def _note(request: Request, user: User, simulation_id: UUID | None) -> None:
    """In the audit, before anything is shown."""
    detail: dict[str, Any] = {"request": request_id(request)}
    if simulation_id is not None:
        detail["simulation"] = str(simulation_id)
    with writing(request.app.state.engine) as connection:
        write_audit(connection, at=datetime.now(UTC), actor=user.id, action="read-simulations", detail=detail)
