"""Judging people's records: assess, reconcile their alerts, and note what was decided, on what."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection

from service.alerts.alert import Alert, Disposition, State
from service.alerts.events import Change
from service.alerts.reconcile import reconcile
from service.alerts.states import day_of
from service.clinical.assess import assess
from service.clinical.episodes import Assessment, Family, Tier
from service.clinical.results import PatientRecord
from service.ingest.in_force import check_in_force
from service.ingest.rules import Rules
from service.settings import code_version
from service.store import alerts as alert_store
from service.store import courses, decisions, histories, outbox, outbox_control, peaks, quarantine
from service.store.decisions import Decision, Outcome
from service.store.outbox import Want
from service.store.patients import PatientRow
from service.store.quarantine import Held
from service.store.sources import Source

log = logging.getLogger(__name__)

FAILED = "assessment-failed"
"""Quarantine reason of a record whose judgement raised an error: kept, unjudged, tried again."""


@dataclass(slots=True)
class _Case:
    """One person's record, and what came of judging it."""

    rows: Sequence[PatientRow]
    """The record it is judged under first, then those merged into it."""
    record: PatientRecord
    as_of: datetime
    assessment: Assessment
    dispositions: Sequence[Disposition]
    """The decisions made on any of its results."""

    @property
    def person(self) -> int:
        return self.rows[0].id


@dataclass(frozen=True, slots=True)
class _Bench:
    """What judging needs, the same for everyone in a transaction."""

    connection: Connection
    rules: Rules
    now: datetime
    sources: Mapping[int, Source]
    alerts: Mapping[int, Sequence[Alert]]
    troubled: Collection[int]
    """Patients whose last judgement failed."""


def judge(  # noqa: PLR0913 - what the transaction holds, each by itself
    connection: Connection,
    locked: Mapping[int, PatientRow],
    people: Collection[int],
    together: Sequence[set[int]],
    known: Mapping[int, Source],
    rules: Rules,
    now: datetime,
    *,
    told: Callable[[Assessment], None] | None = None,
) -> set[int]:
    """Judge people whose patients the transaction has locked; the caller saves the patients afterwards.

    Args:
        connection: the transaction.
        locked: by id, with everyone merged with anyone in `people`.
        people: ids of the records to judge (survivors of their merges).
        together: sets of patients whose merge was made or undone, whose alerts are reconciled together.
        known: the sources of `people`, with the settings that their records were read by.
        rules: what to judge by.
        now: the moment, aware.
        told: called with each assessment; the transaction may yet be rolled back.

    Returns:
        The people whose judgement failed: their records are quarantined as `assessment-failed`.

    Raises:
        RulebookChanged: another rulebook is in force.
    """
    if not people:
        return set()
    check_in_force(connection, rules, now)
    pools = _pools(locked, people, together)
    members = {person: _members(locked, person) for pool in pools for person in pool}
    bench = _bench(connection, [row for rows in members.values() for row in rows], known, rules, now)
    names = {key: each.name for key, each in bench.sources.items()}
    records = histories.records(connection, members, names)
    made = alert_store.dispositions_on(connection, evidence_of(members, records))
    failed: set[int] = set()
    noted: list[tuple[Decision, Outcome]] = []
    changed: dict[int, list[Change]] = {}
    for pool in pools:
        rows = [row for person in pool for row in members[person]]
        try:
            cases = [
                _assess(members[person], records[person], made.get(person, ()), rules, now) for person in pool
            ]
            changes = _reconcile(bench, rows, cases)
        except Exception as error:  # noqa: BLE001 - one record that cannot be judged must not stop the others
            failed |= set(pool)
            hold_failed(connection, rows, error, now)
            continue
        noted += [_conclude(bench, case) for case in cases]
        if told is not None:
            for case in cases:
                told(case.assessment)
        changed.setdefault(rows[0].source_id, []).extend(changes)
    for source_id, changes in changed.items():
        alert_store.save(connection, changes, source_id, now)
        _want(connection, changes, bench.sources[source_id], rules, now)
    decisions.record(connection, noted)
    return failed


def _pools(
    locked: Mapping[int, PatientRow], people: Collection[int], together: Sequence[set[int]]
) -> list[list[int]]:
    """Who is reconciled with whom: mostly everyone alone."""
    pooled = [sorted({locked[each].person for each in group}) for group in together]
    done = {person for group in pooled for person in group}
    return pooled + [[person] for person in sorted(set(people) - done)]


def _members(locked: Mapping[int, PatientRow], person: int) -> list[PatientRow]:
    merged = sorted((row for row in locked.values() if row.survivor_id == person), key=lambda row: row.id)
    return [locked[person], *merged]


def _bench(
    connection: Connection,
    rows: Sequence[PatientRow],
    known: Mapping[int, Source],
    rules: Rules,
    now: datetime,
) -> _Bench:
    ids = [row.id for row in rows]
    texts = {rules.rulebook.digest: rules.rulebook.text}
    texts |= {each.settings.digest: each.settings.judged_text for each in known.values()}
    texts |= {rules.digest(each): rules.text(each) for each in known.values()}
    decisions.keep_texts(connection, texts, now)
    alerts: dict[int, list[Alert]] = {}
    for alert in alert_store.of_patients(connection, ids):
        alerts.setdefault(alert.subject, []).append(alert)
    troubled = quarantine.patients_held(connection, ids, FAILED)
    return _Bench(connection, rules, now, known, alerts, troubled)


