"""What a batch costs: a number of statements that does not grow with it; only who is concerned is read."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from service.ingest import keeping, storing
from service.store import alerts, decisions, histories, identities, patients, quarantine, resources, rows
from service.store.query import Query
from service.store.session import reading, writing
from tests.ingest.feeding import Feed, Resource, observation, patient, persistent, pregnancy, statin

ALSO = 4
"""Statements more that a batch of many times the size may take."""


@contextmanager
def counted(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Statements by their first words, those that go to the driver's own cursor too."""
    found: Counter[str] = Counter()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found[" ".join(statement.split()[:3])] += 1

    def noting_insert(connection: Any, table: Any, columns: Any, given: Sequence[Any], **more: Any) -> None:
        if given:
            found[f"rows into {table.name}"] += 1
        rows.insert_rows(connection, table, columns, given, **more)

    def noting_update(connection: Any, table: Any, keys: Any, columns: Any, given: Sequence[Any]) -> int:
        if given:
            found[f"rows of {table.name}"] += 1
        return rows.update_rows(connection, table, keys, columns, given)

    asked = Query.rows

    def noting_query(query: Query, connection: Any, **values: Any) -> Any:
        found[f"query {id(query)}"] += 1
        return asked(query, connection, **values)

    with monkeypatch.context() as patched:
        for module in (alerts, decisions, histories, identities, patients, quarantine, resources):
            if hasattr(module, "insert_rows"):
                patched.setattr(module, "insert_rows", noting_insert)
            if hasattr(module, "update_rows"):
                patched.setattr(module, "update_rows", noting_update)
        patched.setattr(Query, "rows", noting_query)
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield found
        finally:
            event.remove(engine, "before_cursor_execute", note)


def statements(feed: Feed, monkeypatch: pytest.MonkeyPatch, given: Sequence[Resource]) -> Counter[str]:
    with counted(feed.engine, monkeypatch) as found:
        feed.send(*given)
    return found


def new_people(few: int, tag: str) -> list[Resource]:
    return [observation(f"{tag}{at}", f"{tag}{at}", "0.5") for at in range(few)]


def new_patients(few: int, tag: str) -> list[Resource]:
    return [patient(f"{tag}{at}", mrn=f"{tag}{at}") for at in range(few)]


def waiting(few: int, tag: str) -> list[Resource]:
    return [observation(f"{tag}{at}", "p", "0.5", mrn=f"{tag}-{at}") for at in range(few)]


def context(few: int, tag: str) -> list[Resource]:
    return [
        *(pregnancy(f"{tag}{at}", f"{tag}{at}") for at in range(few)),
        *(statin(f"{tag}{at}", f"{tag}{at}") for at in range(few)),
    ]


def alerting(few: int, tag: str) -> list[Resource]:
    return [each for at in range(few) for each in persistent(f"{tag}{at}", prefix=f"{tag}{at}-")]


def again(given: Callable[[int, str], list[Resource]]) -> Callable[[int, str], list[Resource]]:
    """The same resources in their next version."""

    def revised(few: int, tag: str) -> list[Resource]:
        found = given(few, tag)
        for each in found:
            each["meta"] = {"versionId": "2"}
        return found

    return revised


@pytest.mark.parametrize(
    "kind", [new_people, new_patients, context, waiting, alerting], ids=lambda kind: kind.__name__
)
@pytest.mark.parametrize("revised", [False, True], ids=["first", "revised"])
def test_the_statements_of_a_batch_do_not_grow_with_it(
    feed: Feed,
    monkeypatch: pytest.MonkeyPatch,
    kind: Callable[[int, str], list[Resource]],
    revised: bool,
) -> None:
    counts = []
    for few, tag in ((2, "warm"), (3, "few"), (60, "many")):
        if revised:
            feed.send(*kind(few, tag))
        counts.append(statements(feed, monkeypatch, (again(kind) if revised else kind)(few, tag)))
    _, few_, many = counts
    more = {name: (few_[name], count) for name, count in many.items() if count > few_[name] + 1}
    assert many.total() <= few_.total() + ALSO, more


