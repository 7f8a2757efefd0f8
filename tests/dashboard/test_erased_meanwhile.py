"""What somebody does of a record at the very moment it is erased is answered as if it had not been there."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from service.alerts.alert import Alert, State
from service.dashboard.access import Role, User
from service.review import dispose_all
from service.store import people, users
from service.store.session import reading, writing
from service.store.users import Account
from tests.dashboard.ward import Ward, form
from tests.liver_files import persistent, person
from tests.retention.holdings import named, naming
from tests.retention.interrupting import at_every_statement, erase, impatient

EVERYTHING = frozenset({Role.NURSE, Role.AUDITOR})
MANY = 90
"""More than statements of any of these requests."""


class Case:
    """One patient with an alert, and the browser of somebody who may do everything, or sees nothing."""

    def __init__(self, client: TestClient, public_id: UUID, alert: Alert) -> None:
        self.client, self.public_id, self.alert = client, public_id, alert

    def decides(self) -> Any:
        return self.client.post(f"/alerts/{self.alert.id}/decide", data=form(self.alert, "take"))

    def decides_what_cannot_be(self) -> Any:
        return self.client.post(f"/alerts/{self.alert.id}/decide", data=form(self.alert, "snooze"))

    def decides_several(self) -> Any:
        chosen = f"{self.alert.id}:{self.alert.revision}"
        return self.client.post("/decide", data={"alert": chosen, "action": "take"})

    def says(self) -> Any:
        sent = form(self.alert, "comment", text="Seen on Tuesday.", kind="comment")
        return self.client.post(f"/alerts/{self.alert.id}/say", data=sent)

    def breaks_the_glass(self) -> Any:
        sent = {"reason": "cover", "words": "On call tonight"}
        return self.client.post(f"/patients/{self.public_id}/break-glass", data=sent)

    def holds(self) -> Any:
        return self.client.post(f"/patients/{self.public_id}/hold", data={"reason": "Case 7"})

    def looks(self) -> Any:
        return self.client.get(f"/alerts/{self.alert.id}/decide")

    def lists(self) -> Any:
        return self.client.get("/?state=")


@pytest.mark.parametrize(
    ("act", "script"),
    [
        (Case.decides, True),
        (Case.decides, False),
        (Case.decides_what_cannot_be, True),
        (Case.decides_several, False),
        (Case.says, True),
        (Case.breaks_the_glass, False),
        (Case.holds, False),
        (Case.looks, True),
        (Case.lists, False),
    ],
)
def test_whenever_a_record_is_erased_the_answer_is_clear_and_nothing_is_half_written(
    ward: Ward, monkeypatch: pytest.MonkeyPatch, act: Callable[[Case], Any], script: bool
) -> None:
    names = [f"p{number:02}" for number in range(MANY)]
    ward.feed([each for name in names for each in (person(name), *persistent(name))])
    engine = ward.engine
    account = Account("adams", "Nurse Adams", EVERYTHING, frozenset(), "", False, None, active=True)
    with writing(engine) as connection:
        users.add(connection, account, datetime.now(UTC))
    sees = frozenset[str]() if act is Case.breaks_the_glass else frozenset({"clinic"})
    user = User("user:adams", "Nurse Adams", EVERYTHING, sees)
    everybody = {each.subject: each for each in ward.alerts()}
    with reading(engine) as connection:
        public = people.public_ids(connection, everybody)
    answers: list[int] = []
    whom = {number: named(engine, [number]) for number in everybody}
    with ward.client(user, script=script) as client, impatient(engine, monkeypatch) as other:
        act(Case(client, uuid4(), next(iter(everybody.values()))))  # whatever is asked for once is known now

        def acts(number: int) -> None:
            answers.append(act(Case(client, public[number], everybody[number])).status_code)

        fell = at_every_statement(engine, other, iter(sorted(everybody)), acts)
    assert fell[0]
    assert set(answers) <= {200, 303, 404, 422}
    assert 404 in answers or act is Case.lists
    gone = [number for number, erased in zip(sorted(everybody), fell, strict=False) if erased]
    assert [naming(engine, whom[number]) for number in gone] == [[]] * len(gone)


def test_of_several_alerts_those_that_are_left_are_decided_about_and_the_others_told_of(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward.feed([each for name in ("p1", "p2") for each in (person(name), *persistent(name))])
    gone, left = ward.alerts()

    def erase_and_decide(engine: Engine, decided: Any, **more: Any) -> Any:
        if decided[0].alert_id == gone.id:
            erase(engine, gone.subject)
        return dispose_all(engine, decided, **more)

    monkeypatch.setattr("service.dashboard.decision_pages.dispose_all", erase_and_decide)
    chosen = [f"{each.id}:{each.revision}" for each in (gone, left)]
    with ward.client() as client:
        answer = client.post("/decide", data={"alert": chosen, "action": "take"})
    assert answer.status_code == 404
    assert "Some of them are there no more: nothing was recorded about those." in answer.text
    assert "Taken by you" in answer.text
    assert [each.state for each in ward.alerts()] == [State.TAKEN]
