"""How long to wait before trying again: one piece of work, and a whole server that is down."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from service.errors import ConfigurationError, LiverwatchError
from service.fhir.remote import RemoteUnavailable

FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 3600.0
LONGEST_PAUSE_SECONDS = 60.0
"""How long a server that is down is left alone, unless it asks for longer itself."""


class Patience:
    """Remembers which servers are down, for one process. Any number of threads may share it."""

    def __init__(self, chance: Callable[[], float]) -> None:
        """With a source of numbers from 0 to below 1, which scatter the delays."""
        self._chance = chance
        self._paused: dict[int, datetime] = {}
        self._failures: dict[int, int] = {}
        self._lock = threading.Lock()

    def paused_until(self, source_id: int, now: datetime) -> datetime | None:
        """Until when a source's server is left alone; None if it may be tried now."""
        until = self._paused.get(source_id)
        return until if until is not None and until > now else None

    def succeeded(self, source_id: int) -> None:
        """Its server works."""
        with self._lock:
            self._failures.pop(source_id, None)
            self._paused.pop(source_id, None)

    def failed(self, source_id: int, attempts: int, error: LiverwatchError, now: datetime) -> datetime:
        """When to try it again, after `attempts` earlier failures of it; may pause its whole server."""
        asked = timedelta(seconds=error.retry_after or 0)
        everything = isinstance(error, ConfigurationError) or (
            isinstance(error, RemoteUnavailable) and error.affects_server
        )
        if everything:
            with self._lock:
                failures = self._failures.get(source_id, 0)
                self._failures[source_id] = failures + 1
                pause = min(self._delay(failures), timedelta(seconds=LONGEST_PAUSE_SECONDS))
                self._paused[source_id] = now + max(asked, pause)
        return now + max(asked, self._delay(attempts))

    def _delay(self, failures: int) -> timedelta:
        """Doubling, bounded, and scattered so that senders do not march in step."""
        full = min(FIRST_DELAY_SECONDS * 2 ** min(failures, 16), LONGEST_DELAY_SECONDS)
        return timedelta(seconds=full * (0.5 + self._chance() / 2))
