"""Promise 4: a decision is made again from what is stored, and what is another is told exactly."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, delete, select, update

from service.alerts.alert import Action
from service.clinical import walk
from service.clinical.episodes import Tier
from service.clinical.new_moderate import new_moderate
from service.clinical.rulebook import parse_rulebook
from service.ingest import Rules, judging, rejudge, replay_held
from service.loading import Loader, ensure_source, find_files
from service.quality import AlertReplay, Replay, replay_alert, replay_all, replaying
from service.store import resources, sources
from service.store.schema import decision, outcome, raw_message, resource, stored_text
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import (
    NOW,
    PERSISTENT,
    RULEBOOK,
    Feed,
    Resource,
    day,
    observation,
    patient,
    persistent,
    statin,
)
from tests.quality.replays import assert_every_decision_replays_identical, only

STRICTER = parse_rulebook(
    """
version = "2026.1-clinic"
parent = "2026.1"

[citations]
site = "Clinic of Example, liver test committee."

[persistence]
months = { value = 9, citation = "site", tag = "V" }

[tiers]
worsening = { value = "urgent", citation = "site", tag = "V" }
"""
)
SETS = ("cdiscpilot", "pbcseq", "synthea")


def replays(feed: Feed) -> list[Replay]:
    return list(replay_all(feed.engine))


def of_the_alert(feed: Feed) -> AlertReplay:
    with reading(feed.engine) as connection:
        return replay_alert(connection, feed.alert())


def kept_of(feed: Feed, key: str) -> bytes:
    """The digest of the current bytes of a resource."""
    with reading(feed.engine) as connection:
        found = resources.current(connection, feed.source.id, [key])[key].digest
    assert found is not None
    return found


def flip(feed: Feed, digest: bytes, at: int = -1) -> None:
    """Change one bit of a stored message."""
    with writing(feed.engine) as connection:
        row = raw_message.c.digest == digest
        body = bytearray(connection.execute(select(raw_message.c.body).where(row)).scalar_one())
        body[at] ^= 1
        connection.execute(update(raw_message).where(row).values(body=bytes(body)))


def test_decisions_before_and_after_a_persons_are_made_again_alike(feed: Feed) -> None:
    feed.send_each(patient("p1"), statin("m1", "p1"))
    feed.send(*persistent())
    feed.now += timedelta(minutes=1)
    feed.decide(feed.alert(), Action.SNOOZE, until_next_result=True)
    feed.send_each(observation("o5", times=9, days_ago=1))
    assert assert_every_decision_replays_identical(feed.engine) == 5
    assert of_the_alert(feed).identical


def test_decisions_under_a_rulebook_that_has_been_replaced_are_made_again_under_it(feed: Feed) -> None:
    feed.send(*persistent())
    feed.now += timedelta(days=1)
    rejudge(feed.engine, replace(feed.rules, rulebook=STRICTER), feed.now)
    assert {each.recorded.made.rulebook_digest for each in replays(feed)} == {
        RULEBOOK.digest,
        STRICTER.digest,
    }
    assert assert_every_decision_replays_identical(feed.engine) == 2
    assert len({each.recorded.made.outcome_digest for each in replays(feed)}) == 2


def test_what_was_read_before_the_settings_changed_is_read_as_it_was(feed: Feed) -> None:
    without_a_zone = observation("o1")
    without_a_zone["effectiveDateTime"] = "2025-11-03T08:00:00"
    feed.send(without_a_zone, observation("o2", days_ago=4))
    with writing(feed.engine) as connection:
        feed.source = sources.change(connection, feed.name, SourceSettings(zone="Europe/Vienna"))
    feed.send_each(observation("o3", days_ago=3))
    assert_every_decision_replays_identical(feed.engine)
    rejudge(feed.engine, feed.rules, feed.now + timedelta(hours=1))
    assert len(feed.histories()["p1"]) == 3
    assert_every_decision_replays_identical(feed.engine)


def unzoned(id_: str, days_ago: int) -> Resource:
    """A result that the source's settings alone can date."""
    given = observation(id_, days_ago=days_ago)
    given["effectiveDateTime"] = f"{day(days_ago)}T08:00:00"
    return given


def move_to(feed: Feed, zone: str) -> None:
    """Change the settings by which a source's results are read."""
    with writing(feed.engine) as connection:
        feed.source = sources.change(connection, feed.name, SourceSettings(zone=zone))


def read_in(feed: Feed, zone: str) -> bool:
    """Whether all results are known, each as of eight o'clock there."""
    known = feed.histories()["p1"]
    return {each.effective.astimezone(ZoneInfo(zone)).hour for each in known} == {8}


