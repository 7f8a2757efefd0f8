"""From one rulebook to another, behind a running service: judging by a candidate, then everybody anew."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.activating import carry_out
from service.errors import LiverwatchError
from service.ingest import InForce
from service.quality.shadowing import follow
from service.store.session import alone

log = logging.getLogger(__name__)

_LOCK: Final = 0x6C697662  # any constant: the advisory lock that processes of this service share


class _Stopped(Exception):
    """The service ends; the next one goes on."""


class ChangeOver:
    """Does both for one process. Any number may each have one: one at a time works."""

    def __init__(
        self,
        engine: Engine,
        in_force: InForce,
        every_seconds: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Work on a database.

        Args:
            engine: the database.
            in_force: what records are judged by.
            every_seconds: how often it is looked whether there is something to do.
            clock: the present (aware).
        """
        self._engine = engine
        self._in_force = in_force
        self._every = every_seconds
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. What goes wrong is logged and tried again."""
        while not stop.wait(self._every):
            try:
                self.once(stop)
            except _Stopped:
                return
            except SQLAlchemyError as error:
                # What a database says may hold patient data: of that the kind alone is logged.
                log.warning("a change of rulebook waits for the database: %s", type(error).__name__)
            except LiverwatchError as error:
                log.warning("a change of rulebook waits: %s", error.message)
            except Exception:
                log.exception("a change of rulebook failed; it is tried again")

    def once(self, stop: threading.Event) -> None:
        """Do what there is to do, unless another process does."""

        def go_on(_judged: int, _failed: int) -> None:
            if stop.is_set():
                raise _Stopped

        with alone(self._engine, _LOCK) as mine:
            if mine:
                carry_out(self._engine, self._in_force.rules, self._clock(), go_on)
                follow(self._engine, self._in_force.rules, self._clock(), stop.wait)
