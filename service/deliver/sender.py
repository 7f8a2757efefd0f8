"""The sender: takes what is due for a source from the outbox, writes it to the EHR, and settles it then.

No transaction is open while it talks to a server. What fails for now is tried again for ever, each time
later; what is refused for good becomes a dead letter. A server that is down is left alone for a while.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.deliver.sending import Delivery, Terms
from service.deliver.servers import Servers
from service.ehr import Patience
from service.errors import ConfigurationError, LiverwatchError
from service.fhir.client import FhirClient
from service.fhir.remote import RemoteUnavailable
from service.metrics import deliveries, left_out
from service.store import decisions, outbox
from service.store.outbox import Claim
from service.store.session import writing
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

    def __iadd__(self, other: "DeliveryReport") -> "DeliveryReport":
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self


class Sender:
    """Sends for any number of sources, each in one thread at a time."""

    def __init__(
        self,
        engine: Engine,
        terms: Callable[[], Terms],
        client_for: Callable[[Source, float], FhirClient],
        patience: Patience,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._terms = terms
        self._client_for = client_for
        self._patience = patience
        self._clock = clock
        self.stop = threading.Event()
        """Set: what has been claimed and not begun is given back at once."""
        self._servers = Servers()

    def send(self, source: Source) -> DeliveryReport:
        """Send one batch of what is due for a source.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away; what was under way ends with its lease.
        """
        report = DeliveryReport()
        # A request under way when the lease ends must be over before another sender begins.
        terms = self._terms()
        margin = 2 * terms.timeout_seconds
        deadline = time.monotonic() + terms.lease.total_seconds() - margin
        with ExitStack() as stack:
            opened: list[FhirClient] = []

            def client() -> FhirClient:
                if not opened:
                    opened.append(stack.enter_context(self._client_for(source, terms.timeout_seconds)))
                return opened[0]

            for claim in self._claim(source, terms):
                report.claimed += 1
                self._handle(claim, source, client, deadline, report)
        return report

    def _claim(self, source: Source, terms: Terms) -> list[Claim]:
        now = self._clock()
        with writing(self._engine) as connection:
            return outbox.claim(
                connection, now=now, limit=terms.batch, lease=terms.lease, sources=[source.id]
            )

    def _handle(
        self,
        claim: Claim,
        source: Source,
        client: Callable[[], FhirClient],
        deadline: float,
        report: DeliveryReport,
    ) -> None:
        now = self._clock()
        paused_until = self._patience.paused_until(source.id, now)
        if paused_until or self.stop.is_set() or time.monotonic() > deadline:
            self._record(source, report, "released", lambda c: outbox.release(c, claim, paused_until or now))
            return
        delivery = Delivery(self._engine, self._terms(), claim, source.settings.fhir_base_url or "", deadline)
        try:
            server = self._servers.of(source, client(), now)
            delivery.send(client(), server, now)
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
            for kind in delivery.manner.left_out:
                left_out.labels(source.name, kind).inc()
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
