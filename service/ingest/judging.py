"""Judging people's records: assess, reconcile their alerts, and note what was decided, on what."""

import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy import Connection

from service.alerts.alert import Alert, Disposition, State
from service.alerts.reconcile import Change, reconcile
from service.clinical.assess import assess
from service.clinical.episodes import Assessment, Tier
from service.clinical.results import PatientRecord
from service.clinical.rulebook import Rulebook
from service.settings import Settings, code_version
from service.store import alerts as alert_store
from service.store import decisions, histories, outbox, outbox_control, quarantine, sources
from service.store.decisions import Decision
from service.store.patients import PatientRow
from service.store.quarantine import Held
from service.store.sources import Source

log = logging.getLogger(__name__)

FAILED = "assessment-failed"
"""Quarantine reason of a record whose judgement raised an error: kept, unjudged, tried again."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What records are judged by, and when changes leave for the EHR."""

    rulebook: Rulebook
    clock: Literal["system", "data"] = "system"
    settle: timedelta = timedelta(minutes=15)
    backfill_writes: Literal["open", "all"] = "open"
    kept: set[str] = field(default_factory=set, compare=False)
    """Digests of texts known to be stored already (a cache)."""

    @classmethod
    def of(cls, settings: Settings, rulebook: Rulebook) -> "Rules":
        """The rules that settings ask for."""
        settle = timedelta(seconds=settings.settle_seconds)
        return cls(rulebook, settings.clock, settle, settings.backfill_writes)

    def digest(self, source: Source) -> str:
        """What a patient of `source` is judged under: rulebook, source settings and clock together."""
        return hashlib.sha256(f"{self.rulebook.digest} {source.settings.digest} {self.clock}".encode()).hexdigest()


def judge(
    connection: Connection,
    locked: Mapping[int, PatientRow],
    people: Collection[int],
    together: Sequence[set[int]],
    rules: Rules,
    now: datetime,
) -> set[int]:
    """Judge people whose patients the transaction has locked; the caller saves the patients afterwards.

    Args:
        connection: the transaction.
        locked: by id, with everyone merged with anyone in `people`.
        people: ids of the records to judge (survivors of their merges).
        together: sets of patients whose merge was made or undone, whose alerts are reconciled together.
        rules: what to judge by.
        now: the moment, aware.

    Returns:
        The people whose judgement failed: their records are quarantined as `assessment-failed`.
    """
    if not people:
        return set()
    pools = _pools(locked, people, together)
    members = {person: _members(locked, person) for pool in pools for person in pool}
    known_sources = {
        each: sources.by_id(connection, each) for each in sorted({row.source_id for row in locked.values()})
    }
    records = histories.records(connection, members, {key: each.name for key, each in known_sources.items()})
    everyone = [row.id for rows in members.values() for row in rows]
    alerts = _by_subject(alert_store.of_patients(connection, everyone))
    made: dict[int, list[Disposition]] = {}
    for patient_id, disposition in alert_store.dispositions(connection, everyone):
        made.setdefault(patient_id, []).append(disposition)
    failed: set[int] = set()
    noted: list[Decision] = []
    for pool in pools:
        rows = [row for person in pool for row in members[person]]
        try:
            judged = {person: _assess(records[person], rules, now) for person in pool}
            changes = _reconcile(pool, rows, judged, alerts, made, now)
        except Exception as error:
            log.exception("a judgement failed", extra={"error": type(error).__name__})
            failed |= set(pool)
            _hold_failed(connection, rows, error, now)
            continue
        source = known_sources[rows[0].source_id]
        for person, (assessment, as_of) in judged.items():
            noted.append(_decision(person, members[person], assessment, as_of, made, source, rules, now))
            _mark_judged(connection, members[person], assessment, alerts, changes, rules.digest(source), as_of, now)
        if changes:
            alert_store.save(connection, changes, source.id, now)
            _want(connection, changes, source, rules, now)
    for source in known_sources.values():
        _keep_texts(connection, rules, source, now)
    decisions.record(connection, noted)
    return failed


def _pools(
    locked: Mapping[int, PatientRow], people: Collection[int], together: Sequence[set[int]]
) -> list[list[int]]:
    """Who is reconciled with whom: mostly everyone alone."""
    pooled: list[list[int]] = []
    done: set[int] = set()
    for group in together:
        persons = sorted({locked[each].person for each in group})
        pooled.append(persons)
        done |= set(persons)
    return pooled + [[person] for person in sorted(set(people) - done)]


def _members(locked: Mapping[int, PatientRow], person: int) -> list[PatientRow]:
    merged = sorted((row for row in locked.values() if row.survivor_id == person), key=lambda row: row.id)
    return [locked[person], *merged]


