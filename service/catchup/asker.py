"""What was asked for and found goes the way of everything that is received: one door, one transaction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from service.errors import MalformedInput
from service.fhir.client import FhirClient
from service.fhir.decode import decode_resource, tombstone
from service.fhir.incoming import Incoming, Unusable
from service.fhir.queries import Page, changes, decode_page
from service.fhir.remote import RemoteRefused
from service.fhir.resource import unusable
from service.fhir.strict_json import check_json
from service.ingest import Delivery, Receipt, Rules, take_each
from service.store.sources import Source
from service.store.ways import Way

AT_ONCE = 200
"""Resources in one transaction: short enough that a running feed never waits long for the lock."""
MAX_PAGES = 5000
"""Of one search: a million matches. More are read when it is asked again from where it got to."""


@dataclass(slots=True)
class Asker:
    """What it takes to ask one source, and what came of it so far."""

    engine: Engine
    source: Source
    rules: Rules
    client: FhirClient
    clock: Callable[[], datetime]
    stop: Callable[[], bool] = lambda: False
    """Asked between two pages."""
    receipt: Receipt = field(default_factory=Receipt)
    found: int = 0
    """Resources that were read."""
    gone: int = 0
    """Of what was known, how many are there no more."""

    def changes(
        self, type_: str, *, since: datetime | None = None, patient: str | None = None
    ) -> Iterator[Page]:
        """What was written since then, of one patient or of all, page by page.

        A server that has more matches than it gives, and no link to them, is asked again from the latest of
        those it gave.

        Raises:
            RemoteError: the server did not answer, or refused, or cannot be made to give all.
            InvalidResource: what it answered is no Bundle of matches.
        """
        while True:
            seen, page = 0, None
            for page in self._pages(type_, changes(type_, since=since, patient=patient)):
                seen += len(page.incoming)
                yield page
            if page is None or page.is_last(seen):
                return
            if not page.in_order or page.newest is None or (since is not None and page.newest <= since):
                raise RemoteRefused(f"search of {type_}: more matches than are given, and no link to them")
            since = page.newest

    def _pages(self, type_: str, parameters: Mapping[str, str]) -> Iterator[Page]:
        source = self.source
        for raw in self.client.page_bytes(type_, parameters, max_pages=MAX_PAGES):
            yield decode_page(raw, source=source.name, zone=source.zone, rulebook=self.rules.rulebook)

    def read_known(self, type_: str, id_: str) -> Incoming:
        """As `read`, of a resource that was there: a tombstone where it is there no more."""
        found = self.read(type_, id_)
        if found is None:
            self.gone += 1
            return tombstone(type_, id_)
        return found

    def read(self, type_: str, id_: str) -> Incoming | None:
        """The resource as it is there now; None where there is none.

        Raises:
            RemoteError: the server did not answer, or refused.
        """
        raw = self.client.read_raw(type_, id_)
        if raw is None:
            return None
        try:
            checked = check_json(raw)
        except MalformedInput as error:
            return unusable(Unusable("malformed", type_, error.message))._replace(type=type_, id=id_, raw=raw)
        source = self.source
        return decode_resource(checked, source=source.name, zone=source.zone, rulebook=self.rules.rulebook)

    def take(self, incoming: Sequence[Incoming], way: Way) -> None:
        """Store and judge what was found; what cannot be stored is set aside alone.

        Args:
            incoming: what was found.
            way: by which it came, whoever it was that asked: what the feed pointed at came by the feed.

        Raises:
            Overloaded: the database is too busy.
            sqlalchemy.exc.SQLAlchemyError: the database is away.
        """
        for start in range(0, len(incoming), AT_ONCE):
            now = self.clock()
            part = Delivery(self.source, incoming[start : start + AT_ONCE], now, way)
            self.receipt += take_each(self.engine, part, self.rules, now)
        self.found += len(incoming)
