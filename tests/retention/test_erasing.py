"""Erasing a record takes all of it, and leaves everybody else and the audit log as they were."""

import random
from typing import Any

import pytest
from sqlalchemy import Engine, select

from service.quality import Sealer, verify
from service.store import erasing, patients
from service.store.past import past_of
from service.store.schema import audit, metadata, patient
from service.store.session import reading, writing
from tests.quality.replays import assert_every_decision_replays_identical
from tests.retention.holdings import named, naming, rows, unreferred
from tests.test_promises import World, play


class ErasingWorld(World):
    """At the end of each world somebody is erased, with whoever shares their past."""

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "feed"):
            erase_somebody_and_compare(self)


def erase_somebody_and_compare(world: World) -> None:
    engine, feed = world.engine, world.feed
    with reading(engine) as connection:
        people = connection.execute(select(patient.c.id, patient.c.fhir_id))
        everybody = {row.id: row.fhir_id for row in people}
        audited = [tuple(row) for row in connection.execute(select(audit).order_by(audit.c.id))]
    if not everybody:
        return
    chosen = random.Random(len(world.received)).choice(sorted(everybody))
    with reading(engine) as connection:
        past = past_of(connection, [chosen])
    erased, others = named(engine, past.numbers), everybody.keys() - past.numbers
    before, loose, histories = rows(engine), unreferred(engine), feed.histories()
    alerts = [each for each in feed.alerts(gone=True) if each.subject in others]

    with writing(engine) as connection:
        patients.lock(connection, past.numbers)
        erasing.erase(connection, past)

    assert naming(engine, erased) == []
    after = rows(engine)
    assert all(after[name] <= before[name] for name in before), "a row of somebody else has changed"
    gone = {name: before[name] - after[name] for name in before}
    of_others = {name: [row for row in gone[name] if belongs_to(name, row, others)] for name in gone}
    assert not any(of_others.values())
    names = {everybody[number] for number in others}
    assert feed.histories() == {name: own for name, own in histories.items() if name in names}
    assert [each for each in feed.alerts(gone=True) if each.subject in others] == alerts
    assert all(now <= then for now, then in zip(unreferred(engine), loose, strict=True))
    assert_every_decision_replays_identical(engine)
    with reading(engine) as connection:
        assert [tuple(row) for row in connection.execute(select(audit).order_by(audit.c.id))] == audited
    Sealer(engine, lambda _head, _at: None).seal()
    with reading(engine) as connection:
        assert verify(connection).problem is None


def belongs_to(table: str, row: tuple[Any, ...], numbers: Any) -> bool:
    columns = metadata.tables[table].c
    return "patient_id" in columns and dict(zip(columns.keys(), row, strict=True))["patient_id"] in numbers


@pytest.mark.timeout(600)
def test_whoever_is_erased_nothing_is_left_of_them_and_all_of_everybody_else(engine: Engine) -> None:
    play(engine, examples=15, steps=25, derandomize=True, world=ErasingWorld)