def _by_subject(alerts: Sequence[Alert]) -> dict[int, list[Alert]]:
    found: dict[int, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.subject, []).append(alert)
    return found


def _assess(record: PatientRecord, rules: Rules, now: datetime) -> tuple[Assessment, datetime]:
    as_of = now
    if rules.clock == "data":
        as_of = histories.newest(record) or now
    return assess(record, rules.rulebook, as_of), as_of


def _reconcile(
    pool: Sequence[int],
    rows: Sequence[PatientRow],
    judged: Mapping[int, tuple[Assessment, datetime]],
    alerts: Mapping[int, Sequence[Alert]],
    made: Mapping[int, Sequence[Disposition]],
    now: datetime,
) -> Sequence[Change]:
    ids = [row.id for row in rows]
    standing = [alert for each in ids for alert in alerts.get(each, ())]
    decided = [disposition for each in ids for disposition in made.get(each, ())]
    episodes = [(person, episode) for person in pool for episode in judged[person][0].episodes]
    as_of = max((as_of for _, as_of in judged.values()), default=now)
    return reconcile(standing, decided, episodes, as_of, uuid4)


def _decision(
    person: int,
    rows: Sequence[PatientRow],
    assessment: Assessment,
    as_of: datetime,
    made: Mapping[int, Sequence[Disposition]],
    source: Source,
    rules: Rules,
    now: datetime,
) -> Decision:
    return Decision(
        person,
        now,
        as_of,
        decisions.encode_inputs([(row.id, row.revision) for row in rows]),
        decisions.encode_ids([each.id for row in rows for each in made.get(row.id, ())]),
        rules.rulebook.digest,
        source.settings.digest,
        code_version(),
        decisions.outcome_digest(assessment),
    )


def _mark_judged(
    connection: Connection,
    rows: Sequence[PatientRow],
    assessment: Assessment,
    alerts: Mapping[int, Sequence[Alert]],
    changes: Sequence[Change],
    digest: str,
    as_of: datetime,
    now: datetime,
) -> None:
    """Say on the patients what they were judged under, and when they must be judged again by themselves."""
    person = rows[0].id
    current = {alert.id: alert for row in rows for alert in alerts.get(row.id, ())}
    current |= {change.after.id: change.after for change in changes}
    days = [alert.wakes for alert in current.values() if alert.subject == person and alert.wakes is not None]
    if assessment.next_review is not None:
        days.append(assessment.next_review)
    coming = [day for day in days if day > as_of.date()]
    for row in rows:
        if row.judged_revision < row.revision - 1 or (row.judged_revision < row.revision and not row.touched):
            quarantine.release_patient(connection, row.id, FAILED, now, "judged")
        row.judged_revision, row.judged_digest = row.revision, digest
        row.review_on = None
    if as_of == now:
        rows[0].review_on = min(coming, default=None)


def _hold_failed(connection: Connection, rows: Sequence[PatientRow], error: Exception, now: datetime) -> None:
    detail = f"judging this record raised {type(error).__name__}; the record is kept and tried again"
    for row in rows:
        quarantine.release_patient(connection, row.id, FAILED, now, "failed again")
    held = [Held(0, row.source_id, None, row.id, FAILED, None, detail, None, now) for row in rows]
    quarantine.hold(connection, held)


def _want(connection: Connection, changes: Sequence[Change], source: Source, rules: Rules, now: datetime) -> None:
    """Ask for what the EHR must now hold; urgent changes at once, others when they have settled."""
    if not source.settings.writes:
        return
    for change in changes:
        alert = change.after
        if change.before is not None and change.before.revision == alert.revision:
            continue
        if _never_written(connection, alert, rules):
            continue
        not_before = now if alert.tier is Tier.URGENT else now + rules.settle
        outbox.want(connection, alert.id, source.id, alert.revision, not_before)


def _never_written(connection: Connection, alert: Alert, rules: Rules) -> bool:
    """Whether this is for the patient's time line only: gone before it was sent, over when first seen, or dormant."""
    if alert.state in (State.ENTERED_IN_ERROR, State.MERGED):
        return outbox.forget(connection, alert.id)
    if alert.state is State.DORMANT:
        return True
    over = alert.state is State.RESOLVED and rules.backfill_writes == "open"
    return over and outbox_control.line(connection, alert.id) is None


def _keep_texts(connection: Connection, rules: Rules, source: Source, now: datetime) -> None:
    """Keep the rulebook's and the settings' texts under their digests, once."""
    for digest, text in ((rules.rulebook.digest, rules.rulebook.text), (source.settings.digest, source.settings.judged_text)):
        if digest not in rules.kept:
            decisions.keep_text(connection, digest, text, now)
            rules.kept.add(digest)
