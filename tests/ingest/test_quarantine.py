"""What cannot be used, or cannot be judged, is kept, visible, and taken up again (promise 1)."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from service.clinical.analytes import Analyte
from service.clinical.assess import assess
from service.clinical.episodes import Assessment
from service.clinical.results import PatientRecord
from service.clinical.rulebook import Rulebook
from service.fhir.bundles import decode_bundle
from service.fhir.strict_json import check_json
from service.ingest import behind, judging, keep_for_later, rejudge, replay_held, sweep
from service.store import identities, quarantine, resources, sources
from service.store.schema import ignored, raw_message, resource, superseded
from service.store.schema import quarantine as quarantine_table
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.ingest.feeding import NOW, RULEBOOK, Feed, deletion, observation, patient, persistent

SICK = "the judge is ill"


@pytest.fixture
def ill(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the judgement of any record with so many results fail; 0: of none."""

    def fail_for(count: int) -> None:
        def assess_or_fail(record: PatientRecord, rulebook: Rulebook, as_of: datetime) -> Assessment:
            if count and len(record.results) == count:
                raise ZeroDivisionError(SICK)
            return assess(record, rulebook, as_of)

        monkeypatch.setattr(judging, "assess", assess_or_fail)

    return fail_for


def test_an_unusable_result_is_kept_visible_and_says_why(feed: Feed) -> None:
    given = observation("o1", unit="furlong")
    receipt = feed.send(given)
    assert receipt.counts["quarantined:unknown-unit"] == 1
    (held,) = feed.held()
    assert (held.key, held.reason) == ("Observation/o1", "unknown-unit")
    assert (held.place or "").startswith("Observation.valueQuantity")
    with reading(feed.engine) as connection:
        assert resources.raw(connection, held.digest or b"") == feed.delivery(given).incoming[0].raw


def test_an_unusable_result_that_comes_again_is_held_once(feed: Feed) -> None:
    for _ in range(3):
        feed.send(observation("o1", unit="furlong"))
    assert feed.reasons() == ["unknown-unit"]


def test_what_has_no_id_is_held_once(feed: Feed) -> None:
    for _ in range(2):
        feed.send(observation("", times=3), observation("", times=4))
    assert feed.reasons() == ["no-id", "no-id"]


def test_a_deletion_ends_what_is_held(feed: Feed) -> None:
    feed.send(observation("o1", unit="furlong"))
    feed.now += timedelta(seconds=1)
    feed.delete("Observation", "o1")
    assert feed.reasons() == []


def test_an_older_unusable_version_that_comes_late_is_kept_but_not_held(feed: Feed) -> None:
    feed.send(observation("o1", version=2))
    feed.send(observation("o1", version=1, unit="furlong"))
    assert (feed.results(), feed.reasons()) == ({"o1": 120}, [])


def unusable_of_every_sort(feed: Feed) -> None:
    """A unit, a place in a panel, an identifier that nobody carries, a date to come, no id, not storable."""
    panel = observation("panel")
    wrong = {"value": 3, "system": "http://unitsofmeasure.org", "code": "furlong"}
    codes = (panel["code"], observation("x", analyte=Analyte.AST)["code"])
    panel["component"] = [{"code": each, "valueQuantity": wrong} for each in codes]
    feed.send(
        observation("o1", unit="furlong"),
        panel,
        observation("o2", mrn="nobody"),
        observation("o3", days_ago=-3),
        observation(""),
    )
    keep_for_later(feed.engine, feed.delivery(observation("o4", unit="furlong")), RuntimeError(SICK))


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_replayed_and_still_cannot_be_used_keeps_its_number(feed: Feed, at_once: bool) -> None:
    unusable_of_every_sort(feed)
    before = feed.held()
    assert len(before) == 7
    for each in [before] if at_once else [[one] for one in before]:
        replay_held(feed.engine, each, feed.rules, feed.now + timedelta(hours=1))
    after = feed.held()
    assert [each._replace(reason="", detail="") for each in after if each.key != "Observation/o4"] == [
        each._replace(reason="", detail="") for each in before if each.key != "Observation/o4"
    ]
    reasons = {each.key: each.reason for each in after}
    assert [each.id for each in after] == [each.id for each in before]
    assert reasons["Observation/o4"] == "unknown-unit"
    with reading(feed.engine) as connection:
        assert len(quarantine.listed(connection, everything=True)) == len(before)


def test_what_is_replayed_in_vain_is_kept_once_however_often(feed: Feed) -> None:
    feed.send(observation("o1", None), observation("o2", mrn="M1"), observation("o3", None, unit="furlong"))
    for _ in range(3):
        replay_held(feed.engine, feed.held(), feed.rules, feed.now)
    assert older_versions(feed) == 0


