"""What asking finds is told from what the feed brought, be it only by pointing at it."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from service.catchup import ask
from service.catchup.fetching import fetch
from service.catchup.gaps import fill_gaps
from service.catchup.polling import FIRST, OVERLAP
from service.errors import LiverwatchError
from service.fhir.subscriptions import Content
from service.store import catch_up, fetches
from service.store.session import writing
from service.store.ways import Way
from tests.catchup.ehr import Clinic
from tests.catchup.test_catching_up import round_
from tests.catchup.test_fetching import later, point_at
from tests.catchup.test_gaps import connected
from tests.ingest.feeding import observation, patient


def way_of(clinic: Clinic, name: str) -> Way | None:
    found = clinic.feed.current(f"Observation/{name}")
    return found and found.way


def test_what_the_feed_lost_is_lost_until_the_feed_brings_it(clinic: Clinic) -> None:
    ask(clinic.asker())
    kept = [clinic.ehr.put(observation(name)) for name in ("o1", "o2")]
    clinic.feed.send(kept[0])
    round_(clinic)
    assert (way_of(clinic, "o1"), way_of(clinic, "o2")) == ("feed", "catch-up")
    clinic.feed.send(kept[1])
    round_(clinic)
    assert way_of(clinic, "o2") == "feed"


def test_a_correction_that_the_feed_lost_is_lost_and_what_it_corrects_is_not(clinic: Clinic) -> None:
    clinic.feed.send(clinic.ehr.put(observation("o1")))
    clinic.ehr.put(observation("o1", times=5))
    round_(clinic)
    assert clinic.feed.ways("Observation/o1") == {"1": "feed", "2": "catch-up"}


def test_what_the_feed_pointed_at_is_the_feeds_also_where_asking_was_quicker(quiet: Clinic) -> None:
    for name in ("o1", "o2"):
        quiet.ehr.put(observation(name))
    point_at(quiet, "Observation/o1")
    later(quiet, 1)
    assert way_of(quiet, "o1") == "feed"
    round_(quiet)
    assert way_of(quiet, "o2") == "catch-up"
    point_at(quiet, "Observation/o2")
    later(quiet, 1)
    assert way_of(quiet, "o2") == "feed"


def test_what_is_found_because_the_feed_said_that_something_changed_is_the_feeds(quiet: Clinic) -> None:
    quiet.ehr.put(observation("o1"))
    point_at(quiet, fetches.WHATEVER)
    quiet.ehr.down = True
    with pytest.raises(LiverwatchError):
        later(quiet, 1)
    quiet.ehr.down = False
    later(quiet, 60)
    assert way_of(quiet, "o1") == "feed"
    quiet.ehr.put(observation("o2"))
    round_(quiet)
    assert way_of(quiet, "o2") == "catch-up"


def test_what_was_found_before_the_feed_says_that_something_changed_stays_lost(quiet: Clinic) -> None:
    lost = quiet.ehr.put(observation("o1"))
    round_(quiet)
    quiet.ehr.put(observation("o2"))
    point_at(quiet, fetches.WHATEVER)
    quiet.ehr.asked.clear()
    later(quiet, 1)
    assert "Observation" in quiet.ehr.asked
    assert (way_of(quiet, "o1"), way_of(quiet, "o2")) == ("catch-up", "feed")
    quiet.feed.send(lost)
    assert way_of(quiet, "o1") == "feed"


def test_all_that_the_first_asking_finds_is_the_feeds_where_the_feed_told_of_it(clinic: Clinic) -> None:
    clinic.ehr.at = clinic.feed.now - FIRST - OVERLAP / 2
    clinic.ehr.put(observation("o1"))
    point_at(clinic, fetches.WHATEVER)
    later(clinic, 1)
    assert way_of(clinic, "o1") == "feed"


def test_what_the_feed_tells_of_while_it_is_asked_is_asked_for_again_on_its_behalf(quiet: Clinic) -> None:
    point_at(quiet, fetches.WHATEVER)
    asker = quiet.asker()
    seen: list[str] = []

    def tell_again() -> bool:
        if not seen and "Observation" in quiet.ehr.asked:
            seen.append("told")
            quiet.feed.now += timedelta(seconds=1)
            quiet.ehr.put(observation("o1"))
            with writing(quiet.feed.engine) as connection:
                catch_up.tell(connection, quiet.feed.source.id, quiet.feed.now)
        return False

    asker.stop = tell_again
    quiet.feed.now += timedelta(seconds=1)
    ask(asker)
    round_(quiet)
    assert way_of(quiet, "o1") == "feed"


def test_what_the_feed_told_of_stays_the_feeds_where_the_service_ends_in_between(quiet: Clinic) -> None:
    names = [f"o{number}" for number in range(quiet.ehr.page + 1)]
    for name in names:
        quiet.ehr.put(observation(name))
    point_at(quiet, fetches.WHATEVER)
    asker = quiet.asker()
    asker.stop = lambda: "Observation" in quiet.ehr.asked
    quiet.feed.now += timedelta(seconds=1)
    ask(asker)
    assert way_of(quiet, names[-1]) is None
    later(quiet, 1)
    assert {way_of(quiet, name) for name in names} == {"feed"}


def test_a_patients_past_is_neither_brought_nor_lost(clinic: Clinic) -> None:
    clinic.ehr.put(patient("p1"))
    clinic.ehr.put(observation("o1"))
    clinic.ehr.at += timedelta(days=20)
    newest = clinic.ehr.put(observation("o2"))
    clinic.feed.now += timedelta(days=20)
    clinic.feed.send(newest)
    round_(clinic, minutes=0)
    assert (way_of(clinic, "o1"), way_of(clinic, "o2")) == ("history", "feed")


@pytest.mark.parametrize("content", ["full-resource", "id-only"])
def test_what_is_had_by_number_after_notifications_passed_it_over_is_lost(
    engine: Engine, content: Content
) -> None:
    with connected(engine, "backport-r4b", content) as here:
        here.arrive(1, 2)
        fill_gaps(here.asker())
        with writing(engine) as connection:  # the feed tells of one of them at last
            fetches.ask(connection, here.feed.source.id, ["Observation/o1"], "feed", here.feed.now)
        fetch(here.asker())
        assert [here.feed.ways(f"Observation/o{number}")["1"] for number in (1, 2)] == ["feed", "catch-up"]
