"""A thread for each source that is asked: one slow or broken EHR never delays another's."""

import logging
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.catchup.asker import Asker
from service.catchup.turns import ask
from service.ehr import Patience
from service.errors import LiverwatchError
from service.fhir.client import FhirClient
from service.ingest import InForce
from service.store import catch_up, sources
from service.store.session import reading
from service.store.sources import Source

log = logging.getLogger(__name__)

TIMEOUT_SECONDS: Final = 30.0
LONGEST_PAUSE_SECONDS: Final = 60.0
"""How long one that cannot be asked is left alone, unless its server wants longer."""


class CatchUp:
    """Asks every source that can be asked, for one process. Any number of processes may each have one."""

    def __init__(
        self,
        engine: Engine,
        in_force: InForce,
        *,
        every_seconds: float = 1.0,
        client_for: Callable[[Source, float], FhirClient],
        patience: Patience | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Ask for a database.

        Args:
            engine: the database.
            in_force: what is judged by.
            every_seconds: how often each thread looks whether something is due.
            client_for: a client for the server of a source (`Connections.open`).
            patience: shared with others who talk to the same servers.
            clock: the present (aware).
        """
        self._engine = engine
        self._in_force = in_force
        self._every = every_seconds
        self._client_for = client_for
        self._patience = patience or Patience(random.random)
        self._clock = clock
        self._threads: dict[int, threading.Thread] = {}

    def run(self, stop: threading.Event) -> None:
        """Ask until `stop` is set. Nothing ends it before: what goes wrong is logged and tried again."""
        while not stop.wait(self._every):
            try:
                able = self._able()
            except SQLAlchemyError as error:
                log.warning("catch-up waits for the database: %s", type(error).__name__)
                continue
            for source_id in able:
                thread = self._threads.get(source_id)
                if thread is None or not thread.is_alive():
                    self._threads[source_id] = threading.Thread(
                        target=self._work, args=(source_id, stop), name=f"catch-up-{source_id}", daemon=True
                    )
                    self._threads[source_id].start()
        for thread in self._threads.values():
            thread.join(timeout=TIMEOUT_SECONDS)

    def _able(self) -> dict[int, Source]:
        with reading(self._engine) as connection:
            return {each.id: each for each in sources.every(connection) if each.active and each.settings.asks}

    def _work(self, source_id: int, stop: threading.Event) -> None:
        """Ask one source until the service ends, or the source is changed or removed."""
        failures = 0
        pause = 0.0
        while not stop.wait(pause):
            try:
                source = self._able().get(source_id)
                if source is None:
                    return
                with self._client_for(source, TIMEOUT_SECONDS) as client:
                    self._ask_while(source, client, stop)
            except (LiverwatchError, SQLAlchemyError) as error:
                # What a database says may hold patient data: of that the kind alone is logged.
                told = error.message if isinstance(error, LiverwatchError) else type(error).__name__
                log.warning("source %s cannot be asked now: %s", source_id, told)
                pause = self._pause(source_id, failures, error)
                failures += 1
            except Exception:
                log.exception("asking source %s failed; it is tried again", source_id)
                pause = LONGEST_PAUSE_SECONDS
            else:
                failures, pause = 0, self._every

    def _pause(self, source_id: int, failures: int, error: LiverwatchError | SQLAlchemyError) -> float:
        """Seconds before it is asked again."""
        if isinstance(error, SQLAlchemyError):
            return LONGEST_PAUSE_SECONDS
        now = self._clock()
        again = (self._patience.failed(source_id, failures, error, now) - now).total_seconds()
        return min(again, max(LONGEST_PAUSE_SECONDS, error.retry_after or 0))

    def _ask_while(self, source: Source, client: FhirClient, stop: threading.Event) -> None:
        """Ask with one client until the source's settings change."""

        def ask_once() -> None:
            until, now = self._patience.paused_until(source.id, self._clock()), self._clock()
            if until is None or not stop.wait((until - now).total_seconds()):
                ask(Asker(self._engine, source, self._in_force.rules, client, self._clock, stop.is_set))

        ask_once()  # it also sees to it that each type has its turns
        while not stop.wait(self._every) and self._able().get(source.id) == source:
            if self._is_due(source):
                ask_once()

    def _is_due(self, source: Source) -> bool:
        with reading(self._engine) as connection:
            return catch_up.due(connection, source.id, self._clock())
