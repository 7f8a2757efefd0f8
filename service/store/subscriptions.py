"""The Subscriptions this service made at a source's server."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from service.store.rows import insert_rows
from service.store.schema import subscription

GONE = "gone"
"""The status of one that the server has no more."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One Subscription as it was last seen."""

    source_id: int
    fhir_id: str
    subject: str
    """The topic, or the search it is by; cut where very long."""
    status: str
    checked: datetime
    asked_again: datetime | None = None
    operations: tuple[str, ...] = ()
    """Offered there: of `status` and `events`."""
    events: int | None = None
    """The highest number of an event that is known of; None: it does not count them."""


_COLUMNS = ("source_id", "fhir_id", "subject", "status", "checked", "asked_again", "operations", "events")
_LONGEST_SUBJECT = 512


def of_source(connection: Connection, source_id: int) -> list[Kept]:
    """Those of one source, by what they are about."""
    query = (
        select(*(subscription.c[name] for name in _COLUMNS))
        .where(subscription.c.source_id == source_id)
        .order_by(subscription.c.subject, subscription.c.fhir_id)
    )
    return [
        Kept(
            *(row.source_id, row.fhir_id, row.subject, row.status, row.checked, row.asked_again),
            operations=tuple(row.operations.split()),
            events=row.events,
        )
        for row in connection.execute(query)
    ]


def add(connection: Connection, made: Kept) -> None:
    """Remember one that was just made."""
    row = (
        *(made.source_id, made.fhir_id, made.subject[:_LONGEST_SUBJECT]),
        *(made.status, made.checked, made.asked_again, " ".join(made.operations), made.events),
    )
    insert_rows(connection, subscription, _COLUMNS, [row], keep=True)


def seen(connection: Connection, kept: Kept, status: str, at: datetime, *, asked_again: bool = False) -> None:
    """How one stood when it was looked at, and whether it was asked to be active again."""
    connection.execute(
        subscription.update()
        .where(subscription.c.source_id == kept.source_id, subscription.c.fhir_id == kept.fhir_id)
        .values(status=status, checked=at, **({"asked_again": at} if asked_again else {}))
    )


def forget(connection: Connection, kept: Kept) -> None:
    """It is no longer ours to keep."""
    connection.execute(
        subscription.delete().where(
            subscription.c.source_id == kept.source_id, subscription.c.fhir_id == kept.fhir_id
        )
    )
