"""What it takes to export from one source, and what came of it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from service.fhir.client import FhirClient
from service.ingest import Rules
from service.loading import Loader
from service.store.sources import Source


@dataclass(slots=True)
class Exported:
    """What came of an export."""

    transaction_time: datetime | None = None
    """What was changed after it is not in the files; None: it never got ready."""
    files: int = 0
    """That were read now."""
    before: int = 0
    """That had been read before it broke off."""
    left_out: int = 0
    """Of types that nobody asked for."""
    gone: int = 0
    """Resources that were known and are there no more."""
    troubles: Counter[str] = field(default_factory=Counter)
    """What the server says went wrong, by severity and code."""
    rejected: int = 0
    """Lines that are no resource, of files read before too."""
    moved: list[str] = field(default_factory=list)
    """Types that catch-up goes on with from there."""
    stopped: bool = False
    """It was asked to stop; the same command goes on from there."""
    not_ended: str | None = None
    """Why the server could not be told that it may throw the files away."""

    @property
    def complete(self) -> bool:
        """Whether all that was asked for is here."""
        failed = any(each.startswith(("error", "fatal")) for each in self.troubles)
        return not (self.stopped or failed or self.rejected)


@dataclass(slots=True)
class Exporter:
    """What it takes."""

    engine: Engine
    source: Source
    rules: Rules
    client: FhirClient
    loader: Loader
    """Of the same source; what it is told of progress is told by it."""
    clock: Callable[[], datetime]
    wait: Callable[[float], bool]
    """Sleeps so many seconds; True where it has been asked to stop."""
    others: tuple[str, ...] = ()
    """Addresses at whose origins a person allows files to be, beside the server's own."""
    tell: Callable[[str], None] = lambda _text: None
    """Told, in words, how far it is."""
    exported: Exported = field(default_factory=Exported)
