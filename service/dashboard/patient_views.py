"""Everything that a patient's page says, read from one state of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from service import plans
from service.alerts.alert import Disposition
from service.assessments import moment
from service.charts.revisions import Older, older_results, revisions_of, times_changed
from service.clinical.readings import Interpretation, Readings
from service.clinical.results import PatientRecord, ResultKey
from service.dashboard import meanwhile
from service.dashboard.access import User
from service.dashboard.alert_views import Row
from service.dashboard.looking import Look
from service.dashboard.reason_views import Why, what_would_change, whys
from service.dashboard.result_views import Earlier, Grid, Shown, earlier, grid_of, shown_results
from service.dashboard.rows import rows_of
from service.dashboard.story_views import Moment, story
from service.fhir.encode import is_erroneous
from service.fhir.wording import standing
from service.ingest import Rules
from service.readings import interpretations
from service.store import (
    alerts,
    histories,
    identities,
    names,
    people,
    quarantine,
    remarks,
    sources,
    worklist,
)
from service.store.alerts import Happened
from service.store.patients import PatientRow
from service.store.quarantine import Held
from service.store.worklist import Line


@dataclass(frozen=True, slots=True)
class Part:
    """One alert in full."""

    row: Row
    over: bool
    standing: Sequence[str]
    whys: Sequence[Why]
    notes: Sequence[str]
    changes: Sequence[str]
    """What would change it."""
    interpretation: Sequence[Interpretation]
    plan: Mapping[str, Any]

    @property
    def written_about(self) -> bool:
        """Whether a letter can be: not once it was withdrawn or merged into another."""
        return not is_erroneous(self.row.alert)


@dataclass(frozen=True, slots=True)
class Portrait:
    """A person's page."""

    number: int
    public_id: UUID
    source_id: int
    source: str
    name: str
    born: str
    sex: str
    age: int | None
    deceased: bool
    records: Mapping[str, str | None]
    """Ids of the person's Patients, and where each is opened in the EHR, where the source says."""
    identifiers: Sequence[str]
    parts: Sequence[Part]
    grid: Grid
    left_out: Sequence[Shown]
    earlier: Sequence[Earlier]
    held: Sequence[Held]
    story: Sequence[Moment]

    @property
    def drawable(self) -> bool:
        """Whether there is anything that a chart could show."""
        return bool(self.grid.days or self.earlier)


def portrait(connection: Connection, looked: Look, rules: Rules) -> Portrait:
    """What there is to say of the person who is looked at."""
    user, seen, rows, now = looked.user, looked.sources, looked.rows, looked.now
    number = rows[0].id
    record = histories.records(connection, {number: rows}, seen)[number]
    as_of = moment(record, rules, now)
    readings = Readings(record, rules.rulebook, as_of)
    lines = worklist.lines(connection, list(seen), people=[number])
    older = older_results(connection, rows, rules.rulebook)
    shown = shown_results(record, rules.rulebook, as_of, _corrected(connection, rows, record, older))
    called = names.of_patients(connection, [number]).get(number)
    ids, source = [row.fhir_id for row in rows], sources.by_id(connection, rows[0].source_id)
    return Portrait(
        number=number,
        public_id=people.public_id_of(connection, number),
        source_id=rows[0].source_id,
        source=source.name,
        name=(called.name if called else "") or f"Patient {rows[0].fhir_id}",
        born=called.born if called else "",
        sex=record.sex.value if record.sex else "sex not known",
        age=readings.age(as_of.date()),
        deceased=record.deceased,
        records={each: source.settings.record_of(each) for each in ids},
        identifiers=sorted(identities.identifiers_of(connection, rows[0].source_id, ids)),
        parts=_parts(connection, user, lines, readings, shown, rules, now),
        grid=grid_of(shown),
        left_out=[one for one in shown if one.left_out],
        earlier=earlier(older, {one.key: one for one in record.results}),
        held=quarantine.of_patients(connection, [row.id for row in rows]),
        story=_story(connection, lines),
    )


def _parts(
    connection: Connection,
    user: User,
    lines: Sequence[Line],
    readings: Readings,
    shown: Sequence[Shown],
    rules: Rules,
    now: datetime,
) -> list[Part]:
    read = interpretations(connection, [line.alert for line in lines], rules, now)
    by_key = {one.key: one for one in shown}
    return [
        Part(
            row=row,
            over=not line.place.place,
            standing=standing(line.alert),
            whys=whys(line.alert, by_key, rules.rulebook),
            notes=line.alert.episode.notes,
            changes=what_would_change(line.alert, readings.values, rules.rulebook),
            interpretation=read.get(line.alert.id, ()),
            plan=plans.as_objects(line.alert),
        )
        for line, row in zip(lines, rows_of(connection, lines, rules, now, user), strict=True)
    ]


def _corrected(
    connection: Connection, rows: Sequence[PatientRow], record: PatientRecord, older: Sequence[Older]
) -> dict[ResultKey, int]:
    """How many times each result was corrected; once at least where its laboratory says so."""
    said = revisions_of(connection, rows, record.results, older).corrected
    return dict.fromkeys(said, 1) | times_changed(older, record.results)


def _story(connection: Connection, lines: Sequence[Line]) -> list[Moment]:
    ids = [line.alert.id for line in lines]
    titles = {line.alert.id: meanwhile.title(line.alert) for line in lines}
    decided: list[tuple[UUID, Disposition]] = [
        (line.alert.id, made)
        for line in lines
        for made in alerts.dispositions_of(connection, line.alert.dispositions)
    ]
    happened: list[Happened] = alerts.events_of(connection, ids)
    return story(titles, happened, decided, remarks.of_alerts(connection, ids))
