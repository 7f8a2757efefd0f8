"""The worklist: alerts that somebody has to act on, as people work through them, a page at a time.

An alert carries its place as text that sorts (`alerts.place_of`), and one index holds the places with all
that is filtered by: a page is a walk along it, however many alerts there are.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select, tuple_

from service.alerts.alert import Alert, State
from service.clinical.causes.cause import CauseName
from service.clinical.episodes import Family, Tier
from service.store import alerts as alerts_store
from service.store.names import called
from service.store.query import among
from service.store.schema import alert, patient, patient_identifier, patient_name


class Place(NamedTuple):
    """Where a page ends and the next one begins."""

    place: str
    alert: UUID


class Line(NamedTuple):
    """One alert of a page, with whose it is."""

    alert: Alert
    place: Place
    source_id: int
    public_id: UUID
    fhir_id: str
    name: str
    """Empty where no Patient states one."""
    born: str
    """The birth date as stated; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts; of what is None or empty, all."""

    tier: Tier | None = None
    family: Family | None = None
    states: Collection[State] = ()
    owners: frozenset[str] = frozenset()
    """Names by which they are known: those of one person, mostly one."""
    unowned: bool = False
    cause: CauseName | None = None
    born_after: date | None = None
    """Younger people: born later than this day."""
    born_by: date | None = None
    """Older people: born on this day or before."""
    people: Collection[int] | None = None
    """Only alerts of these people; see `named`."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many alerts there are, over all pages."""

    tiers: Mapping[Tier, int]
    unowned: int

    @property
    def total(self) -> int:
        """Of every tier."""
        return sum(self.tiers.values())


def page(
    connection: Connection, sources: Collection[int], wanted: Wanted, limit: int, after: Place | None = None
) -> list[Line]:
    """The alerts after `after`, at most `limit`, as people work through them.

    Args:
        connection: an open transaction.
        sources: ids of those that may be seen.
        wanted: which alerts.
        limit: how many at most.
        after: the place of the last one seen.
    """
    query = _chosen(select(*_LINE), sources, wanted)
    if after is not None:
        query = query.where(tuple_(alert.c.place, alert.c.id) > tuple_(*after))
    rows = connection.execute(query.order_by(alert.c.place, alert.c.id).limit(limit))
    return [_line(row) for row in rows]


def lines(
    connection: Connection,
    sources: Collection[int],
    *,
    alerts: Collection[UUID] = (),
    people: Collection[int] = (),
) -> list[Line]:
    """Alerts by their ids or whose they are, those that are over too: the live ones first.

    Args:
        connection: an open transaction.
        sources: ids of those that may be seen; of any other there are none.
        alerts: ids of alerts.
        people: numbers of people.
    """
    found = alert.join(patient, patient.c.id == alert.c.patient_id).outerjoin(
        patient_name, patient_name.c.patient_id == alert.c.patient_id
    )
    named = or_(among(alert.c.id, alerts), among(alert.c.patient_id, people))
    query = select(*_LINE).select_from(found).where(among(alert.c.source_id, sources), named)
    ordered = query.order_by(alert.c.place.is_(None), alert.c.place, alert.c.created.desc(), alert.c.id)
    return [_line(row) for row in connection.execute(ordered)]


_LINE = (
    *(alert.c.content, alert.c.place, alert.c.id, alert.c.source_id, patient.c.public_id),
    *(patient.c.fhir_id, patient_name.c.shown, patient_name.c.born),
)


def _line(row: Row[*tuple[Any, ...]]) -> Line:
    return Line(
        alerts_store.decode(row.content),
        Place(row.place or "", row.id),
        row.source_id,
        row.public_id,
        row.fhir_id,
        row.shown or "",
        row.born or "",
    )


def count(connection: Connection, sources: Collection[int], wanted: Wanted) -> Counts:
    """How many there are on all pages, by tier, and how many that nobody looks after."""
    query = _chosen(select(alert.c.tier, func.count(), func.count(alert.c.owner)), sources, wanted)
    rows = connection.execute(query.group_by(alert.c.tier)).all()
    return Counts({Tier(row[0]): row[1] for row in rows}, sum(row[1] - row[2] for row in rows))


