"""Group commit: requests that are under way at the same time share one database transaction.

One writer thread a process. A request waits for the commit of the transaction it is in, never for a timer:
while one transaction commits, the next gathers.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from service.errors import LiverwatchError, Overloaded
from service.feed.counting import count_taken
from service.feed.hearing import Hearing
from service.feed.memory import RETRY_AFTER_SECONDS
from service.ingest import Delivery, InForce, keep_for_later, take
from service.store.session import is_away, reading

log = logging.getLogger(__name__)

PROBE_SECONDS = 0.5
"""How often a database that is away is tried again."""


@dataclass(slots=True)
class _Waiting:
    delivery: Delivery
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[None]"


class _Away(Exception):
    """The database cannot be reached: what is under way was not taken."""


class Batcher:
    """The queue between concurrent requests and the one writer thread."""

    def __init__(
        self,
        engine: Engine,
        in_force: InForce,
        clock: Callable[[], datetime],
        *,
        batch_requests: int = 128,
        queue_requests: int = 4096,
    ) -> None:
        self._engine = engine
        self._hearing = Hearing(engine)
        self._in_force = in_force
        self._clock = clock
        self._batch_requests = batch_requests
        self._queue_requests = queue_requests
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._away = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="ingest-writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, then end; later requests are refused."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout=60)

    @property
    def alive(self) -> bool:
        """Whether the writer thread runs and the database answers."""
        return self._thread.is_alive() and not self._away

    @property
    def depth(self) -> int:
        """Requests waiting."""
        return len(self._queue)

    async def submit(self, delivery: Delivery) -> None:
        """Wait until the delivery is committed: stored, and judged or visibly unjudged.

        Raises:
            Overloaded: there is no room, or the database went away; nothing was stored.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(delivery, loop, loop.create_future())
        with self._changed:
            self.check_room()  # under the lock: the writer does not end between this and the queueing
            self._queue.append(waiting)
            self._changed.notify()
        await waiting.done

    def check_room(self) -> None:
        """Refuse a request before its body is read.

        Raises:
            Overloaded: the queue is full, the database is away, or the service is stopping.
        """
        if self._away:
            raise _refusal("the database cannot be reached")
        if self._stopping or not self._thread.is_alive():
            raise _refusal("the service is stopping")
        if len(self._queue) >= self._queue_requests:
            raise _refusal("too many requests are waiting")

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._stopping:
                    self._changed.wait()
                if not self._queue:
                    return
                count = min(self._batch_requests, len(self._queue))
                batch = [self._queue.popleft() for _ in range(count)]
            self._write(batch)

    def _write(self, batch: Sequence[_Waiting]) -> None:
        try:
            self._store(batch)
        except _Away:
            self._lose_database(batch)  # those of it that are answered already stay answered

    def _store(self, batch: Sequence[_Waiting]) -> None:
        deliveries = [each.delivery for each in batch]
        try:
            receipt = take(self._engine, deliveries, self._in_force.rules, self._clock())
        except Exception as error:  # whatever it is, the requests must be answered
            if is_away(error):
                raise _Away from error
            if isinstance(error, Overloaded):
                _settle(batch, error)
            elif len(batch) > 1:
                for each in batch:  # one poison request never fails another
                    self._store([each])
            else:
                self._set_aside(batch[0], error)
        else:
            _settle(batch, None)
            count_taken(deliveries, receipt)
            self._hearing.note(deliveries)

    def _set_aside(self, waiting: _Waiting, error: Exception) -> None:
        """Keep, visibly, a well-formed request whose storing fails however often it is tried."""
        log.error("a request could not be stored and is quarantined", extra={"error": type(error).__name__})
        unkept = LiverwatchError("the request could not be stored; nothing of it was kept")
        told = waiting.delivery
        if told.fetches or not all(
            each.raw for each in told.incoming
        ):  # a DELETE, a pointer: nothing to keep
            _settle([waiting], unkept)
            return
        try:
            keep_for_later(self._engine, waiting.delivery, error)
        except Exception as failure:  # the writer thread must live on
            if is_away(failure):
                raise _Away from failure
            _settle([waiting], unkept)
        else:
            _settle([waiting], None)

    def _lose_database(self, batch: Sequence[_Waiting]) -> None:
        """Refuse everything at once, then wait here until the database answers again."""
        self._away = True
        log.error("the database is away; the feed answers 503 until it is back")
        refusal = _refusal("the database cannot be reached")
        _settle(batch, refusal)
        while not self._stopping:
            with self._changed:
                queued = list(self._queue)
                self._queue.clear()
            _settle(queued, refusal)
            try:
                with reading(self._engine) as connection:
                    connection.execute(text("SELECT 1"))
            except Exception:  # noqa: BLE001 - still away
                time.sleep(PROBE_SECONDS)
            else:
                self._away = False
                log.warning("the database is back")
                return


def _refusal(why: str) -> Overloaded:
    return Overloaded(f"{why}; nothing was taken", retry_after=RETRY_AFTER_SECONDS)


def _settle(batch: Sequence[_Waiting], error: LiverwatchError | None) -> None:
    """Answer the waiting requests, waking each event loop once."""
    loops: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for each in batch:
        loops.setdefault(each.loop, []).append(each)
    for loop, group in loops.items():
        loop.call_soon_threadsafe(_answer, group, error)


def _answer(group: Sequence[_Waiting], error: LiverwatchError | None) -> None:
    for each in group:
        if not each.done.done():  # the client may have gone
            if error is None:
                each.done.set_result(None)
            else:
                each.done.set_exception(error)
