"""What the feed lost, worked out by hand; the numbers are those of the comments in `stored_at_the_ehr`.

It is noon on 30 June 2026, the period is the half-year, and the feed of `clinic` first brought something on
10 January at nine; that of `annex` never did. A result should be here within 15 minutes.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from service.quality.measures import Figure, People, evaluate, measure_named, people_behind
from service.store import freshness
from service.store.session import reading
from service.store.ways import Way
from tests.quality.measured_clinic import DAY, HOUR, NOW, MeasuredClinic, at_nine

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
LOST = measure_named("feed-lost")
BEGUN = at_nine(1, 10)
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def clinic(engine: Engine) -> MeasuredClinic:
    made = MeasuredClinic(engine)
    made.person("p1", sex="female", birth_date=date(1960, 5, 1))
    made.person("p2")
    made.person("p4", "annex")
    made.fed(BEGUN)
    stored_at_the_ehr(made)
    return made


def stored_at_the_ehr(at: MeasuredClinic) -> None:
    at.received("Observation/1", BEGUN + HOUR, HOUR + SECOND, way="catch-up")  # before the feed began
    at.received("Observation/2", BEGUN + HOUR / 2, HOUR / 2, way="catch-up")  # lost, found after 30 minutes
    at.received("Observation/3", at_nine(2, 1), 2 * HOUR, fhir_id="p2")  # late, and the feed's
    at.received("Observation/4", MIDNIGHT + 3 * MINUTE, 5 * MINUTE, way="catch-up")  # lost in February
    at.read_again("Observation/4", times=2)
    at.corrected("Observation/4", at_nine(3, 2), MINUTE, "feed")  # and in March its correction was not
    at.received("Observation/5", at_nine(4, 1), HOUR, way="catch-up")  # lost
    at.read_again("Observation/5", times=2)
    at.received("Observation/6", at_nine(4, 2), HOUR, way="file")
    at.received("Observation/7", at_nine(4, 2), HOUR, way="history")
    at.received("Observation/8", NOW - MINUTE, 14 * MINUTE, way="catch-up")  # the feed may yet bring it
    at.received("Observation/9", NOW - MINUTE, 14 * MINUTE + SECOND, way="catch-up")  # it had its time
    at.received("Observation/10", NOW - MINUTE, 14 * MINUTE)  # too early to count, though it is here
    at.received(
        "Observation/11", at_nine(5, 1), -10 * MINUTE, way="catch-up"
    )  # lost; by a clock that is fast
    at.received("Observation/12", at_nine(5, 1), HOUR, way="catch-up", fhir_id="p4", of="annex")  # no feed
    at.received("Observation/13", at_nine(5, 1), None, way="catch-up")  # does not say when it was stored
    at.received("Observation/14", at_nine(5, 1), HOUR, way="catch-up", state="deleted")
    at.received("Condition/15", at_nine(5, 1), HOUR, way="catch-up")


def figure(clinic: MeasuredClinic, first: date = date(2026, 1, 1), last: date = date(2026, 6, 30)) -> Figure:
    with reading(clinic.engine) as connection:
        ((_, figures),) = evaluate(connection, clinic.question(first=first, last=last), [LOST])
    return figures.total


def test_what_the_feed_lost_is_counted_among_what_it_was_to_bring(clinic: MeasuredClinic) -> None:
    # Lost: 2, the first 4, 5, 9, 11, found after 30, 5, 60, 14 and 0 minutes. Brought: 3 and the second 4.
    assert figure(clinic) == Figure(5, 7, 14.0, 60.0)


def test_a_version_is_of_the_month_and_the_period_in_which_the_ehr_stored_it(clinic: MeasuredClinic) -> None:
    months = clinic.figures("feed-lost").months
    assert {month: (each.numerator, each.denominator) for month, each in months.items()} == {
        "2026-01": (1, 1),
        "2026-02": (1, 2),
        "2026-03": (0, 1),
        "2026-04": (1, 1),
        "2026-05": (1, 1),
        "2026-06": (1, 1),
    }
    february, march = date(2026, 2, 28), date(2026, 3, 1)
    assert figure(clinic, last=february) == Figure(2, 3, 5.0, 30.0)
    assert figure(clinic, first=march) == Figure(3, 4, 14.0, 60.0)


def test_it_is_told_apart_by_source_and_people_and_leads_to_them(clinic: MeasuredClinic) -> None:
    strata = clinic.figures("feed-lost").strata
    assert list(strata) == ["source", "sex", "age", "ethnicity", "language"]
    assert strata["source"] == {"clinic": Figure(5, 7, 14.0, 60.0)}
    assert strata["sex"]["female"] == Figure(5, 6, 14.0, 60.0)
    with reading(clinic.engine) as connection:
        question = clinic.question()
        lost = people_behind(connection, question, LOST, People(met=True), limit=10).people
        brought = people_behind(connection, question, LOST, People(met=False), limit=10).people
    assert [(each.subject.fhir_id, each.met) for each in lost] == [("p1", 5)]
    assert [(each.subject.fhir_id, each.cases) for each in brought] == [("p1", 1), ("p2", 1)]


def test_a_source_whose_feed_begins_only_now_lost_nothing_before(clinic: MeasuredClinic) -> None:
    clinic.fed(at_nine(6, 1), of="annex")
    assert clinic.figures("feed-lost", "annex").total == Figure(0, 0)
    clinic.received("Observation/16", at_nine(6, 2), HOUR, way="catch-up", fhir_id="p4", of="annex")
    assert clinic.figures("feed-lost", "annex").total == Figure(1, 1, 60.0, 60.0)


def test_what_was_too_early_to_call_lost_is_lost_a_day_later(clinic: MeasuredClinic) -> None:
    # 8 as well, found after 14 minutes; of 10 the feed has had its time, too.
    assert clinic.figures("feed-lost", now=NOW + DAY).total == Figure(6, 9, 14.0, 60.0)


def test_what_engineers_are_told_of_the_last_day_is_what_the_measure_counts(clinic: MeasuredClinic) -> None:
    for now, lost in ((NOW, 1), (NOW + MINUTE, 2), (NOW + DAY, 0)):  # 9; then 8, too; both are of yesterday
        with reading(clinic.engine) as connection:
            assert freshness.lost_lately(connection, now, 15 * MINUTE) == {"clinic": lost}
    assert figure(clinic, first=NOW.date()).numerator == 1
    # By clocks that are fast: one stored in the future, and one after the feed began that came before.
    clinic.received("Observation/16", NOW - HOUR, -2 * HOUR, way="catch-up")
    clinic.fed(NOW - HOUR, of="annex")
    clinic.received("Observation/17", NOW - 1.5 * HOUR, -HOUR, way="catch-up", fhir_id="p4", of="annex")
    with reading(clinic.engine) as connection:
        assert freshness.lost_lately(connection, NOW, 15 * MINUTE) == {"clinic": 2, "annex": 0}
    assert figure(clinic, first=NOW.date()).numerator == 2


@pytest.mark.parametrize("latest", ["feed", "catch-up"])
def test_what_may_be_the_feeds_own_version_in_other_words_is_neither_brought_nor_lost(
    clinic: MeasuredClinic, latest: Way
) -> None:
    before = figure(clinic)
    for name in ("16", "17"):  # the feed states neither versionId nor lastUpdated; asking finds both
        key, at = f"Observation/{name}", NOW - HOUR
        if latest == "catch-up":
            clinic.received(key, at, None, version_id=None)
            clinic.corrected(key, at + MINUTE, HOUR, "catch-up")
        else:
            clinic.received(key, at, HOUR, way="catch-up")
            clinic.corrected(key, at + MINUTE, None, "feed", version_id=None)
    clinic.corrected("Observation/17", NOW - HOUR / 2, HOUR, "catch-up", version_id="3")
    assert figure(clinic) == before
    with reading(clinic.engine) as connection:
        assert freshness.lost_lately(connection, NOW, 15 * MINUTE) == {"clinic": 1}


@pytest.mark.parametrize(
    ("version_id", "late", "state", "way"),
    [
        ("1", None, "live", "feed"),
        (None, HOUR, "live", "feed"),
        (None, None, "deleted", "feed"),
        (None, None, "live", "file"),
    ],
    ids=["a-number", "a-time", "a-deletion", "not-the-feeds"],
)
def test_what_asking_finds_beside_any_other_version_is_lost(
    clinic: MeasuredClinic, version_id: str | None, late: timedelta | None, state: str, way: Way
) -> None:
    before = figure(clinic).numerator
    at = NOW - HOUR
    clinic.received("Observation/16", at, late, version_id=version_id, state=state, way=way)
    clinic.corrected("Observation/16", at + MINUTE, HOUR, "catch-up")
    assert figure(clinic).numerator == before + 1
    with reading(clinic.engine) as connection:
        assert freshness.lost_lately(connection, NOW, 15 * MINUTE) == {"clinic": 2}
