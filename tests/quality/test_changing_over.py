"""A service changes over from one rulebook to another: once, alone; where it is stopped, the next goes on."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from service.activating import carry_out
from service.ingest import InForce, Rules, outdated
from service.quality import ChangeOver, changing_over, shadowing
from service.store import activations, decisions, shadows
from service.store.activations import Activation
from service.store.session import alone, open_engine, reading, writing
from tests.ingest.feeding import NOW, RULEBOOK, Feed, persistent
from tests.ingest.feeding import patient as person
from tests.quality.trying import GUIDELINE

RULES = Rules(RULEBOOK)
LATER = NOW + timedelta(hours=1)


def fill(engine: Engine) -> Feed:
    """Three people who are elevated by the guideline's limits alone."""
    feed = Feed(engine)
    for number in range(3):
        feed.send(person(f"p{number}"), *persistent(f"p{number}", prefix=f"o{number}-", times=0.9))
    return feed


def put_in_force(engine: Engine) -> None:
    made = Activation(
        UUID(int=1), GUIDELINE.digest, "user:adams", NOW, None, "user:bell", NOW, in_force_from=LATER
    )
    with writing(engine) as connection:
        decisions.keep_texts(connection, {GUIDELINE.digest: GUIDELINE.text}, NOW)
        activations.add(connection, made)


def change_over(engine: Engine) -> ChangeOver:
    return ChangeOver(engine, InForce(engine, RULES, lambda: LATER), 0.01, lambda: LATER)


def waits(engine: Engine) -> bool:
    """Whether somebody waits to be judged by the new rulebook."""
    with reading(engine) as connection:
        return outdated(connection, Rules(GUIDELINE))


def test_a_service_that_ends_stops_and_the_next_one_goes_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.ingest.sweeping.CHUNK", 1)
    feed = fill(engine)
    put_in_force(engine)
    stop = threading.Event()
    ending = change_over(engine)

    def ends_meanwhile(*given: object) -> int:
        stop.set()
        return carry_out(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(changing_over, "carry_out", ends_meanwhile)
    ending.run(stop)
    assert waits(engine)
    assert len(feed.alerts()) == 1
    monkeypatch.setattr(changing_over, "carry_out", carry_out)
    change_over(engine).once(threading.Event())
    assert not waits(engine)
    assert len(feed.alerts()) == 3


def test_the_shadow_of_the_older_one_ends_with_it(engine: Engine) -> None:
    fill(engine)
    with writing(engine) as connection:
        shadowing.begin(connection, RULES, GUIDELINE, by="user:adams", now=NOW)
    shadowing.follow(engine, RULES, NOW)
    put_in_force(engine)
    change_over(engine).once(threading.Event())
    with reading(engine) as connection:
        assert shadows.running(connection) is None
        made = shadows.latest(connection)
    assert made is not None
    assert (made.ended_at, made.ended_by) == (LATER, "liverwatch")


def test_one_process_at_a_time_changes_over(postgres_url: str) -> None:
    engine = open_engine(postgres_url, durable=False)
    other = open_engine(postgres_url, durable=False)
    fill(engine)
    put_in_force(engine)
    with alone(other, changing_over._LOCK):
        change_over(engine).once(threading.Event())
        assert waits(engine)
    change_over(engine).once(threading.Event())
    assert not waits(engine)
    for each in (engine, other):
        each.dispose()
