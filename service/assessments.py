"""What stored records say under the rules of now, with nothing decided: for lists, reports and summaries."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from service.clinical.assess import assess
from service.clinical.episodes import Assessment
from service.clinical.results import PatientRecord
from service.ingest import Rules
from service.store import histories, sources
from service.store.patients import PatientRow
from service.store.people import people
from service.store.session import reading

PAGE = 200
"""People read at a time."""


class Assessed(NamedTuple):
    """One person's record and what it says."""

    rows: Sequence[PatientRow]
    """The survivor of merges first."""
    source: str
    record: PatientRecord
    assessment: Assessment
    as_of: datetime


def assessments(
    engine: Engine, rules: Rules, now: datetime, *, source: str | None = None, patient: str | None = None
) -> Iterator[Assessed]:
    """Assess everybody, a page of people at a time, in order of the store's number.

    Args:
        engine: the database.
        rules: what to judge by.
        now: the moment, aware; each record's own newest result where the rules' clock says so.
        source: only this source's patients.
        patient: only people with a record of this id in their source.

    Raises:
        NotFound: there is no such source.
    """
    with reading(engine) as connection:
        names = {each.id: each.name for each in sources.every(connection)}
        only = sources.by_name(connection, source).id if source is not None else None
    after = 0
    while True:
        with reading(engine) as connection:
            page = people(connection, after=after, limit=PAGE, source_id=only, fhir_id=patient)
            assessed = assess_people(connection, page, names, rules, now)
        if not page:
            return
        after = max(page)
        yield from assessed


def assess_people(
    connection: Connection,
    page: Mapping[int, Sequence[PatientRow]],
    source_names: Mapping[int, str],
    rules: Rules,
    now: datetime,
) -> list[Assessed]:
    """Assess the people given, each with the rows of their records."""
    records = histories.records(connection, page, source_names)
    found = []
    for person, rows in page.items():
        record = records[person]
        as_of = moment(record, rules, now)
        assessment = assess(record, rules.rulebook, as_of)
        found.append(Assessed(rows, source_names[rows[0].source_id], record, assessment, as_of))
    return found


def moment(record: PatientRecord, rules: Rules, now: datetime) -> datetime:
    """As of when a record is judged: now, or its own newest result."""
    return (histories.newest(record, now) or now) if rules.clock == "data" else now
