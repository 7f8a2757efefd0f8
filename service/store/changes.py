"""Alerts that have changed lately, so that whoever looks at them can be told."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from service.store.schema import alert


class Changed(NamedTuple):
    """One alert as it was last written."""

    alert: UUID
    source_id: int
    revision: int
    overdue: bool
    at: datetime
    """When, by the clock of the process that wrote it; it may have been committed later."""

    @property
    def stamp(self) -> str:
        """See `stamp_of`."""
        return stamp_of(self.revision, overdue=self.overdue)


def stamp_of(revision: int, *, overdue: bool) -> str:
    """A text that is another one whenever a row of the worklist says something else about its alert."""
    return f"{revision}{'!' * overdue}"


def since(connection: Connection, moment: datetime, limit: int) -> list[Changed]:
    """Alerts written after `moment`, the latest first, at most `limit`."""
    columns = (alert.c.id, alert.c.source_id, alert.c.revision, alert.c.overdue, alert.c.updated)
    query = select(*columns).where(alert.c.updated > moment).order_by(alert.c.updated.desc())
    return [Changed(*row) for row in connection.execute(query.limit(limit))]
