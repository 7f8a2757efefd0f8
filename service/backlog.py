"""Whether every record has been judged under the rules of now: asked often, so remembered for a while."""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, func, select, true

from service.ingest import Rules, outdated
from service.store.schema import patient

REMEMBERED_SECONDS = 30.0
"""The question walks over every patient where the answer is no."""


@dataclass(slots=True)
class RejudgingMemory:
    """The latest answer to the question whether a rejudge is under way or due."""

    _answer: bool = False
    _asked_at: float = float("-inf")
    _rulebook: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rejudging(self, connection: Connection, rules: Rules) -> bool:
        """Whether some records were judged under an older rulebook or older source settings."""
        with self._lock:
            another = self._rulebook != rules.rulebook.digest
            if another or time.monotonic() - self._asked_at > REMEMBERED_SECONDS:
                self._answer = outdated(connection, rules)
                self._asked_at, self._rulebook = time.monotonic(), rules.rulebook.digest
            return self._answer


def count_unjudged(
    connection: Connection, rules: Rules, today: date, sources: Collection[int] | None = None
) -> int:
    """Records whose judgement is behind what was received, or that a day which has come asks to judge again.

    The sweep takes both within moments; where they stay, it does not run, and no late test becomes overdue.

    Args:
        connection: an open transaction.
        rules: by whose clock records are judged: by that of the data, no day comes by itself.
        today: the UTC day.
        sources: whose records count, by number; None for every one.
    """
    behind = patient.c.revision != patient.c.judged_revision
    # Counted apart, for each half has an index of its own and readiness is asked every second.
    halves = [behind, ~behind & (patient.c.review_on <= today)] if rules.clock == "system" else [behind]
    seen = true() if sources is None else patient.c.source_id.in_(sorted(sources))
    counts = (select(func.count()).select_from(patient).where(half, seen) for half in halves)
    return sum(connection.execute(count).scalar_one() for count in counts)
