"""Records expire: what keeps one, what goes with it, what is left, and what may happen at the same time."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Engine, select, update

from service.alerts.alert import RemarkKind
from service.clinical.rulebook import parse_rulebook
from service.errors import Conflict
from service.holding import hold, release
from service.loading import Loader, ensure_source, find_files
from service.population import population, write
from service.quality import Sealer, simulating, verify
from service.retention import Expired, Retention, erase_expired, erase_unasked, rehearse
from service.review import say
from service.store import erasing, fetches, outbox, outbox_control, patients, resources
from service.store.expiry import Standing
from service.store.past import Past, past_of
from service.store.schema import alert, audit, metadata, patient, raw_message
from service.store.session import open_engine, reading, writing
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import NOW, Feed, observation, persistent
from tests.ingest.feeding import patient as person
from tests.quality.replays import assert_every_decision_replays_identical
from tests.retention.holdings import Named, named, naming, rows, unreferred

YEARS = 10
KEPT = Retention(years=YEARS)
LATER = NOW.replace(year=NOW.year + YEARS) + timedelta(days=2)
"""When everything that came at NOW has expired."""
STRICT = parse_rulebook(
    'version = "site"\nparent = "2026.1"\n'
    'plausibility.at_most.ALT = { value = 50, citation = "site", tag = "V" }\n'
    '[citations]\nsite = "Clinic of Example."'
)
"""Of what is elevated nothing is plausible."""


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


class PowerCut(BaseException):
    """No code goes on after it."""


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
            fetches.ask(
                connection, self.feed.source.id, ["Observation/o1"], "feed", LATER - timedelta(days=9)
            )

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


def test_what_a_person_has_stopped_from_being_written_keeps_nothing(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    settled(feed)
    with writing(feed.engine) as connection:
        alert_id = feed.alert().id
        outbox.want(connection, [outbox.Want(alert_id, feed.source.id, 99, NOW)])
        assert outbox_control.stop(connection, alert_id, "not wanted there", by="nurse")
    assert expire(feed).records == {Standing.DUE: 1}


def test_a_released_record_goes_when_its_time_comes(feed: Feed) -> None:
    feed.send(person("p1"))
    number = feed.patient_number("p1")
    made = hold(feed.engine, number, "Case 7", by="user:cole", now=NOW)
    assert expire(feed).records == {Standing.HELD: 1}
    release(feed.engine, number, made, by="user:dunn", now=NOW)
    whom = named(feed.engine, [number])
    assert expire(feed).records == {Standing.DUE: 1}
    assert naming(feed.engine, whom) == []


@pytest.mark.parametrize(("expired", "others"), [(11, 20), (12, 1000)])
def test_unasked_no_more_is_erased_at_once_than_can_be_right(feed: Feed, expired: int, others: int) -> None:
    feed.send(*(person(f"p{number}") for number in range(expired)))
    feed.send(*(person(f"q{number}") for number in range(others)), received=LATER)
    before = rows(feed.engine)
    with pytest.raises(Conflict, match=f"records: {expired} of {expired + others}"):
        erase_unasked(feed.engine, KEPT, LATER, by="liverwatch")
    assert rows(feed.engine) == before
    feed.send(person("p0", version=2), person("p1", version=2), received=LATER)
    done = erase_unasked(feed.engine, KEPT, LATER, by="liverwatch")
    assert done.records == {Standing.DUE: expired - 2}


# ------------------------------------------------------------------------------------- what shares a past


def test_merged_records_are_kept_together_and_erased_together(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    feed.send(person("p2", replaced_by="p1"), observation("q1", "p2", days_ago=50))
    settled(feed)
    made = hold(feed.engine, feed.patient_number("p2"), "Case 7", by="user:cole", now=NOW)
    assert expire(feed).records == {Standing.HELD: 1}
    assert there(feed.engine) == {"p1", "p2"}
    release(feed.engine, feed.patient_number("p1"), made, by="user:cole", now=NOW)
    assert expire(feed).records == {Standing.DUE: 1}
    assert there(feed.engine) == set()
    assert len(erasures(feed.engine)) == 2


def test_records_that_were_merged_once_are_kept_while_one_of_them_is_in_use(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    feed.send(person("p2", replaced_by="p1"), observation("q1", "p2", days_ago=50))
    feed.send(person("p2", version=2))
    settled(feed)
    assert feed.persons() == {"p1": "p1", "p2": "p2"}
    feed.send(observation("q2", "p2", days_ago=1), received=LATER - timedelta(days=9))
    before = rows(feed.engine)
    assert expire(feed).records == {Standing.ACTIVE: 1}
    assert rows(feed.engine) == before
    assert assert_every_decision_replays_identical(feed.engine)


def test_a_record_is_kept_while_a_result_that_was_once_its_own_is_another_s(feed: Feed) -> None:
    feed.send(person("p1"), observation("o1", "p1"), person("p2"))
    feed.send(observation("o1", "p2", version=2))
    settled(feed)
    feed.send(observation("q2", "p2", days_ago=1), received=LATER - timedelta(days=9))
    assert expire(feed).records == {Standing.ACTIVE: 1}
    assert there(feed.engine) == {"p1", "p2"}


def test_bytes_that_another_source_sent_too_stay_for_it(feed: Feed) -> None:
    other = Feed(feed.engine, name="annex")
    for each in (feed, other):
        each.send(person("p1"), *persistent("p1"))
        settled(each)
    hold(feed.engine, other.patient_number("p1"), "Case 7", by="user:cole", now=NOW)
    with reading(feed.engine) as connection:
        before = set(connection.execute(select(raw_message.c.digest)).scalars())
    assert expire(feed).records == {Standing.DUE: 1, Standing.HELD: 1}
    with reading(feed.engine) as connection:
        assert set(connection.execute(select(raw_message.c.digest)).scalars()) == before
    assert assert_every_decision_replays_identical(feed.engine)


# ------------------------------------------------------------------------------------------- afterwards


def test_what_comes_again_of_an_erased_patient_begins_a_new_record(feed: Feed) -> None:
    given = [person("p1"), *persistent("p1")]
    feed.send(*given)
    settled(feed)
    old, (gone,) = feed.patient_number("p1"), feed.alerts()
    expire(feed)
    feed.send(*given)
    assert feed.patient_number("p1") > old, "the audit log would name somebody else by the old number"
    assert feed.histories().keys() == {"p1"}
    assert feed.elevation().id != gone.id
    with reading(feed.engine) as connection:
        noted = connection.execute(select(audit).where(audit.c.patient_id == feed.patient_number("p1")))
        assert noted.all() == []
    assert assert_every_decision_replays_identical(feed.engine)


def test_a_number_of_quarantine_is_never_given_to_another_item(feed: Feed) -> None:
    feed.send(observation("bad", "p1", unit="squeaks"))
    (held,) = feed.held()
    expire(feed)
    feed.send(observation("worse", "p1", unit="squeaks"))
    assert feed.held()[0].id > held.id


def test_an_sqlite_file_holds_no_trace_of_what_was_erased(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    feed = Feed(engine)
    feed.send(person("p1", mrn="MRN-OF-NOBODY-ELSE"), *persistent("p1"))
    settled(feed)
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    engine.dispose()
    assert b"MRN-OF-NOBODY-ELSE" in file.read_bytes()
    expire(feed)
    engine.dispose()
    assert b"MRN-OF-NOBODY-ELSE" not in file.read_bytes()


# -------------------------------------------------------------------------------------------- leftovers


def test_what_came_of_nobody_known_expires_too_and_says_how_much_it_was(feed: Feed) -> None:
    feed.send(observation("w1", mrn="M-9"), observation("w2", mrn="M-9"))
    feed.send({"resourceType": "Observation", **observation("x"), "id": ""})
    feed.send(person("p1", mrn="M-1"), observation("w3", mrn="M-1"))
    feed.now = LATER
    feed.send(observation("w4", mrn="M-9"))
    foretold = rehearse(feed.engine, KEPT, LATER)
    done = expire(feed)
    assert done.leftovers == foretold.leftovers
    assert done.leftovers["nobodys"] > 0
    assert feed.current("Observation/w1") is None
    assert feed.current("Observation/w4") is not None
    assert {each.key for each in feed.held()} == {"Observation/w4"}
    assert unreferred(feed.engine)[0] == set()
    (told, *_rest) = [detail for number, detail in erasures(feed.engine) if number is None]
    assert told["of"] == "nobodys"


def test_what_waits_for_a_patient_in_vain_does_not_keep_who_carries_its_identifier(feed: Feed) -> None:
    feed.send(person("p1", mrn="M-1"), person("p2", mrn="M-1"), observation("w", mrn="M-1"))
    assert feed.reasons() == ["ambiguous-patient"]
    assert expire(feed).records == {Standing.DUE: 2}
    assert rows(feed.engine)["resource"] == set()


def test_closed_items_of_quarantine_go_after_their_days_and_open_ones_stay(feed: Feed) -> None:
    feed.send(person("p1"), observation("o1", unit="squeaks"), observation("o2", unit="squeaks"))
    feed.send(observation("o1", version=2))
    kept = Retention(quarantine_days=30)
    assert expire(feed, NOW + timedelta(days=29), kept).leftovers == {"quarantine": 0}
    assert expire(feed, NOW + timedelta(days=31), kept).leftovers == {"quarantine": 1}
    assert [each.key for each in feed.held()] == ["Observation/o2"]
    assert assert_every_decision_replays_identical(feed.engine)


def test_old_simulations_go_with_their_lists(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    made = [
        simulating.simulate(feed.engine, feed.rules, STRICT, at, by="cli:test")
        for at in (NOW, NOW + timedelta(days=50))
    ]
    with writing(feed.engine) as connection:
        for each in made:
            assert each.changed
            simulating.keep(connection, each)
    kept = Retention(simulation_days=30)
    assert expire(feed, NOW + timedelta(days=60), kept).leftovers == {"simulations": 1}
    found = rows(feed.engine)
    assert len(found["simulation"]) == len(found["simulation_source"]) == 1
    assert len(found["simulation_alert"]) == len(made[1].changed)


def test_a_simulation_during_which_somebody_was_erased_is_kept_without_them(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    made = simulating.simulate(feed.engine, feed.rules, STRICT, NOW, by="cli:test")
    settled(feed)
    expire(feed)
    with writing(feed.engine) as connection:
        simulating.keep(connection, made)
    assert rows(feed.engine)["simulation_alert"] == set()


# ---------------------------------------------------------------------------------- crashes and company


def test_a_run_that_dies_in_the_middle_leaves_whole_records_and_the_next_goes_on(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("p1", "p2", "p3"):
        feed.send(person(name), *persistent(name, f"{name}-"))
    settled(feed)
    second = feed.patient_number("p2")
    drop = erasing._drop_outcomes

    def die(connection: Connection, digests: Collection[str]) -> None:
        drop(connection, digests)
        left = select(patient.c.id).where(patient.c.id == second)
        if connection.execute(left).first() is None:
            raise PowerCut

    before = rows(feed.engine)
    monkeypatch.setattr(erasing, "_drop_outcomes", die)
    with pytest.raises(PowerCut):
        expire(feed)
    assert there(feed.engine) == {"p2", "p3"}
    assert all(now <= before[name] for name, now in rows(feed.engine).items())
    assert len(erasures(feed.engine)) == 1
    assert assert_every_decision_replays_identical(feed.engine)
    monkeypatch.undo()
    assert expire(feed).records == {Standing.DUE: 2}
    assert there(feed.engine) == set()
    assert unreferred(feed.engine) == (set(), set())


def test_it_stops_between_two_records_when_it_is_told_to(feed: Feed) -> None:
    for name in ("p1", "p2", "p3"):
        feed.send(person(name))
    asked = iter([False, False, False, False, True])
    done = erase_expired(feed.engine, KEPT, LATER, by="test", stop=lambda: next(asked, True))
    assert there(feed.engine) == {"p1", "p2", "p3"} - {
        f"p{number}" for number in range(1, done.records.total() + 1)
    }
    assert 0 < done.records.total() < 3


def test_a_result_that_comes_while_its_patient_is_erased_is_stored_and_judged(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite one waits for the other; on PostgreSQL the feed has read the record before it is gone."""
    feed.send(person("p1"), *persistent("p1"))
    settled(feed)
    erased, may_lock = threading.Event(), threading.Event()
    named_of = patients.named

    def named_and_wait(*given: Any) -> Any:
        found = named_of(*given)
        if feed.engine.dialect.name == "postgresql" and not may_lock.is_set():
            may_lock.set()
            assert erased.wait(20)
        return found

    monkeypatch.setattr(patients, "named", named_and_wait)
    sender = threading.Thread(target=lambda: feed.send(observation("new", "p1", days_ago=1)))
    if feed.engine.dialect.name == "postgresql":
        sender.start()
        assert may_lock.wait(20)
        assert expire(feed).records == {Standing.DUE: 1}
        erased.set()
    else:
        assert expire(feed).records == {Standing.DUE: 1}
        sender.start()
    sender.join(30)
    assert feed.results() == {"new": 120}
    assert assert_every_decision_replays_identical(feed.engine)


