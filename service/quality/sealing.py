"""Chaining what has been written to the audit log, within seconds, and telling the outside how far it is."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.quality.anchoring import Anchor
from service.store import audit_chain
from service.store.audit_chain import Head
from service.store.session import reading, writing

log = logging.getLogger(__name__)


class Sealer:
    """Chains the audit log, for one process. Any number may each have one: one at a time seals."""

    def __init__(
        self,
        engine: Engine,
        anchor: Anchor,
        *,
        every_seconds: float = 2.0,
        anchor_seconds: float = 60.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Seal for a database.

        Args:
            engine: the database.
            anchor: who outside is told how far the chain is.
            every_seconds: how often it is looked whether there is something to chain.
            anchor_seconds: how often the outside is told at most.
            clock: the present (aware).
        """
        self._engine = engine
        self._anchor = anchor
        self._every = every_seconds
        self._anchor_every = anchor_seconds
        self._clock = clock
        self._looked_at_all = False
        self._anchored: Head | None = None
        self._anchor_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Seal until `stop` is set, and once more then. What goes wrong is logged and tried again."""
        while not stop.wait(self._every):
            self._try(self.seal)
            if time.monotonic() >= self._anchor_at:
                self._try(self.anchor)
        self._try(self.seal)
        self._try(self.anchor)

    def seal(self) -> int:
        """Chain all that is there; how many records."""
        done = 0
        while more := self._step():
            done += more
        return done

    def anchor(self) -> None:
        """Tell the outside how far the chain is, if it does not know."""
        self._anchor_at = time.monotonic() + self._anchor_every
        with reading(self._engine) as connection:
            head = audit_chain.head(connection)
        if head.position and head != self._anchored:
            self._anchor(head, self._clock())
            self._anchored = head

    def _step(self) -> int:
        now = self._clock()
        with reading(self._engine) as connection:
            # The first look is at everything: what a process that died long ago left unchained, too.
            after = audit_chain.quiet_below(connection, now) if self._looked_at_all else 0
            if not audit_chain.has_unchained(connection, after):
                self._looked_at_all = True
                return 0
        with writing(self._engine) as connection:
            return audit_chain.extend(connection, now, after)

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except SQLAlchemyError as error:
            # What a database says may hold patient data: of that the kind alone is logged.
            log.warning("the audit log cannot be sealed now: %s", type(error).__name__)
        except Exception:
            log.exception("sealing the audit log failed; it is tried again")
