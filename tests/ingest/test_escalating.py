"""The sweep passes on urgent alerts that nobody takes: once a step, whoever sweeps."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from service.alerts.alert import Action, State
from service.clinical.analytes import Analyte
from service.clinical.episodes import Family
from service.ingest import Rules, escalating, sweep
from service.store import sources
from service.store.schema import alert, alert_event, outbox
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import RULEBOOK, Feed, observation

HOURS = timedelta(hours=RULEBOOK.rules.escalation.untaken_hours)
EHR = SourceSettings(fhir_base_url="https://ehr.clinic.test/fhir", contacts=("Dr Bo", "Dr Cy"))


@pytest.fixture
def feed(engine: Engine) -> Feed:
    """A source with two contacts."""
    return Feed(engine, EHR)


def ill(patient_id: str = "p1") -> dict[str, object]:
    return observation(f"o-{patient_id}", patient_id, times=30, days_ago=1)


def told(engine: Engine) -> list[str]:
    """What was said of passing on, in order."""
    query = select(alert_event.c.detail).where(alert_event.c.kind == "passed-on").order_by(alert_event.c.id)
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())


def later(feed: Feed, by: timedelta) -> int:
    feed.now += by
    return sweep(feed.engine, feed.rules, feed.now).passed_on


def test_it_goes_on_to_one_contact_after_the_other(feed: Feed, engine: Engine) -> None:
    feed.send(ill())
    assert later(feed, HOURS - timedelta(seconds=1)) == 0
    assert later(feed, timedelta(seconds=1)) == 1
    assert later(feed, HOURS - timedelta(seconds=1)) == 0
    assert later(feed, timedelta(seconds=1)) == 1
    assert later(feed, 4 * HOURS) == 0
    assert told(engine) == [
        "nobody has taken it within 4 hours: on to Dr Bo",
        "nobody has taken it within 4 hours: on to Dr Cy",
    ]
    waiting = feed.alert().waiting
    assert waiting is not None
    assert (waiting.overdue, waiting.told) == (True, ("Dr Bo", "Dr Cy"))


def test_it_does_so_after_a_restart_and_after_time_away(feed: Feed, engine: Engine) -> None:
    feed.send(ill())
    engine.dispose()
    feed.restart()
    assert later(feed, 3 * HOURS) == 1
    engine.dispose()
    feed.restart()
    assert later(feed, HOURS / 2) == 0
    assert later(feed, HOURS / 2) == 1


def test_what_somebody_has_taken_never_does(feed: Feed, engine: Engine) -> None:
    feed.send(ill())
    feed.now += HOURS / 2
    feed.decide(feed.alert(), Action.TAKE)
    assert later(feed, 3 * HOURS) == 0
    feed.send(observation("o2", times=35, days_ago=0))
    assert later(feed, 3 * HOURS) == 0
    assert told(engine) == []


def test_what_somebody_took_and_set_aside_does_once_it_wakes_for_another_urgent_finding(
    feed: Feed, engine: Engine
) -> None:
    feed.send(ill())
    feed.now += HOURS / 2
    feed.decide(feed.alert(), Action.TAKE)
    feed.now += HOURS / 2
    feed.decide(feed.alert(), Action.SNOOZE, until=feed.now.date() + timedelta(days=9))
    assert later(feed, 3 * HOURS) == 0
    feed.send(
        observation("b", times=4, days_ago=1, analyte=Analyte.TOTAL_BILIRUBIN),
        observation("p", times="0.5", days_ago=1, analyte=Analyte.ALP),
    )
    woken = next(each for each in feed.alerts() if each.family is Family.TRANSAMINASE)
    assert (woken.state, woken.owner) == (State.OPEN, None)
    assert later(feed, HOURS - timedelta(seconds=1)) == 0
    assert later(feed, timedelta(seconds=1)) >= 1
    assert set(told(engine)) == {"nobody has taken it within 4 hours: on to Dr Bo"}
    feed.decide(woken, Action.TAKE)
    assert woken.id not in {each.id for each in feed.alerts() if each.waiting}


def test_what_is_not_urgent_never_does(feed: Feed, engine: Engine) -> None:
    feed.send(observation("o1", times=6, days_ago=1))
    assert feed.alert().state is State.OPEN
    assert later(feed, 3 * HOURS) == 0
    assert told(engine) == []


def test_taking_it_between_two_steps_ends_it(feed: Feed, engine: Engine) -> None:
    feed.send(ill())
    later(feed, HOURS)
    feed.decide(feed.alert(), Action.TAKE)
    assert later(feed, 3 * HOURS) == 0
    with reading(engine) as connection:
        row = connection.execute(select(alert.c.waiting_from, alert.c.overdue)).one()
    assert (row.waiting_from, row.overdue) == (None, False)


def test_without_contacts_it_is_overdue_all_the_same(engine: Engine) -> None:
    feed = Feed(engine)
    feed.send(ill())
    assert later(feed, HOURS) == 1
    assert later(feed, 3 * HOURS) == 0
    assert told(engine) == ["nobody has taken it within 4 hours: no contact is set"]
    with reading(engine) as connection:
        assert connection.execute(select(alert.c.overdue)).scalars().all() == [True]


def test_contacts_set_meanwhile_count(engine: Engine) -> None:
    feed = Feed(engine)
    feed.send(ill())
    with writing(engine) as connection:
        sources.change(connection, feed.name, SourceSettings(contacts=("Dr Di",)))
    later(feed, HOURS)
    assert told(engine) == ["nobody has taken it within 4 hours: on to Dr Di"]


def test_it_is_nothing_to_write_to_the_ehr(feed: Feed, engine: Engine) -> None:
    feed.send(ill())
    before = feed.alert().revision
    later(feed, HOURS)
    assert feed.alert().revision == before
    with reading(engine) as connection:
        assert connection.execute(select(outbox.c.wanted_revision)).scalars().all() == [before]


def test_everybody_is_found_chunk_by_chunk(
    feed: Feed, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.send(*(ill(f"p{n}") for n in range(7)))
    monkeypatch.setattr(escalating, "CHUNK", 2)
    assert later(feed, HOURS) == 7
    assert len(told(engine)) == 7


def test_two_sweeps_at_once_tell_everybody_once(feed: Feed, engine: Engine) -> None:
    feed.send(*(ill(f"p{n}") for n in range(20)))
    feed.now += HOURS
    counted: list[int] = []
    begin = threading.Barrier(2)

    def work() -> None:
        begin.wait(20)
        counted.append(sweep(engine, feed.rules, feed.now).passed_on)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert sum(counted) == len(told(engine)) == 20


def test_old_data_judged_by_its_own_clock_calls_nobody(feed: Feed, engine: Engine) -> None:
    feed.rules = Rules(RULEBOOK, clock="data")
    feed.send(ill())
    assert later(feed, 9 * HOURS) == 0
    assert told(engine) == []
