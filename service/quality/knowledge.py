"""What the service knew of somebody at the end of a day: the time machine.

It is what was decided last by then, made again: on the versions received by then, with the decisions of
people made by then, by the rulebook in force then.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from uuid import uuid4

from sqlalchemy import Connection

from service.alerts.alert import Alert
from service.alerts.reconcile import reconcile
from service.clinical.rulebook import Rulebook
from service.quality.archive import Archive
from service.quality.recorded_rules import RecordedRules
from service.quality.replaying import Replay, replay
from service.store import alerts
from service.store.decisions import Recorded


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What was known of one person: the records that were theirs then."""

    replay: Replay
    rulebook: Rulebook | None
    """In force then; None where it cannot be read any more."""
    alerts: Sequence[Alert]
    """As they stood, but for their ids; none where the decision cannot be made again."""
    missing: Sequence[str]
    """Decisions of people that are not on record any more, by table and row."""

    @property
    def sound(self) -> bool:
        """Whether all of it is there, and says what it said then."""
        return self.replay.identical and not self.missing


def known_on(connection: Connection, patient_ids: Collection[int], day: date) -> list[Knowledge]:
    """What was known at the end of a day, UTC, of whoever had these patients' records then.

    Args:
        connection: in a transaction.
        patient_ids: the store's own numbers, of one person now.
        day: the day.

    Returns:
        One person mostly; several where their records were merged later; none where nothing was known yet.
    """
    archive = Archive(connection, patient_ids, RecordedRules())
    by_then = [each for each in archive.decisions if each.made.at.astimezone(UTC).date() <= day]
    last = [[each for each in by_then if number in each.inputs][-1:] for number in patient_ids]
    distinct = {each.id: each for found in last for each in found}
    return [_known(connection, archive, distinct[number]) for number in sorted(distinct)]


def _known(connection: Connection, archive: Archive, recorded: Recorded) -> Knowledge:
    made = replay(connection, archive, recorded)
    if made.assessment is None:
        return Knowledge(made, None, (), ())
    dispositions = alerts.dispositions_of(connection, recorded.disposition_ids)
    missing = set(recorded.disposition_ids) - {each.id for each in dispositions}
    episodes = [(recorded.made.patient_id, episode) for episode in made.assessment.episodes]
    changes = reconcile((), dispositions, episodes, recorded.made.as_of, uuid4, now=recorded.made.at)
    return Knowledge(
        made,
        archive.rules_of(recorded).rulebook,
        [change.after for change in changes],
        [f"disposition {each} is missing" for each in sorted(missing)],
    )