@pytest.mark.parametrize("how", ["swept", "sent more", "rejudged", "replayed"])
@pytest.mark.parametrize("unjudged", ["stored alone", "judging failed"])
def test_what_was_stored_under_other_settings_than_it_is_judged_by_is_read_again_first(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, unjudged: str, how: str
) -> None:
    feed = Feed(engine, SourceSettings(zone="Pacific/Auckland"))
    given = [unzoned(f"o{days_ago}", days_ago) for days_ago in PERSISTENT]
    with monkeypatch.context() as failing:
        if unjudged == "judging failed":
            failing.setattr(judging, "assess", lambda *_: 1 / 0)
        feed.send(*given, judged=unjudged == "judging failed")
    move_to(feed, "America/New_York")
    feed.now += timedelta(minutes=1)
    if how == "swept":
        feed.sweep()
    elif how == "sent more":
        feed.send(unzoned("more", 2))
    elif how == "rejudged":
        rejudge(engine, feed.rules, feed.now)
    else:
        replay_held(engine, feed.held(), feed.rules, feed.now)
        feed.sweep()
    assert len(feed.alert().episode.evidence) >= len(given)
    assert read_in(feed, "America/New_York")
    assert assert_every_decision_replays_identical(engine) == 1


def test_settings_that_were_changed_and_changed_back_before_a_record_was_judged_leave_one_reading(
    engine: Engine,
) -> None:
    feed = Feed(engine, SourceSettings(zone="Pacific/Auckland"))
    feed.send(unzoned("o1", 300), judged=False)
    move_to(feed, "America/New_York")
    feed.send(unzoned("o2", 100), judged=False)
    move_to(feed, "Pacific/Auckland")
    feed.sweep()
    assert read_in(feed, "Pacific/Auckland")
    assert_every_decision_replays_identical(engine)


def test_what_a_feed_with_the_settings_of_before_sends_is_read_by_those_the_decision_names(
    engine: Engine,
) -> None:
    feed = Feed(engine, SourceSettings(zone="Pacific/Auckland"))
    feed.send(unzoned("o1", 300))
    before = feed.source
    move_to(feed, "America/New_York")
    rejudge(engine, feed.rules, feed.now)
    feed.source = before
    feed.send(unzoned("o2", 290))
    assert read_in(feed, "America/New_York")
    assert_every_decision_replays_identical(engine)


def test_a_result_that_still_waits_although_its_time_has_come_is_read_as_waiting(feed: Feed) -> None:
    feed.send(observation("o1"), observation("o2", days_ago=-3, times=9))
    feed.now += timedelta(days=4)
    feed.send(observation("o3", days_ago=4))  # judged before a sweep has looked at what waits
    feed.sweep()
    known = [each.record for each in replays(feed)]
    assert [len(each.results) for each in known if each is not None] == [1, 2, 3]
    assert_every_decision_replays_identical(feed.engine)


def test_results_that_nothing_but_their_receipt_orders_are_read_as_such(feed: Feed) -> None:
    feed.send(*persistent(version=None))
    feed.send_each(observation("o4", times=5, version=None))
    flags = {result.flags for each in replays(feed) if each.record for result in each.record.results}
    assert flags == {("unordered",)}
    assert_every_decision_replays_identical(feed.engine)


def test_a_message_in_which_a_bit_was_flipped_is_named_and_nothing_is_decided_on_it(feed: Feed) -> None:
    feed.send(*persistent())
    digest = kept_of(feed, "Observation/o2")
    flip(feed, digest)
    (made,) = replays(feed)
    (said,) = made.damage
    assert said.startswith(f"raw_message {digest.hex()} has been changed")
    assert said.endswith("(needed for Observation/o2)")
    assert made.assessment is None
    assert not of_the_alert(feed).identical


def test_a_message_that_is_gone_is_named(feed: Feed) -> None:
    feed.send(*persistent())
    digest = kept_of(feed, "Observation/o2")
    with writing(feed.engine) as connection:
        connection.execute(delete(raw_message).where(raw_message.c.digest == digest))
    (made,) = replays(feed)
    assert made.damage == [f"raw_message {digest.hex()} is missing (needed for Observation/o2)"]


def test_a_version_that_is_gone_is_named_where_the_outcome_rested_on_it(feed: Feed) -> None:
    feed.send(*persistent())
    with writing(feed.engine) as connection:
        connection.execute(delete(resource).where(resource.c.key == "Observation/o4"))
    (made,) = replays(feed)
    assert [each.partition(" has ")[0] for each in made.damage] == ["resource Observation/o4"]
    assert any(each.where.endswith("last_result") for each in made.differences)


@pytest.mark.parametrize("of", ["rulebook_digest", "settings_digest"])
def test_rules_whose_text_was_changed_or_is_gone_are_named(feed: Feed, of: str) -> None:
    feed.send(*persistent())
    (made,) = replays(feed)
    digest = getattr(made.recorded.made, of)
    other = RULEBOOK.text.replace("value = 15", "value = 16") if of == "rulebook_digest" else '{"zone":"UTC"}'
    with writing(feed.engine) as connection:
        connection.execute(update(stored_text).where(stored_text.c.digest == digest).values(text=other))
    (made,) = replays(feed)
    assert made.damage[0].startswith(f"stored_text {digest} has been changed")
    with writing(feed.engine) as connection:
        connection.execute(delete(stored_text).where(stored_text.c.digest == digest))
    (made,) = replays(feed)
    assert made.damage == [f"stored_text {digest} is missing"]


