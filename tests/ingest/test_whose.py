"""Whose a resource is: identifiers, merges and their undoing (fhir.md, lab feed hazards)."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from service.alerts.alert import Action, State
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import NOW, Feed, alert_of, observation, patient, persistent, pregnancy


def test_a_result_that_names_its_patient_by_identifier_waits_for_that_patient(feed: Feed) -> None:
    feed.send(observation("o1", mrn="M1"))
    assert (feed.results(), feed.reasons()) == ({}, ["unknown-patient"])
    feed.send(patient("p1", mrn="M1"))
    assert (feed.results(), feed.reasons()) == ({"o1": 120}, [])


def test_it_does_not_wait_where_the_patient_comes_in_the_same_batch(feed: Feed) -> None:
    feed.send(observation("o1", mrn="M1"), patient("p1", mrn="M1"))
    assert (feed.results(), feed.reasons()) == ({"o1": 120}, [])


def test_a_late_older_version_does_not_unsettle_a_result_that_had_waited(feed: Feed) -> None:
    feed.send(observation("o1", mrn="M1", version=2))
    feed.send(patient("p1", mrn="M1"))
    feed.send(observation("o1", "p2", 9, version=1))
    assert (feed.results("p1"), feed.results("p2")) == ({"o1": 120}, {})


def test_waiting_results_are_judged_when_their_patient_comes(feed: Feed) -> None:
    feed.send(*[observation(f"o{days}", mrn="M1", days_ago=days) for days in (300, 200, 100, 10)])
    assert feed.alerts() == []
    feed.send(patient("p1", mrn="M1"))
    assert feed.alert().subject == feed.patient_number("p1")


@pytest.mark.parametrize("late", [False, True])
def test_an_identifier_belongs_to_the_patient_whose_latest_version_carries_it(feed: Feed, late: bool) -> None:
    first = [patient("p1", mrn="M1", version=1), patient("p1", version=2)]
    second = [patient("p2", mrn="M1")]
    for each in [*second, *first] if late else [*first, *second]:
        feed.send(each)
    feed.send(observation("o1", mrn="M1"))
    assert (feed.results("p1"), feed.results("p2")) == ({}, {"o1": 120})


def test_a_result_does_not_wait_for_ever_when_its_patient_was_coming_in_at_the_same_time(
    feed: Feed, engine: Engine
) -> None:
    from service.ingest import receive
    from service.store.session import writing

    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    coming = threading.Thread(target=feed.send, args=(patient("p1", mrn="M1"),))
    with writing(engine) as connection:
        receive(connection, [feed.delivery(observation("o1", mrn="M1"))], feed.rules, NOW)
        coming.start()  # while the other is still under way
        coming.join(0.5)
    coming.join(30)
    assert (feed.results(), feed.reasons()) == ({"o1": 120}, [])


def test_a_merge_joins_two_records(feed: Feed) -> None:
    feed.send(*persistent("p1")[:2], *persistent("p2")[2:])
    assert feed.elevations() == []
    feed.send(patient("p1", replaced_by="p2"))
    assert feed.persons() == {"p1": "p2", "p2": "p2"}
    assert feed.elevation().subject == feed.patient_number("p2")
    assert len(feed.elevation().episode.evidence) == 4
    assert {each.state for each in feed.alerts() if each != feed.elevation()} == {State.RESOLVED}


def test_a_merge_may_be_said_by_the_record_that_survives(feed: Feed) -> None:
    feed.send(*persistent("p1")[:2], *persistent("p2")[2:])
    feed.send(patient("p2", replaces=["p1"]))
    assert feed.persons() == {"p1": "p2", "p2": "p2"}
    assert feed.elevation().subject == feed.patient_number("p2")


def test_merging_two_records_with_alerts_leaves_the_oldest_and_asks_for_review(feed: Feed) -> None:
    feed.send(*persistent("p1", prefix="a"))
    first = feed.alert()
    feed.now += timedelta(minutes=1)
    feed.send(*persistent("p2", prefix="b"))
    feed.send(patient("p2", replaced_by="p1"))
    assert feed.alert().id == first.id
    assert feed.alert().needs_review
    (merged,) = [each for each in feed.alerts(gone=True) if each.state is State.MERGED]
    assert merged.merged_into == first.id


def test_undoing_a_merge_gives_each_record_its_own_again(feed: Feed) -> None:
    feed.send(*persistent("p1", prefix="a"))
    first = feed.alert()
    feed.send(patient("p1", replaced_by="p2", version=1))
    assert feed.alert().id == first.id
    assert feed.alert().subject == feed.patient_number("p2")
    feed.send(patient("p1", version=2))
    assert feed.persons() == {"p1": "p1", "p2": "p2"}
    assert feed.alert().id == first.id
    assert feed.alert().subject == feed.patient_number("p1")


def test_deleting_the_patient_that_said_so_undoes_a_merge(feed: Feed) -> None:
    feed.send(patient("p1", replaced_by="p2"), observation("o1", "p1"))
    feed.delete("Patient", "p1")
    assert feed.persons() == {"p1": "p1", "p2": "p2"}


def test_a_decision_made_on_a_merged_record_stays_with_its_evidence_when_the_merge_is_undone(
    feed: Feed,
) -> None:
    feed.send(*persistent("p1", prefix="a"), patient("p1", replaced_by="p2", version=1))
    feed.now += timedelta(minutes=1)
    feed.decide(feed.alert(), Action.TAKE)
    feed.now += timedelta(minutes=1)
    feed.send(patient("p1", version=2))
    assert feed.alert().state is State.TAKEN
    feed.send(observation("a5", "p1", days_ago=3))
    assert feed.alert().state is State.TAKEN
    assert feed.alert().subject == feed.patient_number("p1")


def test_a_decision_on_results_of_both_records_bears_on_both_when_the_merge_is_undone(feed: Feed) -> None:
    feed.send(*persistent("p1", prefix="a"), *persistent("p2", prefix="b"))
    feed.send(patient("p1", replaced_by="p2", version=1))
    feed.now += timedelta(minutes=1)
    feed.decide(feed.alert(), Action.TAKE)
    feed.now += timedelta(minutes=1)
    feed.send(patient("p1", version=2))
    assert [each.state for each in feed.alerts()] == [State.TAKEN, State.TAKEN]
    feed.send(observation("a5", "p1", days_ago=3))
    feed.send(observation("b5", "p2", days_ago=3))
    assert [each.state for each in feed.alerts()] == [State.TAKEN, State.TAKEN]


def test_a_decision_follows_results_that_are_given_to_another_patient(feed: Feed) -> None:
    feed.send(*persistent("p1"))
    feed.now += timedelta(minutes=1)
    feed.decide(feed.alert(), Action.TAKE)
    feed.now += timedelta(minutes=1)
    feed.send(*persistent("p2", version=2))
    assert feed.alert().subject == feed.patient_number("p2")
    assert feed.alert().state is State.TAKEN


def test_a_merge_undone_before_anybody_judged_leaves_no_stale_alert(feed: Feed) -> None:
    feed.send(*persistent("p1"), patient("p1", replaced_by="p2", version=1))
    feed.send(patient("p1", version=2), judged=False)
    feed.sweep()
    assert feed.alert().subject == feed.patient_number("p1")


def test_links_in_a_circle_join_nothing_and_are_held_until_they_are_mended(feed: Feed) -> None:
    feed.send(patient("p1", replaced_by="p2"), patient("p2", replaced_by="p1"), observation("o1", "p1"))
    assert feed.persons() == {"p1": "p1", "p2": "p2"}
    assert feed.reasons() == ["link-cycle", "link-cycle"]
    feed.send(patient("p2", version=2))
    assert feed.persons() == {"p1": "p2", "p2": "p2"}
    assert feed.reasons() == []


def test_a_circle_is_held_once_however_often_it_is_looked_at(feed: Feed) -> None:
    feed.send(patient("p1", replaced_by="p2"), patient("p2", replaced_by="p1"))
    feed.send(patient("p3", replaced_by="p1"))
    feed.send(patient("p2", replaced_by="p1", gender="female", version=2))
    assert feed.reasons() == ["link-cycle"] * 3


def test_two_survivors_join_nothing(feed: Feed) -> None:
    feed.send(patient("p1", replaced_by="p2"), patient("p3", replaces=["p1"]))
    assert feed.persons() == {"p1": "p1", "p2": "p2", "p3": "p3"}
    assert feed.reasons() == ["link-cycle"]


@pytest.mark.parametrize("deleted_first", [False, True])
def test_deleting_a_patient_opens_a_circle_it_was_in(feed: Feed, deleted_first: bool) -> None:
    steps = [
        lambda: feed.send(patient("p1", replaced_by="p2", updated=NOW - timedelta(days=1))),
        lambda: feed.send(patient("p2", replaced_by="p1", updated=NOW - timedelta(days=1))),
        lambda: feed.delete("Patient", "p2"),
    ]
    for at in (2, 0, 1) if deleted_first else (0, 1, 2):
        steps[at]()
    assert feed.persons() == {"p1": "p2", "p2": "p2"}


def test_bystanders_in_the_same_batch_are_not_merged_by_links_half_seen(feed: Feed) -> None:
    feed.send(
        patient("p1", replaced_by="p2"), patient("p2", replaced_by="p1"), patient("p3", replaced_by="p1")
    )
    before = feed.persons()
    feed.send(observation("o1", "p1"), observation("o3", "p3"), patient("p4", replaced_by="p5"))
    assert feed.persons() == before | {"p4": "p5", "p5": "p5"}


@pytest.mark.parametrize("known_first", [False, True])
def test_a_first_version_with_links_sees_a_circle_it_closes(feed: Feed, known_first: bool) -> None:
    # p1 -> p2 and p3 replaces p2 and is replaced by p1: p2 -> p3 -> p1 -> p2 is a circle; p2 also names p4.
    circle = [patient("p1", replaced_by="p2"), patient("p3", replaces=["p2"], replaced_by="p1")]
    other = patient("p2", replaced_by="p4")
    for each in [other, *circle] if known_first else [*circle, other]:
        feed.send(each)
    assert feed.persons() == {"p1": "p1", "p2": "p2", "p3": "p3", "p4": "p4"}


def test_a_chain_of_merges_ends_in_one_record_in_any_order(feed: Feed) -> None:
    feed.send(patient("p2", replaced_by="p3"))
    feed.send(patient("p1", replaced_by="p2"))
    assert feed.persons() == {"p1": "p3", "p2": "p3", "p3": "p3"}
    feed.send(patient("p2", version=2))
    assert feed.persons() == {"p1": "p2", "p2": "p2", "p3": "p3"}


def test_context_moves_with_the_record_it_belongs_to(feed: Feed) -> None:
    feed.send(patient("p1", gender="female"), observation("o1", "p1", "2.5", days_ago=2))
    assert feed.alerts() == []
    feed.send(pregnancy("c1", "p2"))
    assert feed.alerts() == []
    feed.send(patient("p2", replaced_by="p1"))
    (finding,) = feed.alert().episode.findings
    assert finding.reasons[0].name == "pregnancy"


def test_records_of_two_sources_are_never_joined(engine: Engine) -> None:
    here, there = Feed(engine, SourceSettings(), name="here"), Feed(engine, SourceSettings(), name="there")
    here.send(*persistent("p1")[:2])
    there.send(*persistent("p1")[2:])
    there.send(patient("p1", replaced_by="p1"))
    assert here.elevations() == []


def test_merged_and_single_records_are_judged_apart(feed: Feed) -> None:
    feed.send(*persistent("p1", prefix="a"), *persistent("p2", prefix="b"), *persistent("p3", prefix="c"))
    feed.send(patient("p1", replaced_by="p2"))
    numbers = [feed.patient_number(each) for each in ("p2", "p3")]
    assert sorted(each.subject for each in feed.alerts()) == numbers
    assert len(alert_of(feed.alerts(), numbers[0]).episode.evidence) == 8
