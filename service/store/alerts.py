"""Alerts, what happened to each, and the decisions people made about them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Select, insert, select, update

from service.alerts.alert import Alert, Disposition
from service.alerts.events import Change
from service.errors import NotFound
from service.store.rows import among
from service.store.schema import alert, alert_event, disposition

_encoder = msgspec.json.Encoder(order="deterministic")
_alert_of = msgspec.json.Decoder(Alert)
_disposition_of = msgspec.json.Decoder(Disposition)


def encode(content: Alert) -> str:
    """An alert as canonical JSON: equal alerts give equal text."""
    return _encoder.encode(content).decode()


def of_patients(connection: Connection, patient_ids: Collection[int]) -> list[Alert]:
    """Every alert of the patients, merged and withdrawn ones too, oldest first."""
    query = select(alert.c.content).where(among(connection, alert.c.patient_id, patient_ids))
    return [
        _alert_of.decode(row.content)
        for row in connection.execute(query.order_by(alert.c.created, alert.c.id))
    ]


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
    if new:
        connection.execute(
            insert(alert), [{"id": a.id, "created": a.created, **_columns(a, source_id, now)} for a in new]
        )
    for each in old:
        connection.execute(
            update(alert).where(alert.c.id == each.id).values(**_columns(each, source_id, now))
        )
    events = [
        {
            "alert_id": change.after.id,
            "at": now,
            "kind": event.kind.value,
            "detail": event.detail,
            "revision": change.after.revision,
        }
        for change in changes
        for event in change.events
    ]
    if events:
        connection.execute(insert(alert_event), events)


def _columns(content: Alert, source_id: int, now: datetime) -> dict[str, object]:
    return {
        "patient_id": content.subject,
        "source_id": source_id,
        "family": content.family.value,
        "state": content.state.value,
        "tier": int(content.tier),
        "updated": now,
        "revision": content.revision,
        "content": encode(content),
    }


def add_disposition(connection: Connection, made: Disposition, patient_id: int, alert_id: UUID) -> None:
    """Keep a person's decision."""
    connection.execute(
        insert(disposition).values(
            id=made.id,
            patient_id=patient_id,
            alert_id=alert_id,
            action=made.action.value,
            at=made.at,
            content=_encoder.encode(made).decode(),
        )
    )


def dispositions(connection: Connection, patient_ids: Collection[int]) -> list[tuple[int, Disposition]]:
    """Every decision made about the patients' alerts, with the patient each was made on, oldest first."""
    query = select(disposition.c.patient_id, disposition.c.content).where(
        among(connection, disposition.c.patient_id, patient_ids)
    )
    rows = connection.execute(query.order_by(disposition.c.at, disposition.c.id))
    return [(row.patient_id, _disposition_of.decode(row.content)) for row in rows]
