"""What the notifications of a source said of its Subscription, beside what they brought."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.schema import heard


@dataclass(frozen=True, slots=True)
class Heard:
    """The latest word of a source's server."""

    kind: str
    """`handshake`, `heartbeat`, `event-notification`, `query-status` or `query-event`."""
    status: str
    """Of the Subscription: `requested`, `active`, `error`, `off`; empty where it is not said."""
    events: int | None
    """Since the Subscription began, as the server counts."""
    numbers: tuple[int, ...] = ()
    """Of the events it told of, as the server counts."""
    subscription: str = ""
    """Id of the Subscription; empty where it is not said."""


def note(connection: Connection, source_id: int, said: Heard, at: datetime) -> None:
    """A notification came."""
    values = {"at": at, "kind": said.kind, "status": said.status, "events": said.events}
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(heard)
    statement = insert.on_conflict_do_update(index_elements=[heard.c.source_id], set_=values)
    connection.execute(statement, [{"source_id": source_id, **values}])


def latest(connection: Connection, source_id: int) -> tuple[Heard, datetime] | None:
    """The latest word, and when it came; None where there was none."""
    row = connection.execute(select(heard).where(heard.c.source_id == source_id)).one_or_none()
    return None if row is None else (Heard(row.kind, row.status, row.events), row.at)
