"""What ingest asks the outbox for, and when (design.md, Laws "Settling" and "Outbox"; clinical.md §9)."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine, select

from service.alerts.alert import Action, State
from service.clinical.episodes import Tier
from service.store import outbox
from service.store.schema import outbox as table
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import NOW, Feed, observation, patient, persistent

EHR = SourceSettings(fhir_base_url="https://ehr.clinic.test/fhir")
SETTLE = timedelta(minutes=15)


def wanted(engine: Engine) -> dict[UUID, tuple[int, datetime]]:
    """Revision and earliest moment by alert."""
    with reading(engine) as connection:
        return {
            row.alert_id: (row.wanted_revision, row.not_before) for row in connection.execute(select(table))
        }


def written(feed: Feed) -> None:
    """Everything wanted is in the EHR now."""
    with writing(feed.engine) as connection:
        claims = outbox.claim(
            connection,
            now=feed.now + SETTLE,
            limit=100,
            lease=timedelta(minutes=1),
            sources=[feed.source.id],
        )
        for claim in claims:
            assert outbox.settle(connection, claim, claim.wanted_revision, "{}")


def test_a_change_waits_until_it_has_settled(engine: Engine) -> None:
    feed = Feed(engine, EHR, settle=SETTLE)
    feed.send(*persistent())
    alert = feed.alert()
    assert wanted(engine) == {alert.id: (1, NOW + SETTLE)}


def test_changes_that_follow_each_other_coalesce_and_do_not_wait_longer(engine: Engine) -> None:
    feed = Feed(engine, EHR, settle=SETTLE)
    feed.send(*persistent())
    feed.now += timedelta(minutes=5)
    feed.send(observation("o5", days_ago=5))
    assert wanted(engine) == {feed.alert().id: (2, NOW + SETTLE)}


def test_an_urgent_alert_goes_at_once(engine: Engine) -> None:
    feed = Feed(engine, EHR, settle=SETTLE)
    feed.send(observation("o1", times=30, days_ago=1))
    assert feed.alert().tier is Tier.URGENT
    assert wanted(engine) == {feed.alert().id: (1, NOW)}


def test_an_alert_that_becomes_urgent_while_it_settles_goes_at_once(engine: Engine) -> None:
    feed = Feed(engine, EHR, settle=SETTLE)
    feed.send(*persistent())
    feed.now += timedelta(minutes=1)
    feed.send(observation("o5", times=30, days_ago=1))
    assert wanted(engine) == {feed.alert().id: (2, feed.now)}


def test_an_alert_that_vanishes_before_it_was_written_is_never_written(engine: Engine) -> None:
    feed = Feed(engine, EHR, settle=SETTLE)
    feed.send(*persistent())
    feed.send(*persistent(status="entered-in-error", version=2))
    assert wanted(engine) == {}
    assert [each.state for each in feed.alerts(gone=True)] == [State.ENTERED_IN_ERROR]


def test_a_result_that_comes_before_its_patient_raises_and_retracts_nothing_in_the_ehr(
    engine: Engine,
) -> None:
    feed = Feed(engine, EHR, settle=SETTLE)
    feed.send(*persistent())
    feed.now += timedelta(minutes=1)
    feed.send(patient("p1", born="2015-01-01"))
    assert wanted(engine) == {}


def test_an_alert_that_vanishes_after_it_was_written_is_taken_back(engine: Engine) -> None:
    feed = Feed(engine, EHR)
    feed.send(*persistent())
    written(feed)
    feed.send(*persistent(status="entered-in-error", version=2))
    (gone,) = feed.alerts(gone=True)
    assert wanted(engine)[gone.id][0] == gone.revision == 2


def test_an_alert_merged_into_another_is_taken_back(engine: Engine) -> None:
    feed = Feed(engine, EHR)
    feed.send(*persistent("p1", prefix="a"))
    feed.now += timedelta(minutes=1)
    feed.send(*persistent("p2", prefix="b"))
    written(feed)
    feed.send(patient("p2", replaced_by="p1"))
    assert {each.id: each.revision for each in feed.alerts(gone=True)} == {
        key: revision for key, (revision, _) in wanted(engine).items()
    }


def resolved() -> list[dict[str, object]]:
    """A persistent elevation that two normal results ended."""
    return [
        *(observation(f"o{days}", days_ago=days) for days in (600, 500, 400)),
        *(observation(f"n{days}", times="0.5", days_ago=days) for days in (300, 250)),
    ]


def test_an_episode_that_was_over_when_first_seen_is_not_written(engine: Engine) -> None:
    feed = Feed(engine, EHR)
    feed.send(*resolved())
    assert feed.alert().state is State.RESOLVED
    assert wanted(engine) == {}


def test_a_setting_writes_episodes_that_were_over_when_first_seen(engine: Engine) -> None:
    feed = Feed(engine, EHR, backfill_writes="all")
    feed.send(*resolved())
    assert set(wanted(engine)) == {feed.alert().id}


def test_an_alert_that_was_written_is_told_when_it_resolves(engine: Engine) -> None:
    feed = Feed(engine, EHR)
    feed.send(*persistent())
    written(feed)
    feed.send(*(observation(f"n{days}", times="0.5", days_ago=days) for days in (6, 2)))
    assert feed.alert().state is State.RESOLVED
    assert wanted(engine)[feed.alert().id][0] == feed.alert().revision == 2


def test_an_alert_lost_to_follow_up_when_first_seen_is_not_written_and_is_once_it_wakes(
    engine: Engine,
) -> None:
    feed = Feed(engine, EHR)
    feed.send(*(observation(f"o{days}", days_ago=days) for days in (1400, 1200, 1000)))
    assert feed.alert().state is State.DORMANT
    assert wanted(engine) == {}
    feed.send(observation("o1", days_ago=1))
    assert feed.alert().state is State.OPEN
    assert wanted(engine)[feed.alert().id][0] == feed.alert().revision


def test_what_the_ehr_holds_of_a_dormant_alert_is_kept_true(engine: Engine) -> None:
    feed = Feed(engine, EHR)
    feed.send(*(observation(f"o{days}", days_ago=days) for days in (1400, 1200, 1000, 1)))
    written(feed)
    feed.send(observation("o1", days_ago=1, version=2, status="entered-in-error"))
    assert feed.alert().state is State.DORMANT
    assert wanted(engine)[feed.alert().id][0] == feed.alert().revision


def test_a_decision_is_wanted_in_the_ehr(engine: Engine) -> None:
    feed = Feed(engine, EHR)
    feed.send(*persistent())
    written(feed)
    feed.now += timedelta(minutes=1)
    feed.decide(feed.alert(), Action.TAKE)
    assert wanted(engine)[feed.alert().id][0] == feed.alert().revision == 2


def test_the_need_for_review_alone_is_nothing_to_write(engine: Engine) -> None:
    feed = Feed(engine, EHR)
    feed.send(*persistent())
    written(feed)
    feed.send(patient("p2", replaced_by="p1"))
    assert wanted(engine)[feed.alert().id][0] == 1


def test_nothing_is_wanted_of_a_source_that_is_not_written_to(engine: Engine) -> None:
    feed = Feed(engine)
    feed.send(*persistent())
    assert wanted(engine) == {}
    assert feed.alert().state is State.OPEN
