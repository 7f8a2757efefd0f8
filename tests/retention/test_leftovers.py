"""What is in nobody's record goes too, but not what a hold keeps, nor unasked all of it at once."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update

from service.errors import Conflict
from service.holding import hold, release
from service.ingest.receiving import keep_for_later
from service.quality import simulating
from service.retention import Retention, erase_unasked
from service.store import patients
from service.store.schema import quarantine
from service.store.session import reading, writing
from tests.ingest.feeding import NOW, Feed, observation, persistent
from tests.ingest.feeding import patient as person
from tests.retention.holdings import named, naming, rows, unreferred
from tests.retention.test_retention import KEPT, LATER, STRICT, expire

Comes = Callable[[Feed, datetime, int], None]
DAYS = Retention(quarantine_days=30, simulation_days=30)
SOON = NOW + timedelta(days=60)
"""When what was closed or run at NOW has expired."""


@pytest.fixture
def feed(engine: Engine) -> Feed:
    return Feed(engine)


def left(engine: Engine) -> set[str]:
    """What quarantine holds, closed too."""
    with reading(engine) as connection:
        return set(connection.execute(select(quarantine.c.key)).scalars())


def not_stored(feed: Feed, *names: str) -> None:
    """Patients of these ids are sent, and storing them fails."""
    keep_for_later(feed.engine, feed.delivery(*map(person, names)), ValueError())


@pytest.mark.parametrize("held", ["p1", "p2"])
def test_closed_items_of_whoever_is_held_stay_be_they_merged_later(feed: Feed, held: str) -> None:
    for number in (1, 2, 3):
        feed.send(person(f"p{number}"), observation(f"o{number}", f"p{number}", unit="squeaks"))
        feed.send(observation(f"o{number}", f"p{number}", version=2))
    made = hold(feed.engine, feed.patient_number(held), "Case 7", by="user:cole", now=NOW)
    feed.send(person("p2", version=2, replaced_by="p1"))
    assert expire(feed, SOON, DAYS).leftovers["quarantine"] == 1
    assert left(feed.engine) == {"Observation/o1", "Observation/o2"}
    release(feed.engine, feed.patient_number("p1"), made, by="user:cole", now=NOW)
    assert expire(feed, SOON, DAYS).leftovers["quarantine"] == 2


@pytest.mark.parametrize("closed", [False, True])
def test_what_could_not_be_stored_of_a_held_patient_stays(feed: Feed, closed: bool) -> None:
    """It is known to be theirs by its address alone."""
    feed.send(observation("o1", "p1"))
    made = hold(feed.engine, feed.patient_number("p1"), "Case 7", by="user:cole", now=NOW)
    not_stored(feed, "p1", "p2")
    with writing(feed.engine) as connection:
        connection.execute(update(quarantine).values(resolved=NOW if closed else None))
    then, kept, kind = (SOON, DAYS, "quarantine") if closed else (LATER, KEPT, "nobodys")
    assert expire(feed, then, kept).leftovers[kind] == 1
    assert left(feed.engine) == {"Patient/p1"}
    release(feed.engine, feed.patient_number("p1"), made, by="user:cole", now=NOW)
    expire(feed, then, kept)
    assert left(feed.engine) == set()


def test_a_result_that_could_not_be_stored_is_kept_and_goes_with_the_record_it_is_of(feed: Feed) -> None:
    feed.send(person("p1", mrn="M-1"), person("p2", mrn="M-2"))
    made = hold(feed.engine, feed.patient_number("p1"), "Case 7", by="user:cole", now=NOW)
    by_reference = observation("o1", "p1"), observation("o2", "p2"), observation("o3", "p3")
    by_identifier = observation("i1", mrn="M-1"), observation("i2", mrn="M-2"), observation("i3", mrn="M-3")
    keep_for_later(feed.engine, feed.delivery(*by_reference, *by_identifier), ValueError())
    expire(feed, LATER, KEPT)
    assert left(feed.engine) == {"Observation/o1", "Observation/i1"}
    release(feed.engine, feed.patient_number("p1"), made, by="user:cole", now=NOW)
    expire(feed, LATER, KEPT)
    assert left(feed.engine) == set()


def test_what_could_not_be_stored_is_kept_though_nobody_can_say_whose_it_is(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with it may be wrong for that question too."""

    def fail(*_: object) -> None:
        raise ValueError

    feed.send(person("p1"))
    monkeypatch.setattr(patients, "known", fail)
    keep_for_later(feed.engine, feed.delivery(observation("o1", "p1")), ValueError())
    assert left(feed.engine) == {"Observation/o1"}


