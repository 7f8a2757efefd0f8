"""The courier: takes what is due from the outbox, writes it to the EHR, and settles it afterwards.

No transaction is open while it talks to a server. What fails for now is tried again for ever, each time
later; what is refused for good becomes a dead letter. A server that is down is left alone for a while.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.ehr import Patience
from service.deliver.sending import Delivery, Terms
from service.errors import ConfigurationError, LiverwatchError
from service.fhir.client import FhirClient
from service.fhir.remote import RemoteUnavailable
from service.metrics import deliveries
from service.store import decisions, outbox, sources
from service.store.outbox import Claim
from service.store.session import reading, writing
from service.store.sources import Source

log = logging.getLogger(__name__)


@dataclass(slots=True)
class DeliveryReport:
    """What became of one round."""

    claimed: int = 0
    written: int = 0
    unchanged: int = 0
    """The EHR held it already, or there was nothing to hold."""
    postponed: int = 0
    buried: int = 0
    released: int = 0
    """Given back untried, because the server is down."""
    lost: int = 0
    """Another sender had taken it over meanwhile."""


class Courier:
    """Delivers for one process, in one thread. Any number of processes may each have one."""

    def __init__(
        self,
        engine: Engine,
        terms: Terms,
        *,
        client_for: Callable[[Source, float], FhirClient],
        patience: Patience | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Deliver from a database.

        Args:
            engine: the database.
            terms: how to write.
            client_for: a client for the server of a source (`Connections.open`).
            patience: shared with others who talk to the same servers.
            clock: the present (aware).
            chance: numbers from 0 to below 1.
        """
        self._engine = engine
        self._terms = terms
        self._client_for = client_for
        self._clock = clock
        self._chance = chance
        self._patience = patience or Patience(chance)
        self._stop = threading.Event()
        """Set: what has been claimed and not begun is given back at once."""
        self._authors: dict[str, str] = {}
        """Base URL → reference to our Device there."""

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set. Nothing ends it before: what goes wrong is logged and tried again."""
        self._stop = stop
        while not stop.is_set():
            try:
                busy = self.deliver_once().claimed > 0
            except SQLAlchemyError as error:
                # Its text may hold patient data: the kind alone is logged.
                log.warning("delivery waits for the database: %s", type(error).__name__)
                busy = False
            if not busy:
                stop.wait(self._terms.poll_seconds)

    def deliver_once(self) -> DeliveryReport:
        """Send one batch of what is due."""
        report = DeliveryReport()
        # A request under way when the lease ends must be over before another sender begins.
        margin = 2 * self._terms.timeout_seconds
        deadline = time.monotonic() + self._terms.lease.total_seconds() - margin
        clients: dict[int, FhirClient] = {}
        try:
            for claim, source in self._claim():
                report.claimed += 1
                self._handle(claim, source, clients, deadline, report)
        finally:
            for client in clients.values():
                client.close()
        return report

    def _claim(self) -> list[tuple[Claim, Source]]:
        now = self._clock()
        with reading(self._engine) as connection:
            able = {
                source.id: source
                for source in sources.every(connection)
                if source.active
                and source.settings.writes
                and self._patience.paused_until(source.id, now) is None
            }
            if not outbox.due(connection, now=now, sources=able):
                return []
        with writing(self._engine) as connection:
            claims = outbox.claim(
                connection, now=now, limit=self._terms.batch, lease=self._terms.lease, sources=able
            )
        return [(claim, able[claim.source_id]) for claim in claims]

    def _handle(
        self,
        claim: Claim,
        source: Source,
        clients: dict[int, FhirClient],
        deadline: float,
        report: DeliveryReport,
    ) -> None:
        now = self._clock()
        paused_until = self._patience.paused_until(source.id, now)
        if paused_until or self._stop.is_set() or time.monotonic() > deadline:
            self._record(source, report, "released", lambda c: outbox.release(c, claim, paused_until or now))
            return
        delivery = Delivery(self._engine, self._terms, claim, source.settings.fhir_base_url or "", deadline)
        try:
            if source.id not in clients:
                clients[source.id] = self._client_for(source, self._terms.timeout_seconds)
            delivery.send(clients[source.id], self._authors, now)
        except (RemoteUnavailable, ConfigurationError) as error:
            self._postpone(claim, source, error, delivery.learnt, report)
        except LiverwatchError as error:
            log.error("alert %s is refused for good: %s", claim.alert_id, error.message)  # noqa: TRY400
            message, learnt = error.message, delivery.learnt
            self._record(source, report, "buried", lambda c: outbox.bury(c, claim, message, remote=learnt))
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 (a defect must not stop every other delivery)
            defect = RemoteUnavailable(f"defect: {type(error).__name__}")
            self._postpone(claim, source, defect, delivery.learnt, report)
        else:
            self._patience.succeeded(source.id)
            outcome = "written" if delivery.wrote else "unchanged"
            self._record(source, report, outcome, lambda c: self._settle(c, claim, delivery))

    def _settle(self, connection: Connection, claim: Claim, delivery: Delivery) -> bool:
        assert delivery.letter is not None
        assert delivery.learnt is not None
        alert = delivery.letter.alert
        kept = outbox.settle(connection, claim, alert.revision, delivery.learnt)
        if delivery.wrote:  # the EHR has it, whoever settles the row
            decisions.write_audit(
                connection,
                at=self._clock(),
                actor="liverwatch",
                action="ehr.write",
                source_id=claim.source_id,
                patient_id=alert.subject,
                detail={"alert": str(alert.id), "revision": alert.revision},
            )
        return kept

    def _postpone(
        self,
        claim: Claim,
        source: Source,
        error: LiverwatchError,
        learnt: str | None,
        report: DeliveryReport,
    ) -> None:
        log.warning("alert %s is tried again later: %s", claim.alert_id, error.message)
        again = self._patience.failed(claim.source_id, claim.attempts, error, self._clock())
        self._record(
            source,
            report,
            "postponed",
            lambda c: outbox.postpone(c, claim, again, error.message, remote=learnt),
        )

    def _record(
        self, source: Source, report: DeliveryReport, outcome: str, record: Callable[[Connection], bool]
    ) -> None:
        """Note in the outbox what became of a row, and count it, unless another sender has taken it over."""
        with writing(self._engine) as connection:
            kept = record(connection)
        counted = outcome if kept else "lost"
        setattr(report, counted, getattr(report, counted) + 1)
        deliveries.labels(source.name, counted).inc()