def test_two_replays_at_once_of_results_without_a_patient_leave_what_one_would(feed: Feed) -> None:
    given = [observation(f"o{at}", mrn=f"M{at}") for at in range(4)]
    feed.send(*given, patient("p1"))
    held = feed.held()
    with writing(feed.engine) as connection:  # as if the Patient had stated them since
        identities.state_identifiers(
            connection, feed.source.id, {feed.patient_number("p1"): {"urn:mrn|M0", "urn:mrn|M1"}}
        )
    begin = threading.Barrier(2)

    def work() -> None:
        begin.wait(20)
        replay_held(feed.engine, held, feed.rules, feed.now)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert feed.results("p1") == {"o0": 120, "o1": 120}
    assert sorted(each.key or "" for each in feed.held()) == ["Observation/o2", "Observation/o3"]
    assert {each.id for each in feed.held()} < {each.id for each in held}
    with reading(feed.engine) as connection:
        assert resources.older(connection, feed.source.id, ["Observation/o2", "Observation/o3"]) == {}


def older_versions(feed: Feed) -> int:
    with reading(feed.engine) as connection:
        return int(connection.execute(select(func.count()).select_from(superseded)).scalar_one())


def test_what_is_reread_and_still_cannot_be_used_keeps_its_number(feed: Feed) -> None:
    unusable_of_every_sort(feed)
    before = {each.id: each.key for each in feed.held()}
    rejudge(feed.engine, feed.rules, feed.now, everyone=True)
    assert {each.id: each.key for each in feed.held()} == before


def test_a_number_stays_when_something_else_turns_out_to_be_wrong(engine: Engine) -> None:
    feed = Feed(engine)
    given = observation("o1", unit="furlong")
    given["effectiveDateTime"] = "2026-01-05T08:00:00"
    panel = observation("panel")
    del panel["valueQuantity"]
    wrong = {"value": 3, "system": "http://unitsofmeasure.org", "code": "furlong"}
    panel["component"] = [{"code": panel["code"], "valueQuantity": wrong}]
    feed.send(given, panel)
    (first, other) = sorted(feed.held())
    with writing(engine) as connection:
        statement = quarantine_table.update().where(quarantine_table.c.id == other.id)
        connection.execute(statement.values(place="Observation.effective", reason="no-zone"))
    replay_held(engine, feed.held(), feed.rules, feed.now)
    assert sorted(feed.held()) == [first, other]


def test_a_newer_version_that_cannot_be_used_either_is_another_item(feed: Feed) -> None:
    feed.send(observation("o1", unit="furlong", version=1))
    (before,) = feed.held()
    feed.send(observation("o1", unit="fathom", version=2))
    (after,) = feed.held()
    assert after.id != before.id
    with reading(feed.engine) as connection:
        assert quarantine.get(connection, before.id).resolution == "superseded"


def test_a_patient_whose_coming_leaves_a_result_waiting_does_not_change_its_number(feed: Feed) -> None:
    feed.send(observation("o1", mrn="M1"))
    (before,) = feed.held()
    feed.send(patient("p1", mrn="M1"), patient("p2", mrn="M1"))
    (after,) = feed.held()
    assert (before.reason, after.reason) == ("unknown-patient", "ambiguous-patient")
    assert after.id == before.id


def test_what_can_be_used_after_a_replay_says_that_it_was_replayed(engine: Engine) -> None:
    feed = Feed(engine)
    given, nameless = observation("o1"), observation("")
    given["effectiveDateTime"] = "2026-01-05T08:00:00"
    feed.send(given, nameless)
    held = {each.reason: each.id for each in feed.held()}
    with writing(engine) as connection:
        feed.source = sources.change(connection, feed.name, SourceSettings(zone="Europe/Berlin"))
    replay_held(engine, feed.held(), feed.rules, feed.now)
    assert feed.reasons() == ["no-id"]
    with reading(engine) as connection:
        every = {each.id: each.resolution for each in quarantine.listed(connection, everything=True)}
    assert every == {held["no-id"]: None, held["no-zone"]: "replayed"}


def test_a_result_is_taken_when_what_made_it_unusable_is_mended(engine: Engine) -> None:
    feed = Feed(engine)
    given = observation("o1")
    given["effectiveDateTime"] = "2026-01-05T08:00:00"
    feed.send(given)
    assert len(feed.reasons()) == 1
    with writing(engine) as connection:
        feed.source = sources.change(connection, feed.name, SourceSettings(zone="Europe/Berlin"))
    replay_held(engine, feed.held(), feed.rules, feed.now)
    assert (feed.results(), feed.reasons()) == ({"o1": 120}, [])


