"""A changed rulebook tried on everything stored says what loading everything anew under it would make."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, update

from service.alerts.alert import Action
from service.alerts.comparing import Outcome
from service.clinical import assess as assessing
from service.clinical.episodes import Family, Tier
from service.clinical.results import PatientRecord
from service.clinical.rulebook import Rulebook, load_rulebook
from service.errors import Conflict, NotFound
from service.ingest import Rules, rejudge
from service.quality import side_by_side
from service.quality.simulating import Simulated, keep, simulate
from service.store import simulations
from service.store.schema import audit, decision, metadata, patient, raw_message, stored_text
from service.store.session import open_engine, reading, writing
from service.store.simulations import Effect, together
from tests.ingest.feeding import NOW, RULEBOOK, Feed, observation, persistent
from tests.ingest.feeding import patient as person
from tests.quality.trying import GUIDELINE, LOADED, NARROW, load, made_up, standing

ROOT = Path(__file__).parents[2]


def after(engine: Engine, made: Simulated) -> Counter[tuple[str, Family, Tier]]:
    """What stands, with the changes that were foretold."""
    with reading(engine) as connection:
        whose = {row.id: row.fhir_id for row in connection.execute(select(patient.c.id, patient.c.fhir_id))}
    found = standing(engine)
    for each in made.changed:
        if each.tier_before is not None:
            found[whose[each.patient_id], each.family, each.tier_before] -= 1
        if each.tier_after is not None:
            found[whose[each.patient_id], each.family, each.tier_after] += 1
    assert min(found.values(), default=0) >= 0
    return +found


def run(
    engine: Engine,
    candidate: Rulebook,
    rules: Rules | None = None,
    only: Collection[str] | None = None,
    now: datetime = NOW,
    told: Callable[[int, int], None] | None = None,
) -> Simulated:
    return simulate(engine, rules or Rules(RULEBOOK), candidate, now, by="cli:test", only=only, told=told)


def effect_of(made: Simulated) -> Effect:
    return together(made.effects.values())


@pytest.mark.parametrize("clock", ["system", "data"])
@pytest.mark.parametrize(
    ("in_force", "candidate"), [(RULEBOOK, GUIDELINE), (RULEBOOK, NARROW), (NARROW, RULEBOOK)]
)
def test_it_foretells_what_loading_everything_anew_makes(
    engine: Engine, fresh: Engine, tmp_path: Path, clock: str, in_force: Rulebook, candidate: Rulebook
) -> None:
    rules = Rules(in_force, clock="data" if clock == "data" else "system")
    folder = made_up(tmp_path / "made-up", 60)
    load(engine, folder, rules)
    load(fresh, folder, replace(rules, rulebook=candidate))
    made = run(engine, candidate, rules, now=LOADED)
    assert made.changed
    assert after(engine, made) == standing(fresh)
    total = effect_of(made).total
    kept = total.get(Outcome.UNCHANGED, 0) + total.get(Outcome.TIER_CHANGED, 0)
    assert kept + total.get(Outcome.LOST, 0) == standing(engine).total()
    assert kept + total.get(Outcome.GAINED, 0) == standing(fresh).total()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is asked of Linux")
def test_300_000_results_come_out_as_loaded_anew_and_in_bounded_memory(
    fresh: Engine, sqlite_url: str, tmp_path: Path
) -> None:
    engine = open_engine(sqlite_url, durable=False)
    folder, rules = made_up(tmp_path / "made-up", 6700), Rules(RULEBOOK)
    load(engine, folder, rules)
    load(fresh, folder, replace(rules, rulebook=GUIDELINE))
    made = run(engine, GUIDELINE, rules, now=LOADED)
    foretold = after(engine, made)
    engine.dispose()
    assert effect_of(made).people == 6700
    assert foretold == standing(fresh)
    assert mebibytes_to_simulate(sqlite_url, tmp_path) < 400


MEASURED = """
import atexit, re, sys
from pathlib import Path
from service.cli import main
used = lambda: re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
atexit.register(lambda: Path(sys.argv[-1]).with_suffix(".kB").write_text(used()))
main()
"""
"""What the kernel says of a process's own memory: `ru_maxrss` would count that of the one that started it."""


