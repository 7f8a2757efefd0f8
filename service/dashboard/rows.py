"""Rows for whoever looks: of the sources they may see, with what they may do."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from service.alerts.alert import Alert
from service.assessments import moment
from service.clinical.readings import Readings
from service.dashboard import meanwhile
from service.dashboard.access import Role, User
from service.dashboard.alert_views import Notice, Row, row_of
from service.errors import Erased, NotFound
from service.ingest import Rules
from service.store import alerts, audit_log, histories, sources, worklist
from service.store.people import by_number
from service.store.worklist import Line

DECIDERS: Final = (Role.NURSE, Role.PHYSICIAN)
"""Who may decide about alerts."""


def may_decide(user: User) -> bool:
    """Whether they may do more than look."""
    return not user.roles.isdisjoint(DECIDERS)


def visible(connection: Connection, user: User) -> dict[int, str]:
    """The sources that a user may see, by the store's numbers."""
    return {each.id: each.name for each in sources.every(connection) if each.name in user.sources}


def rows_of(
    connection: Connection,
    lines: Sequence[Line],
    rules: Rules,
    now: datetime,
    user: User,
    notices: Mapping[UUID, Notice] | None = None,
) -> list[Row]:
    """Lines as they are read; the records behind a whole page are read at once."""
    names = visible(connection, user)
    people = by_number(connection, {line.alert.subject for line in lines})
    others: dict[int, list[Alert]] = {}
    for alert in alerts.of_patients(connection, people):
        others.setdefault(alert.subject, []).append(alert)
    records = histories.records(connection, people, names)
    readings: dict[int, tuple[Readings, datetime]] = {}
    for person, record in records.items():
        as_of = moment(record, rules, now)
        readings[person] = Readings(record, rules.rulebook, as_of), as_of
    return [
        row_of(
            line,
            names[line.source_id],
            readings[line.alert.subject][0],
            readings[line.alert.subject][1].date(),
            others=others[line.alert.subject],
            may_decide=may_decide(user),
            notice=(notices or {}).get(line.alert.id),
        )
        for line in lines
    ]


def line_of(connection: Connection, user: User, alert_id: UUID) -> Line:
    """The alert, if it is of a source that the user may see.

    Raises:
        NotFound: it is not, or there is none.
        Erased: there was one.
    """
    seen = visible(connection, user)
    found = worklist.lines(connection, list(seen), alerts=[alert_id])
    if not found:
        raise audit_log.erasure_of(connection, seen, alert_id) or NotFound("there is no such alert")
    return found[0]


def row_alone(
    connection: Connection, user: User, rules: Rules, now: datetime, line: Line, notice: Notice | None = None
) -> Row:
    """One line as it is read, with what has just happened to it."""
    told = {} if notice is None else {line.alert.id: notice}
    (row,) = rows_of(connection, [line], rules, now, user, told)
    return row


def done_row(connection: Connection, user: User, rules: Rules, now: datetime, done: str) -> Row | None:
    """The alert that a form has just decided about, as the address names it; None where it names none."""
    try:
        line = line_of(connection, user, UUID(done))
    except (ValueError, NotFound, Erased):
        return None
    notice = meanwhile.done(connection, line.alert, user.names)
    return row_alone(connection, user, rules, now, line, notice) if notice else None