def test_bytes_that_another_source_is_just_storing_are_not_dropped_under_it(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(postgres_url, durable=False)
    feed, other = Feed(engine), Feed(engine, name="annex", now=LATER)
    feed.send(person("p1"))
    filed, dropping = threading.Event(), threading.Event()
    keep_raw, lock = resources.keep_raw, erasing._let_nobody_file

    def keep_and_wait(*given: Any) -> None:
        keep_raw(*given)
        filed.set()
        assert dropping.wait(20)

    def announce_and_lock(*given: Any) -> None:
        dropping.set()
        lock(*given)

    monkeypatch.setattr(resources, "keep_raw", keep_and_wait)
    monkeypatch.setattr(erasing, "_let_nobody_file", announce_and_lock)
    sender = threading.Thread(target=lambda: other.send(person("p1")))
    sender.start()
    assert filed.wait(20)
    assert expire(feed).records == {Standing.DUE: 1}
    sender.join(30)
    assert unreferred(engine)[0] == set()
    assert other.persons() == {"p1": "p1"}
    engine.dispose()


def test_two_runs_at_once_erase_each_record_once(feed: Feed) -> None:
    for number in range(12):
        feed.send(person(f"p{number}"), *persistent(f"p{number}", f"p{number}-"))
    settled(feed)
    runs = [threading.Thread(target=lambda: expire(feed)) for _ in range(2)]
    for each in runs:
        each.start()
    for each in runs:
        each.join(60)
    assert there(feed.engine) == set()
    assert len(erasures(feed.engine)) == 12
    assert unreferred(feed.engine) == (set(), set())


def test_of_a_whole_clinic_of_long_ago_only_what_is_held_is_left(engine: Engine, tmp_path: Path) -> None:
    write(population(7, 60, date(2026, 1, 10)), tmp_path)
    loaded = datetime(2026, 1, 12, tzinfo=UTC)
    source, _ = ensure_source(engine, "clinic", loaded, "test")
    feed = Feed(engine)
    Loader(engine, source, feed.rules, clock=lambda: loaded).load(find_files([tmp_path]))
    feed.now = NOW + timedelta(days=4 * 365)
    feed.sweep()
    with reading(engine) as connection:
        numbers = list(connection.execute(select(patient.c.id)).scalars())
    for number in numbers[::3]:
        hold(engine, number, "Case 7", by="user:cole", now=NOW)
    with reading(engine) as connection:
        kept = {each for number in numbers[::3] for each in past_of(connection, [number]).numbers}
    histories, before = feed.histories(), rows(engine)
    found = expire(feed).records
    assert found.keys() == {Standing.DUE, Standing.HELD}
    with reading(engine) as connection:
        left = {row.id: row.fhir_id for row in connection.execute(select(patient.c.id, patient.c.fhir_id))}
    assert left.keys() == kept
    assert feed.histories() == {name: histories[name] for name in left.values() if name in histories}
    assert all(now <= before[name] for name, now in rows(engine).items())
    assert naming(engine, Named(frozenset(numbers) - kept, frozenset())) == []
    assert unreferred(engine) == (set(), set())
    assert assert_every_decision_replays_identical(engine)


def test_a_table_that_names_patients_is_never_forgotten() -> None:
    """Whoever adds a table has it name a patient, an alert or a decision, or puts it among nobody's."""
    past = Past(frozenset({1}), {1: {"p1"}}, {})
    nobodys = {table.name for table in metadata.sorted_tables if erasing.belonging(table, past) is None}
    assert nobodys == {
        *("audit", "audit_seal", "source", "stored_text", "raw_message", "outcome", "ignored", "catch_up"),
        *("subscription", "heard", "bulk_export", "bulk_file", "last_message", "reader_token", "cds_token"),
        *("signed_message", "account", "account_name", "saved_view", "session", "sign_in_attempt"),
        *("sign_in_elsewhere", "simulation", "simulation_source", "shadow", "activation"),
    }
