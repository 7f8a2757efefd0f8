"""Promise 4: a decision names exactly what it was made on, so that it can be made again."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select

from service.alerts.alert import Action
from service.clinical.assess import assess
from service.clinical.results import LabResult, PatientRecord
from service.fhir.incoming import Observed
from service.ingest import receive
from service.quality.archive import Archive
from service.quality.recorded_rules import RecordedRules
from service.store import decisions
from service.store.decisions import Outcome
from service.store.schema import decision, stored_text
from service.store.session import reading, writing
from tests.ingest.feeding import (
    RULEBOOK,
    Feed,
    Resource,
    decoded,
    deletion,
    observation,
    patient,
    persistent,
    pregnancy,
)
from tests.quality.replays import assert_every_decision_replays_identical


def all_decisions(feed: Feed) -> Sequence[Row[Any]]:
    with reading(feed.engine) as connection:
        return connection.execute(select(decision).order_by(decision.c.id)).all()


def read_for_the_last(feed: Feed) -> set[str]:
    """`Type/id` of what the latest decision was made on."""
    with reading(feed.engine) as connection:
        archive = Archive(connection, [1, 2], RecordedRules())
        return set(archive.inputs_of(archive.decisions[-1]).keys)


def test_every_decision_finds_the_versions_that_were_current_when_it_was_made(feed: Feed) -> None:
    feed.send_each(
        patient("p1"),
        *persistent(),
        observation("o4", times=7, days_ago=10, version=2, status="corrected"),
        observation("o3", version=1, days_ago=100, times=9),  # a duplicate by its version
        observation("o2", days_ago=200, version=2, status="entered-in-error"),
        pregnancy("c1", "p1"),
        patient("p1", version=2, gender="female"),
        deletion("Observation", "o1"),
        pregnancy("c1", "p1", version=2, days_ago=400),
        observation("o9", version=5, times=4),
        observation("o9", version=3, times=11),  # late: never current
        observation("o1", days_ago=250, version=2, updated=feed.now + timedelta(days=1)),
    )
    assert assert_every_decision_replays_identical(feed.engine) >= 13


def test_decisions_on_merged_reassigned_and_parted_records_can_be_made_again(feed: Feed) -> None:
    feed.send_each(
        *persistent("p1", prefix="a"),
        *persistent("p2", prefix="b"),
        patient("p2", gender="female"),
        patient("p1", replaced_by="p2", version=1),
        observation("a4", "p2", 9, days_ago=10, version=2),
        observation("a5", "p1", days_ago=4),
        patient("p1", version=2),
        observation("b4", "p1", 9, days_ago=10, version=2),
        deletion("Patient", "p2"),
    )
    feed.send(*persistent("p1", prefix="b", version=3), observation("a9", "p2", 20, days_ago=1))
    assert assert_every_decision_replays_identical(feed.engine) >= 15


def test_a_result_that_waited_is_an_input_from_when_it_was_taken(feed: Feed) -> None:
    feed.send_each(
        observation("o1", "p1", days_ago=20),
        observation("o2", mrn="M1"),
        patient("p1", mrn="M1"),
        observation("o3", days_ago=30),
    )
    assert_every_decision_replays_identical(feed.engine)
    assert read_for_the_last(feed) == {"Observation/o1", "Observation/o2", "Observation/o3", "Patient/p1"}


def results_of(feed: Feed, *given: Resource) -> list[LabResult]:
    contents = [decoded(each, feed.source).content for each in given]
    return [one for each in contents if isinstance(each, Observed) for one in each.results]


def test_a_future_result_is_no_input_until_its_time_comes(feed: Feed) -> None:
    feed.send(observation("o1"), observation("o2", days_ago=-3))
    feed.now += timedelta(days=4)
    feed.sweep()
    first, *_ = all_decisions(feed)
    alone = assess(PatientRecord(results_of(feed, observation("o1"))), RULEBOOK, first.as_of)
    assert first.outcome_digest == Outcome.of(alone).digest
    assert read_for_the_last(feed) == {"Observation/o1", "Observation/o2"}


def test_a_decision_names_the_dispositions_people_had_made_by_then(feed: Feed) -> None:
    feed.send(*persistent())
    feed.now += timedelta(minutes=1)
    alert = feed.decide(feed.alert(), Action.TAKE)
    first, second = all_decisions(feed)
    assert json.loads(first.dispositions) == []
    assert json.loads(second.dispositions) == [str(each) for each in alert.dispositions]


def test_the_texts_behind_the_digests_are_kept_even_when_the_first_transaction_was_rolled_back(
    feed: Feed,
) -> None:
    def lost() -> None:
        with writing(feed.engine) as connection:
            receive(connection, [feed.delivery(observation("o1"))], feed.rules, feed.now)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        lost()
    feed.send(observation("o1"))
    (made,) = all_decisions(feed)
    with reading(feed.engine) as connection:
        assert decisions.text_of(connection, made.rulebook_digest) == RULEBOOK.text
        assert decisions.text_of(connection, made.settings_digest) == feed.source.settings.judged_text


def test_a_text_is_kept_once(feed: Feed) -> None:
    feed.send(observation("o1"))
    feed.restart()
    feed.send(observation("o2"))
    with reading(feed.engine) as connection:
        kept = connection.execute(select(stored_text.c.digest)).scalars().all()
    read_under = feed.rules.digest(feed.source)
    assert sorted(kept) == sorted({RULEBOOK.digest, feed.source.settings.digest, read_under})


def test_the_outcome_does_not_depend_on_the_order_of_what_has_none(feed: Feed) -> None:
    feed.send(*persistent())
    (made,) = all_decisions(feed)
    record = PatientRecord(results_of(feed, *reversed(persistent())))
    assert made.outcome_digest == Outcome.of(assess(record, RULEBOOK, made.as_of)).digest
