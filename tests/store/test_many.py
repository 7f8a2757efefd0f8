"""However many things are asked for, one question finds them: PostgreSQL takes 65,535 parameters at most."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine

from service.alerts.alert import Action, RemarkKind, State
from service.clinical.episodes import Tier
from service.store import alerts, cards, decisions, glass, people, quarantine, remarks, worklist
from service.store.session import reading
from tests.quality.measured_clinic import MeasuredClinic, at_nine

MANY = 70_000
NOBODYS = [UUID(int=number) for number in range(MANY)]
NUMBERS = range(10**6, 10**6 + MANY)


@pytest.fixture
def clinic(engine: Engine) -> MeasuredClinic:
    made = MeasuredClinic(engine)
    made.person("p1")
    return made


def test_an_alert_and_all_about_it_are_found_among_many(clinic: MeasuredClinic) -> None:
    at = at_nine(2, 2)
    alert = clinic.raised("p1", Tier.SOON, at, State.TAKEN)
    made = clinic.decided(alert, Action.TAKE, at + timedelta(hours=1))
    clinic.voted(alert, RemarkKind.USEFUL, at + timedelta(hours=2))
    asked = [*NOBODYS, alert]
    with reading(clinic.engine) as connection:
        assert [each.id for each in alerts.dispositions_of(connection, [*NOBODYS, made])] == [made]
        assert [each.alert_id for each in alerts.events_of(connection, asked)] == [alert]
        assert [each.alert_id for each in remarks.of_alerts(connection, asked)] == [alert]
        assert list(alerts.by_patient(connection, asked).values()) == [[alert]]
        assert [each.alert.id for each in worklist.lines(connection, [1, 2], alerts=asked)] == [alert]
        assert worklist.matching(connection, [1, 2], worklist.Wanted(), asked) == {alert}


def test_a_person_is_found_among_many(clinic: MeasuredClinic) -> None:
    number = clinic.people["p1"]
    with reading(clinic.engine) as connection:
        assert list(people.by_number(connection, [*NUMBERS, number])) == [number]


@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: quarantine.of_patients(connection, NUMBERS),
        lambda connection: glass.opened_of(connection, NUMBERS),
        lambda connection: list(cards.shown_to(connection, 1, NOBODYS)),
        lambda connection: list(decisions.texts_of(connection, [str(each) for each in NUMBERS])),
    ],
    ids=["quarantine", "opened-records", "cards", "texts"],
)
def test_of_many_that_there_are_not_nothing_is_found(
    clinic: MeasuredClinic, ask: Callable[[Connection], list[object]]
) -> None:
    with reading(clinic.engine) as connection:
        assert ask(connection) == []