def test_the_statements_do_not_grow_with_the_patients_already_there(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.send(*new_people(1, "warm"))
    before = statements(feed, monkeypatch, [*new_people(3, "a"), *new_patients(3, "a")])
    feed.send(*new_people(500, "crowd"), *new_patients(500, "crowd"))
    after = statements(feed, monkeypatch, [*new_people(3, "b"), *new_patients(3, "b")])
    assert after.total() <= before.total()


def test_deleting_many_takes_no_more_statements_than_deleting_few(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.ingest.feeding import deletion

    feed.send(*new_people(63, "p"), *context(63, "p"))
    counts = []
    for numbers in (range(3), range(3, 63)):
        gone = [deletion(kind, f"p{at}") for kind in ("Observation", "Condition") for at in numbers]
        with counted(feed.engine, monkeypatch) as found:
            feed.send(*gone)
        counts.append(found)
    assert counts[1].total() <= counts[0].total() + ALSO, counts[1]


def test_a_judgement_reads_the_histories_of_those_concerned_only(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.send(*[observation(f"a{at}", "p1", "0.5", days_ago=at + 1) for at in range(40)])
    feed.send(*[observation(f"b{at}", "p2", "0.5", days_ago=at + 1) for at in range(70)])
    read: list[int] = []
    records = histories.records

    def noting(*args: Any) -> Any:
        found = records(*args)
        read.extend(len(each.results) for each in found.values())
        return found

    monkeypatch.setattr(histories, "records", noting)
    feed.send(observation("a100", "p1", "0.5", days_ago=100))
    assert read == [41]
    feed.send(observation("a100", "p1", "0.5", days_ago=100))
    assert read == [41]


SCANS = (
    "SCAN patient",
    "SCAN resource",
    "SCAN superseded",
    "SCAN lab_result",
    "SCAN quarantine",
    "SCAN alert",
)
GROWING = (
    "patient",
    "resource",
    "superseded",
    "lab_result",
    "quarantine",
    "raw_message",
    "alert",
    "decision",
)


def test_no_statement_of_a_batch_reads_a_whole_table(sqlite_url: str) -> None:
    """By the plans that SQLite makes: each names an index, or reads what one parameter lists."""
    from service.store.session import open_engine

    engine = open_engine(sqlite_url, durable=False)
    feed = Feed(engine)
    said: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _: Any, many: bool) -> None:
        said.setdefault(statement, parameters[0] if many else parameters)

    feed.send(patient("p1", replaced_by="p2"), *persistent("p1"), observation("w1", mrn="M"))
    event.listen(engine, "before_cursor_execute", note)
    feed.send(
        patient("p1", version=2, mrn="M"),
        patient("p3", replaces=["p2"]),
        *persistent("p2", version=2),
        observation("w2", mrn="M2"),
        statin("m1", "p1"),
        statin("m1", "p1", version=2),
    )
    event.remove(engine, "before_cursor_execute", note)
    scans = []
    with reading(engine) as connection:
        for statement, parameters in said.items():
            if not statement.upper().startswith(("SELECT", "UPDATE", "DELETE")):
                continue
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            for row in plan:
                words = str(row[3]).split()
                if words[0] == "SCAN" and words[1] in GROWING:
                    scans.append((row[3], statement))
    engine.dispose()
    assert not scans


@pytest.mark.slow
def test_the_time_of_one_result_does_not_depend_on_how_many_patients_there_are(engine: Engine) -> None:
    from time import perf_counter

    feed = Feed(engine)

    def seconds(tag: str) -> float:
        times = []
        for at in range(30):
            given = [observation(f"{tag}{at}", f"{tag}{at}", "0.5"), patient(f"{tag}{at}", version=1)]
            delivery = feed.delivery(*given)
            start = perf_counter()
            feed.send(*delivery.incoming)
            times.append(perf_counter() - start)
        return sorted(times)[15]

    seconds("warm")
    few = seconds("few")
    for start in range(0, 20_000, 2_000):
        crowd = [observation(f"c{at}", f"c{at}", "0.5") for at in range(start, start + 2_000)]
        feed.send(*crowd, *[patient(f"c{at}") for at in range(start, start + 2_000)])
    if engine.dialect.name == "postgresql":
        with writing(engine) as connection:
            connection.execute(text("ANALYZE"))
    assert seconds("many") < 3 * few


def test_modules_that_insert_rows_are_all_counted_here() -> None:
    assert not hasattr(keeping, "insert_rows")
    assert not hasattr(storing, "insert_rows")
