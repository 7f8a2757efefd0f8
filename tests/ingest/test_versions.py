"""Which version of a resource counts (design.md, Law "Version order"; fhir.md, lab feed hazards)."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from service.store import resources
from service.store.resources import Version
from service.store.schema import raw_message
from service.store.session import reading
from service.store.source_settings import SourceSettings
from service.store.version_order import latest, same
from tests.ingest.feeding import NOW, Feed, Resource, deletion, observation, patient, persistent

ENTRY = b'{"request":{"method":"DELETE","url":"Observation/o1"}}'


def updated(seconds: int, value: float, **more: object) -> Resource:
    """A version that states no number but when it was written."""
    return observation("o1", times=value, version=None, updated=NOW + timedelta(seconds=seconds), **more)  # type: ignore[arg-type]


def test_a_duplicate_changes_nothing(feed: Feed) -> None:
    feed.send(*persistent(), patient("p1"))
    alert = feed.alert()
    again = feed.send(*persistent(), patient("p1"))
    assert again.counts["duplicate"] == 5
    assert again.counts["stored"] == 0
    assert not again.patients
    assert feed.alert() == alert


def test_a_duplicate_in_the_same_batch_is_one_result(feed: Feed) -> None:
    receipt = feed.send(observation("o1"), observation("o1"))
    assert (receipt.counts["stored"], receipt.counts["duplicate"]) == (1, 1)
    assert feed.results() == {"o1": 120}


def test_an_older_version_that_comes_late_is_kept_and_not_used(feed: Feed) -> None:
    feed.send(observation("o1", times=3, version=2))
    receipt = feed.send(observation("o1", times=9, version=1))
    assert receipt.counts["older"] == 1
    assert feed.results() == {"o1": 120}
    with reading(feed.engine) as connection:
        (kept,) = resources.older(connection, feed.source.id, ["Observation/o1"])["Observation/o1"]
        assert b'"versionId": "1"' in resources.raw(connection, kept.digest or b"")


def test_an_older_version_that_came_late_comes_again_without_effect(feed: Feed) -> None:
    feed.send(observation("o1", times=3, version=2))
    feed.send(observation("o1", times=9, version=1))
    assert feed.send(observation("o1", times=9, version=1)).counts["duplicate"] == 1


def test_version_ids_are_compared_as_numbers(feed: Feed) -> None:
    feed.send(observation("o1", times=3, version=10))
    feed.send(observation("o1", times=9, version=9))
    assert feed.results() == {"o1": 120}


@pytest.mark.parametrize("order", list(permutations((0, 1, 2))))
def test_last_updated_orders_versions_whose_ids_are_no_numbers(feed: Feed, order: tuple[int, ...]) -> None:
    versions = [
        observation("o1", times=value, version=name, updated=NOW + timedelta(hours=hours))
        for name, hours, value in (("ffee", -3, 1), ("0aa", -2, 2), ("b7", -1, 3))
    ]
    for at in order:
        feed.send(versions[at])
    assert feed.results() == {"o1": 120}


def test_a_source_may_say_that_last_updated_is_its_order(engine: Engine) -> None:
    feed = Feed(engine, SourceSettings(version_order="last-updated"))
    feed.send(observation("o1", times=3, version=1, updated=NOW))
    feed.send(observation("o1", times=9, version=2, updated=NOW - timedelta(hours=1)))
    assert feed.results() == {"o1": 120}


def test_where_nothing_orders_versions_the_last_received_wins_and_is_flagged(feed: Feed) -> None:
    feed.send(observation("o1", times=3, version=None))
    feed.now += timedelta(seconds=1)
    feed.send(observation("o1", times=9, version=None))
    (result,) = feed.histories()["p1"]
    assert result.value == 360
    assert "unordered" in result.flags


def test_a_result_that_can_be_ordered_is_not_flagged(feed: Feed) -> None:
    feed.send(observation("o1", version=1))
    feed.send(observation("o2", version=None, updated=NOW))
    assert all("unordered" not in result.flags for result in feed.histories()["p1"])


def test_a_deleted_result_is_gone_and_no_older_version_revives_it(feed: Feed) -> None:
    feed.send(updated(0, 3))
    feed.now += timedelta(minutes=1)
    feed.delete("Observation", "o1")
    assert feed.results() == {}
    feed.now += timedelta(minutes=1)
    feed.send(updated(-60, 9))
    feed.send(updated(0, 3))
    assert feed.results() == {}


def test_a_version_written_after_a_deletion_counts(feed: Feed) -> None:
    feed.send(updated(0, 3))
    feed.now += timedelta(minutes=1)
    feed.delete("Observation", "o1")
    feed.now += timedelta(minutes=1)
    feed.send(updated(120, 9))
    assert feed.results() == {"o1": 360}


@pytest.mark.parametrize("raw", [b"", ENTRY], ids=["by request", "by Bundle"])
def test_a_second_deletion_after_a_second_creation_counts(feed: Feed, raw: bytes) -> None:
    feed.send(updated(0, 3))
    for minutes in (1, 3):
        feed.now = NOW + timedelta(minutes=minutes)
        feed.send(deletion("Observation", "o1", raw))
        assert feed.results() == {}
        feed.now = NOW + timedelta(minutes=minutes + 1)
        feed.send(updated(60 * (minutes + 1), 9))
        assert feed.results() == {"o1": 360}
    feed.now = NOW + timedelta(minutes=5)
    feed.send(deletion("Observation", "o1", raw))
    assert feed.results() == {}


def test_a_deletion_that_comes_first_stands(feed: Feed) -> None:
    feed.delete("Observation", "o1")
    feed.send(updated(-60, 3))
    assert feed.results() == {}


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_retracted_result_is_never_revived_by_an_older_version(feed: Feed, status: str) -> None:
    feed.send(observation("o1", version=2, status=status))
    feed.send(observation("o1", version=1))
    assert feed.results() == {}
    feed.send(observation("o1", version=3))
    assert feed.results() == {"o1": 120}


def test_a_correction_takes_the_place_of_what_it_corrects(feed: Feed) -> None:
    feed.send(observation("o1", times=3, version=1))
    feed.send(observation("o1", times="0.5", version=2, status="corrected"))
    assert feed.results() == {"o1": Decimal(20)}


def test_a_newer_version_that_cannot_be_used_ends_what_the_older_one_said(feed: Feed) -> None:
    feed.send(*persistent())
    feed.send(observation("o4", days_ago=10, version=2, unit="furlong"))
    assert set(feed.results()) == {"o1", "o2", "o3"}
    assert feed.reasons() == ["unknown-unit"]
    feed.send(observation("o4", days_ago=10, version=3))
    assert set(feed.results()) == {"o1", "o2", "o3", "o4"}
    assert feed.reasons() == []


def test_a_newer_version_that_is_about_something_else_ends_what_the_older_one_said(feed: Feed) -> None:
    feed.send(observation("o1", version=1))
    other = observation("o1", version=2)
    other["code"]["coding"][0]["code"] = "2345-7"
    feed.send(other)
    assert feed.results() == {}


def test_the_same_id_from_two_sources_is_two_results(engine: Engine) -> None:
    here, there = Feed(engine, name="here"), Feed(engine, name="there")
    here.send(observation("o1", times=3))
    there.send(observation("o1", times=9))
    assert (here.results(), there.results()) == ({"o1": 120}, {"o1": 360})


def test_a_result_that_is_given_to_another_patient_leaves_the_first(feed: Feed) -> None:
    feed.send(*persistent("p1"))
    feed.send(*persistent("p2", version=2))
    assert feed.results("p1") == {}
    assert set(feed.results("p2")) == {"o1", "o2", "o3", "o4"}
    assert feed.alert().subject == feed.patient_number("p2")


def test_bytes_are_kept_as_they_came_once_for_all_who_sent_them(engine: Engine) -> None:
    here, there = Feed(engine, name="here"), Feed(engine, name="there")
    given = observation("o1")
    here.send(given)
    there.send(given)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(raw_message)).scalar_one() == 1
        (version,) = resources.current(connection, here.source.id, ["Observation/o1"]).values()
        body = resources.raw(connection, version.digest or b"")
    assert body == here.delivery(given).incoming[0].raw


def test_whether_a_resource_was_ever_deleted_decides_nothing_when_versions_change_their_order(
    feed: Feed,
) -> None:
    # v7 is the latest by number; a versionId that is none makes lastUpdated the order, and the deletion wins.
    feed.send(deletion("Observation", "o1", ENTRY), received=NOW)
    feed.send(observation("o1", version=7), received=NOW + timedelta(minutes=1))
    assert feed.results() == {"o1": 120}
    late = observation("o1", times=9, version="abc", updated=NOW - timedelta(minutes=5))
    feed.send(late, received=NOW + timedelta(minutes=2))
    assert feed.results() == {}


numbers = st.none() | st.integers(1, 12).map(str) | st.sampled_from(["x", "y"])
moments = st.integers(0, 5).map(lambda minutes: NOW + timedelta(minutes=minutes))


@st.composite
def versions(draw: st.DrawFn) -> list[Version]:
    """Versions of one resource, each received at another moment."""
    stated = draw(st.lists(st.tuples(numbers, st.none() | moments), min_size=1, max_size=5))
    found = []
    for at, (number, when) in enumerate(stated):
        deleted = number is None and when is None and draw(st.booleans())
        received = NOW + timedelta(minutes=3, seconds=at)
        digest = None if deleted else bytes([at])
        found.append(
            Version("k", 1, number, when, received, digest, "deleted" if deleted else "live", 0, "feed")
        )
    return found


@given(versions(), st.sampled_from(["auto", "numeric", "last-updated"]), st.randoms())
def test_the_latest_version_does_not_depend_on_the_order_they_are_told_in(
    found: list[Version], order: str, random: object
) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert latest(found, order) == latest(shuffled, order)


@given(st.permutations([2, 9, 10, 11]), st.sampled_from(["auto", "numeric"]))
def test_numbered_versions_never_need_the_order_of_receipt(order: list[int], rule: str) -> None:
    found = [
        Version("k", 1, str(number), None, NOW + timedelta(seconds=at), b"", "live", 0, "feed")
        for at, number in enumerate(order)
    ]
    best, ordered = latest(found, rule)
    assert (best.version_id, ordered) == ("11", True)


def test_versions_of_one_instant_with_different_numbers_are_ordered_by_number() -> None:
    for numbers_ in (("1", "2"), ("2", "1")):
        found = [
            Version("k", 1, number, NOW, NOW + timedelta(seconds=at), b"", "live", 0, "feed")
            for at, number in enumerate(numbers_)
        ]
        assert latest(found, "last-updated")[0].version_id == "2"


def test_a_version_is_known_again_by_its_number_else_its_time_else_its_bytes() -> None:
    one = Version("k", 1, "1", NOW, NOW, b"a", "live", 0, "feed")
    assert same(one, one._replace(digest=b"b", last_updated=None))
    assert not same(one, one._replace(version_id="2"))
    assert same(one._replace(version_id=None), one._replace(digest=b"b"))
    assert not same(one._replace(version_id=None), one._replace(last_updated=NOW + timedelta(seconds=1)))
    bare = one._replace(version_id=None, last_updated=None)
    assert same(bare, bare._replace(received=NOW + timedelta(days=1)))
    assert not same(bare, bare._replace(digest=b"b"))


def test_a_deletion_is_not_taken_for_a_retraction_that_came_with_it() -> None:
    deletion = Version("k", 1, None, None, NOW, None, "deleted", 0, "feed")
    retraction = deletion._replace(last_updated=NOW - timedelta(hours=1), digest=b"a")
    assert not same(deletion, retraction)
    assert not same(retraction, deletion)
    assert same(deletion, deletion._replace())
