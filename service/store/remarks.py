"""What people say of alerts beside what they decide about them."""

from collections.abc import Collection

from sqlalchemy import Connection, insert, select

from service.alerts.alert import Remark, RemarkKind
from service.store.query import among
from service.store.schema import remark


def add(connection: Connection, made: Remark) -> None:
    """Keep one."""
    connection.execute(
        insert(remark).values(
            id=made.id, alert_id=made.alert_id, at=made.at, by=made.by, kind=made.kind.value, text=made.text
        )
    )


def of_alerts(connection: Connection, ids: Collection[object]) -> list[Remark]:
    """All that was said of those alerts, oldest first."""
    query = select(remark).where(among(remark.c.alert_id, ids)).order_by(remark.c.at, remark.c.id)
    return [
        Remark(row.id, row.alert_id, row.at, row.by, RemarkKind(row.kind), row.text)
        for row in connection.execute(query)
    ]
