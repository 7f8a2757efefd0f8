"""Decisions are found by the records that they were made on, however many are asked for."""

from sqlalchemy import Engine

from service.store import decisions
from service.store.session import reading
from tests.ingest.feeding import Feed, persistent
from tests.ingest.feeding import patient as person


def test_what_was_decided_on_merged_records_is_found_among_thousands(engine: Engine) -> None:
    feed = Feed(engine)
    feed.send(person("p1"), *persistent("p1"))
    feed.send(person("p2", replaced_by="p1"))
    merged = feed.patient_number("p2")
    with reading(engine) as connection:
        found = decisions.of_records(connection, [*range(1_000, 3_000), merged])
    assert [each.inputs.keys() for each in found if len(each.inputs) > 1] == [
        {feed.patient_number("p1"), merged}
    ]
