"""What cannot be erased now stays, and keeps nothing else from being erased."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from service.store import erasing
from service.store.expiry import Standing
from service.store.past import past_of
from service.store.session import open_engine, writing
from tests.ingest.feeding import Feed, observation
from tests.ingest.feeding import patient as person
from tests.retention.test_retention import expire, there


@pytest.fixture
def feed(engine: Engine) -> Feed:
    """Two old records, and something of nobody known."""
    return filled(Feed(engine))


def filled(feed: Feed) -> Feed:
    feed.send(person("p1"), person("p2"), observation("w", mrn="M-9"))
    return feed


def failing(work: Callable[..., Any], for_whom: Callable[..., bool]) -> Callable[..., Any]:
    def fail(*given: Any) -> Any:
        if for_whom(*given):
            raise ValueError("of p1")
        return work(*given)

    return fail


@pytest.mark.parametrize("place", ["looking", "erasing"])
def test_a_record_that_cannot_be_erased_keeps_no_other(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    bad = feed.patient_number("p1")
    if place == "looking":
        looking = failing(past_of, lambda _, numbers: bad in numbers)
        monkeypatch.setattr("service.retention.past_of", looking)
    else:
        monkeypatch.setattr(erasing, "erase", failing(erasing.erase, lambda _, past: bad in past.numbers))
    done = expire(feed)
    assert (done.records, done.failed) == ({Standing.DUE: 1}, 1)
    assert there(feed.engine) == {"p1"}
    assert "ValueError" in caplog.text
    assert "p1" not in caplog.text
    monkeypatch.undo()
    done = expire(feed)
    assert (done.records, done.failed) == ({Standing.DUE: 1}, 0)


def test_leftovers_that_cannot_be_erased_keep_no_record(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    never = failing(erasing.drop_messages, lambda *_: True)
    monkeypatch.setattr("service.store.leftovers.drop_messages", never)
    done = expire(feed)
    assert done.failed
    assert done.records == {Standing.DUE: 2}
    assert feed.current("Observation/w") is not None


def test_what_somebody_is_just_storing_is_not_waited_for_nor_taken_for_a_lost_database(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(postgres_url, durable=False)
    feed = filled(Feed(engine))
    monkeypatch.setattr(erasing, "LOCK_TIMEOUT_MILLISECONDS", 50)
    with writing(engine) as loading:
        loading.execute(text("LOCK TABLE raw_message IN ROW EXCLUSIVE MODE"))
        done = expire(feed)
    assert done.failed >= 2
    assert done.records == {}
    assert there(engine) == {"p1", "p2"}
    assert expire(feed).records == {Standing.DUE: 2}
    assert there(engine) == set()
    engine.dispose()