def mebibytes_to_simulate(url: str, folder: Path) -> float:
    """The most memory that `liverwatch simulate` takes, as a process of its own."""
    site = folder / "site.toml"
    site.write_text(GUIDELINE.text, encoding="utf-8")
    command = [sys.executable, "-c", MEASURED, "simulate", "--rulebook", str(site)]
    environment = {**os.environ, "LIVERWATCH_DATABASE_URL": url}
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return int(site.with_suffix(".kB").read_text()) / 1024


def test_rejudging_then_makes_what_it_foretold(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1", times=0.9), person("p2"), *persistent("p2", prefix="q"))
    made = run(feed.engine, GUIDELINE, now=feed.now)
    foretold = after(feed.engine, made)
    assert {each.outcome for each in made.changed} == {Outcome.GAINED}
    rejudge(feed.engine, replace(feed.rules, rulebook=GUIDELINE), feed.now)
    assert standing(feed.engine) == foretold


def test_what_people_decided_counts_under_both(feed: Feed) -> None:
    """That a monitoring date has passed follows from the decision that set it, whichever rulebook judges."""
    feed.send(person("p1"), *persistent("p1"))
    feed.decide(feed.elevation(), Action.KNOWN_CAUSE, until=feed.now.date() + timedelta(days=30))
    made = run(feed.engine, GUIDELINE, now=feed.now + timedelta(days=60))
    assert effect_of(made).counts["family"]["follow-up"] == {Outcome.UNCHANGED: 1}


def test_each_alert_is_told_by_what_it_is_and_whom_it_concerns(feed: Feed) -> None:
    feed.send(person("p1", gender="female", born="1990-05-01"), *persistent("p1", times=0.9))
    made = run(feed.engine, GUIDELINE, now=feed.now)
    counts = effect_of(made).counts
    gained = {Outcome.GAINED: 1}
    assert counts["total"] == {"": gained}
    assert counts["source"] == {"clinic": gained}
    assert counts["sex"] == {"female": gained}
    assert counts["age"] == {"18 to 39": gained}
    assert counts["ethnicity"] == {"not known": gained}
    assert counts["family"] == {"transaminase": gained}
    assert counts["tier"] == {"routine": gained}
    assert counts["standing"] == {"to act on": gained}


def test_new_alerts_are_told_week_by_week_over_the_last_year(feed: Feed) -> None:
    """A persistent elevation since 100 days, and two rechecks that came late; older ones are not told."""
    feed.send(person("p1"), *persistent("p1"))
    feed.send(person("p2"), *(observation(f"s{days}", "p2", days_ago=days) for days in (1000, 900, 800)))
    effect = effect_of(run(feed.engine, load_rulebook(), now=feed.now))
    assert effect.weeks_before == effect.weeks_after
    days_ago = (100, *(days - 31 for days in (300, 200)))
    assert [51 - days // 7 for days in sorted(days_ago, reverse=True)] == [
        week for week, number in enumerate(effect.weeks_before) if number
    ]
    assert effect.a_week_before == 3 / 52


def test_only_the_sources_that_were_asked_for_are_simulated(feed: Feed) -> None:
    annex = Feed(feed.engine, name="annex")
    feed.send(person("p1"), *persistent("p1"))
    annex.send(person("p1"), *persistent("p1"))
    assert effect_of(run(feed.engine, GUIDELINE)).people == 2
    made = run(feed.engine, GUIDELINE, only=["annex"])
    assert list(made.effects) == [annex.source.id]
    assert made.effects[annex.source.id].people == 1
    with pytest.raises(NotFound):
        run(feed.engine, GUIDELINE, only=["nowhere"])


def test_a_record_that_was_merged_is_one_person(feed: Feed) -> None:
    first, *others = persistent("p1")
    moved = [each | {"subject": {"reference": "Patient/p2"}} for each in others]
    feed.send(person("p1"), first, person("p2", replaces=["p1"]), *moved)
    effect = effect_of(run(feed.engine, NARROW))
    assert effect.people == 1
    assert sum(effect.total.values()) == len(feed.alerts())


def test_nothing_is_written_but_the_run_and_its_audit(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1", times=0.9))
    unchanged = [each for each in metadata.sorted_tables if not each.name.startswith("simulation")]

    def rows() -> dict[str, int]:
        with reading(feed.engine) as connection:
            return {
                each.name: connection.execute(select(func.count()).select_from(each)).scalar_one()
                for each in unchanged
            }

    before = rows()
    made = run(feed.engine, GUIDELINE, now=feed.now)
    assert rows() == before
    with writing(feed.engine) as connection:
        keep(connection, made)
    written = {name: count - before[name] for name, count in rows().items() if count != before[name]}
    assert written == {audit.name: 1, stored_text.name: 1}


def test_a_run_is_kept_with_its_texts_and_read_again(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1", times=0.9))
    made = run(feed.engine, GUIDELINE, now=feed.now)
    with writing(feed.engine) as connection:
        kept = keep(connection, made)
    seen = [feed.source.id]
    with reading(feed.engine) as connection:
        found, effects = simulations.get(connection, kept, seen)
        listed = simulations.alerts_of(connection, kept, seen, Outcome.GAINED, limit=10)
        texts = set(connection.execute(select(stored_text.c.digest)).scalars())
        assert simulations.listed(connection, seen) == [(found, effect_of(made))]
        assert simulations.listed(connection, []) == []
        with pytest.raises(NotFound):
            simulations.get(connection, kept, [])
    assert found == made.run
    assert effects == made.effects
    assert [each.alert for each in listed] == list(made.changed)
    assert {GUIDELINE.digest, RULEBOOK.digest} <= texts


def test_a_record_that_cannot_be_judged_is_counted_and_stops_nobody_else(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.send(person("p1", gender="female"), *persistent("p1"), person("p2"), *persistent("p2", prefix="q"))

    def fails_for_women(record: PatientRecord, *rest: object) -> object:
        if record.sex == "female":
            raise ArithmeticError
        return assessing.assess(record, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(side_by_side, "assess", fails_for_women)
    effect = effect_of(run(feed.engine, GUIDELINE))
    assert (effect.people, effect.failed) == (2, 1)
    assert list(effect.counts["sex"]) == ["male"]


def test_bytes_that_were_changed_fail_their_record_alone_where_everything_is_read_anew(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    with writing(feed.engine) as connection:
        connection.execute(update(raw_message).values(body=b"none of ours"))
    feed.send(person("p2"), *persistent("p2", prefix="q", times=3.1))
    effect = effect_of(run(feed.engine, NARROW))
    assert (effect.people, effect.failed) == (2, 1)
    assert effect_of(run(feed.engine, GUIDELINE)).failed == 0


def test_it_is_refused_where_records_were_judged_by_another_rulebook(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))
    with pytest.raises(Conflict):
        run(feed.engine, GUIDELINE, Rules(NARROW))


def test_progress_is_told_to_the_end(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"), person("p2"))
    told: list[tuple[int, int]] = []
    run(feed.engine, GUIDELINE, told=lambda done, count: told.append((done, count)))
    assert told == [(1, 2), (2, 2)]


def test_who_stops_it_leaves_nothing_behind(feed: Feed) -> None:
    feed.send(person("p1"), *persistent("p1"))

    def stop(_done: int, _count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(feed.engine, GUIDELINE, told=stop)
    with reading(feed.engine) as connection:
        assert simulations.listed(connection, [feed.source.id]) == []
        assert connection.execute(select(func.count()).select_from(decision)).scalar_one() == 1
