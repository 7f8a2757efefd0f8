"""A candidate in the shadow of the rulebook in force: what differs is collected, and nobody is told of it."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select

from service.alerts.alert import Action
from service.alerts.comparing import Outcome
from service.alerts.states import day_of
from service.clinical.rulebook import Rulebook, load_rulebook
from service.errors import Conflict
from service.ingest import Rules, rejudge
from service.ingest.receiving import receive
from service.quality import shadowing
from service.quality.side_by_side import Page
from service.quality.simulating import simulate
from service.store import activations, shadow_figures, shadows, simulations, sources
from service.store.activations import Activation
from service.store.changed_alerts import ChangedAlert
from service.store.schema import audit, metadata, shadow_alert, shadow_person
from service.store.session import open_engine, reading, snapshot, writing
from service.store.shadows import Shadow
from service.store.simulations import Effect
from tests.ingest.feeding import NOW, RULEBOOK, Feed, observation, persistent
from tests.ingest.feeding import patient as person
from tests.quality.trying import GUIDELINE, LOADED, NARROW, load, made_up
from tests.retention.interrupting import erase

HOUR = timedelta(hours=1)


def begin(
    engine: Engine, candidate: Rulebook = GUIDELINE, rules: Rules | None = None, now: datetime = NOW
) -> UUID:
    with writing(engine) as connection:
        return shadowing.begin(connection, rules or Rules(RULEBOOK), candidate, by="cli:ada", now=now)


def follow(engine: Engine, now: datetime = NOW, rules: Rules | None = None) -> int:
    return shadowing.follow(engine, rules or Rules(RULEBOOK), now)


def latest(engine: Engine) -> Shadow:
    with reading(engine) as connection:
        found = shadows.latest(connection)
    assert found is not None
    return found


def effects(engine: Engine, now: datetime = NOW) -> dict[int, Effect]:
    with snapshot(engine) as connection:
        names = {each.id: each.name for each in sources.every(connection)}
        found, _ = shadowing.effects(connection, latest(engine), names, day_of(now))
    return found


def differing(engine: Engine) -> Counter[ChangedAlert]:
    with reading(engine) as connection:
        known = [each.id for each in sources.every(connection)]
        found = [changed for _, changed in shadow_figures.standing(connection, latest(engine), known)]
    return Counter(each for each in found if each.outcome is not Outcome.UNCHANGED)


def outcomes(engine: Engine) -> dict[Outcome, int]:
    return dict(simulations.together(effects(engine).values()).total)


def agrees_with_simulating(engine: Engine, candidate: Rulebook, rules: Rules, now: datetime) -> None:
    made = simulate(engine, rules, candidate, now, by="cli:ada")
    assert effects(engine, now) == made.effects
    assert differing(engine) == Counter(made.changed)


@pytest.mark.parametrize("clock", ["system", "data"])
@pytest.mark.parametrize(
    ("in_force", "candidate"), [(RULEBOOK, GUIDELINE), (RULEBOOK, NARROW), (NARROW, RULEBOOK)]
)
def test_it_collects_what_simulating_says_of_the_same_records(
    engine: Engine, tmp_path: Path, clock: str, in_force: Rulebook, candidate: Rulebook, monkeypatch: Any
) -> None:
    monkeypatch.setattr(shadowing, "PAGE", 7)
    rules = Rules(in_force, clock="data" if clock == "data" else "system")
    load(engine, made_up(tmp_path / "made-up", 40), rules)
    begin(engine, candidate, rules, LOADED)
    assert follow(engine, LOADED, rules) == 40
    assert differing(engine)
    agrees_with_simulating(engine, candidate, rules, LOADED)


def test_it_follows_with_what_arrives_is_decided_and_comes_due(feed: Feed) -> None:
    """Records that come, change, merge, part, or are put to sleep: as if it had begun when all was over."""
    begin(feed.engine)
    follow(feed.engine, feed.now)
    steps: list[list[Any]] = [
        [person("p1"), *persistent("p1", times=0.9)],
        [person("p2"), *persistent("p2", prefix="q")],
        [observation("o9", "p1", 9, days_ago=1)],
        [person("p1", version=2, replaces=["p2"])],
        [person("p1", version=3)],
        [observation("q1", "p2", 30, days_ago=2, version=2)],
    ]
    for step in steps:
        feed.now += HOUR
        feed.send(*step)
        assert follow(feed.engine, feed.now) > 0
        agrees_with_simulating(feed.engine, GUIDELINE, feed.rules, feed.now)
    feed.decide(feed.elevations()[0], Action.SNOOZE, until=feed.now.date() + timedelta(days=3))
    assert follow(feed.engine, feed.now) == 1
    for days in (4, 40, 900):
        feed.now = NOW + timedelta(days=days)
        feed.sweep()
        follow(feed.engine, feed.now)
        agrees_with_simulating(feed.engine, GUIDELINE, feed.rules, feed.now)


def test_who_was_followed_is_not_judged_again_until_something_happens(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"), person("p2"), *persistent("p2", prefix="q"))
    begin(feed.engine)
    assert follow(feed.engine) == 2
    assert follow(feed.engine) == 0
    feed.send(observation("o9", "p1", 9, days_ago=1))
    assert follow(feed.engine) == 1
    later = NOW + shadowing.LONGEST_TRANSACTION
    assert follow(feed.engine, later) == 0
    assert latest(feed.engine).seen_at == later
    feed.send(observation("q9", "p2", 9, days_ago=1))
    assert follow(feed.engine, later + shadowing.LONGEST_TRANSACTION) == 1


def test_a_decision_that_is_committed_after_a_later_one_is_followed_too(postgres_url: str) -> None:
    """Its number is below that of one that was followed already; on SQLite one writes at a time."""
    engine = open_engine(postgres_url, durable=False)
    feed = Feed(engine)
    feed.send(person("p0"), *persistent("p0", prefix="z"))
    begin(engine)
    assert follow(engine) == 1
    with engine.begin() as late:
        receive(late, [feed.delivery(person("p1"), *persistent("p1", times=0.9))], feed.rules, NOW)
        feed.send(person("p2"), *persistent("p2", prefix="q"))
        assert follow(engine) == 1
    assert follow(engine, NOW + timedelta(seconds=30)) == 1
    assert outcomes(engine)[Outcome.GAINED] == 1
    engine.dispose()


def test_it_goes_on_where_it_was_stopped(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadowing, "PAGE", 1)
    for number in range(3):
        feed.send(person(f"p{number}"), *persistent(f"p{number}", prefix=f"o{number}-"))
    begin(feed.engine)
    assert shadowing.follow(feed.engine, feed.rules, feed.now, lambda _seconds: True) == 1
    assert follow(feed.engine) == 2


def test_an_alert_that_differs_keeps_the_moment_since_when_it_does(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1", times=0.9))
    begin(feed.engine)
    follow(feed.engine)
    feed.send(observation("other", "p1", 0.5, days_ago=5, version=1))
    follow(feed.engine, NOW + HOUR)
    with reading(feed.engine) as connection:
        seen = [feed.source.id]
        (one,) = shadow_figures.alerts_of(connection, latest(feed.engine), seen, Outcome.GAINED, limit=9)
    assert one.since == NOW
    assert one.alert.outcome is Outcome.GAINED


def test_a_difference_that_is_no_more_is_counted_apart(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1", times=0.9))
    begin(feed.engine)
    follow(feed.engine)
    for number in range(1, 5):
        feed.delete("Observation", f"o{number}")
    follow(feed.engine, NOW + HOUR)
    with reading(feed.engine) as connection:
        assert shadow_figures.passed(connection, latest(feed.engine), [feed.source.id]) == 1
        assert shadow_figures.passed(connection, latest(feed.engine), []) == 0
    assert outcomes(feed.engine) == {}


def test_nothing_but_the_shadow_and_its_audit_is_written(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1", times=0.9))

    def rows() -> dict[str, int]:
        with reading(feed.engine) as connection:
            return {
                each.name: connection.execute(select(func.count()).select_from(each)).scalar_one()
                for each in metadata.sorted_tables
            }

    before = rows()
    begin(feed.engine)
    follow(feed.engine)
    written = {name: count - before[name] for name, count in rows().items() if count != before[name]}
    assert written == {"audit": 1, "shadow": 1, "stored_text": 1, "shadow_person": 1, "shadow_alert": 1}
    assert feed.alerts() == []


def test_the_rulebook_in_force_is_no_candidate(feed: Feed) -> None:
    with pytest.raises(Conflict, match="in force"):
        begin(feed.engine, load_rulebook())
    assert follow(feed.engine) == 0


def test_one_candidate_runs_at_a_time_and_ends_once(feed: Feed) -> None:
    begin(feed.engine)
    with pytest.raises(Conflict, match="another candidate"):
        begin(feed.engine, NARROW)
    with writing(feed.engine) as connection:
        shadowing.end(connection, by="user:bell", now=NOW)
    with writing(feed.engine) as connection, pytest.raises(Conflict):
        shadowing.end(connection, by="user:bell", now=NOW)
    begin(feed.engine, NARROW, now=NOW + HOUR)
    assert latest(feed.engine).candidate_digest == NARROW.digest
    with reading(feed.engine) as connection:
        noted = connection.execute(select(audit.c.actor, audit.c.action).order_by(audit.c.id)).all()
    assert [tuple(each) for each in noted] == [
        ("cli:ada", "shadow-begin"),
        ("user:bell", "shadow-end"),
        ("cli:ada", "shadow-begin"),
    ]


def test_it_is_neither_begun_nor_ended_while_a_rulebook_is_proposed(feed: Feed) -> None:
    begin(feed.engine)
    with writing(feed.engine) as connection:
        activations.add(connection, Activation(UUID(int=1), GUIDELINE.digest, "user:adams", NOW, None))
    with pytest.raises(Conflict, match="is proposed"), writing(feed.engine) as connection:
        shadowing.end(connection, by="user:bell", now=NOW)
    with pytest.raises(Conflict, match="is proposed"):
        begin(feed.engine)


def test_it_ends_by_itself_where_another_rulebook_is_in_force_than_it_is_compared_with(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    begin(feed.engine)
    other = replace(feed.rules, rulebook=NARROW)
    rejudge(feed.engine, other, feed.now)
    assert follow(feed.engine, rules=other) == 0
    assert latest(feed.engine).ended_by == "liverwatch"


def test_whoever_is_erased_while_a_page_is_judged_is_left_out(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.send(person("p1"), *persistent("p1", times=0.9), person("p2"), *persistent("p2", "q", times=0.9))
    begin(feed.engine)
    gone, left = feed.patient_number("p1"), feed.patient_number("p2")
    judged = Page.judged

    def erase_meanwhile(*given: Any) -> Any:
        erase(feed.engine, gone)
        return judged(*given)

    monkeypatch.setattr(Page, "judged", erase_meanwhile)
    follow(feed.engine)
    with reading(feed.engine) as connection:
        for table in (shadow_person, shadow_alert):
            assert set(connection.execute(select(table.c.patient_id)).scalars()) <= {left}
        assert connection.execute(select(shadow_person.c.patient_id)).scalars().all() == [left]


def test_who_is_judged_after_an_erasure_is_judged_by_the_candidate_too(feed: Feed) -> None:
    """The newest decisions go with who is erased: those made next must not look like them."""
    feed.send(person("p2"), observation("q1", "p2", 0.9, days_ago=20))
    feed.send(person("p1"), *persistent("p1", times=0.9))
    begin(feed.engine)
    for passed in range(3):
        follow(feed.engine, NOW + passed * HOUR)
    erase(feed.engine, feed.patient_number("p1"))
    feed.send(observation("q2", "p2", 30, days_ago=1))
    assert follow(feed.engine, NOW + 3 * HOUR) == 1


def test_what_came_of_somebody_after_it_ended_is_not_collected(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended while a page of people is being judged."""
    feed.send(person("p1"), *persistent("p1", times=0.9))
    begin(feed.engine)
    judged = Page.judged

    def end_meanwhile(*given: Any) -> Any:
        with writing(feed.engine) as connection:
            shadowing.end(connection, by="user:bell", now=NOW)
        return judged(*given)

    monkeypatch.setattr(Page, "judged", end_meanwhile)
    assert follow(feed.engine) == 0
    with reading(feed.engine) as connection:
        for table in (shadow_person, shadow_alert):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
