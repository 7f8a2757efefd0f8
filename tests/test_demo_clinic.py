"""The clinic beside the demo's story: a list that looks alive, decided about in part, a source of its own."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from service.alerts.alert import Action, State
from service.clinical.rulebook import load_rulebook
from service.demo import clinic
from service.demo.clinic import Clinic, fill
from service.demo.nurses import NURSES
from service.ingest import Rules
from service.store import alerts, sources
from service.store.schema import alert, outbox
from service.store.session import open_engine, reading

RULES = Rules(load_rulebook(), clock="data", settle=timedelta(0))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Clinic]]:
    """The clinic as the demo fills it, on SQLite as the demo does; tests only look at it."""
    from service.store.migrate import migrate

    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('demo') / 'clinic.db'}", durable=False)
    migrate(engine)
    yield engine, fill(engine, RULES)
    engine.dispose()


def test_alerts_of_every_tier_stand_open(filled: tuple[Engine, Clinic]) -> None:
    _, made = filled
    assert list(made.tiers) == ["urgent", "soon", "routine"]
    assert min(made.tiers.values()) >= 5
    assert made.tiers["routine"] > made.tiers["soon"] > made.tiers["urgent"]


def test_every_state_that_a_nurse_can_bring_about_is_seen(filled: tuple[Engine, Clinic]) -> None:
    _, made = filled
    by_nurses = {"open", "taken", "snoozed", "monitoring", "escalated", "referred", "overridden"}
    assert by_nurses | {"resolved"} <= set(made.states)
    assert made.states["open"] > made.states["taken"] > 3


def test_decisions_are_those_of_the_nurses_and_most_say_why(filled: tuple[Engine, Clinic]) -> None:
    engine, _ = filled
    with reading(engine) as connection:
        ids = connection.execute(select(alert.c.id)).scalars().all()
        standing = [alerts.get(connection, each) for each in ids]
        made = alerts.dispositions_of(connection, [one for each in standing for one in each.dispositions])
    assert {each.by for each in made} == set(NURSES)
    decided = {Action.TAKE, Action.SNOOZE, Action.KNOWN_CAUSE, Action.ESCALATE, Action.REFER, Action.OVERRIDE}
    assert {each.action for each in made} == decided
    assert Counter(bool(each.note) for each in made)[True] > len(made) / 2
    assert {each.owner for each in standing if each.state is State.TAKEN} <= set(NURSES)


def test_only_results_that_were_made_unusable_wait_in_quarantine(filled: tuple[Engine, Clinic]) -> None:
    _, made = filled
    assert 0 < made.unusable < 10


def test_nothing_of_it_is_to_be_written_to_an_ehr(filled: tuple[Engine, Clinic]) -> None:
    engine, _ = filled
    with reading(engine) as connection:
        assert not sources.by_name(connection, clinic.SOURCE).settings.writes
        assert connection.execute(select(outbox.c.alert_id)).all() == []


def test_urgent_alerts_that_nobody_took_are_overdue_and_go_on_to_the_contacts(
    filled: tuple[Engine, Clinic],
) -> None:
    engine, _ = filled
    with reading(engine) as connection:
        ids = connection.execute(select(alert.c.id)).scalars().all()
        waiting = [one for each in ids if (one := alerts.get(connection, each)).waiting is not None]
    assert waiting
    assert all(one.waiting is not None and one.waiting.overdue for one in waiting)
    assert any(one.waiting is not None and one.waiting.told for one in waiting)
