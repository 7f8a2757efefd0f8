"""With the clock on `data` a record is judged as of its newest result: what came after does not count."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from tests.ingest.contexts import HBSAG, condition, examination, measurement
from tests.ingest.feeding import Feed, dated

ULTRASOUND, SEROLOGY = "liver-ultrasound", "hepatitis-b-serology"


@pytest.fixture
def feed(engine: Engine) -> Feed:
    feed = Feed(engine)
    feed.rules = replace(feed.rules, clock="data")
    feed.send(*dated({"500": 3, "400": 3, "300": 3, "200": 3}))
    return feed


def asked(feed: Feed) -> set[str]:
    return {step.name for step in feed.elevation().steps}


def test_an_examination_after_the_newest_result_is_not_known_yet(feed: Feed) -> None:
    assert {ULTRASOUND, SEROLOGY} <= asked(feed)
    feed.send(examination("Procedure", "u", days_ago=150))
    assert ULTRASOUND in asked(feed)
    feed.send(examination("ServiceRequest", "u", days_ago=150))
    assert ULTRASOUND in asked(feed)
    feed.send(examination("Procedure", "u", days_ago=200, version=2))
    assert ULTRASOUND not in asked(feed)


def test_a_condition_recorded_after_the_newest_result_is_no_cause_yet(feed: Feed) -> None:
    feed.send(condition("c", days_ago=150))
    words = str(feed.elevation().episode.plan.causes)
    assert "steatosis" not in words
    feed.send(condition("c", days_ago=200, version=2))
    assert "Hepatic steatosis" in str(feed.elevation().episode.plan.causes)


def test_a_test_that_is_no_liver_test_is_a_result_too_and_brings_what_came_until_then(feed: Feed) -> None:
    feed.send(examination("Procedure", "u", days_ago=150))
    feed.send(measurement("h", "p1", HBSAG, "negative", days_ago=140))
    assert not {ULTRASOUND, SEROLOGY} & asked(feed)


def test_a_measurement_dated_after_now_moves_no_clock(feed: Feed) -> None:
    feed.send(examination("Procedure", "u", days_ago=150))
    feed.send(measurement("h", days_ago=-40))
    assert ULTRASOUND in asked(feed)


def test_whatever_the_order_they_come_in(feed: Feed) -> None:
    late = Feed(feed.engine, name="late")
    late.rules = feed.rules
    context = [
        measurement("h", "p1", HBSAG, "negative", days_ago=140),
        examination("Procedure", "u", days_ago=150),
    ]
    feed.send_each(*context)
    late.send_each(*reversed(context), *reversed(dated({"500": 3, "400": 3, "300": 3, "200": 3})))
    one, other = feed.elevations()
    assert one.episode.plan.done == other.episode.plan.done
    assert {step.name for step in one.steps} == {step.name for step in other.steps}
