"""Two processes on one PostgreSQL: whatever is under way at once, nothing is lost and nothing differs."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from service.ingest import LostRace, receive
from service.ingest.receiving import in_transaction
from service.store import resources
from service.store.rows import AlreadyThere
from service.store.session import open_engine, reading, writing
from service.store.ways import Way
from tests.ingest.feeding import (
    NOW,
    RULEBOOK,
    Feed,
    Resource,
    decoded,
    observation,
    patient,
    persistent,
)
from tests.oracle import Message, anonymous, came, compare_alerts, expected, in_order

HERE = Path(__file__).resolve().parents[2]


@pytest.fixture
def feed(postgres_url: str) -> Iterator[Feed]:
    engine = open_engine(postgres_url, durable=False)
    yield Feed(engine)
    engine.dispose()


@contextmanager
def under_way(feed: Feed, *given: Resource) -> Iterator[Connection]:
    """Taken in, not yet committed."""
    with writing(feed.engine) as connection:
        receive(connection, [feed.delivery(*given)], feed.rules, feed.now)
        yield connection


def meanwhile(feed: Feed, *given: Resource, way: Way = "feed") -> Callable[[], None]:
    """Start to take them in on another connection; returns what waits for the end of it."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            feed.send(*given, way=way)
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    _until_it_waits(feed.engine, thread)

    def wait() -> None:
        thread.join(60)
        assert not thread.is_alive()
        assert not failed, failed

    return wait


def _until_it_waits(engine: Engine, thread: threading.Thread) -> None:
    """Until the other transaction waits for a lock, or is through."""
    for _ in range(200):
        with reading(engine) as connection:
            waiting = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            ).scalar_one()
        if waiting or not thread.is_alive():
            return
        time.sleep(0.02)


def assert_as_expected(feed: Feed, given: Sequence[Resource]) -> None:
    """What everything comes to, whoever was first."""
    feed.sweep()
    messages = [Message(decoded(each, feed.source), feed.now) for each in given]
    wanted = expected(messages, [], rulebook=RULEBOOK, now=feed.now)
    assert feed.histories() == wanted.histories
    assert feed.persons() == wanted.persons
    number = {feed.patient_number(name): at for at, name in enumerate(wanted.names)}
    compare_alerts((anonymous(each, number[each.subject]) for each in feed.alerts()), wanted)
    assert sorted((each.key or "", each.reason) for each in feed.held()) == wanted.held


def interleaved(
    feed: Feed, before: Sequence[Resource], one: Sequence[Resource], two: Sequence[Resource]
) -> None:
    """`one` is under way while `two` comes in; then both are there."""
    if before:
        feed.send(*before)
    with under_way(feed, *one):
        wait = meanwhile(feed, *two)
    wait()
    assert_as_expected(feed, [*before, *one, *two])


def test_two_results_of_one_patient_at_once_are_both_judged(feed: Feed) -> None:
    results = persistent()
    interleaved(feed, results[:2], results[2:3], results[3:])
    assert len(feed.elevation().episode.evidence) == 4


@pytest.mark.parametrize("newer_first", [False, True])
def test_two_versions_of_one_result_at_once_leave_the_newer(feed: Feed, newer_first: bool) -> None:
    pair = [observation("o1", times=3, version=1), observation("o1", times=9, version=2)]
    one, two = reversed(pair) if newer_first else pair
    interleaved(feed, [], [one], [two])


@pytest.mark.parametrize("whose", ["p1", None])
def test_an_older_version_that_comes_twice_at_once_is_kept_once(feed: Feed, whose: str | None) -> None:
    feed.send(observation("o1", whose, 3, version=5))
    older = observation("o1", whose, 3, version=2)
    feed.now += timedelta(seconds=1)
    with under_way(feed, older):
        feed.now += timedelta(seconds=1)
        wait = meanwhile(feed, older)
    wait()
    with reading(feed.engine) as connection:
        kept = resources.older(connection, feed.source.id, ["Observation/o1"])
    assert [each.version_id for each in kept["Observation/o1"]] == ["2"]


