"""What is off the worklist comes in pages, whichever way it is sorted, and of no more than a page is read."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from service.alerts.alert import Action, Alert, State
from service.alerts.events import Change, Event, EventKind
from service.alerts.states import ASLEEP
from service.clinical.episodes import Tier
from service.store import alerts, off_worklist
from service.store.session import reading, writing
from tests.fhir.alert_examples import alert as an_alert
from tests.fhir.alert_examples import disposition, episode
from tests.quality.measured_clinic import MeasuredClinic, at_nine

MANY = 230
STATES = (State.SNOOZED, State.MONITORING, State.OVERRIDDEN)


@pytest.fixture
def clinic(engine: Engine) -> MeasuredClinic:
    """Many alerts that one person each put to sleep, and one that is open."""
    made = MeasuredClinic(engine)
    made.person("p1")
    made.raised("p1", Tier.SOON, at_nine(2, 2), State.OPEN)
    at = at_nine(2, 2)
    for number in range(MANY):
        decided = replace(
            disposition(Action.SNOOZE),
            id=UUID(int=number + 1),
            by=f"nurse {number % 7}",
            at=at + timedelta(minutes=number * 37 % MANY),
        )
        of = replace(
            an_alert(episode(tier=list(Tier)[number % 3]), state=STATES[number % 3]),
            id=UUID(int=number * 101 % MANY + 1),
            subject=made.people["p1"],
            held=decided.id,
            wakes=date(2026, 7, 1) + timedelta(days=number * 53 % 90) if number % 3 else None,
            dispositions=(decided.id,),
        )
        with writing(engine) as connection:
            raised = (Event(EventKind.RAISED, "soon"),)
            alerts.save(connection, [Change(None, of, raised)], made.sources["clinic"], at)
            alerts.add_disposition(connection, decided, of.subject, of.id)
    return made


def pages(clinic: MeasuredClinic, order: str, size: int) -> Iterator[list[off_worklist.Sleeper]]:
    with reading(clinic.engine) as connection:
        for offset in range(0, MANY + size, size):
            yield off_worklist.page(connection, clinic.sources.values(), ASLEEP, order, size, offset)


@pytest.mark.parametrize("order", off_worklist.ORDERS)
def test_pages_follow_each_other_without_gap_or_repetition(clinic: MeasuredClinic, order: str) -> None:
    (every, _) = pages(clinic, order, MANY)
    in_pages = [each for page in pages(clinic, order, 60) for each in page]
    assert in_pages == every
    assert {each.line.alert.id for each in every} == {UUID(int=number + 1) for number in range(MANY)}
    assert all(each.held is not None and each.held.id == each.line.alert.held for each in every)
    with reading(clinic.engine) as connection:
        assert off_worklist.count(connection, clinic.sources.values(), ASLEEP) == MANY


def test_it_is_sorted_as_asked_and_what_has_no_date_comes_last(clinic: MeasuredClinic) -> None:
    (until, _) = pages(clinic, "until", MANY)
    dates = [each.line.alert.wakes or date.max for each in until]
    assert dates == sorted(dates)
    (since, _) = pages(clinic, "since", MANY)
    moments = [each.held.at for each in since if each.held is not None]
    assert moments == sorted(moments)
    (by, _) = pages(clinic, "by", MANY)
    names = [each.held.by for each in by if each.held is not None]
    assert names == sorted(names)


def test_no_more_is_read_of_alerts_than_is_shown(
    clinic: MeasuredClinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, read = alerts.decode, list[str]()

    def noted(content: str) -> Alert:
        read.append(content)
        return decode(content)

    monkeypatch.setattr(alerts, "decode", noted)
    with reading(clinic.engine) as connection:
        found = off_worklist.page(connection, clinic.sources.values(), ASLEEP, "name", 20, 100)
    assert (len(found), len(read)) == (20, 20)


def test_nothing_of_a_source_that_may_not_be_seen_is_there(clinic: MeasuredClinic) -> None:
    with reading(clinic.engine) as connection:
        annex = [clinic.sources["annex"]]
        assert off_worklist.page(connection, annex, ASLEEP, "name", 20, 0) == []
        assert off_worklist.count(connection, annex, ASLEEP) == 0
