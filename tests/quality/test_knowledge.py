"""The time machine: what was known at the end of a day, whatever has become of it since."""

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import delete

from service.alerts.alert import Action, State
from service.clinical.results import Sex
from service.ingest import rejudge
from service.quality import Knowledge, known_on
from service.store.schema import disposition, disposition_evidence
from service.store.session import reading, writing
from tests.ingest.feeding import NOW, Feed, observation, patient, persistent, pregnancy
from tests.quality.test_replaying import STRICTER

DAY = NOW.date()


def known(feed: Feed, *names: str, day: date = DAY) -> list[Knowledge]:
    with reading(feed.engine) as connection:
        return known_on(connection, [feed.patient_number(each) for each in names or ("p1",)], day)


def values(known: Knowledge) -> dict[str, str]:
    assert known.replay.record is not None
    return {result.key.observation_id: str(result.value) for result in known.replay.record.results}


def test_before_anything_came_nothing_was_known(feed: Feed) -> None:
    feed.send(*persistent())
    assert known(feed, day=DAY - timedelta(days=1)) == []
    assert len(known(feed)) == 1


def test_a_correction_a_deletion_and_what_came_later_are_not_known_before_their_day(feed: Feed) -> None:
    feed.send(*persistent())
    feed.now += timedelta(days=1)
    feed.send(observation("o4", times=9, version=2, status="corrected"), observation("o5", days_ago=3))
    feed.delete("Observation", "o1")
    (then,), (later,) = known(feed), known(feed, day=DAY + timedelta(days=1))
    assert then.sound
    assert later.sound
    assert values(then) == {"o1": "120.0", "o2": "120.0", "o3": "120.0", "o4": "120.0"}
    assert values(later) == {"o2": "120.0", "o3": "120.0", "o4": "360.0", "o5": "120.0"}


def test_who_somebody_was_said_to_be_is_as_it_was_said_then(feed: Feed) -> None:
    feed.send(patient("p1"), *persistent())
    feed.now += timedelta(days=1)
    feed.send(patient("p1", version=2, gender="female", born="1980-02-03"), pregnancy("c1", "p1"))
    (then,), (later,) = known(feed), known(feed, day=DAY + timedelta(days=1))
    assert then.replay.record is not None
    assert later.replay.record is not None
    assert (then.replay.record.sex, len(then.replay.record.conditions)) == (Sex.MALE, 0)
    assert (later.replay.record.sex, len(later.replay.record.conditions)) == (Sex.FEMALE, 1)


def test_records_that_were_merged_later_are_two_people_before(feed: Feed) -> None:
    feed.send(patient("p1"), patient("p2"), *persistent("p1"), *persistent("p2", "q"))
    feed.now += timedelta(days=1)
    feed.send(patient("p1", version=2, replaced_by="p2"))
    assert [sorted(values(each)) for each in known(feed, "p1", "p2")] == [
        ["o1", "o2", "o3", "o4"],
        ["q1", "q2", "q3", "q4"],
    ]
    (one,) = known(feed, "p1", "p2", day=DAY + timedelta(days=1))
    assert len(values(one)) == 8


def test_a_record_that_was_merged_then_and_has_parted_since_is_found_in_the_other(feed: Feed) -> None:
    feed.send(patient("p1", replaced_by="p2"), patient("p2"), *persistent("p1"))
    feed.now += timedelta(days=1)
    feed.send(patient("p1", version=2))
    (then,) = known(feed, "p1")
    assert then.replay.recorded.made.patient_id == feed.patient_number("p2")
    assert len(values(then)) == 4


def test_alerts_stand_as_people_had_decided_by_then(feed: Feed) -> None:
    feed.send(*persistent())
    feed.now += timedelta(days=1)
    feed.decide(feed.alert(), Action.TAKE, by="Bell")
    (before,), (after,) = known(feed), known(feed, day=DAY + timedelta(days=1))
    assert [(each.state, each.owner) for each in before.alerts] == [(State.OPEN, None)]
    assert [(each.state, each.owner) for each in after.alerts] == [(State.TAKEN, "Bell")]
    with writing(feed.engine) as connection:
        connection.execute(delete(disposition_evidence))
        connection.execute(delete(disposition))
    (lacking,) = known(feed, day=DAY + timedelta(days=1))
    assert len(lacking.missing) == 1
    assert not lacking.sound


def test_the_rulebook_is_that_which_was_in_force(feed: Feed) -> None:
    feed.send(*persistent())
    feed.now += timedelta(days=1)
    rejudge(feed.engine, replace(feed.rules, rulebook=STRICTER), feed.now)
    (before,), (after,) = known(feed), known(feed, day=DAY + timedelta(days=1))
    assert before.rulebook is not None
    assert after.rulebook is not None
    assert (before.rulebook.version, after.rulebook.version) == ("2026.1", "2026.1-clinic")