def totals(connection: Connection, asked: Sequence[tuple[Collection[int], Wanted]]) -> list[int]:
    """How many alerts there are of each kind asked for, on all pages: counted on one walk for all of them."""
    if not asked:
        return []
    aged = any(_of_age(wanted) for _, wanted in asked)
    found = alert.join(patient, patient.c.id == alert.c.patient_id) if aged else alert
    each = [func.count().filter(*_conditions(sources, wanted)) for sources, wanted in asked]
    query = select(*each).select_from(found).where(alert.c.place.is_not(None))
    return list(connection.execute(query).one())


def matching(
    connection: Connection, sources: Collection[int], wanted: Wanted, alerts: Collection[UUID]
) -> set[UUID]:
    """Which of these alerts are among those wanted."""
    query = _chosen(select(alert.c.id), sources, wanted).where(among(alert.c.id, alerts))
    return set(connection.execute(query).scalars())


def named(connection: Connection, sources: Collection[int], words: str) -> set[int]:
    """People with an alert that somebody has to act on, whom these words name.

    By the beginnings of words of the name; by the id in the source; or by a whole identifier of any of the
    person's records, with its system (`system|value`) or without.
    """
    text, record, column = words.strip(), patient.alias(), patient_identifier.c
    live = select(alert.c.patient_id).where(_seen(sources))
    with_name = live.join(patient_name, patient_name.c.patient_id == alert.c.patient_id).where(called(text))
    of_source = and_(among(patient.c.source_id, sources), patient.c.fhir_id == text)
    with_id = select(func.coalesce(patient.c.survivor_id, patient.c.id)).where(of_source)
    found = set(connection.execute(with_name).scalars()) | set(connection.execute(with_id).scalars())
    if "|" in text:
        carries = and_(among(column.source_id, sources), column.identifier == text)
        carriers = select(func.coalesce(record.c.survivor_id, record.c.id)).join(
            patient_identifier, column.patient_id == record.c.id
        )
        return found | set(connection.execute(carriers.where(carries)).scalars())
    ends = column.identifier.endswith(f"|{text}", autoescape=True)
    own = live.join(patient_identifier, column.patient_id == alert.c.patient_id).where(ends)
    merged = (
        live.join(record, record.c.survivor_id == alert.c.patient_id)
        .join(patient_identifier, column.patient_id == record.c.id)
        .where(ends)
    )
    return found.union(connection.execute(own).scalars(), connection.execute(merged).scalars())


def owners(connection: Connection, sources: Collection[int]) -> list[str]:
    """Everybody who looks after an alert."""
    query = select(alert.c.owner).distinct().where(_seen(sources), alert.c.owner.is_not(None))
    return sorted(connection.execute(query).scalars(), key=str.casefold)


def _seen(sources: Collection[int]) -> ColumnElement[bool]:
    return and_(alert.c.place.is_not(None), among(alert.c.source_id, sources))


def _chosen(query: Select[Any], sources: Collection[int], wanted: Wanted) -> Select[Any]:
    """`query`, of the alerts wanted, with no more tables than it takes to find them."""
    conditions = _conditions(sources, wanted)
    told = {column.table for column in query.selected_columns if hasattr(column, "table")}
    found = alert.join(patient, patient.c.id == alert.c.patient_id)
    if patient_name in told:
        found = found.outerjoin(patient_name, patient_name.c.patient_id == alert.c.patient_id)
    elif not _of_age(wanted):
        return query.select_from(alert).where(*conditions)
    return query.select_from(found).where(*conditions)


def _conditions(sources: Collection[int], wanted: Wanted) -> list[ColumnElement[bool]]:
    return [_seen(sources), *_of_alert(wanted), *_of_age(wanted)]


def _of_alert(wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.tier is not None:
        found.append(alert.c.tier == int(wanted.tier))
    if wanted.family is not None:
        found.append(alert.c.family == wanted.family.value)
    if wanted.states:
        # An expression, or SQLite would leave the worklist's order for the index by state, and sort.
        state = func.coalesce(alert.c.state, "")
        found.append(state.in_([each.value for each in wanted.states]))
    if wanted.unowned:
        found.append(alert.c.owner.is_(None))
    elif wanted.owners:
        found.append(alert.c.owner.in_(sorted(wanted.owners)))
    if wanted.cause is not None:
        found.append(alert.c.cause == wanted.cause.value)
    if wanted.people is not None:
        found.append(among(alert.c.patient_id, wanted.people))
    return found


def _of_age(wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.born_after is not None:
        found.append(patient.c.birth_date > wanted.born_after)
    if wanted.born_by is not None:
        found.append(patient.c.birth_date <= wanted.born_by)
    return found
