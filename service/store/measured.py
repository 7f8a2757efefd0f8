"""What measures count, read in order and in pages: however much there is, little of it is held at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, exists, select

from service.alerts.alert import Alert, Disposition, Remark
from service.alerts.events import EventKind
from service.store import alerts as alerts_store
from service.store import courses, remarks
from service.store.alerts import Happened
from service.store.courses import Course
from service.store.lost import may_be_the_feeds, stored_at
from service.store.query import among
from service.store.schema import (
    alert,
    alert_event,
    disposition,
    is_fed_or_found,
    is_live,
    patient,
    patient_name,
    quarantine,
    resource,
    superseded,
)
from service.store.ways import Way

PAGE = 1000
"""Alerts read at a time."""
CAME: Final = frozenset({EventKind.RAISED, EventKind.REOPENED, EventKind.AWAKENED, EventKind.REINSTATED})
"""Events from which on somebody has to act on an alert, unless a decision made before says otherwise."""
_disposition_of = msgspec.json.Decoder(Disposition)


class Subject(NamedTuple):
    """Whom something that is counted is about."""

    source_id: int
    number: int | None
    """The store's; None where the record says of nobody."""
    public_id: UUID | None
    fhir_id: str | None
    """In the source."""
    sex: str | None
    born: date | None
    ethnicity: str | None
    language: str | None


class Raised(NamedTuple):
    """One alert with all that was done about it, oldest first."""

    subject: Subject
    alert: Alert
    events: list[Happened]
    decisions: list[Disposition]
    """Made on it, or on another alert with whose results they came to stand on it."""
    remarks: list[Remark]


class Stored(NamedTuple):
    """One version of one Observation, as its EHR stored it."""

    subject: Subject
    at: datetime
    """When the EHR stored it, as it says itself; never after it came, whatever the clock of the EHR says."""
    received: datetime
    way: Way
    """By which it came."""


class Arrival(NamedTuple):
    """The latest version of one Observation."""

    subject: Subject
    received: datetime
    last_updated: datetime | None
    """When the EHR stored it, as it says itself."""
    held: bool
    """It waits in quarantine."""


_SUBJECT = (
    *(patient.c.id, patient.c.public_id, patient.c.fhir_id, patient.c.sex, patient.c.birth_date),
    *(patient.c.ethnicity, patient.c.language),
)


def alerts_asking(
    connection: Connection, sources: Collection[int], since: datetime, until: datetime
) -> Iterator[Raised]:
    """The alerts of these sources that were raised or came back from `since` on and before `until`."""
    asked = select(alert_event.c.alert_id).where(
        alert_event.c.kind.in_([each.value for each in CAME]),
        alert_event.c.at >= since,
        alert_event.c.at < until,
    )
    query = (
        select(alert.c.id, alert.c.source_id, alert.c.content, *_SUBJECT[1:], alert.c.patient_id)
        .join(patient, patient.c.id == alert.c.patient_id)
        .where(among(alert.c.source_id, sources), alert.c.id.in_(asked))
    )
    for page in connection.execute(query.execution_options(yield_per=PAGE)).partitions():
        contents = {row.id: alerts_store.decode(row.content) for row in page}
        happened = _by_alert(alerts_store.events_of(connection, contents))
        said = _by_alert(remarks.of_alerts(connection, contents))
        made = _decisions(connection, contents)
        for row in page:
            subject = _subject(row, row.source_id, row.patient_id)
            yield Raised(subject, contents[row.id], happened[row.id], made[row.id], said[row.id])


def people_judged(connection: Connection, sources: Collection[int]) -> Iterator[tuple[Subject, Course]]:
    """Everybody of these sources of whose last judgement there is anything to count."""
    query = (
        select(patient.c.source_id, patient.c.course, *_SUBJECT)
        .where(among(patient.c.source_id, sources), patient.c.course.is_not(None))
        .order_by(patient.c.id)
    )
    for row in _streamed(connection, query):
        yield _subject(row, row.source_id, row.id), courses.decode(row.course)


