"""A record erased while its cards are asked for, or told about, is answered as if it had never been there."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from service.store.schema import patient
from service.store.session import reading
from tests.api.cds_room import FEEDBACK, SERVICE, CdsRoom, call, cards, post
from tests.liver_files import persistent
from tests.retention.interrupting import at_every_statement, impatient

MANY = 40
"""More than statements of either request."""


def asks(ehr: TestClient, name: str, _card: str) -> Any:
    return post(ehr, SERVICE, call(name))


def tells(ehr: TestClient, _name: str, card: str) -> Any:
    at = datetime.now(UTC).isoformat()
    dismissed = {"card": card, "outcome": "overridden", "outcomeTimestamp": at}
    return post(ehr, FEEDBACK, {"feedback": [dismissed]})


@pytest.mark.parametrize(("act", "answers"), [(asks, {200}), (tells, {200, 404})])
def test_whenever_a_record_is_erased_the_answer_is_clear(
    cds: CdsRoom,
    ehr: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[TestClient, str, str], Any],
    answers: set[int],
) -> None:
    names = [f"p{number:02}" for number in range(MANY)]
    cds.feed([each for name in names for each in persistent(name)])
    shown = {name: cards(ehr, name)[0]["uuid"] if act is tells else "" for name in names}
    with reading(cds.engine) as connection:
        everybody = {row.id: row.fhir_id for row in connection.execute(select(patient))}
    found: list[Any] = []
    with impatient(cds.engine, monkeypatch) as other:

        def acts(number: int) -> None:
            name = everybody[number]
            found.append(act(ehr, name, shown[name]))

        at_every_statement(cds.engine, other, iter(sorted(everybody)), acts)
    assert {each.status_code for each in found} == answers
    if act is asks:
        assert [] in [each.json()["cards"] for each in found]