def test_a_change_of_the_sources_zone_is_a_change_of_its_histories(engine: Engine) -> None:
    feed = Feed(engine, SourceSettings(zone="Europe/Berlin"))
    local, unzoned = observation("o1"), observation("o2")
    local["effectiveDateTime"] = "2026-01-05T08:00:00"
    unzoned["effectiveDateTime"] = "2026-01-05T08:00:00"
    feed.send(local)
    with writing(engine) as connection:
        feed.source = sources.change(connection, feed.name, SourceSettings(zone="America/New_York"))
    feed.send(unzoned)
    rejudge(engine, feed.rules, feed.now)
    assert {each.effective for each in feed.histories()["p1"]} == {
        datetime.fromisoformat("2026-01-05T08:00:00-05:00")
    }


def test_a_result_dated_in_the_future_is_judged_by_itself_when_its_time_comes(feed: Feed) -> None:
    feed.send(*persistent()[:3], observation("o4", days_ago=-3))
    assert (set(feed.results()), feed.reasons()) == ({"o1", "o2", "o3"}, ["future"])
    before = feed.alert()
    feed.now += timedelta(days=1)
    feed.sweep()
    assert feed.reasons() == ["future"]
    feed.now += timedelta(days=1, seconds=1)
    feed.sweep()
    assert (set(feed.results()), feed.reasons()) == ({"o1", "o2", "o3", "o4"}, [])
    assert feed.alert().id == before.id
    assert len(feed.alert().episode.evidence) == 4


def test_a_late_older_version_does_not_unsettle_a_result_whose_time_had_come(feed: Feed) -> None:
    feed.send(observation("o1", days_ago=-3, version=2))
    feed.now += timedelta(days=5)
    feed.sweep()
    assert set(feed.results()) == {"o1"}
    receipt = feed.send(observation("o1", times=9, version=1))
    assert feed.results() == {"o1": 120}
    assert not receipt.patients


def test_a_future_result_of_a_bundle_knows_its_patient_when_its_time_comes(feed: Feed) -> None:
    import json

    given = observation("o1", days_ago=-3)
    given["subject"] = {"reference": "urn:uuid:4a4c2f2e-0000-4000-8000-000000000001"}
    entries = [
        {"fullUrl": "urn:uuid:4a4c2f2e-0000-4000-8000-000000000001", "resource": patient("p1")},
        {"resource": given},
    ]
    body = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
    feed.send(*decode_bundle(check_json(body), source=feed.name, zone=None, rulebook=RULEBOOK))
    feed.now += timedelta(days=3)
    feed.sweep()
    assert (feed.results(), feed.reasons()) == ({"o1": 120}, [])


def test_what_holds_nothing_for_us_is_counted_and_not_kept(feed: Feed) -> None:
    other = observation("x1", "p9")
    other["code"]["coding"][0]["code"] = "2345-7"
    encounter = {"resourceType": "Encounter", "id": "e1", "status": "finished"}
    receipt = feed.send(other, encounter)
    assert receipt.counts["ignored:other-code"] == receipt.counts["ignored:other-type"] == 1
    with reading(feed.engine) as connection:
        assert not connection.execute(select(raw_message.c.digest)).all()
        assert not connection.execute(select(resource.c.key)).all()
        counted = dict(map(tuple, connection.execute(select(ignored.c.reason, ignored.c.count))))
    assert counted == {"other-code": 1, "other-type": 1}
    feed.send(other)
    with reading(feed.engine) as connection:
        counted = dict(map(tuple, connection.execute(select(ignored.c.reason, ignored.c.count))))
    assert counted["other-code"] == 2


def test_a_record_whose_judgement_fails_is_kept_and_held_and_others_are_judged(
    feed: Feed, ill: Callable[[int], None]
) -> None:
    ill(4)
    receipt = feed.send(*persistent("p1", prefix="a"), *persistent("p2", prefix="b"), observation("b5", "p2"))
    assert receipt.counts["stored"] == 9
    assert len(feed.results("p1")) == 4
    assert feed.alert().subject == feed.patient_number("p2")
    (held,) = feed.held()
    assert (held.reason, held.patient_id) == ("assessment-failed", feed.patient_number("p1"))
    assert SICK not in held.detail
    with reading(feed.engine) as connection:
        assert behind(connection, feed.rules)


def test_a_record_whose_judgement_failed_is_judged_by_the_next_sweep_that_can(
    feed: Feed, ill: Callable[[int], None]
) -> None:
    ill(4)
    feed.send(*persistent())
    for _ in range(3):
        feed.now += timedelta(minutes=1)
        assert sweep(feed.engine, feed.rules, feed.now).failed == 1
    assert feed.reasons() == ["assessment-failed"]
    ill(0)
    feed.sweep()
    assert len(feed.alert().episode.evidence) == 4
    assert feed.reasons() == []