def test_a_result_given_to_two_patients_at_once_ends_with_the_newer(feed: Feed) -> None:
    before = persistent("p1")
    interleaved(feed, before, persistent("p2", version=2), persistent("p3", version=3))
    assert feed.elevation().subject == feed.patient_number("p3")


@pytest.mark.parametrize("newer_first", [False, True])
def test_a_result_without_a_patient_given_to_two_at_once_ends_with_the_newer(
    feed: Feed, newer_first: bool
) -> None:
    pair = [observation("o1", "p2", 3, version=2), observation("o1", "p3", 9, version=3)]
    one, two = reversed(pair) if newer_first else pair
    interleaved(feed, [observation("o1", None, version=1)], [one], [two])


def test_a_result_for_a_record_that_is_being_merged_is_judged_with_the_other_ones(feed: Feed) -> None:
    results = persistent("p1")[:3]
    late = observation("b4", "p2", days_ago=10)
    interleaved(feed, [*results, patient("p2")], [patient("p1", replaced_by="p2")], [late])
    assert len(feed.elevation().episode.evidence) == 4


def test_a_merge_while_another_is_under_way_ends_in_one_record(feed: Feed) -> None:
    before = [*persistent("p1"), patient("p2"), patient("p3")]
    first, second = patient("p1", replaced_by="p2"), patient("p2", replaced_by="p3", version=2)
    interleaved(feed, before, [first], [second])
    assert set(feed.persons().values()) == {"p3"}


def test_a_merge_undone_while_a_result_comes(feed: Feed) -> None:
    before = [*persistent("p1")[:3], patient("p1", replaced_by="p2")]
    interleaved(feed, before, [patient("p1", version=2)], [observation("b4", "p2", days_ago=10)])


def test_two_links_that_close_a_circle_at_once_join_nothing(feed: Feed) -> None:
    before = [observation("o1", "p1"), observation("o2", "p2")]
    interleaved(feed, before, [patient("p1", replaced_by="p2")], [patient("p2", replaced_by="p1")])


def test_a_patient_and_the_result_that_names_it_by_identifier_at_once(feed: Feed) -> None:
    interleaved(feed, [], [observation("o1", mrn="M1")], [patient("p1", mrn="M1")])


def test_an_identifier_that_moves_to_another_patient_while_a_result_names_it(feed: Feed) -> None:
    moves = [patient("p1", version=2), patient("p2", mrn="M1", version=2)]
    interleaved(feed, [patient("p1", mrn="M1"), patient("p2")], moves, [observation("o1", mrn="M1")])
    assert feed.results("p2") == {"o1": 120}


def test_a_result_under_way_while_the_identifier_it_names_moves(feed: Feed) -> None:
    moves = [patient("p1", version=2), patient("p2", mrn="M1", version=2)]
    interleaved(feed, [patient("p1", mrn="M1"), patient("p2")], [observation("o1", mrn="M1")], moves)
    assert feed.results("p2") == {"o1": 120}


def test_the_same_identifier_stated_by_two_patients_at_once_leaves_nobody_wrong(feed: Feed) -> None:
    with under_way(feed, patient("p1", mrn="M1")):
        wait = meanwhile(feed, patient("p2", mrn="M1"), observation("o1", mrn="M1"))
    wait()
    feed.sweep()
    assert feed.results("p1") == feed.results("p2") == {}
    assert feed.reasons() == ["ambiguous-patient"]
    feed.send(patient("p1", version=2))
    feed.sweep()
    assert feed.results("p2") == {"o1": 120}


def test_new_patients_and_bytes_that_two_bring_at_once(feed: Feed) -> None:
    here, there = [patient("p1"), *persistent("p1")], [*reversed(persistent("p1")), patient("p1")]
    interleaved(feed, [], here, there)


def test_a_transaction_that_loses_every_race_says_that_the_service_is_busy(feed: Feed) -> None:
    from service.errors import Overloaded

    for race in (LostRace, lambda: AlreadyThere("patient")):

        def lose(_: Connection, race: Callable[[], Exception] = race) -> None:
            raise race()

        with pytest.raises(Overloaded):
            in_transaction(feed.engine, lose)


