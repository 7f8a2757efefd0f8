"""Who looks at a worklist is told when something in it changes.

One look at the database serves every page that a process has open, however many there are, and none is taken
while there are none. Between two looks a stream holds nothing but its place in memory.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.clinical.episodes import Tier
from service.dashboard.access import longest_session, longest_silence
from service.settings import Settings
from service.store import changes, sessions, worklist
from service.store.changes import Changed
from service.store.session import reading
from service.store.worklist import Wanted

log = logging.getLogger(__name__)

MOST_STREAMS: Final = 4
"""Pages that one person may be told on: of the six connections of a browser to a host some must stay free."""
_EVERY: Final = 2.0
"""Seconds between two looks, at least."""
_REST: Final = 9
"""Looks take at most a tenth of the time: so many times as long as the last one took, none is taken."""
_HEARTBEAT: Final = 15.0
"""Seconds after which a silent stream says that it is there, before something on the way closes it."""
_WINDOW: Final = timedelta(minutes=2)
"""An alert is told of if it is committed no later than this after it was written."""
_OVERLAP: Final = timedelta(seconds=3)
"""What was written so shortly before a page was loaded may not have been committed by then."""
_MOST_CHANGES: Final = 200
_MOST_EVENTS: Final = 16
"""Events that a page may be behind."""


class View(NamedTuple):
    """What a page shows; pages that show the same are told the same."""

    sources: frozenset[int]
    wanted: Wanted


class _Event(NamedTuple):
    text: bytes
    last: bool = False


def _told(name: str, content: object, moment: datetime | None = None) -> bytes:
    data = msgspec.json.encode(content).decode()
    return format_sse_event(event=name, data_str=data, id=moment.isoformat() if moment else None)


_SIGNED_OUT: Final = _Event(_told("signed-out", {}), last=True)
_TOO_MANY: Final = _Event(_told("too-many", {}), last=True)
_CLOSED: Final = _Event(b"", last=True)
"""Without a word: the browser asks again by itself, of whichever process is there then."""


@dataclass(eq=False, slots=True)
class Watcher:
    """A page that wants to be told."""

    account: str
    token: str
    """Of the session, with which the stream ends."""
    view: View
    since: datetime | None
    """What changed up to then it knows; None once it has been told of the rest."""
    events: asyncio.Queue[_Event] = field(default_factory=lambda: asyncio.Queue(_MOST_EVENTS))

    def tell(self, event: _Event) -> None:
        """Give it an event; one that does not keep up is closed, and asks again from where it is."""
        if self.events.full():
            self.events.get_nowait()
            event = _CLOSED
        self.events.put_nowait(event)


class Live:
    """The pages of this process that are told of changes."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._watchers: set[Watcher] = set()
        self._known: set[Changed] | None = None
        """What was found at the last look; None before the first."""
        self._looked: datetime | None = None
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    async def stream(self, watcher: Watcher) -> AsyncIterator[bytes]:
        """What the page is sent, for as long as it is open and its session lasts."""
        of_account = sum(each.account == watcher.account for each in self._watchers)
        if of_account >= MOST_STREAMS or self._closed:
            yield (_CLOSED if self._closed else _TOO_MANY).text
            return
        self._watchers.add(watcher)
        try:
            if self._looking is None:
                self._looking = asyncio.create_task(self._keep_looking())
            yield KEEPALIVE_COMMENT
            last = False
            while not last:
                try:
                    text, last = await asyncio.wait_for(watcher.events.get(), _HEARTBEAT)
                except TimeoutError:
                    text = KEEPALIVE_COMMENT
                yield text
        finally:
            self._watchers.discard(watcher)

    def close(self) -> None:
        """End every stream, and begin no more."""
        self._closed = True
        for watcher in self._watchers:
            watcher.tell(_CLOSED)
        if self._looking is not None:
            self._looking.cancel()

    async def _keep_looking(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._watchers:
            began = clock()
            for watcher, event in await asyncio.to_thread(self._look, tuple(self._watchers)):
                watcher.since = None
                if event is not None:
                    watcher.tell(event)
            await asyncio.sleep(max(_EVERY, _REST * (clock() - began)))
        self._looking, self._looked, self._known = None, None, None

    def _look(self, watchers: Sequence[Watcher]) -> list[tuple[Watcher, _Event | None]]:
        """What each is to be told; nothing where the database does not answer."""
        now = datetime.now(UTC)
        reach = (self._looked or now) - _WINDOW
        try:
            with reading(self._engine) as connection:
                living = sessions.living(
                    connection,
                    {each.token for each in watchers},
                    used_since=now - longest_silence(self._settings),
                    begun_since=now - longest_session(self._settings),
                )
                recent = changes.since(connection, reach, _MOST_CHANGES)
                round_ = _Round(connection, now, reach, recent, self._known)
                told = [
                    (each, round_.event(each) if each.token in living else _SIGNED_OUT) for each in watchers
                ]
        except SQLAlchemyError:
            log.warning("nobody could be told of changes: the database does not answer")
            return []
        except Exception:
            log.exception("nobody could be told of changes; it is tried again")
            return []
        self._looked, self._known = now, set(recent)
        return told


class _Round:
    """One look: what it found, and what follows from that for each view, worked out once."""

    def __init__(
        self,
        connection: Connection,
        now: datetime,
        reach: datetime,
        recent: Sequence[Changed],
        known: set[Changed] | None,
    ) -> None:
        self._connection, self._now, self._recent = connection, now, recent
        self._fresh = [each for each in recent if known is not None and each not in known]
        self._full = len(recent) == _MOST_CHANGES
        self._reach = recent[-1].at if self._full else reach
        self._events: dict[tuple[View, frozenset[UUID], bool], _Event | None] = {}

    def event(self, watcher: Watcher) -> _Event | None:
        """What a page is told; None where nothing has changed for it."""
        changed: Iterable[Changed] = self._fresh
        missed = self._full and len(self._fresh) == len(self._recent)
        if (since := watcher.since) is not None:
            known = max(since, self._reach) - _OVERLAP  # a page may say any moment of the calendar
            changed = [each for each in self._recent if each.at > known]
            missed = since < self._reach
        stamps = {each.alert: each.stamp for each in changed if each.source_id in watcher.view.sources}
        key = (watcher.view, frozenset(stamps), missed)
        if key not in self._events:
            self._events[key] = self._worked_out(watcher.view, stamps, missed=missed)
        return self._events[key]

    def _worked_out(self, view: View, stamps: dict[UUID, str], *, missed: bool) -> _Event | None:
        if not stamps and not missed:
            return None
        within = worklist.matching(self._connection, view.sources, view.wanted, stamps)
        counts = worklist.count(self._connection, view.sources, view.wanted)
        by_tier = {tier.name.lower(): counts.tiers.get(tier, 0) for tier in Tier}
        content = {
            "changed": stamps,
            "within": sorted(within),
            "missed": missed,
            "counts": {"total": counts.total, "unowned": counts.unowned, **by_tier},
        }
        return _Event(_told("changed", content, self._now))
