"""How each source's feed stands, in words; nothing of a patient."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from service.alerts.states import day_of
from service.backlog import RejudgingMemory, count_unjudged
from service.ingest import Rules
from service.store import catch_up, fetches, freshness, gaps, outbox_control, quarantine, sources
from service.store.catch_up import Turn
from service.store.freshness import Freshness
from service.store.gaps import Gap
from service.store.outbox_control import Counts


@dataclass(frozen=True, slots=True)
class Feed:
    """Of one source."""

    name: str
    fresh: Freshness
    lost: int | None
    """Observations of the last day that it never brought and asking found; None: it brought nothing ever."""
    turns: Sequence[Turn]
    """How far each type of its resources has been asked for; none where its server is not asked."""
    to_fetch: int
    """Resources that notifications pointed at and that are not here yet."""
    to_fetch_since: datetime | None
    gaps: Sequence[Gap]
    """Events that its server counted and that did not come, by Subscription."""
    gaps_noticed: int
    """So far, those that have been filled too."""
    held: Mapping[str, int]
    """In quarantine, by reason."""
    ignored: Mapping[str, int]
    """Resources that held nothing for this service, by reason, since it was set up."""
    outbox: Counts

    @property
    def failing(self) -> Sequence[Turn]:
        """The types that could not be read when they were asked for last."""
        return [turn for turn in self.turns if turn.failures]


def feeds(connection: Connection, names: Collection[str], now: datetime, target: timedelta) -> list[Feed]:
    """How the feeds of these sources stand, by name; of those that have not been removed.

    Args:
        connection: an open transaction.
        names: of the sources.
        now: the moment, aware.
        target: so long after the EHR stored it a feed may yet bring a result.
    """
    fresh = freshness.of_every_source(connection, now)
    lost = freshness.lost_lately(connection, now, target)
    found = []
    for source in sorted(sources.every(connection), key=lambda each: each.name):
        if not source.active or source.name not in names:
            continue
        waiting, since = fetches.waiting(connection, source.id)
        found.append(
            Feed(
                source.name,
                fresh[source.name],
                lost.get(source.name),
                catch_up.states(connection, source.id),
                waiting,
                since,
                gaps.of_source(connection, source.id),
                sum(gaps.count(connection, source.id).values()),
                _most_first(quarantine.counts(connection, source.id)),
                _most_first(quarantine.ignored_of(connection, source.id)),
                outbox_control.counts(connection, source.id),
            )
        )
    return found


def warnings(
    connection: Connection,
    sources_seen: Mapping[int, str],
    rules: Rules,
    rejudging: RejudgingMemory,
    now: datetime,
) -> list[str]:
    """Why what is shown of these sources may be behind, in sentences; none where it is not.

    Args:
        connection: an open transaction.
        sources_seen: numbers and names of those that are shown.
        rules: by which records are judged.
        rejudging: remembers whether a rejudge is under way.
        now: the moment, aware.
    """
    fresh = freshness.of_every_source(connection, now)
    found = []
    for number, name in sorted(sources_seen.items(), key=lambda each: each[1]):
        if name in fresh and fresh[name].stale:
            found.append(
                f"The feed of {name} has been silent for too long{_since(fresh[name].last_message)}."
            )
        failing = [turn.type for turn in catch_up.states(connection, number) if turn.failures]
        if name in fresh and failing:
            found.append(f"Catching up with {name} fails: {', '.join(failing)}.")
    if rejudging.rejudging(connection, rules):
        found.append("Records are being judged anew: some alerts are still by older rules.")
    elif behind := count_unjudged(connection, rules, day_of(now), sources_seen):
        found.append(f"{behind} {'record waits' if behind == 1 else 'records wait'} to be judged.")
    return found


def _since(last: datetime | None) -> str:
    return f", since {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if last else ": it never brought anything"


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
