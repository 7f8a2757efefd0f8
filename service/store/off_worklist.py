"""What is off the worklist: put off by somebody or lost to follow-up, sorted and paged by the database."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, select

from service.alerts.alert import Disposition, State
from service.store import alerts, worklist
from service.store.query import among
from service.store.schema import alert, disposition, patient_name
from service.store.worklist import Line


class Sleeper(NamedTuple):
    """An alert that is off the worklist's first view."""

    line: Line
    held: Disposition | None
    """The decision that put it to sleep; None where none did."""


ORDERS: Final[Mapping[str, Sequence[ColumnElement[Any]]]] = {
    "until": (alert.c.wakes.is_(None), alert.c.wakes),
    "since": (disposition.c.at.is_(None), disposition.c.at),
    "by": (func.lower(func.coalesce(disposition.c.by, "")),),
    "what": (alert.c.state,),
    "tier": (alert.c.tier.desc(),),
    "name": (func.coalesce(patient_name.c.searched, ""),),
    "last": (alert.c.last_result,),
}
"""By what a list can be sorted; of equals, by id."""


def page(
    connection: Connection,
    sources: Collection[int],
    states: Collection[State],
    order: str,
    limit: int,
    offset: int,
) -> list[Sleeper]:
    """Alerts in these states.

    Args:
        connection: an open transaction.
        sources: ids of those that may be seen; of any other there are none.
        states: which.
        order: one of `ORDERS`.
        limit: how many at most.
        offset: how many come before them.
    """
    found = alert.outerjoin(disposition, disposition.c.id == alert.c.held).outerjoin(
        patient_name, patient_name.c.patient_id == alert.c.patient_id
    )
    # Only ids are sorted: what alerts contain is long, and read of those alone that are shown.
    query = _in_states(select(alert.c.id).select_from(found), sources, states)
    ids = connection.execute(query.order_by(*ORDERS[order], alert.c.id).limit(limit).offset(offset))
    place = {each: at for at, each in enumerate(ids.scalars())}
    lines = sorted(worklist.lines(connection, sources, alerts=place), key=lambda line: place[line.alert.id])
    held = [line.alert.held for line in lines if line.alert.held is not None]
    made = {each.id: each for each in alerts.dispositions_of(connection, held)}
    return [Sleeper(line, made.get(line.alert.held) if line.alert.held else None) for line in lines]


def count(connection: Connection, sources: Collection[int], states: Collection[State]) -> int:
    """How many there are on all pages."""
    query = _in_states(select(func.count()).select_from(alert), sources, states)
    return int(connection.execute(query).scalar_one())


def _in_states(query: Select[Any], sources: Collection[int], states: Collection[State]) -> Select[Any]:
    wanted = alert.c.state.in_([each.value for each in states])
    return query.where(among(alert.c.source_id, sources), wanted)
