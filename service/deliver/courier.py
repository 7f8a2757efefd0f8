"""The courier: each source's share of the outbox in a thread of its own.

A server that is slow, or never answers, holds up what is for itself and nothing else.
"""

import logging
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.deliver.sender import DeliveryReport, Sender
from service.deliver.sending import Terms
from service.ehr import Patience
from service.fhir.client import FhirClient
from service.store import outbox, sources
from service.store.session import reading
from service.store.sources import Source

log = logging.getLogger(__name__)


class Courier:
    """Delivers for one process. Any number of processes may each have one."""

    def __init__(
        self,
        engine: Engine,
        terms: Callable[[], Terms],
        *,
        client_for: Callable[[Source, float], FhirClient],
        patience: Patience | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Deliver from a database.

        Args:
            engine: the database.
            terms: how to write, as the rulebook in force has it: asked anew each time.
            client_for: a client for the server of a source (`Connections.open`).
            patience: shared with others who talk to the same servers.
            clock: the present (aware).
            chance: numbers from 0 to below 1.
        """
        self._engine = engine
        self._terms = terms
        self._clock = clock
        self._patience = patience or Patience(chance)
        self._sender = Sender(engine, terms, client_for, self._patience, clock)
        self._threads: dict[int, threading.Thread] = {}
        """Source id → who is at work for it, or was."""

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set. Nothing ends it before: what goes wrong is logged and tried again."""
        self._sender.stop = stop
        while not stop.is_set():
            try:
                due = self._due()
            except SQLAlchemyError as error:
                # Its text may hold patient data: the kind alone is logged.
                log.warning("delivery waits for the database: %s", type(error).__name__)
                due = []
            for source in due:
                self._begin(source)
            stop.wait(self._terms().poll_seconds)
        for thread in self._threads.values():
            thread.join(timeout=2 * self._terms().timeout_seconds)

    def deliver_once(self) -> DeliveryReport:
        """Send one batch of what is due for each source, one after the other."""
        report = DeliveryReport()
        for source in self._due():
            report += self._sender.send(source)
        return report

    def _due(self) -> list[Source]:
        """The sources that something is due for, whose servers are not left alone; the longest due first."""
        now = self._clock()
        with reading(self._engine) as connection:
            able = {
                source.id: source
                for source in sources.every(connection)
                if source.active
                and source.settings.writes
                and self._patience.paused_until(source.id, now) is None
            }
            return [able[each] for each in outbox.due(connection, now=now, sources=able)]

    def _begin(self, source: Source) -> None:
        """Work for a source, unless somebody does, or enough are at work for others."""
        self._threads = {id_: thread for id_, thread in self._threads.items() if thread.is_alive()}
        if source.id in self._threads or len(self._threads) >= self._terms().senders:
            return
        name = f"deliver-{source.name}"
        thread = threading.Thread(target=self._work, args=(source,), name=name, daemon=True)
        self._threads[source.id] = thread
        thread.start()

    def _work(self, source: Source) -> None:
        """Send what is due for a source, until nothing is."""
        try:
            while not self._sender.stop.is_set() and self._sender.send(source).claimed:
                if source not in self._due():  # its settings may have changed, its server failed
                    return
        except SQLAlchemyError as error:
            log.warning("delivery waits for the database: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 (what it quotes may be a patient's; it is begun anew)
            log.error("delivery to %s failed: %s", source.name, type(error).__name__)  # noqa: TRY400
