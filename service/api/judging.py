"""Whether every record has been judged under the rules of now: asked often, so remembered for a while."""

import threading
import time
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from service.ingest import Rules
from service.store import patients, sources
from service.store.schema import patient

REMEMBERED_SECONDS = 30.0
"""The question walks over every patient where the answer is no."""


@dataclass(slots=True)
class RejudgingMemory:
    """The latest answer to the question whether a rejudge is under way or due."""

    _answer: bool = False
    _asked_at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rejudging(self, connection: Connection, rules: Rules) -> bool:
        """Whether some records were judged under an older rulebook or older source settings."""
        with self._lock:
            if time.monotonic() - self._asked_at > REMEMBERED_SECONDS:
                digests = {each.id: rules.digest(each) for each in sources.every(connection)}
                self._answer = bool(patients.outdated(connection, digests, 1))
                self._asked_at = time.monotonic()
            return self._answer


def count_unjudged(connection: Connection) -> int:
    """Records whose judgement is behind what was received."""
    behind = select(func.count()).select_from(patient).where(patient.c.revision != patient.c.judged_revision)
    return connection.execute(behind).scalar_one()