@pytest.mark.parametrize("held", ["p1", "p2", None])
def test_what_waits_for_a_patient_of_an_identifier_that_somebody_held_carries_stays(
    feed: Feed, held: str | None
) -> None:
    """Whose it is of the two is not known: perhaps of the one who is held."""
    feed.send(person("p1", mrn="M-1"), person("p2", mrn="M-1"))
    feed.send(observation("w1", mrn="M-1"), observation("w2", mrn="M-1", unit="squeaks"))
    feed.send(observation("v1", mrn="M-9"))
    feed.send(observation("w1", mrn="M-1", version=2))
    given = {name: rows(feed.engine)[name] for name in ("resource", "superseded", "quarantine")}
    if held is None:
        expire(feed)
        assert not any(rows(feed.engine)[name] for name in given)
        return
    made = hold(feed.engine, feed.patient_number(held), "Case 7", by="user:cole", now=NOW)
    expire(feed)
    after = rows(feed.engine)
    gone = {str(row) for name in given for row in given[name] - after[name]}
    assert gone
    assert all("Observation/v1" in row or "Patient/" in row for row in gone), gone
    release(feed.engine, feed.patient_number(held), made, by="user:cole", now=NOW)
    expire(feed)
    assert rows(feed.engine)["resource"] == set()


def test_what_could_not_be_stored_of_a_patient_known_by_references_goes_with_the_record(feed: Feed) -> None:
    feed.send(observation("o1", "p1", 0.5))
    not_stored(feed, "p1")
    feed.send(observation("o2", "p1", 0.5), received=LATER - timedelta(days=9))
    expire(feed)
    assert left(feed.engine) == {"Patient/p1"}
    whom = named(feed.engine, [feed.patient_number("p1")])
    expire(feed, LATER.replace(year=LATER.year + 21))
    assert naming(feed.engine, whom) == []
    assert unreferred(feed.engine) == (set(), set())


def test_a_simulation_that_names_somebody_who_is_held_stays(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    ran = simulating.simulate(feed.engine, feed.rules, STRICT, NOW, by="cli:test")
    assert ran.changed
    with writing(feed.engine) as connection:
        simulating.keep(connection, ran)
    made = hold(feed.engine, feed.patient_number("p1"), "Case 7", by="user:cole", now=NOW)
    before = rows(feed.engine)
    assert expire(feed, SOON, DAYS).leftovers["simulations"] == 0
    assert rows(feed.engine) == before
    release(feed.engine, feed.patient_number("p1"), made, by="user:cole", now=NOW)
    assert expire(feed, SOON, DAYS).leftovers["simulations"] == 1


def closed_items(feed: Feed, at: datetime, count: int) -> None:
    feed.now = at
    names = [f"{at:o%Y%m}-{number}" for number in range(count)]
    feed.send(*(observation(each, unit="squeaks") for each in names))
    feed.send(*(observation(each, version=2) for each in names))


def simulations_run(feed: Feed, at: datetime, count: int) -> None:
    made = [simulating.simulate(feed.engine, feed.rules, STRICT, at, by="cli:test") for _ in range(count)]
    with writing(feed.engine) as connection:
        for each in made:
            simulating.keep(connection, each)


def not_stored_then(feed: Feed, at: datetime, count: int) -> None:
    feed.now = at
    not_stored(feed, *(f"{at:n%Y}-{number}" for number in range(count)))


KINDS: list[tuple[str, Comes, Retention, datetime, int]] = [
    ("quarantine", closed_items, DAYS, SOON, 2),
    ("simulations", simulations_run, DAYS, SOON, 2),
    ("nobodys", not_stored_then, KEPT, LATER, 99),
]
"""Each with how many younger ones make eleven that expire no more than can be right."""


@pytest.mark.parametrize(("kind", "come", "kept", "then", "others"), KINDS)
def test_unasked_no_more_leftovers_go_at_once_than_can_be_right(
    feed: Feed, kind: str, come: Comes, kept: Retention, then: datetime, others: int
) -> None:
    come(feed, NOW, 11)
    before = rows(feed.engine)
    with pytest.raises(Conflict, match=f"{kind}: 11 of 11"):
        erase_unasked(feed.engine, kept, then, by="liverwatch")
    assert rows(feed.engine) == before
    come(feed, then, others)
    assert erase_unasked(feed.engine, kept, then, by="liverwatch").leftovers[kind] == 11
