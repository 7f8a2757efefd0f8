"""Current versions of resources: nobody takes the place of a version that is not there any more."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from service.store.query import among
from service.store.resources import Version, add_current, current, replace_current
from service.store.rows import AlreadyThere
from service.store.schema import resource
from service.store.session import reading, writing
from tests.ingest.feeding import NOW

SOURCE = 1
KEY = "Observation/o1"
FULL = Version(KEY, 7, "1", NOW, NOW, b"a" * 32, "live", 3, "feed", "urn:mrn|M1")
BARE = Version(KEY, None, None, None, NOW, None, "deleted", 0, "feed")
NEWER = Version(KEY, None, "2", None, NOW + timedelta(days=1), b"b" * 32, "live", 0, "feed")


def now_current(engine: Engine) -> Version:
    with reading(engine) as connection:
        return current(connection, SOURCE, [KEY])[KEY]


@pytest.mark.parametrize("before", [FULL, BARE], ids=["everything-stated", "nothing-stated"])
def test_a_newer_version_takes_the_place_of_the_current_one(engine: Engine, before: Version) -> None:
    with writing(engine) as connection:
        add_current(connection, SOURCE, [before])
    with writing(engine) as connection:
        replace_current(connection, SOURCE, [(before, NEWER)])
    assert now_current(engine) == NEWER


@pytest.mark.parametrize("before", [FULL, BARE], ids=["everything-stated", "nothing-stated"])
@pytest.mark.parametrize(
    "change",
    [
        {"digest": b"c" * 32},
        {"version_id": "9"},
        {"patient_id": 8},
        {"received": NOW + timedelta(microseconds=1)},
        {"since_revision": 4},
        {"named_by": "urn:mrn|M2"},
        {"way": "catch-up"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_version_that_is_another_by_now_keeps_its_place(
    engine: Engine, before: Version, change: dict[str, Any]
) -> None:
    there = before._replace(**change)
    with writing(engine) as connection:
        add_current(connection, SOURCE, [there])
    with pytest.raises(AlreadyThere), writing(engine) as connection:
        replace_current(connection, SOURCE, [(before, NEWER)])
    assert now_current(engine) == there


def test_a_key_is_found_by_itself_in_a_table_that_the_database_has_not_counted_yet(engine: Engine) -> None:
    with writing(engine) as connection:
        add_current(connection, SOURCE, [FULL._replace(key=f"Observation/o{n}") for n in range(3000)])
    asked = select(resource.c.digest).where(resource.c.source_id == SOURCE, among(resource.c.key, [KEY]))
    words = asked.compile(engine, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with reading(engine) as connection:
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {words}"))
    assert "received" not in plan
    assert "pk_resource" in plan or "(source_id=? AND key=?)" in plan
