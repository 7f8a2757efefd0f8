"""Making recorded decisions again, from the stored bytes and by the recorded rules (promise 4)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Engine

from service.alerts.alert import Alert
from service.alerts.events import EventKind
from service.clinical.assess import assess
from service.clinical.episodes import Assessment
from service.clinical.results import PatientRecord, ResultKey
from service.errors import Damaged
from service.quality.archive import Archive, Inputs
from service.quality.differences import Difference, differences
from service.quality.recorded_rules import RecordedRules
from service.settings import code_version
from service.store import alerts, decisions, patients, people, resources
from service.store.decisions import Outcome, Recorded
from service.store.session import reading

PAGE = 50
"""Patients whose archives are read at a time."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of making one decision again."""

    recorded: Recorded
    patient: UUID
    """By the id that stands in addresses: whose record it was judged as."""
    release: str
    """The release that made it again."""
    record: PatientRecord | None = None
    """What it was made on; None where that is not all there any more, and the decision was not made again."""
    assessment: Assessment | None = None
    outcome: str = ""
    """Digest of what came out; empty where the decision was not made again."""
    differences: Sequence[Difference] = ()
    """Where the outcome is another than the recorded one."""
    damage: Sequence[str] = ()
    """What is missing or was changed, by table and row."""

    @property
    def identical(self) -> bool:
        """Whether the same came out, byte for byte."""
        return self.outcome == self.recorded.made.outcome_digest

    @property
    def other_release(self) -> bool:
        """Whether it was another release that decided."""
        return self.release != self.recorded.made.code_version


@dataclass(frozen=True, slots=True)
class AlertReplay:
    """What came of making again the decisions that made an alert what it is."""

    replays: Sequence[Replay]
    """Oldest first; the last is the latest there is on its record."""
    unexplained: Sequence[datetime]
    """When something happened to it of which no decision is on record."""

    @property
    def identical(self) -> bool:
        """Whether every one of them is on record, and the same came out."""
        return not self.unexplained and all(each.identical for each in self.replays)


def replay(connection: Connection, archive: Archive, recorded: Recorded) -> Replay:
    """Make one decision again; nothing is guessed where what it was made on is not all there."""
    undone = Replay(recorded, people.public_id_of(connection, recorded.made.patient_id), code_version())
    try:
        rulebook = archive.rules_of(recorded).rulebook
        inputs = archive.inputs_of(recorded)
        if inputs.damage:
            return replace(undone, damage=inputs.damage)
        assessment = assess(inputs.record, rulebook, recorded.made.as_of)
    except Damaged as error:
        return replace(undone, damage=[error.message])
    except Exception as error:  # noqa: BLE001 - one that this release cannot make must not hide the others
        return replace(undone, damage=[f"making it again raised {type(error).__name__}"])
    outcome = Outcome.of(assessment)
    made = replace(undone, record=inputs.record, assessment=assessment, outcome=outcome.digest)
    return made if made.identical else _compared(connection, made, outcome, inputs)


def _compared(connection: Connection, made: Replay, outcome: Outcome, inputs: Inputs) -> Replay:
    """With what differs from the recorded outcome."""
    try:
        before = decisions.outcome_text(connection, made.recorded.made.outcome_digest)
    except Damaged as error:
        return replace(made, damage=[f"{error.message}: the outcome is another, and it cannot be told how"])
    found = differences(before, outcome.text)
    return replace(made, differences=found, damage=_not_stored(before, inputs.keys))


def replay_alert(connection: Connection, alert: Alert) -> AlertReplay:
    """Make again each decision that changed an alert, and the latest on its record.

    Args:
        connection: in a transaction.
        alert: the alert as it stands.
    """
    archive = Archive(connection, _holders(connection, alert), RecordedRules())
    happened = alerts.events_of(connection, [alert.id])
    moments = {each.at for each in happened}
    latest = [each for each in archive.decisions if alert.subject in each.inputs][-1:]
    chosen = [each for each in archive.related if each.made.at in moments or each in latest]
    explained = {each.made.at for each in chosen}
    judged = {each.at for each in happened if each.kind is not EventKind.PASSED_ON}
    return AlertReplay([replay(connection, archive, each) for each in chosen], sorted(judged - explained))


def replay_all(engine: Engine) -> Iterator[Replay]:
    """Make every decision there is again, patient by patient, in bounded memory."""
    rules, after = RecordedRules(), 0
    while True:
        with reading(engine) as connection:
            page = patients.numbers(connection, after, PAGE)
            if not page:
                return
            archive = Archive(connection, page, rules)
            own = [each for each in archive.decisions if each.made.patient_id in page]
            done = [replay(connection, archive, each) for each in own]
        after = page[-1]
        yield from done


def _holders(connection: Connection, alert: Alert) -> Collection[int]:
    """The patients whose records have held any of an alert's results, at any time."""
    source_id = patients.source_of(connection, alert.subject)
    keys = {key.resource for key in alert.episode.evidence}
    current = resources.current(connection, source_id, keys)
    older = resources.older(connection, source_id, keys)
    versions = chain(current.values(), *older.values())
    held = {version.patient_id for version in versions if version.patient_id is not None}
    return {alert.subject, *held}


def _not_stored(outcome: bytes, keys: Collection[str]) -> list[str]:
    """What an outcome rests on that is not among the versions it was made on."""
    episodes = msgspec.json.decode(outcome)["episodes"]
    rested_on = {ResultKey(*key).resource for episode in episodes for key in episode["results"]}
    return [
        f"resource {key} has no version of that time, and the recorded outcome rests on it"
        for key in sorted(rested_on - set(keys))
    ]
