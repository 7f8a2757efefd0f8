"""When each source was last heard of, kept in the database: seldom, so that it costs the feed nothing."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from service.ingest import Delivery
from service.store import freshness
from service.store.session import writing

log = logging.getLogger(__name__)

AT_MOST_EVERY: Final = timedelta(seconds=10)


class Hearing:
    """For one process; one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._noted: dict[int, datetime] = {}

    def note(self, deliveries: Sequence[Delivery]) -> None:
        """Note that these came, unless that was done a moment ago. In vain, it is done with the next."""
        latest = {each.source.id: each.received for each in deliveries}
        due = [
            source_id
            for source_id, at in latest.items()
            if source_id not in self._noted or at - self._noted[source_id] >= AT_MOST_EVERY
        ]
        if not due:
            return
        at = max(latest[each] for each in due)
        try:
            with writing(self._engine) as connection:
                freshness.message_came(connection, due, at)
        except Exception as error:  # noqa: BLE001 - the writer thread must live on
            log.warning("when a source was last heard of could not be noted: %s", type(error).__name__)
        else:
            self._noted.update(dict.fromkeys(due, at))
