"""A database with one source, one patient and one alert to deliver, and a courier with a clock of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx2
from sqlalchemy import Engine, insert, update

from service.alerts.alert import Alert, Disposition
from service.deliver import Courier, DeliveryReport, Terms
from service.fhir.client import FhirClient
from service.store import alerts, outbox, outbox_control, patients, sources
from service.store.outbox import Claim
from service.store.schema import alert as alert_table
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from service.store.sources import Source
from tests.fhir.alert_examples import ALERT_ID, NOW
from tests.fhir.fake_server import BASE

TERMS = Terms(
    public_url="https://watch.clinic.test",
    software="1.2.3",
    rulebook_digest="ab" * 32,
    rulebook_version="2026.1",
    poll_seconds=0.01,
)


@dataclass
class Post:
    """A database whose alert goes to a server."""

    engine: Engine
    client_for: Callable[[Source, float], FhirClient]
    base_url: str | None = BASE
    patient: str = "p1"
    now: datetime = NOW
    source_id: int = field(init=False)

    def __post_init__(self) -> None:
        settings = SourceSettings(fhir_base_url=self.base_url, write="bundle")
        with writing(self.engine) as connection:
            known = sources.find(connection, "clinic")
            source = known or sources.add(connection, "clinic", settings, "secret", self.now)
            self.source_id = source.id
            named = patients.named(connection, self.source_id, [self.patient])
            assert named[self.patient].id == 1

    def courier(self, terms: Terms = TERMS) -> Courier:
        return Courier(
            self.engine, lambda: terms, client_for=self.client_for, clock=lambda: self.now, chance=lambda: 1.0
        )

    def want(self, alert: Alert, *, settle: timedelta = timedelta(0)) -> None:
        """Store the alert as it is now and want it in the EHR, as ingest does."""
        row = {
            "patient_id": alert.subject,
            "source_id": self.source_id,
            "family": alert.family.value,
            "state": alert.state.value,
            "tier": int(alert.tier),
            "updated": self.now,
            "revision": alert.revision,
            "content": alerts.encode(alert),
            "last_result": alert.episode.last_result,
        }
        with writing(self.engine) as connection:
            known = connection.execute(
                update(alert_table).where(alert_table.c.id == alert.id).values(**row)
            ).rowcount
            if not known:
                connection.execute(insert(alert_table).values(id=alert.id, created=alert.created, **row))
            outbox.want(
                connection, [outbox.Want(alert.id, self.source_id, alert.revision, self.now + settle)]
            )

    def decide(self, disposition: Disposition) -> None:
        with writing(self.engine) as connection:
            alerts.add_disposition(connection, disposition, 1, ALERT_ID)

    def deliver(self, alert: Alert | None = None) -> DeliveryReport:
        if alert is not None:
            self.want(alert)
        return self.courier().deliver_once()

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def replay(self) -> None:

        with writing(self.engine) as connection:
            assert outbox_control.replay(connection, self.now) == 1

    def claim(self, lease: timedelta = timedelta(minutes=5)) -> list[Claim]:
        with writing(self.engine) as connection:
            return outbox.claim(connection, now=self.now, limit=10, lease=lease, sources=[self.source_id])

    def line(self) -> outbox_control.Line:

        with reading(self.engine) as connection:
            line = outbox_control.line(connection, ALERT_ID)
        assert line is not None
        return line


def over(transport: httpx2.BaseTransport) -> Callable[[Source, float], FhirClient]:
    """Clients that talk to that transport."""
    return lambda source, timeout: FhirClient(
        source.settings.fhir_base_url or "", timeout_seconds=timeout, transport=transport
    )