PATIENTS = [f"p{number}" for number in range(1, 7)]


def streams(seed: int) -> tuple[list[list[list[Resource]]], list[Resource]]:
    """Batches for two processes over the same resources, and everything in them."""
    random_ = random.Random(seed)
    everything: list[Resource] = []
    made: list[list[list[Resource]]] = [[], []]
    version = dict.fromkeys([*PATIENTS, *(f"o{number}" for number in range(24))], 0)
    for _ in range(60):
        batch: list[Resource] = []
        for _ in range(random_.randint(1, 6)):
            if random_.random() < 0.15:
                name = random_.choice(PATIENTS)
                into = random_.choice([None, None, *PATIENTS])
                version[name] += 1
                batch.append(
                    patient(
                        name,
                        version=version[name],
                        replaced_by=into if into != name else None,
                        mrn=name.upper(),
                    )
                )
            else:
                number = random_.randrange(24)
                version[f"o{number}"] += 1
                owner = random_.choice(PATIENTS)
                batch.append(
                    observation(
                        f"o{number}",
                        owner,
                        random_.choice(["0.5", "1.5", "3", "6"]),
                        days_ago=random_.choice([700, 400, 300, 200, 100, 10]),
                        version=version[f"o{number}"],
                        status=random_.choice(["final"] * 5 + ["entered-in-error"]),
                        mrn=owner.upper() if random_.random() < 0.2 else None,
                    )
                )
        everything += batch
        for each in made:
            if random_.random() < 0.7:
                each.append(random_.sample(batch, len(batch)))
        if not made[0] or made[0][-1] is not batch:
            made[random_.randrange(2)].append(batch)
    for each in made:
        random_.shuffle(each)
    return made, everything


def work(url: str, path: str) -> None:
    """What one process does; run by the test below as a program of its own."""
    engine = open_engine(url, durable=False)
    feed = Feed(engine)
    sys.stdin.readline()  # both begin at once
    for batch in json.loads(Path(path).read_text()):
        feed.send(*batch)
    engine.dispose()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_processes_that_are_fed_the_same_patients_end_as_one_would(
    feed: Feed, postgres_url: str, tmp_path: Path, seed: int
) -> None:
    made, everything = streams(seed)
    program = "import sys; from tests.ingest.test_two_processes import work; work(*sys.argv[1:])"
    started = []
    for number, batches in enumerate(made):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(batches))
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", program, postgres_url, str(path)],
                cwd=HERE,
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
    time.sleep(2)
    for each in started:
        assert each.stdin is not None
        each.stdin.write(b"go\n")
        each.stdin.flush()
    errors = [each.communicate(timeout=120)[1].decode()[-2000:] for each in started]
    assert [each.returncode for each in started] == [0, 0], errors
    assert_as_expected(feed, everything)


def test_two_databases_fed_in_different_orders_and_batches_end_equal(
    sqlite_url: str, postgres_url: str
) -> None:
    made, everything = streams(7)
    ends: list[Any] = []
    for at, url in enumerate((sqlite_url, postgres_url)):
        engine = open_engine(url, durable=False)
        feed = Feed(engine)
        shuffled = random.Random(at).sample(everything, len(everything))
        while shuffled:
            size = 1 if at else 7
            feed.now = NOW + timedelta(seconds=len(shuffled))
            feed.send(*shuffled[:size])
            shuffled = shuffled[size:]
        feed.now = NOW + timedelta(hours=1)
        feed.sweep()
        names = {feed.patient_number(name): name for name in feed.persons()}
        order = sorted(names.values())
        alerts = (each for each in feed.alerts() if not came(each))
        found = in_order(anonymous(each, order.index(names[each.subject])) for each in alerts)
        ends.append((feed.histories(), feed.persons(), found, sorted(feed.reasons())))
        engine.dispose()
    assert made
    assert ends[0] == ends[1]
