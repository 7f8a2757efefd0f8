"""Finding alerts: the conditions of a search as SQL, always within the sources a reader may see."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    cast,
    false,
    func,
    not_,
    or_,
    select,
    true,
    type_coerce,
)

from service.alerts.advising import SILENT
from service.alerts.alert import Alert, State
from service.api.instants import parse_date_query
from service.api.paging import Position, Search
from service.api.targets import Kind, split_target
from service.fhir.standing import STATUSES
from service.store import alerts, sources
from service.store.query import among, within
from service.store.readers import Reader
from service.store.schema import alert, patient
from service.store.sources import Source

_ERRONEOUS = (State.ENTERED_IN_ERROR.value, State.MERGED.value)


@dataclass(frozen=True, slots=True)
class Stored:
    """An alert as it stands in the database, and whose it is."""

    alert: Alert
    source: Source
    patient: str
    """The Patient's id at the source."""
    updated: datetime


Scope = Mapping[int, Source]
"""The sources that a reader may see, by id."""


def scope_of(connection: Connection, reader: Reader) -> Scope:
    """What a reader may see; a source that sends no more stays readable."""
    return {each.id: each for each in sources.every(connection) if each.name in reader.sources}


def find(connection: Connection, scope: Scope, alert_id: UUID) -> Stored | None:
    """One alert; None where there is none or the reader may not know of it."""
    row = connection.execute(_rows(scope).where(alert.c.id == alert_id)).one_or_none()
    return None if row is None else _stored(row, scope)


def of_people(connection: Connection, scope: Scope, people: Collection[int]) -> list[Stored]:
    """Every alert of those records."""
    query = _rows(scope).where(among(alert.c.patient_id, people)).order_by(alert.c.id)
    return [_stored(row, scope) for row in connection.execute(query)]


def count(connection: Connection, scope: Scope, search: Search, people: Collection[int] | None) -> int:
    """How many alerts there are."""
    query = select(func.count()).select_from(alert).where(*_conditions(connection, scope, search, people))
    return connection.execute(query).scalar_one()


def walk(
    connection: Connection,
    scope: Scope,
    search: Search,
    people: Collection[int] | None,
    after: Position | None = None,
    *,
    at_once: int = 200,
) -> Iterator[Stored]:
    """Alerts in order of their last change, read a chunk at a time as they are wanted.

    Args:
        connection: in one transaction throughout.
        scope: what the reader may see.
        search: what is wanted.
        people: store's numbers of the patients of the search; None: anybody.
        after: begin with the alert of this position, or the first one behind it.
        at_once: how many to read at a time.
    """
    query = _rows(scope).where(*_conditions(connection, scope, search, people))
    query = query.order_by(alert.c.updated, alert.c.id)
    beyond: ColumnElement[bool] = true() if after is None else _from(after, inclusive=True)
    while True:
        rows = connection.execute(query.where(beyond).limit(at_once)).all()
        for row in rows:
            yield _stored(row, scope)
        if len(rows) < at_once:
            return
        beyond = _from(Position(rows[-1].updated, rows[-1].id, ""), inclusive=False)


def _from(position: Position, *, inclusive: bool) -> ColumnElement[bool]:
    later_id = alert.c.id >= position.alert if inclusive else alert.c.id > position.alert
    # The first condition is implied; it is what lets the database begin in the index.
    return and_(
        alert.c.updated >= position.updated,
        or_(alert.c.updated > position.updated, and_(alert.c.updated == position.updated, later_id)),
    )


def _rows(scope: Scope) -> Select[Any]:
    return (
        select(alert.c.id, alert.c.content, alert.c.updated, alert.c.source_id, patient.c.fhir_id)
        .join(patient, patient.c.id == alert.c.patient_id)
        .where(alert.c.source_id.in_(list(scope)))
    )


def _stored(row: Row[Any], scope: Scope) -> Stored:
    return Stored(alerts.decode(row.content), scope[row.source_id], row.fhir_id, row.updated)


def _conditions(
    connection: Connection, scope: Scope, search: Search, people: Collection[int] | None
) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [alert.c.source_id.in_(list(scope))]
    if people is not None:
        conditions.append(among(alert.c.patient_id, people))
    if search.targets is not None:
        named = (split_target(search.kind, each) for each in search.targets)
        conditions.append(alert.c.id.in_({each[0] for each in named if each}))
    if search.statuses is not None:
        wanted = (_has_status(connection, search.kind, each) for each in search.statuses)
        conditions.append(or_(false(), *wanted))
    dates = ((parse_date_query(each, "_lastUpdated") for each in group) for group in search.updated)
    return [
        *conditions,
        *(or_(false(), *(within(alert.c.updated, each) for each in group)) for group in dates),
    ]


def _has_status(connection: Connection, kind: Kind, status: str) -> ColumnElement[bool]:
    """Which alerts have a resource of that status: what `service.fhir.encode` says of states, as SQL."""
    state, content = alert.c.state, alert.c.content
    document: Any = (
        cast(content, JSON) if connection.dialect.name == "postgresql" else type_coerce(content, JSON)
    )
    if kind != "DetectedIssue":
        ended = state.in_([each.value for each in SILENT])
        some = func.json_array_length(document["no_longer_advised"]) > 0
        statuses = STATUSES[kind]
        return {statuses.live: not_(ended), statuses.over: or_(ended, some)}.get(status, false())
    looked_at = or_(state == State.RESOLVED.value, document["seen"].as_boolean().is_(true()))
    grounds = state.not_in(_ERRONEOUS)
    return {
        "entered-in-error": state.in_(_ERRONEOUS),
        "final": and_(grounds, looked_at),
        "preliminary": and_(grounds, not_(looked_at)),
    }.get(status, false())
