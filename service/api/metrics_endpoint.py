"""`/metrics`: counters of this process and what stands in the database; needs a reader token."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from sqlalchemy import Connection, func, select
from starlette.requests import Request
from starlette.responses import Response

from service.alerts.alert import State
from service.alerts.events import tier_name
from service.alerts.states import day_of
from service.api.access import Authenticated
from service.api.health import writer_alive
from service.backlog import RejudgingMemory, count_unjudged
from service.clinical.episodes import Tier
from service.metrics import CONTENT_TYPE, FeedStanding, Standing, exposition
from service.store import freshness, outbox_control, quarantine
from service.store.schema import alert
from service.store.session import reading


def create_router() -> APIRouter:
    """The one route. It needs what `/health/ready` needs."""
    router = APIRouter()
    memory = RejudgingMemory()

    def metrics(_reader: Authenticated, request: Request) -> Response:
        state = request.app.state
        with reading(state.engine) as connection:
            rejudging = memory.rejudging(connection, state.rules)
            unjudged = count_unjudged(connection, state.rules, day_of(datetime.now(UTC)))
            target = timedelta(seconds=state.settings.feed_target_seconds)
            feeds = _feeds(connection, datetime.now(UTC), target)
            standing = _standing(
                connection, feeds, rejudging=rejudging, unjudged=unjudged, alive=writer_alive(state)
            )
        return Response(
            exposition(standing), headers={"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE}
        )

    router.add_api_route("/metrics", metrics, methods=["GET"], response_model=None)
    return router


def _feeds(connection: Connection, now: datetime, target: timedelta) -> dict[str, FeedStanding]:
    lost = freshness.lost_lately(connection, now, target)
    return {
        name: FeedStanding(
            _age(each.last_message, now), _age(each.caught_up, now), each.stale, lost.get(name)
        )
        for name, each in freshness.of_every_source(connection, now).items()
    }


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max((now - at).total_seconds(), 0.0)


def _standing(
    connection: Connection,
    feeds: Mapping[str, FeedStanding],
    *,
    rejudging: bool,
    unjudged: int,
    alive: bool,
) -> Standing:
    waiting = outbox_control.counts(connection)
    late = (datetime.now(UTC) - waiting.oldest_due).total_seconds() if waiting.oldest_due else 0.0
    by_state = select(alert.c.state, alert.c.tier, func.count()).group_by(alert.c.state, alert.c.tier)
    urgent = (alert.c.state == State.OPEN.value) & (alert.c.tier == int(Tier.URGENT))
    return Standing(
        quarantine=quarantine.counts(connection),
        alerts={(row[0], tier_name(Tier(row[1]))): row[2] for row in connection.execute(by_state)},
        overdue=connection.execute(select(func.count()).where(urgent, alert.c.overdue)).scalar_one(),
        unjudged=unjudged,
        rejudging=rejudging,
        outbox_pending=waiting.pending,
        outbox_failing=waiting.failing,
        outbox_dead=waiting.dead,
        outbox_cancelled=waiting.cancelled,
        outbox_oldest_seconds=max(late, 0.0),
        writer_alive=alive,
        feeds=feeds,
    )
