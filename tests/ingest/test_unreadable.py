"""A record of which something stored is missing cannot be judged by other rules; it stops nobody else."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, select

from service.clinical.rulebook import load_rulebook, parse_rulebook
from service.ingest import Rules, outdated, rejudge, sweep
from service.ingest.judging import FAILED
from service.store.resources import digest_of, keep_raw, raw
from service.store.schema import raw_message, resource
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import RULEBOOK, Feed, observation, persistent
from tests.ingest.feeding import patient as person

OTHER = Rules(parse_rulebook(load_rulebook().text.replace('version = "2026.1"', 'version = "2031.4"')))


@pytest.fixture
def feed(engine: Engine) -> Feed:
    """Two people, and somebody to tell of what nobody takes; of one of them a message is lost."""
    feed = Feed(engine, SourceSettings(contacts=("Dr Bo",)))
    feed.send(person("lost"), *persistent("lost"), person("whole"), *persistent("whole", "w"))
    return feed


def lose(feed: Feed, key: str) -> bytes:
    """The message that is gone from then on."""
    with writing(feed.engine) as connection:
        query = select(resource.c.digest).where(resource.c.key == key)
        digest = connection.execute(query).scalar_one()
        body = raw(connection, digest)
        connection.execute(delete(raw_message).where(raw_message.c.digest == digest))
    return body


def left(feed: Feed) -> bool:
    with reading(feed.engine) as connection:
        return outdated(connection, OTHER)


def test_everybody_else_is_judged_by_the_new_rules_and_it_is_held(feed: Feed) -> None:
    lose(feed, "Observation/o1")
    assert left(feed)
    assert rejudge(feed.engine, OTHER, feed.now) == (2, 1)
    assert feed.reasons() == [FAILED]
    assert not left(feed)
    assert len(feed.elevations()) == 2  # its alert stays as it was
    assert rejudge(feed.engine, OTHER, feed.now) == (1, 1)
    assert feed.reasons() == [FAILED]


def test_what_arrives_for_it_is_stored_and_judged_once_the_message_is_there_again(feed: Feed) -> None:
    body = lose(feed, "Observation/o1")
    feed.rules = OTHER
    feed.send(observation("new", "lost", times=4))
    assert feed.current("Observation/new") is not None
    assert feed.reasons() == [FAILED]
    feed.sweep()
    assert feed.reasons() == [FAILED]
    with writing(feed.engine) as connection:
        keep_raw(connection, {digest_of(body): body})
    feed.sweep()
    assert feed.reasons() == []
    assert "new" in str(feed.results("lost"))


def test_urgent_alerts_of_others_still_go_on_to_the_next_contact(feed: Feed) -> None:
    lose(feed, "Observation/o1")
    feed.rules = OTHER
    feed.now += timedelta(days=800)  # by which the one that cannot be read is due
    feed.send(person("ill"), observation("i", "ill", times=30, days_ago=-799))
    feed.now += timedelta(hours=RULEBOOK.rules.escalation.untaken_hours)
    assert sweep(feed.engine, feed.rules, feed.now).passed_on == 1