def test_sweeps_that_fail_again_do_not_fill_the_quarantine(feed: Feed, ill: Callable[[int], None]) -> None:
    ill(4)
    feed.send(*persistent())
    for _ in range(20):
        feed.now += timedelta(minutes=1)
        feed.sweep()
    with reading(feed.engine) as connection:
        rows = connection.execute(select(quarantine_table.c.id)).all()
    assert len(rows) <= 2


def test_a_record_whose_judgement_failed_is_judged_with_its_next_result(
    feed: Feed, ill: Callable[[int], None]
) -> None:
    ill(4)
    feed.send(*persistent())
    feed.send(observation("o5", days_ago=5))
    assert len(feed.alert().episode.evidence) == 5
    assert feed.reasons() == []


def test_a_judgement_that_failed_in_a_rejudgement_is_held_and_released(
    feed: Feed, ill: Callable[[int], None]
) -> None:
    feed.send(*persistent())
    ill(4)
    assert rejudge(feed.engine, feed.rules, feed.now, everyone=True) == (1, 1)
    assert feed.reasons() == ["assessment-failed"]
    ill(0)
    assert rejudge(feed.engine, feed.rules, feed.now, everyone=True) == (1, 0)
    assert feed.reasons() == []


def test_an_undone_merge_whose_judgement_fails_leaves_nobody_unjudged(
    feed: Feed, ill: Callable[[int], None]
) -> None:
    feed.send(*persistent("p1"), patient("p1", replaced_by="p2", version=1))
    ill(4)
    feed.send(patient("p1", version=2))
    ill(0)
    feed.sweep()
    assert feed.alert().subject == feed.patient_number("p1")
    assert feed.reasons() == []


def test_replaying_a_held_judgement_judges_or_holds_it_again(feed: Feed, ill: Callable[[int], None]) -> None:
    ill(4)
    feed.send(*persistent())
    replay_held(feed.engine, feed.held(), feed.rules, feed.now)
    assert feed.reasons() == ["assessment-failed"]
    ill(0)
    replay_held(feed.engine, feed.held(), feed.rules, feed.now)
    assert feed.reasons() == []
    assert len(feed.alert().episode.evidence) == 4


def test_replaying_a_circle_of_links_leaves_it_held(feed: Feed) -> None:
    feed.send(patient("p1", replaced_by="p2"), patient("p2", replaced_by="p1"))
    replay_held(feed.engine, feed.held(), feed.rules, feed.now)
    assert feed.reasons() == ["link-cycle", "link-cycle"]


@pytest.mark.parametrize("judged", [True, False])
def test_what_was_taken_without_judging_is_visibly_behind_until_swept(feed: Feed, judged: bool) -> None:
    feed.send(*persistent(), judged=judged)
    with reading(feed.engine) as connection:
        assert behind(connection, feed.rules) is not judged
    feed.sweep()
    assert len(feed.alert().episode.evidence) == 4


def test_what_cannot_even_be_stored_is_kept_and_can_be_replayed(feed: Feed) -> None:
    delivery = feed.delivery(observation("o1"), observation("o2"))
    keep_for_later(feed.engine, delivery, RuntimeError(SICK))
    assert feed.reasons() == ["storing-failed", "storing-failed"]
    replay_held(feed.engine, feed.held(), feed.rules, feed.now)
    assert (set(feed.results()), feed.reasons()) == ({"o1", "o2"}, [])


@pytest.mark.parametrize("raw", [b"", b'{"request":{"method":"DELETE"}}'], ids=["by request", "by Bundle"])
def test_a_deletion_that_cannot_be_stored_is_not_lost(feed: Feed, raw: bytes) -> None:
    feed.send(observation("o1"))
    feed.now += timedelta(minutes=1)
    delivery = feed.delivery(deletion("Observation", "o1", raw))
    keep_for_later(feed.engine, delivery, RuntimeError(SICK))
    assert feed.reasons() == ["storing-failed"]
    replay_held(feed.engine, feed.held(), feed.rules, feed.now)
    assert (feed.results(), feed.reasons()) == ({}, [])


def test_a_days_passing_that_changes_a_judgement_is_noticed_by_itself(feed: Feed) -> None:
    feed.send(*persistent())
    state = feed.alert().state
    feed.now = NOW + timedelta(days=800)
    feed.sweep()
    assert (state.value, feed.alert().state.value) == ("open", "dormant")


def test_times_are_kept_with_the_day_that_the_laboratory_meant(feed: Feed) -> None:
    given: dict[str, Any] = observation("o1")
    given["effectiveDateTime"] = "2026-01-05T23:30:00-08:00"
    feed.send(given)
    (result,) = feed.histories()["p1"]
    assert result.day.isoformat() == "2026-01-05"
    assert result.effective == datetime.fromisoformat("2026-01-06T07:30:00+00:00")
