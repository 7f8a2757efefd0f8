"""Alerts, what happened to each, and the decisions people made about them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Select, insert, select

from service.alerts.alert import Alert, Disposition
from service.alerts.events import Change, EventKind
from service.alerts.states import OVER
from service.clinical.episodes import Family, Tier
from service.errors import NotFound
from service.store.query import Query, among
from service.store.rows import insert_rows, update_rows
from service.store.schema import alert, alert_event, disposition, disposition_evidence

_encoder = msgspec.json.Encoder(order="deterministic")
_alert_of = msgspec.json.Decoder(Alert)
_disposition_of = msgspec.json.Decoder(Disposition)


def encode(content: Alert) -> str:
    """An alert as canonical JSON: equal alerts give equal text."""
    return _encoder.encode(content).decode()


_of_patients = Query(select(alert.c.content), each=alert.c.patient_id)
_any_disposition = Query(select(disposition_evidence.c.disposition_id).limit(1))


def of_patients(connection: Connection, patient_ids: Collection[int]) -> list[Alert]:
    """Every alert of the patients, merged and withdrawn ones too, oldest first."""
    found = [_alert_of.decode(content) for (content,) in _of_patients.rows(connection, each=patient_ids)]
    return sorted(found, key=lambda each: (each.created, each.id))


def untaken(
    connection: Connection, source_id: int, since: datetime, limit: int, after: UUID
) -> dict[UUID, int]:
    """Alerts that have waited since then or longer, and can go on to somebody: id and patient.

    At most `limit`, with ids above `after`.
    """
    query = select(alert.c.id, alert.c.patient_id).where(
        alert.c.source_id == source_id, alert.c.waiting_from <= since, alert.c.id > after
    )
    return {row.id: row.patient_id for row in connection.execute(query.order_by(alert.c.id).limit(limit))}


def get(connection: Connection, alert_id: UUID) -> Alert:
    """One alert.

    Raises:
        NotFound: there is none of that id.
    """
    content = connection.execute(select(alert.c.content).where(alert.c.id == alert_id)).scalar_one_or_none()
    if content is None:
        raise NotFound("there is no alert of that id; see `liverwatch alerts`")
    return _alert_of.decode(content)


def select_content() -> Select[tuple[str]]:
    """The query for alert contents, for callers that add conditions of their own."""
    return select(alert.c.content)


def decode(content: str) -> Alert:
    """An alert from its stored JSON."""
    return _alert_of.decode(content)


def save(connection: Connection, changes: Sequence[Change], source_id: int, now: datetime) -> None:
    """Write changed alerts, and what happened to each as its events."""
    new = [change.after for change in changes if change.before is None]
    old = [change.after for change in changes if change.before is not None]
    insert_rows(
        connection,
        alert,
        (*_COLUMNS, "id", "created"),
        [(*_columns(each, source_id, now), each.id, each.created) for each in new],
    )
    update_rows(
        connection, alert, ("id",), _COLUMNS, [(*_columns(each, source_id, now), each.id) for each in old]
    )
    events = [
        (change.after.id, now, event.kind.value, event.detail, change.after.revision)
        for change in changes
        for event in change.events
    ]
    insert_rows(connection, alert_event, ("alert_id", "at", "kind", "detail", "revision"), events)


_COLUMNS = (
    *("patient_id", "source_id", "family", "state", "tier", "updated", "revision"),
    *("place", "owner", "cause", "content", "waiting_from", "overdue", "wakes", "held", "last_result"),
)


def _columns(content: Alert, source_id: int, now: datetime) -> tuple[object, ...]:
    waiting = content.waiting
    return (
        content.subject,
        source_id,
        content.family.value,
        content.state.value,
        int(content.tier),
        now,
        content.revision,
        place_of(content),
        content.owner,
        next((cause.name.value for cause in content.episode.plan.causes if cause.speaks_for), None),
        encode(content),
        waiting.latest if waiting is not None and not waiting.nobody_left else None,
        waiting is not None and waiting.overdue,
        content.wakes,
        content.held,
        content.episode.last_result,
    )


def place_of(content: Alert) -> str | None:
    """Where an alert stands in the worklist: by tier, untaken for too long, age, and without an owner first.

    Of equals, who was heard of first stands first: ids are random, and would shuffle them.

    Text that sorts so; None for one that nobody has to act on.
    """
    if content.state in OVER:
        return None
    overdue = content.waiting is not None and content.waiting.overdue
    since = content.episode.alerts_from or content.episode.onset
    place = f"{_GRAVEST - content.tier}{not overdue:d}{since:%Y%m%d}{content.owner is not None:d}"
    return f"{place}{content.subject:012d}{_FAMILIES.index(content.family)}"


_GRAVEST = max(Tier)
_FAMILIES = list(Family)


class Happened(NamedTuple):
    """One event of an alert."""

    alert_id: UUID
    at: datetime
    kind: EventKind
    detail: str
    revision: int
    """Of the alert after it."""


def events_of(connection: Connection, ids: Collection[UUID]) -> list[Happened]:
    """What happened to those alerts, oldest first."""
    query = select(alert_event).where(among(alert_event.c.alert_id, ids)).order_by(alert_event.c.id)
    return [
        Happened(row.alert_id, row.at, EventKind(row.kind), row.detail, row.revision)
        for row in connection.execute(query)
    ]


def add_disposition(connection: Connection, made: Disposition, patient_id: int, alert_id: UUID) -> None:
    """Keep a person's decision, and the results it was made on."""
    connection.execute(
        insert(disposition).values(
            id=made.id,
            patient_id=patient_id,
            alert_id=alert_id,
            action=made.action.value,
            at=made.at,
            by=made.by,
            content=_encoder.encode(made).decode(),
        )
    )
    source_id = connection.execute(select(alert.c.source_id).where(alert.c.id == alert_id)).scalar_one()
    results = sorted({key.observation_id for key in made.evidence})
    rows = [(source_id, observation_id, made.id) for observation_id in results]
    insert_rows(connection, disposition_evidence, ("source_id", "observation_id", "disposition_id"), rows)


