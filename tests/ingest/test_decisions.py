"""Promise 4: a decision names exactly what it was made on, so that it can be made again."""

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Row, select

from service.alerts.alert import Action
from service.clinical.assess import assess
from service.clinical.results import Condition, LabResult, Medication, PatientRecord
from service.fhir.incoming import Observed, PatientFacts
from service.ingest import receive
from service.store import decisions, resources
from service.store.decisions import Outcome
from service.store.schema import decision, resource, stored_text, superseded
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


def versions_read(connection: Connection, inputs: str) -> dict[str, bytes]:
    """The bytes of every version a decision was made on, by key, found from its inputs alone."""
    found: dict[str, bytes] = {}
    for number, revision in json.loads(inputs):
        for table, ends in ((resource, None), (superseded, superseded.c.until_revision)):
            query = select(table.c.key, table.c.digest).where(
                table.c.patient_id == number, table.c.since_revision <= revision, table.c.state == "live"
            )
            if ends is not None:
                query = query.where(ends > revision)
            for row in connection.execute(query):
                assert row.key not in found, "two versions of one resource current at once"
                found[row.key] = resources.raw(connection, row.digest)
    return found


def read_again(feed: Feed, bodies: dict[str, bytes], inputs: str) -> PatientRecord:
    """The record that those versions make."""
    contents = {key: decoded(json.loads(body), feed.source).content for key, body in sorted(bodies.items())}
    with reading(feed.engine) as connection:
        from service.store.schema import patient as table

        numbers = [number for number, _ in json.loads(inputs)]
        names = {
            row.id: row.fhir_id for row in connection.execute(select(table).where(table.c.id.in_(numbers)))
        }
        person = connection.execute(
            select(decision.c.patient_id).where(decision.c.inputs == inputs).limit(1)
        ).scalar_one()
    own = contents.get(f"Patient/{names[person]}")
    said = own if isinstance(own, PatientFacts) else None
    people = [each for each in contents.values() if isinstance(each, PatientFacts)]
    return PatientRecord(
        results=[one for each in contents.values() if isinstance(each, Observed) for one in each.results],
        sex=said.sex if said else None,
        birth_date=said.birth_date if said else None,
        deceased=any(each.deceased for each in people),
        conditions=[each for each in contents.values() if isinstance(each, Condition)],
        medications=[each for each in contents.values() if isinstance(each, Medication)],
    )


def all_decisions(feed: Feed) -> Sequence[Row[Any]]:
    with reading(feed.engine) as connection:
        return connection.execute(select(decision).order_by(decision.c.id)).all()


def assert_every_decision_can_be_made_again(feed: Feed) -> int:
    made = all_decisions(feed)
    for each in made:
        with reading(feed.engine) as connection:
            bodies = versions_read(connection, each.inputs)
            assert decisions.text_of(connection, each.rulebook_digest) == RULEBOOK.text
            assert decisions.text_of(connection, each.settings_digest) == feed.source.settings.judged_text
        again = assess(read_again(feed, bodies, each.inputs), RULEBOOK, each.as_of)
        assert Outcome.of(again).digest == each.outcome_digest
        assert each.code_version
    return len(made)


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
    assert assert_every_decision_can_be_made_again(feed) >= 13


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
    assert assert_every_decision_can_be_made_again(feed) >= 15


def test_a_result_that_waited_is_an_input_from_when_it_was_taken(feed: Feed) -> None:
    feed.send_each(
        observation("o1", "p1", days_ago=20),
        observation("o2", mrn="M1"),
        patient("p1", mrn="M1"),
        observation("o3", days_ago=30),
    )
    assert_every_decision_can_be_made_again(feed)
    with reading(feed.engine) as connection:
        last = all_decisions(feed)[-1]
        assert set(versions_read(connection, last.inputs)) == {
            "Observation/o1",
            "Observation/o2",
            "Observation/o3",
            "Patient/p1",
        }


def results_of(feed: Feed, *given: Resource) -> list[LabResult]:
    contents = [decoded(each, feed.source).content for each in given]
    return [one for each in contents if isinstance(each, Observed) for one in each.results]


def test_a_future_result_is_no_input_until_its_time_comes(feed: Feed) -> None:
    feed.send(observation("o1"), observation("o2", days_ago=-3))
    feed.now += timedelta(days=4)
    feed.sweep()
    first, *_, last = all_decisions(feed)
    alone = assess(PatientRecord(results_of(feed, observation("o1"))), RULEBOOK, first.as_of)
    assert first.outcome_digest == Outcome.of(alone).digest
    with reading(feed.engine) as connection:
        assert set(versions_read(connection, last.inputs)) == {"Observation/o1", "Observation/o2"}


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


def test_the_outcome_digest_does_not_depend_on_the_order_of_what_has_none(feed: Feed) -> None:
    feed.send(*persistent())
    (made,) = all_decisions(feed)
    record = PatientRecord(results_of(feed, *reversed(persistent())))
    outcome = assess(record, RULEBOOK, made.as_of)
    text = msgspec.json.Encoder(order="deterministic").encode(outcome)
    assert made.outcome_digest in {hashlib.sha256(text).hexdigest(), Outcome.of(outcome).digest}
