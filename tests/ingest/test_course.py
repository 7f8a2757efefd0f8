"""What measures count of people is kept with each judgement, and follows corrections and merges."""

from datetime import timedelta

from sqlalchemy import select

from service.clinical.analytes import Analyte
from service.clinical.episodes import AskedRecheck, Family, Tier
from service.store import courses
from service.store.courses import Course, Elevation
from service.store.schema import patient as patient_table
from service.store.session import reading
from tests.ingest.feeding import Feed, day, observation, patient, persistent


def course(feed: Feed, fhir_id: str = "p1") -> Course | None:
    with reading(feed.engine) as connection:
        query = select(patient_table.c.course).where(patient_table.c.fhir_id == fhir_id)
        text = connection.execute(query).scalar_one()
    return None if text is None else courses.decode(text)


def test_an_elevation_and_the_repeat_it_asks_for_are_kept(feed: Feed) -> None:
    feed.send(patient("p1"), observation("o1", "p1", times="6", days_ago=3))
    assert course(feed) == Course(
        (Elevation(Family.TRANSAMINASE, day(3), Tier.SOON, None),),
        (AskedRecheck(Analyte.ALT, day(3), day(3) + timedelta(days=14), None),),
    )


def test_a_correction_to_normal_leaves_nothing_to_count(feed: Feed) -> None:
    feed.send(patient("p1"), observation("o1", "p1", times="6", days_ago=3))
    feed.send(observation("o1", "p1", times="0.5", days_ago=3, version=2))
    assert course(feed) is None


def test_the_urgency_is_that_with_which_it_was_raised_however_high_it_rose(feed: Feed) -> None:
    feed.send(patient("p1"), observation("o1", "p1", times="6", days_ago=3))
    feed.send(observation("o2", "p1", times="20", days_ago=1))
    kept = course(feed)
    assert kept is not None
    assert kept.elevations == (Elevation(Family.TRANSAMINASE, day(3), Tier.SOON, None),)


def test_of_somebody_who_died_no_repeat_is_missed_that_never_came(feed: Feed) -> None:
    feed.send(patient("p1"), *(observation(f"o{at}", "p1", times="6", days_ago=at) for at in (30, 20)))
    before = course(feed)
    assert before is not None
    assert [each.repeated for each in before.rechecks] == [day(20), None]
    feed.send(patient("p1", version=2, deceased=True))
    after = course(feed)
    assert after is not None
    assert [each.repeated for each in after.rechecks] == [day(20)]


def test_of_merged_records_only_the_survivor_is_counted(feed: Feed) -> None:
    feed.send(patient("p1"), patient("p2"), *persistent("p2", prefix="two"))
    before = course(feed, "p2")
    assert before is not None
    feed.send(patient("p2", version=2, replaced_by="p1"))
    assert course(feed, "p2") is None
    assert course(feed, "p1") == before