def dispositions_of(connection: Connection, ids: Collection[UUID]) -> list[Disposition]:
    """Decisions by their ids, oldest first."""
    query = select(disposition.c.content).where(among(disposition.c.id, ids))
    rows = connection.execute(query.order_by(disposition.c.at, disposition.c.id))
    return [_disposition_of.decode(row.content) for row in rows]


def dispositions_on(
    connection: Connection, evidence: Mapping[int, Collection[tuple[int, str]]]
) -> dict[int, list[Disposition]]:
    """The decisions that bear on people, found by the results they were made on.

    Args:
        connection: an open transaction.
        evidence: by person, the (source, Observation id) pairs of their record.

    Returns:
        By person, oldest first. After a merge was undone, one decision may bear on both.
    """
    column = disposition_evidence.c
    if not _any_disposition.rows(connection):
        return {}
    holders: dict[tuple[int, str], list[int]] = {}
    for person, pairs in evidence.items():
        for pair in pairs:
            holders.setdefault(pair, []).append(person)
    query = select(disposition_evidence).where(
        among(column.source_id, {source_id for source_id, _ in holders}),
        among(column.observation_id, {observation_id for _, observation_id in holders}),
    )
    bears: dict[UUID, set[int]] = {}
    for row in connection.execute(query):
        people = holders.get((row.source_id, row.observation_id), ())
        bears.setdefault(row.disposition_id, set()).update(people)
    found: dict[int, list[Disposition]] = {}
    for made in dispositions_of(connection, bears):
        for person in sorted(bears[made.id]):
            found.setdefault(person, []).append(made)
    return found


def by_patient(
    connection: Connection, ids: Collection[UUID]
) -> dict[tuple[int | None, int | None], list[UUID]]:
    """Those alerts by whose they are: (source, patient), as the audit log names it."""
    query = select(alert.c.id, alert.c.source_id, alert.c.patient_id).where(among(alert.c.id, ids))
    whose = {row.id: (row.source_id, row.patient_id) for row in connection.execute(query)}
    found: dict[tuple[int | None, int | None], list[UUID]] = {}
    for each in ids:
        if each in whose:
            found.setdefault(whose[each], []).append(each)
    return found
