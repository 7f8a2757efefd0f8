"""Rechecks and monitoring dates that pass while nothing arrives: found once, ended by results."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from service.alerts.alert import Action, Alert, State
from service.clinical.episodes import Family, Kind, Tier
from service.ingest import sweep, sweeping
from service.store.schema import alert_event, decision, outbox
from service.store.session import reading
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import NOW, Feed, observation, patient, persistent

BORDERLINE_ENDS = timedelta(days=90)
MIDNIGHT = NOW.replace(hour=0)


def opened(feed: Feed) -> list[Alert]:
    return [each for each in feed.alerts() if each.state is State.OPEN]


def raised(engine: Engine) -> int:
    """How many alerts were ever raised."""
    with reading(engine) as connection:
        query = select(func.count()).where(alert_event.c.kind == "raised")
        return int(connection.execute(query).scalar_one())


def judgements(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(decision)).scalar_one())


def borderline(id_: str = "o1", patient_id: str = "p1", **more: Any) -> dict[str, Any]:
    return observation(id_, patient_id, **{"times": "1.5", "days_ago": 0, **more})


class TestARecheck:
    def test_is_overdue_at_the_midnight_after_its_grace_without_any_result(self, feed: Feed) -> None:
        feed.send(borderline())
        feed.now = MIDNIGHT + BORDERLINE_ENDS + timedelta(hours=23, minutes=59, seconds=59)
        feed.sweep()
        assert feed.alerts() == []
        feed.now += timedelta(seconds=1)
        feed.sweep()
        assert (feed.alert().family, feed.alert().tier) == (Family.FOLLOW_UP, Tier.ROUTINE)

    def test_is_ended_by_the_repeat(self, feed: Feed) -> None:
        feed.send(borderline())
        feed.now += BORDERLINE_ENDS + timedelta(days=5)
        feed.sweep()
        feed.send(borderline("o2", days_ago=-95))
        assert feed.alert().state is State.RESOLVED

    def test_that_came_in_time_is_never_overdue(self, feed: Feed) -> None:
        feed.send(borderline(), borderline("o2", days_ago=-90, times="0.5"))
        feed.now += timedelta(days=91)
        feed.sweep()
        feed.now += timedelta(days=300)
        feed.sweep()
        assert feed.alerts(gone=True) == []

    def test_is_withdrawn_when_a_repeat_taken_in_time_arrives_late(self, feed: Feed) -> None:
        feed.send(borderline())
        feed.now += timedelta(days=100)
        feed.sweep()
        feed.send(borderline("o2", days_ago=-80, times="0.5"))
        (alert,) = feed.alerts(gone=True)
        assert alert.state is State.ENTERED_IN_ERROR

    def test_is_found_after_a_restart_and_found_once(self, feed: Feed, engine: Engine) -> None:
        feed.send(borderline())
        for days in (40, 50, 5, 1):
            engine.dispose()
            feed.restart()
            feed.now += timedelta(days=days)
            feed.sweep()
            feed.sweep()
        assert raised(engine) == 1
        before = judgements(engine)
        feed.sweep()
        assert judgements(engine) == before

    def test_is_lost_to_follow_up_after_two_years(self, feed: Feed) -> None:
        feed.send(borderline())
        feed.now += timedelta(days=100)
        feed.sweep()
        feed.now = datetime(2028, 1, 15, 23, tzinfo=UTC)
        feed.sweep()
        assert feed.alert().state is State.OPEN
        feed.now += timedelta(hours=1)
        feed.sweep()
        assert feed.alert().state is State.DORMANT

    def test_of_somebody_who_has_died_raises_nothing(self, feed: Feed) -> None:
        feed.send(borderline(), patient("p1", deceased=True))
        feed.now += timedelta(days=100)
        feed.sweep()
        assert feed.alerts() == []

    def test_moves_with_its_result_to_another_patient(self, feed: Feed) -> None:
        feed.send(borderline())
        feed.now += timedelta(days=100)
        feed.sweep()
        feed.send(borderline("o1", "p2", version=2))
        assert feed.alert().subject == feed.patient_number("p2")


def test_everybody_who_is_due_is_found_page_by_page(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    feed.send(*(borderline(f"o{n}", f"p{n}") for n in range(7)))
    monkeypatch.setattr(sweeping, "CHUNK", 2)
    feed.now += timedelta(days=91)
    swept = sweep(feed.engine, feed.rules, feed.now)
    assert (swept.judged, swept.failed) == (7, 0)
    assert len(opened(feed)) == 7


def test_two_sweeps_at_once_find_everything_once(feed: Feed, engine: Engine) -> None:
    feed.send(*(borderline(f"o{n}", f"p{n}") for n in range(20)))
    feed.now += timedelta(days=91)
    before = judgements(engine)
    swept: list[int] = []
    begin = threading.Barrier(2)

    def work() -> None:
        begin.wait(20)
        swept.append(sweep(engine, feed.rules, feed.now).judged)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert sum(swept) == 20
    assert raised(engine) == len(opened(feed)) == 20
    assert judgements(engine) == before + 20


def test_ten_years_of_old_results_open_nothing_that_a_later_one_closed(feed: Feed, engine: Engine) -> None:
    values = ["1.5", "0.9", "0.9"] * 12
    feed.send(*(borderline(f"o{n}", days_ago=100 * n + 5, times=t) for n, t in enumerate(values)))
    assert feed.alerts(gone=True) == []
    assert raised(engine) == 0
    feed.now += timedelta(days=86)
    feed.sweep()
    assert feed.alert().episode.evidence == {
        key for key in feed.alert().episode.results if key.observation_id == "o0"
    }


def test_what_is_overdue_is_written_to_the_ehr_when_it_has_settled(engine: Engine) -> None:
    feed = Feed(
        engine, SourceSettings(fhir_base_url="https://ehr.clinic.test/fhir"), settle=timedelta(minutes=15)
    )
    feed.send(borderline())
    feed.now += timedelta(days=91)
    feed.sweep()
    with reading(engine) as connection:
        (row,) = connection.execute(select(outbox)).all()
    assert (row.alert_id, row.not_before) == (feed.alert().id, feed.now + timedelta(minutes=15))


def test_what_was_repeated_before_anybody_was_told_is_not_told(engine: Engine) -> None:
    settings = SourceSettings(fhir_base_url="https://ehr.clinic.test/fhir")
    feed = Feed(engine, settings, settle=timedelta(minutes=15))
    feed.send(borderline(days_ago=300))
    assert feed.alert().state is State.OPEN
    feed.now += timedelta(minutes=1)
    feed.send(borderline("o2", days_ago=100))
    assert [each.state for each in feed.alerts()] == [State.RESOLVED, State.OPEN]
    with reading(engine) as connection:
        wanted = connection.execute(select(outbox.c.alert_id)).scalars().all()
    assert wanted == [feed.alerts()[1].id]


class TestAMonitoringDate:
    @pytest.fixture
    def monitored(self, feed: Feed) -> Feed:
        feed.send(*persistent())
        feed.now += timedelta(hours=1)
        feed.decide(feed.alert(), Action.KNOWN_CAUSE)
        return feed

    def test_is_six_months_from_the_decision_and_overdue_the_day_after(self, monitored: Feed) -> None:
        monitored.now = datetime(2026, 7, 15, 23, 59, tzinfo=UTC)
        monitored.sweep()
        assert opened(monitored) == []
        monitored.now += timedelta(minutes=1)
        monitored.sweep()
        (overdue,) = opened(monitored)
        assert [each.kind for each in overdue.episode.findings] == [Kind.MONITORING_OVERDUE]

    def test_is_ended_by_the_repeat_which_wakes_the_elevation(self, monitored: Feed) -> None:
        monitored.now += timedelta(days=200)
        monitored.sweep()
        monitored.send(observation("o9", days_ago=-201))
        assert [each.family for each in opened(monitored)] == [Family.TRANSAMINASE]
        assert len(monitored.alerts()) == 2

    def test_that_was_kept_wakes_the_elevation_alone(self, monitored: Feed) -> None:
        monitored.send(observation("o9", days_ago=-90))
        monitored.now += timedelta(days=120)
        monitored.sweep()
        assert opened(monitored) == []
        monitored.now += timedelta(days=120)
        monitored.sweep()
        assert [each.family for each in monitored.alerts()] == [Family.TRANSAMINASE]
        assert monitored.alert().state is State.OPEN

    def test_is_found_although_everything_has_been_lost_to_follow_up_before(self, feed: Feed) -> None:
        feed.send(*persistent())
        feed.now += timedelta(hours=1)
        feed.decide(feed.alert(), Action.KNOWN_CAUSE, until=date(2028, 3, 1))
        feed.now = datetime(2028, 2, 1, tzinfo=UTC)
        feed.sweep()
        assert [each.state for each in feed.alerts()] == [State.DORMANT]
        feed.now = datetime(2028, 3, 2, tzinfo=UTC)
        feed.sweep()
        assert {each.family: each.state for each in feed.alerts()} == {
            Family.TRANSAMINASE: State.DORMANT,
            Family.FOLLOW_UP: State.DORMANT,
        }

    def test_is_found_once_however_often_it_is_looked_for(self, monitored: Feed, engine: Engine) -> None:
        for days in (100, 90, 1, 30):
            engine.dispose()
            monitored.restart()
            monitored.now += timedelta(days=days)
            monitored.sweep()
            monitored.sweep()
        assert raised(engine) == 2

    def test_a_known_cause_says_when_to_test_again_so_no_recheck_is_waited_for(self, feed: Feed) -> None:
        feed.send(observation("o1", times=6, days_ago=1))
        feed.now += timedelta(hours=1)
        feed.decide(feed.alert(), Action.KNOWN_CAUSE)
        feed.now += timedelta(days=60)
        feed.sweep()
        assert opened(feed) == []