def test_a_rule_that_decides_otherwise_shows_exactly_the_findings_it_makes_otherwise(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.send(*persistent(times=3), *persistent("p2", "q", times=0.5), observation("r1", "p3", 6))

    def urgently(*given: Any) -> Any:
        held = new_moderate(*given)
        return held and held._replace(tier=Tier.URGENT)

    monkeypatch.setattr(walk, "new_moderate", urgently)
    monkeypatch.setattr(replaying, "code_version", lambda: "99.0")
    differing = only(replays(feed))
    assert differing.recorded.made.patient_id == feed.patient_number("p3")
    assert differing.other_release
    day = (NOW - timedelta(days=10)).date()
    episode = f"episodes transaminase {day}"
    told = {each.where: (each.before, each.after) for each in differing.differences}
    assert told[f"{episode} > findings new-moderate-elevation ALT {day} > tier"] == ("2", "3")
    assert told[f"{episode} > tier"] == ("2", "3")
    assert all(where.startswith(episode) for where in told)


def test_a_decision_that_this_release_fails_at_is_named_and_hides_no_other(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.send(observation("q1", "p2", 0.5), observation("r1", "p3", 6))

    def failing(*_: Any) -> Any:
        raise ArithmeticError("of a patient")

    monkeypatch.setattr(walk, "new_moderate", failing)
    assert len(replays(feed)) == 2
    failed = only(replays(feed))
    assert failed.recorded.made.patient_id == feed.patient_number("p3")
    assert failed.damage == ["making it again raised ArithmeticError"]


def test_where_an_outcome_is_another_and_the_recorded_one_is_gone_that_is_said(feed: Feed) -> None:
    feed.send(*persistent())
    with writing(feed.engine) as connection:
        connection.execute(delete(outcome))
    assert_every_decision_replays_identical(feed.engine)  # its digest is all that sameness needs
    with writing(feed.engine) as connection:
        connection.execute(update(decision).values(as_of=NOW + timedelta(days=900)))
    (made,) = replays(feed)
    assert made.damage[0].startswith(f"outcome {made.recorded.made.outcome_digest} is missing")


def test_an_alert_is_explained_by_the_decisions_that_changed_it_and_the_latest(feed: Feed) -> None:
    feed.send(*persistent())
    feed.send_each(observation("o5", times=9, days_ago=1), observation("p5", "p2"), statin("m1", "p1"))
    made = of_the_alert(feed)
    assert made.identical
    assert made.replays[0].recorded.made.at == feed.alert().created
    assert made.replays[-1].recorded.made.at == feed.now
    assert {each.recorded.made.patient_id for each in made.replays} == {feed.alert().subject}
    with writing(feed.engine) as connection:
        connection.execute(delete(decision).where(decision.c.id == made.replays[0].recorded.id))
    lacking = of_the_alert(feed)
    assert lacking.unexplained == [made.replays[0].recorded.made.at]
    assert not lacking.identical


def test_an_alert_whose_record_was_merged_into_another_and_parted_again_is_explained_from_its_beginning(
    feed: Feed,
) -> None:
    feed.send_each(patient("p1"), patient("p2"))
    feed.send(*persistent("p1"))
    first = feed.alert()
    feed.send_each(patient("p1", replaced_by="p2", version=2))
    moved = feed.alert()
    assert (moved.id, moved.subject) == (first.id, feed.patient_number("p2"))
    feed.send_each(patient("p1", version=3))
    back = feed.alert()
    assert (back.id, back.subject) == (first.id, first.subject)
    made = of_the_alert(feed)
    assert made.identical
    assert {each.recorded.made.patient_id for each in made.replays} == {first.subject, moved.subject}


def test_an_outcome_is_kept_once_and_that_nothing_was_found_is_not_kept(feed: Feed) -> None:
    feed.send(*persistent(), observation("q1", "p2", 0.5))
    feed.send(observation("q2", "p2", 0.6))
    rejudge(feed.engine, feed.rules, feed.now, everyone=True)
    with reading(feed.engine) as connection:
        kept = connection.execute(select(outcome.c.digest)).scalars().all()
        noted = connection.execute(select(decision.c.outcome_digest)).scalars().all()
    assert len(noted) == 5
    assert len(kept) == 1


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", SETS)
def test_every_decision_on_real_records_is_made_again_alike_under_another_rulebook_too(
    engine: Engine, shared_data: Path, name: str
) -> None:
    source, _ = ensure_source(engine, name, NOW, "test")
    rules = Rules(RULEBOOK, clock="data")
    files = sorted(shared_data.glob(f"{name}.*.ndjson.gz"))
    loaded = Loader(engine, source, rules, clock=lambda: NOW).load(find_files(files))
    assert loaded.alerts
    assert assert_every_decision_replays_identical(engine) == loaded.judged
    judged, failed = rejudge(engine, replace(rules, rulebook=STRICTER), NOW + timedelta(days=1))
    assert (judged, failed) == (loaded.judged, 0)
    assert assert_every_decision_replays_identical(engine) == 2 * loaded.judged
