"""Records expire: what keeps one, what goes with it, what is left, and what may happen at the same time."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import Engine, delete, insert, select, update

from service.alerts.alert import Action, OverrideReason, RemarkKind
from service.alerts.states import OVER
from service.holding import hold, release
from service.ingest import rejudge
from service.loading import Loader, ensure_source, find_files
from service.population import population, write
from service.quality import Sealer, simulating, verify
from service.retention import Expired, Retention, erase_expired, rehearse
from service.review import say
from service.store import expiry, fetches, outbox, patients, quarantine
from service.store.expiry import Standing
from service.store.past import past_of
from service.store.schema import (
    alert,
    audit,
    metadata,
    patient,
    pending_fetch,
    raw_message,
    simulation,
    simulation_alert,
)
from service.store.session import open_engine, reading, writing
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import NOW, RULEBOOK, Feed, observation, persistent
from tests.ingest.feeding import patient as person
from tests.quality.replays import assert_every_decision_replays_identical
from tests.retention.holdings import named, naming, rows, unreferred

YEARS = 10
KEPT = Retention(years=YEARS)
LATER = NOW.replace(year=NOW.year + YEARS) + timedelta(days=2)
"""When everything that came at NOW has expired."""


@pytest.fixture
def feed(engine: Engine) -> Feed:
    """A source that is written back to."""
    return Feed(engine, SourceSettings(fhir_base_url="https://ehr.clinic.test/fhir"))


def settled(feed: Feed) -> None:
    """Everybody was tested no more, and the EHR knows: alerts are dormant, years before anything expires."""
    feed.now = NOW + timedelta(days=4 * 365)
    feed.sweep()
    feed.now = NOW
    written(feed)


def written(feed: Feed) -> None:
    """What the courier does, without a network."""
    soon, minute = LATER + timedelta(days=1), timedelta(minutes=1)
    with writing(feed.engine) as connection:
        for claim in outbox.claim(connection, now=soon, limit=999, lease=minute, sources=[feed.source.id]):
            assert outbox.settle(connection, claim, claim.wanted_revision, "{}")


def expire(feed: Feed, now: datetime = LATER, kept: Retention = KEPT) -> Expired:
    return erase_expired(feed.engine, kept, now, by="cli:test")


def there(engine: Engine) -> set[str]:
    """What the sources call the patients there are."""
    with reading(engine) as connection:
        return set(connection.execute(select(patient.c.fhir_id)).scalars())


def erasures(engine: Engine) -> list[tuple[int | None, dict[str, object]]]:
    with reading(engine) as connection:
        query = select(audit.c.patient_id, audit.c.detail).where(audit.c.action == "erase")
        found = connection.execute(query.order_by(audit.c.id))
        return [(row.patient_id, msgspec.json.decode(row.detail)) for row in found]


def test_unless_it_is_set_nothing_is_ever_erased(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    settled(feed)
    assert not Retention().limited
    assert expire(feed, kept=Retention()) == Expired()
    assert there(feed.engine) == {"p1"}


def test_an_expired_record_is_erased_whole_and_the_audit_says_so_without_patient_data(feed: Feed) -> None:
    feed.send(person("p1", mrn="M-1"), *persistent("p1"), observation("bad", "p1", unit="squeaks"))
    feed.send(person("p2"), *persistent("p2", "q"))
    settled(feed)
    feed.now = LATER - timedelta(days=30)
    feed.send(observation("q9", "p2", days_ago=-3600))
    number, other = feed.patient_number("p1"), feed.patient_number("p2")
    whom, before = named(feed.engine, [number]), rows(feed.engine)
    (made,) = [each for each in feed.alerts(gone=True) if each.subject == number]
    with reading(feed.engine) as connection:
        public = connection.execute(select(patient.c.public_id).where(patient.c.id == number)).scalar_one()

    assert expire(feed).records == {Standing.DUE: 1}

    assert naming(feed.engine, whom) == []
    assert there(feed.engine) == {"p2"}
    assert all(now <= before[name] for name, now in rows(feed.engine).items())
    assert feed.histories().keys() == {"p2"}
    assert unreferred(feed.engine) == (set(), set())
    assert erasures(feed.engine) == [(number, {"record": str(public), "alerts": [str(made.id)]})]
    assert assert_every_decision_replays_identical(feed.engine)
    assert other == feed.patient_number("p2")
    assert expire(feed).records == {}


def test_the_chain_of_the_audit_log_still_verifies(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    settled(feed)
    sealer = Sealer(feed.engine, lambda _head, _at: None)
    say(feed.engine, feed.alerts()[0].id, RemarkKind.USEFUL, by="nurse", now=NOW)
    sealer.seal()
    expire(feed)
    sealer.seal()
    with reading(feed.engine) as connection:
        found = verify(connection)
    assert (found.problem, found.head.position) == (None, 2)


def test_a_record_is_due_on_the_day_after_so_many_years_and_not_before(feed: Feed) -> None:
    feed.send(person("p1"))
    eve = NOW.replace(year=NOW.year + YEARS)
    assert expire(feed, eve).records == {}
    assert expire(feed, eve + timedelta(days=1)).records == {Standing.DUE: 1}


@dataclass
class Case:
    """A record that would be due, but for one thing."""

    feed: Feed
    number: int

    def held(self) -> None:
        hold(self.feed.engine, self.number, "Case 7", by="user:cole", now=NOW)

    def open_alert(self) -> None:
        alert_id = self.feed.alert().id
        with writing(self.feed.engine) as connection:
            connection.execute(update(alert).where(alert.c.id == alert_id).values(state="overridden"))

    def unjudged(self) -> None:
        with writing(self.feed.engine) as connection:
            connection.execute(update(patient).values(judged_revision=0))

    def unsent(self) -> None:
        with writing(self.feed.engine) as connection:
            (claim,) = self._wanted(connection)
            outbox.bury(connection, claim, "refused")

    def being_sent(self) -> None:
        with writing(self.feed.engine) as connection:
            self._wanted(connection)

    def _wanted(self, connection: object) -> list[outbox.Claim]:
        alert_id, source = self.feed.alert().id, self.feed.source.id
        outbox.want(connection, [outbox.Want(alert_id, source, 99, NOW)])  # type: ignore[arg-type]
        lease = timedelta(minutes=1)
        return outbox.claim(connection, now=LATER, limit=9, lease=lease, sources=[source])  # type: ignore[arg-type]

    def received_lately(self) -> None:
        self.feed.send(person("p1", version=2), received=LATER - timedelta(days=9))

    def tested_lately(self) -> None:
        self.feed.now = LATER - timedelta(days=9)
        self.feed.send(observation("late", "p1", days_ago=-3600), received=NOW)
        self.feed.now = LATER + timedelta(days=4 * 365)
        self.feed.sweep()
        written(self.feed)

    def said_lately(self) -> None:
        at = LATER - timedelta(days=9)
        say(self.feed.engine, self.feed.alert().id, RemarkKind.COMMENT, by="nurse", now=at, text="Well.")

    def pointed_at_lately(self) -> None:
        with writing(self.feed.engine) as connection:
            fetches.ask(connection, self.feed.source.id, ["Observation/o1"], LATER - timedelta(days=9))

    def named_by_something_that_waits(self) -> None:
        self.feed.send(person("p2", mrn="M-1"))  # two carry it, so what names it waits
        self.feed.send(observation("w", mrn="M-1"), received=LATER - timedelta(days=9))


KEEPS: list[tuple[Callable[[Case], None], Standing | None]] = [
    (Case.held, Standing.HELD),
    (Case.open_alert, Standing.OPEN),
    (Case.unjudged, Standing.OPEN),
    (Case.unsent, Standing.UNSENT),
    (Case.being_sent, Standing.UNSENT),
    (Case.received_lately, None),
    (Case.tested_lately, Standing.ACTIVE),
    (Case.said_lately, Standing.ACTIVE),
    (Case.pointed_at_lately, Standing.ACTIVE),
    (Case.named_by_something_that_waits, Standing.ACTIVE),
]


@pytest.mark.parametrize(("happens", "standing"), KEEPS, ids=[each.__name__ for each, _ in KEEPS])
def test_a_record_is_kept_while(
    feed: Feed, happens: Callable[[Case], None], standing: Standing | None
) -> None:
    feed.send(person("p1", mrn="M-1"), *persistent("p1"))
    settled(feed)
    happens(Case(feed, feed.patient_number("p1")))
    before = rows(feed.engine)
    assert rehearse(feed.engine, KEPT, LATER).records[Standing.DUE] == 0
    found = expire(feed).records
    assert found[Standing.DUE] == 0
    assert standing is None or found[standing]
    assert rows(feed.engine) == before
