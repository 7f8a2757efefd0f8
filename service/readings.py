"""How the results behind alerts read together, worked out from the stored records when somebody looks."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from service.alerts.alert import Alert, State
from service.assessments import moment
from service.clinical.interpretation import interpret
from service.clinical.readings import Interpretation
from service.ingest import Rules
from service.store import histories, sources
from service.store.people import by_number

PAGE = 200
"""People whose records are read at a time."""


def interpretations(
    connection: Connection, alerts: Iterable[Alert], rules: Rules, now: datetime
) -> dict[UUID, list[Interpretation]]:
    """By alert; none for one that was withdrawn or merged, for its results are elsewhere or wrong.

    Args:
        connection: an open transaction.
        alerts: those to be read.
        rules: what to read them by.
        now: the moment, aware; each record's own newest result where the rules' clock says so.
    """
    of_person: dict[int, list[Alert]] = {}
    for alert in alerts:
        if alert.state not in (State.ENTERED_IN_ERROR, State.MERGED):
            of_person.setdefault(alert.subject, []).append(alert)
    names = {each.id: each.name for each in sources.every(connection)}
    subjects = sorted(of_person)
    found: dict[UUID, list[Interpretation]] = {}
    for start in range(0, len(subjects), PAGE):
        some = subjects[start : start + PAGE]
        people = by_number(connection, some)
        for person, record in histories.records(connection, people, names).items():
            as_of = moment(record, rules, now)
            for alert in of_person.get(person, ()):
                found[alert.id] = interpret(record, rules.rulebook, alert.episode, as_of)
    return found