def evidence_of(
    members: Mapping[int, Sequence[PatientRow]], records: Mapping[int, PatientRecord]
) -> dict[int, set[tuple[int, str]]]:
    """The (source, Observation id) pairs of each person's record, by which decisions on it are found."""
    return {
        person: {(rows[0].source_id, result.key.observation_id) for result in records[person].results}
        for person, rows in members.items()
    }


def _assess(
    rows: Sequence[PatientRow],
    record: PatientRecord,
    dispositions: Sequence[Disposition],
    rules: Rules,
    now: datetime,
) -> _Case:
    as_of = now
    if rules.clock == "data":
        as_of = histories.newest(record, now) or now
    return _Case(rows, record, as_of, assess(record, rules.rulebook, as_of), dispositions)


def _reconcile(bench: _Bench, rows: Sequence[PatientRow], cases: Sequence[_Case]) -> Sequence[Change]:
    standing = [alert for row in rows for alert in bench.alerts.get(row.id, ())]
    decided = {made.id: made for case in cases for made in case.dispositions}
    episodes = [(case.person, episode) for case in cases for episode in case.assessment.episodes]
    as_of = max(case.as_of for case in cases)
    return reconcile(standing, list(decided.values()), episodes, as_of, uuid4, now=bench.now)


def _conclude(bench: _Bench, case: _Case) -> tuple[Decision, Outcome]:
    """Say on the patients what came of it, under what, until when that holds; and what to note of it."""
    source = bench.sources[case.rows[0].source_id]
    for row in case.rows:
        if row.id in bench.troubled:
            quarantine.release_patient(bench.connection, row.id, FAILED, bench.now, "judged")
        row.judged_revision = row.revision
        row.review_on = row.course = row.peaks = None
    course = courses.course_of(case.assessment, deceased=case.record.deceased)
    case.rows[0].course = courses.encode(course)
    case.rows[0].peaks = peaks.encode(case.assessment)
    if bench.rules.clock == "system":
        case.rows[0].review_on = next_review(case.assessment, case.dispositions, case.as_of)
    outcome = Outcome.of(case.assessment)
    made = Decision(
        case.person,
        bench.now,
        case.as_of,
        decisions.encode_inputs([(row.id, row.revision) for row in case.rows]),
        decisions.encode_ids([each.id for each in case.dispositions]),
        bench.rules.rulebook.digest,
        source.settings.digest,
        code_version(),
        outcome.digest,
    )
    return made, outcome


def next_review(assessment: Assessment, dispositions: Sequence[Disposition], as_of: datetime) -> date | None:
    """The next day on which the same record reads differently, or may do so.

    An episode goes dormant or a recheck is overdue, as the assessment says; what a decision put to sleep
    wakes on its date, or is overdue the day after.
    """
    dates = [made.until for made in dispositions if made.until is not None]
    days = [*dates, *(day + timedelta(days=1) for day in dates if day < date.max)]
    if assessment.next_review is not None:
        days.append(assessment.next_review)
    return min((day for day in days if day > day_of(as_of)), default=None)


def hold_failed(connection: Connection, rows: Sequence[PatientRow], error: Exception, now: datetime) -> None:
    """Quarantine the records of somebody who could not be judged, unless they are there for that already."""
    log.error("a record could not be judged; it is kept, quarantined and tried again", exc_info=_place(error))
    detail = f"judging this record raised {type(error).__name__}; the record is kept and tried again"
    troubled = quarantine.patients_held(connection, [row.id for row in rows], FAILED)
    held = [
        Held(0, row.source_id, None, row.id, FAILED, None, detail, None, now, None)
        for row in rows
        if row.id not in troubled
    ]
    quarantine.hold(connection, held)


def _place(error: Exception) -> Exception:
    """The error without its message, which could hold patient data; its traceback says where."""
    return RuntimeError(type(error).__name__).with_traceback(error.__traceback__)


def _want(
    connection: Connection, changes: Sequence[Change], source: Source, rules: Rules, now: datetime
) -> None:
    """Ask for what the EHR must now hold; urgent changes at once, others when they have settled."""
    if not source.settings.writes:
        return
    wanted = [
        Want(alert.id, source.id, alert.revision, now if alert.tier is Tier.URGENT else now + rules.settle)
        for alert in (change.after for change in changes if change.content_changed)
        if not _never_written(connection, alert, rules)
    ]
    outbox.want(connection, wanted)


def _never_written(connection: Connection, alert: Alert, rules: Rules) -> bool:
    """Whether it is for the time line only: gone before it was sent, over when first seen, or dormant.

    That a recheck was late is over once it came: where nobody was told, nobody is.
    """
    over = alert.state is State.RESOLVED and rules.backfill_writes == "open"
    came = over and alert.family is Family.FOLLOW_UP
    if came or alert.state in (State.ENTERED_IN_ERROR, State.MERGED):
        return outbox.forget(connection, alert.id)
    if over or alert.state is State.DORMANT:
        return outbox_control.line(connection, alert.id) is None
    return False