def observations_received(
    connection: Connection, sources: Collection[int], since: datetime, until: datetime
) -> Iterator[Arrival]:
    """The Observations whose latest version came from `since` on and before `until`, but for deletions."""
    held = exists().where(
        quarantine.c.source_id == resource.c.source_id,
        quarantine.c.key == resource.c.key,
        quarantine.c.resolved.is_(None),
    )
    columns = (resource.c.source_id, resource.c.received, resource.c.last_updated, held.label("held"))
    query = (
        select(*columns, *_SUBJECT)
        .outerjoin(patient, patient.c.id == resource.c.patient_id)
        .where(
            among(resource.c.source_id, sources),
            resource.c.received >= since,
            resource.c.received < until,
            resource.c.key.startswith("Observation/"),
            resource.c.state == "live",
        )
        .order_by(resource.c.source_id, resource.c.received)
    )
    for row in _streamed(connection, query):
        yield Arrival(
            _subject(row, row.source_id, row.id), row.received, row.last_updated, held=bool(row.held)
        )


def observations_stored(
    connection: Connection, sources: Collection[int], since: datetime, until: datetime
) -> Iterator[Stored]:
    """The versions of Observations that EHRs stored from `since` on and before `until`, without deletions.

    Of what came in files, or with somebody's past, and in no other way, nobody knows whether the feed was to
    bring it: it is left out, as is what does not say when it was stored, and what may be the feed's in other
    words.
    """
    fed_or_found = resource.c.way.in_(("feed", "catch-up"))
    for table, counts in (
        (resource, and_(is_live, fed_or_found)),
        (superseded, and_(is_fed_or_found, superseded.c.state == "live", _is_read_again_nowhere())),
    ):
        stored = stored_at(table)
        query = (
            select(table.c.source_id, table.c.received, stored.label("at"), table.c.way, *_SUBJECT)
            .outerjoin(patient, patient.c.id == table.c.patient_id)
            .where(
                among(table.c.source_id, sources),
                counts,
                table.c.received >= since,  # nothing is stored after it came: the index knows this alone
                stored >= since,
                stored < until,
                table.c.key.startswith("Observation/"),
                ~may_be_the_feeds(table),
            )
        )
        for row in _streamed(connection, query):
            yield Stored(_subject(row, row.source_id, row.id), row.at, row.received, row.way)


def _is_read_again_nowhere() -> ColumnElement[bool]:
    """Of a superseded version: it has no other row, as one has that was read again."""
    later = superseded.alias()
    return and_(
        ~exists().where(later.c.id > superseded.c.id, *_same_bytes(later)),
        ~exists().where(*_same_bytes(resource)),
    )


def _same_bytes(other: FromClause) -> tuple[ColumnElement[bool], ...]:
    names = ("source_id", "key", "digest")
    return tuple(other.c[name] == superseded.c[name] for name in names)


def names_of(connection: Connection, numbers: Collection[int]) -> dict[int, str]:
    """What people are called; those of whom no Patient states a name are left out."""
    query = select(patient_name.c.patient_id, patient_name.c.shown).where(
        among(patient_name.c.patient_id, numbers)
    )
    return {row.patient_id: row.shown for row in connection.execute(query)}


def _subject(row: Any, source_id: int, number: int | None) -> Subject:
    known = (row.public_id, row.fhir_id, row.sex, row.birth_date, row.ethnicity, row.language)
    return Subject(source_id, number, *known)


def _decisions(connection: Connection, contents: Mapping[UUID, Alert]) -> Mapping[UUID, list[Disposition]]:
    """What was decided on those alerts, whoever's their results are since, and what else stands on them."""
    query = select(disposition.c.alert_id, disposition.c.content).where(
        among(disposition.c.alert_id, contents)
    )
    found: dict[UUID, dict[UUID, Disposition]] = defaultdict(dict)
    for row in connection.execute(query):
        made = _disposition_of.decode(row.content)
        found[row.alert_id][made.id] = made
    wanted = {key: set(content.dispositions) - found[key].keys() for key, content in contents.items()}
    came = {made.id: made for made in alerts_store.dispositions_of(connection, set().union(*wanted.values()))}
    for key, ids in wanted.items():
        found[key].update({each: came[each] for each in ids & came.keys()})
    return {key: sorted(made.values(), key=lambda each: (each.at, each.id)) for key, made in found.items()}


def _by_alert(rows: Collection[Any]) -> Mapping[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.alert_id].append(row)
    return found


def _streamed(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    yield from connection.execute(query.execution_options(yield_per=PAGE))
