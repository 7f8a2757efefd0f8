"""What a notification only pointed at is fetched from the source's own server."""

from datetime import timedelta

import pytest

from service.catchup import ask
from service.errors import LiverwatchError
from service.store import fetches
from service.store.session import reading, writing
from tests.catchup.ehr import Clinic
from tests.catchup.test_catching_up import live
from tests.ingest.feeding import observation


def point_at(clinic: Clinic, *keys: str) -> None:
    with writing(clinic.feed.engine) as connection:
        fetches.ask(connection, clinic.feed.source.id, keys, "feed", clinic.feed.now)


def waiting(clinic: Clinic) -> int:
    with reading(clinic.feed.engine) as connection:
        return fetches.waiting(connection, clinic.feed.source.id)[0]


def later(clinic: Clinic, seconds: float) -> None:
    clinic.feed.now += timedelta(seconds=seconds)
    ask(clinic.asker())


def test_what_is_pointed_at_is_read_and_stored(quiet: Clinic) -> None:
    quiet.ehr.put(observation("o1"))
    point_at(quiet, "Observation/o1")
    later(quiet, 1)
    assert live(quiet) == {"o1"}
    assert waiting(quiet) == 0
    assert "Observation/o1" in quiet.ehr.asked


def test_when_something_changed_everything_is_asked_for_at_once(quiet: Clinic) -> None:
    quiet.ehr.put(observation("o1"))
    point_at(quiet, fetches.WHATEVER)
    later(quiet, 1)
    assert live(quiet) == {"o1"}


def test_what_is_not_there_yet_is_looked_for_again_before_it_counts_as_gone(quiet: Clinic) -> None:
    quiet.feed.send(observation("o1"))
    later(quiet, 0)
    point_at(quiet, "Observation/o1", "Observation/never")
    later(quiet, 1)
    assert live(quiet) == {"o1"}
    assert waiting(quiet) == 2
    for _ in range(3):
        later(quiet, 50)
    assert waiting(quiet) == 0
    assert live(quiet) == set()
    assert quiet.feed.current("Observation/never") is None


def test_a_server_that_is_down_keeps_every_pointer(quiet: Clinic) -> None:
    quiet.ehr.put(observation("o1"))
    quiet.ehr.put(observation("o2"))
    point_at(quiet, "Observation/o1", "Observation/o2")
    quiet.ehr.down = True
    with pytest.raises(LiverwatchError):
        later(quiet, 1)
    assert waiting(quiet) == 2
    quiet.ehr.down = False
    later(quiet, 10)
    assert live(quiet) == {"o1", "o2"}
    assert waiting(quiet) == 0
