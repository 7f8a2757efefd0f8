"""A candidate rulebook in the shadow of the one in force: whom both have judged, and what differs."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, func, select, update

from service.store import changed_alerts
from service.store.changed_alerts import ChangedAlert
from service.store.patients import still_there
from service.store.query import among
from service.store.rows import insert_rows
from service.store.schema import decision, patient, shadow, shadow_alert, shadow_person

MOST_UNDER_WAY: Final = 1_000_000
"""Decisions are numbered before they are committed: so many may be under way at most."""


class Shadow(NamedTuple):
    """A candidate, and how far it has come."""

    id: UUID
    at: datetime
    by: str
    """Who put it there, as the audit log names them."""
    candidate_digest: str
    in_force_digest: str
    """Of the rulebook it is compared with."""
    clock: str
    walked_to: int
    """Everybody up to this patient has been judged once."""
    decided_to: int
    """No decision up to this one is to be seen any more."""
    seen_to: int
    """The latest decision there was at `seen_at`."""
    seen_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None


class Person(NamedTuple):
    """Somebody both rulebooks have judged."""

    patient_id: int
    source_id: int
    decision_id: int
    """Their latest by then; 0 where there was none."""
    day: date
    """As of which they were judged."""
    review_on: date | None
    """The day on which one of the two may judge the same record otherwise."""
    failed: bool
    raised: str | None
    """JSON: the days of the alerts by the one and by the other; None where there are none."""


_shadows = select(*(shadow.c[name] for name in Shadow._fields))


def running(connection: Connection, *, hold: bool = False) -> Shadow | None:
    """The one that runs, of which there is one at most; held, nobody else changes it in the meantime."""
    query = _shadows.where(shadow.c.ended_at.is_(None))
    row = connection.execute(query.with_for_update() if hold else query).one_or_none()
    return None if row is None else Shadow(*row)


def latest(connection: Connection) -> Shadow | None:
    """The one that runs, or the last that did."""
    row = connection.execute(_shadows.order_by(shadow.c.at.desc()).limit(1)).one_or_none()
    return None if row is None else Shadow(*row)


def begin(connection: Connection, made: Shadow) -> None:
    """Let one run."""
    connection.execute(shadow.insert().values(made._asdict()))


def change(connection: Connection, shadow_id: UUID, **values: Any) -> None:
    """Write down how far it has come, or that it ended."""
    connection.execute(update(shadow).where(shadow.c.id == shadow_id).values(**values))


def latest_decision(connection: Connection) -> int:
    """The number of the newest decision that can be seen; 0 where there is none."""
    return connection.execute(select(func.max(decision.c.id))).scalar() or 0


def latest_decisions(connection: Connection, numbers: Collection[int]) -> dict[int, int]:
    """The number of each patient's newest decision, of those who have one."""
    query = (
        select(decision.c.patient_id, func.max(decision.c.id))
        .where(among(decision.c.patient_id, numbers))
        .group_by(decision.c.patient_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def decided_since(connection: Connection, of: Shadow, limit: int, after: int) -> list[int]:
    """Patients judged since the candidate judged them: at most `limit`, with ids above `after`."""
    made = (
        select(decision.c.patient_id, func.max(decision.c.id).label("latest"))
        .where(decision.c.id > of.decided_to, decision.c.patient_id > after)
        .group_by(decision.c.patient_id)
        .subquery()
    )
    mine = (shadow_person.c.patient_id == made.c.patient_id) & (shadow_person.c.shadow_id == of.id)
    query = (
        select(made.c.patient_id)
        .outerjoin(shadow_person, mine)
        .where(func.coalesce(shadow_person.c.decision_id, -1) < made.c.latest)
        .order_by(made.c.patient_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def due(connection: Connection, of: Shadow, today: date, limit: int, after: int) -> list[int]:
    """Patients whose day has come: at most `limit`, with ids above `after`."""
    query = select(shadow_person.c.patient_id).where(
        shadow_person.c.shadow_id == of.id,
        shadow_person.c.review_on <= today,
        shadow_person.c.patient_id > after,
    )
    return list(connection.execute(query.order_by(shadow_person.c.patient_id).limit(limit)).scalars())


def persons(connection: Connection, numbers: Collection[int]) -> list[int]:
    """Whose records those of these patients are judged under."""
    query = select(func.coalesce(patient.c.survivor_id, patient.c.id)).where(among(patient.c.id, numbers))
    return sorted(set(connection.execute(query).scalars()))


def save(
    connection: Connection,
    shadow_id: UUID,
    judged: Mapping[Person, Sequence[ChangedAlert]],
    members: Mapping[int, Collection[int]],
    now: datetime,
) -> None:
    """Write down what came of judging some people; what is known of a later decision stays.

    Args:
        connection: in a transaction that may write, which holds the shadow.
        shadow_id: the shadow.
        judged: the people, with every alert that either rulebook raises; of who was erased meanwhile nothing
            is kept.
        members: by person, every patient whose record is judged under theirs, their own too.
        now: since when what is new is so, and until when what is no more was.
    """
    there = still_there(connection, [each.patient_id for each in judged])
    known = _known(connection, shadow_id, there)
    fresh = {
        each: found
        for each, found in judged.items()
        if each.patient_id in there and known.get(each.patient_id, -1) <= each.decision_id
    }
    everybody = [number for each in fresh for number in members[each.patient_id]]
    mine = (shadow_person.c.shadow_id == shadow_id) & among(shadow_person.c.patient_id, everybody)
    connection.execute(shadow_person.delete().where(mine))
    rows = [(shadow_id, *each) for each in fresh]
    insert_rows(connection, shadow_person, ("shadow_id", *Person._fields), rows)
    _replace(connection, shadow_id, everybody, [each for found in fresh.values() for each in found], now)


def _known(connection: Connection, shadow_id: UUID, numbers: Collection[int]) -> dict[int, int]:
    query = select(shadow_person.c.patient_id, shadow_person.c.decision_id).where(
        shadow_person.c.shadow_id == shadow_id, among(shadow_person.c.patient_id, numbers)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _replace(
    connection: Connection,
    shadow_id: UUID,
    patients: Collection[int],
    found: Sequence[ChangedAlert],
    now: datetime,
) -> None:
    """Let what is still so stand with the moment since when it is; end what is not; add what is new."""
    columns = (shadow_alert.c[name] for name in ("id", *ChangedAlert._fields))
    mine = (shadow_alert.c.shadow_id == shadow_id) & among(shadow_alert.c.patient_id, patients)
    before = defaultdict(list)
    for number, *row in connection.execute(select(*columns).where(mine, shadow_alert.c.until.is_(None))):
        before[changed_alerts.of_row(row)].append(number)
    added = []
    for each, count in Counter(found).items():
        standing = before[each]
        kept = min(count, len(standing))
        del standing[:kept]
        added += [(shadow_id, *changed_alerts.plain(each), now)] * (count - kept)
    gone = [number for numbers in before.values() for number in numbers]
    connection.execute(update(shadow_alert).where(among(shadow_alert.c.id, gone)).values(until=now))
    insert_rows(connection, shadow_alert, ("shadow_id", *ChangedAlert._fields, "since"), added)
