"""What records are judged by."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from service.clinical.rulebook import Rulebook
from service.settings import Settings
from service.store.sources import Source


@dataclass(frozen=True, slots=True)
class Rules:
    """What records are judged by, and when changes leave for the EHR."""

    rulebook: Rulebook
    clock: Literal["system", "data"] = "system"
    settle: timedelta = timedelta(minutes=15)
    backfill_writes: Literal["open", "all"] = "open"
    before: Rulebook | None = field(default=None, compare=False)
    """What records were judged by until two people put this rulebook in force: to be shown beside it."""

    @classmethod
    def of(cls, settings: Settings, rulebook: Rulebook) -> "Rules":
        """The rules that settings ask for."""
        settle = timedelta(seconds=settings.settle_seconds)
        return cls(rulebook, settings.clock, settle, settings.backfill_writes)

    def text(self, source: Source) -> str:
        """What a record of `source` is judged under: the digests of rulebook and settings, and the clock."""
        return f"{self.rulebook.digest} {source.settings.digest} {self.clock}"

    def digest(self, source: Source) -> str:
        """SHA-256 of `text`, which the store keeps under it."""
        return hashlib.sha256(self.text(source).encode()).hexdigest()
