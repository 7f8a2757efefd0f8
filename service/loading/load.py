"""Storing chunks of resources, then judging every record they changed, each once."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, func, select

from service.clinical.episodes import Assessment, Tier
from service.errors import Conflict
from service.ingest import Delivery, Rules, is_behind, judge_page, pages, take_each
from service.loading.chunks import Chunk, Decoder, Limits
from service.loading.files import Readable, Rejection
from service.loading.pace import Pace
from service.store import decisions, patients, sources
from service.store.schema import alert, to_act_on
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from service.store.sources import Source

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Summary:
    """What a load did."""

    read: int = 0
    """Resources found in the files, rejected ones too."""
    counts: Counter[str] = field(default_factory=Counter)
    """As in `ingest.Receipt`: `stored`, `duplicate`, `older`, `deleted`, `ignored:<reason>`, ..."""
    rejected: int = 0
    """Pieces that are no resource at all."""
    changed: bytearray = field(default_factory=bytearray)
    """One byte a patient of the database: 1 where this load changed the record."""
    judged: int = 0
    """People judged, those left unjudged by an earlier load too."""
    failed: int = 0
    episodes: Counter[str] = field(default_factory=Counter)
    """Of the people judged: how many of their episodes hold a finding of each kind."""
    alerts: dict[str, int] = field(default_factory=dict)
    """Open alerts of the source by tier."""
    stopped: bool = False
    """It was asked to stop: what was read before is stored; running it again does the rest, and judges."""
    seconds: float = 0.0

    @property
    def patients(self) -> int:
        """Patients whose record this load changed."""
        return sum(self.changed)

    def of(self, prefix: str) -> dict[str, int]:
        """The counts of `ignored` or `quarantined`, by reason."""
        return {
            key.removeprefix(f"{prefix}:"): count
            for key, count in sorted(self.counts.items())
            if key.startswith(f"{prefix}:") and count
        }

    def mark(self, patient_ids: set[int]) -> None:
        """Note patients whose record changed."""
        missing = max(patient_ids, default=-1) + 1 - len(self.changed)
        if missing > 0:
            self.changed.extend(bytes(missing))
        for each in patient_ids:
            self.changed[each] = 1


def ensure_source(engine: Engine, name: str, now: datetime, actor: str) -> tuple[Source, bool]:
    """The source to load into, created where there is none; nothing can be sent to a new one over HTTP.

    Returns:
        The source, and whether it is new.

    Raises:
        Conflict: the source has been removed.
        ConfigurationError: the name cannot be used.
    """
    with writing(engine) as connection:
        found = sources.find(connection, name)
        if found is None:
            # A secret that nobody knows: `liverwatch source secret` makes one that somebody does.
            made = sources.add(connection, name, SourceSettings(), sources.new_secret(), now)
            decisions.write_audit(connection, at=now, actor=actor, action="source-add", source_id=made.id)
            return made, True
    if not found.active:
        raise Conflict(f"source {name!r} has been removed; load into another")
    return found, False


@dataclass(slots=True)
class Loader:
    """One load, into one source."""

    engine: Engine
    source: Source
    rules: Rules
    limits: Limits = field(default_factory=Limits)
    stop: Callable[[], bool] = lambda: False
    """Asked after every transaction."""
    on_read: Callable[[int], None] = lambda _size: None
    """Told how many bytes of the files each chunk took."""
    on_rejected: Callable[[Rejection], None] = lambda _rejection: None
    on_judged: Callable[[int], None] = lambda _people: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    summary: Summary = field(default_factory=Summary)

    def load(self, files: Sequence[Readable]) -> Summary:
        """Store everything in the files, then judge; stops between two transactions when asked to.

        Raises:
            Overloaded: another process kept the database busy for too long; what was stored before stays.
            sqlalchemy.exc.SQLAlchemyError: the database failed; what was stored before stays.
        """
        began = time.perf_counter()
        self.store(files)
        if not self.summary.stopped:
            self.judge()
        self.count_alerts()
        self.summary.seconds = time.perf_counter() - began
        return self.summary

    def store(self, files: Sequence[Readable]) -> None:
        """Store everything in the files; what is not judged by then is visibly so.

        Raises:
            Overloaded, sqlalchemy.exc.SQLAlchemyError: as of `load`.
        """
        pace = Pace(500, 50, 4000)
        decoder = Decoder(self.source, self.rules.rulebook, self.limits)
        for chunk in decoder.chunks(files, lambda: pace.size):
            began = time.perf_counter()
            now = self.clock()
            delivery = Delivery(self.source, chunk.incoming, now, "file")
            receipt = take_each(self.engine, delivery, self.rules, now, judged=False)
            self.summary.counts += receipt.counts
            self.summary.mark(receipt.patients)
            pace.took(len(chunk.incoming), time.perf_counter() - began)
            self._note(chunk)
            if self.stop():
                self.summary.stopped = True
                return

    def _note(self, chunk: Chunk) -> None:
        self.summary.read += len(chunk.incoming) + len(chunk.rejected)
        self.summary.rejected += len(chunk.rejected)
        for rejection in chunk.rejected:
            self.on_rejected(rejection)
        self.on_read(chunk.read)

    def judge(self) -> None:
        """Judge every record that is behind, this load's and any other's.

        Raises:
            Overloaded, sqlalchemy.exc.SQLAlchemyError: as of `load`.
        """
        pace = Pace(100, 10, 2000)
        for page in pages(self.engine, patients.unjudged, lambda: pace.size):
            began = time.perf_counter()
            judged, failed = judge_page(
                self.engine, page, self.rules, self.clock(), is_behind, told=self._count_episodes
            )
            pace.took(len(page), time.perf_counter() - began)
            self.summary.judged += judged
            self.summary.failed += failed
            self.on_judged(judged)
            if self.stop():
                self.summary.stopped = True
                return

    def count_alerts(self) -> None:
        """Note in the summary how many alerts of the source are open."""
        with reading(self.engine) as connection:
            self.summary.alerts = _open_alerts(connection, self.source)

    def _count_episodes(self, assessment: Assessment) -> None:
        for episode in assessment.episodes:
            self.summary.episodes.update({finding.kind.value for finding in episode.findings})


def _open_alerts(connection: Connection, source: Source) -> dict[str, int]:
    query = (
        select(alert.c.tier, func.count())
        .where(alert.c.source_id == source.id, to_act_on)
        .group_by(alert.c.tier)
    )
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {tier.name.lower(): found.get(int(tier), 0) for tier in reversed(Tier)}
