"""Promises 3 and 5: one alert, one resource, as it stands at last, whatever failed on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from service.alerts.alert import Alert, State
from service.fhir.comparing import holds
from service.fhir.encode import Addresses, encode_issue, is_erroneous
from service.fhir.encode_requests import encode_requests
from service.store import outbox_control, sources
from service.store.schema import outbox
from service.store.session import open_engine, reading, writing
from service.store.source_settings import SourceSettings
from tests.deliver.posting import TERMS, Post, over
from tests.fhir.alert_examples import AUGUST, OTHER_ID, alert, episode, urgent, went_on
from tests.fhir.fake_server import BASE, FakeServer, denied, dropped, status, unreachable

CONTENTS = {
    "routine": alert(),
    "seen": alert(seen=True, state=State.TAKEN),
    "urgent": urgent(),
    "resolved": alert(episode(resolved=AUGUST), state=State.RESOLVED),
    "overridden": alert(seen=True, state=State.OVERRIDDEN),
    "dormant": alert(state=State.DORMANT),
    "withdrawn": replace(alert(state=State.ENTERED_IN_ERROR), withdrawn="corrected"),
    "merged": replace(alert(state=State.MERGED), merged_into=OTHER_ID),
}
FAULTS = (None, None, dropped, denied, unreachable, status(500), status(429), status(409), status(412))


@dataclass(frozen=True)
class Act:
    """The alert becomes `content` (or stays); then faults meet the delivery, or its sender dies."""

    content: str | None
    faults: tuple[int, ...]
    sender_dies: bool
    replayed: bool


WRITES = ("bundle", "single", "auto")

ACTS = st.lists(
    st.builds(
        Act,
        st.none() | st.sampled_from(sorted(CONTENTS)),
        st.lists(st.integers(0, len(FAULTS) - 1), max_size=12).map(tuple),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_url, durable=False)
    yield engine
    engine.dispose()


def perform(post: Post, server: FakeServer, acts: list[Act], alert_id: UUID) -> Alert:
    """Let it all happen, then let the server be well; the alert as it is at last."""
    current = replace(CONTENTS["routine"], id=alert_id)
    post.want(current)
    for act in acts:
        if act.content is not None:
            current = went_on(current, replace(CONTENTS[act.content], id=alert_id))
            post.want(current)
        if act.replayed:
            post.replay()
        server.faults = [FAULTS[number] for number in act.faults]
        if act.sender_dies:
            post.claim(timedelta(minutes=5))
        post.courier().deliver_once()
        post.later(hours=2)
    server.faults = []
    for _round in range(3):
        with writing(post.engine) as connection:
            outbox_control.revive(connection, alert_id, post.now)
        post.courier().deliver_once()
        post.later(hours=2)
    return current


def check(server: FakeServer, last: Alert) -> None:
    issues = [i for i in server.all("DetectedIssue") if i["identifier"][0]["value"] == str(last.id)]
    assert len(issues) <= 1
    if not issues:
        assert is_erroneous(last) or last.state is State.DORMANT
        assert not server.all("ServiceRequest")
        return
    to = Addresses(
        patient="Patient/p1",
        issue=f"DetectedIssue/{issues[0]['id']}",
        author=f"Device/{server.one('Device')['id']}",
        source="clinic",
        public_url=TERMS.public_url,
        rulebook_version=TERMS.rulebook_version,
    )
    assert holds(issues[0], encode_issue(last, to))
    wanted = encode_requests(last, to)
    requests = {r["identifier"][0]["value"].partition(":")[2]: r for r in server.all("ServiceRequest")}
    assert len(requests) == len(server.all("ServiceRequest"))
    assert requests.keys() <= wanted.keys()
    for name, request in wanted.items():
        if request["status"] == "active" or name in requests:
            assert holds(requests[name], request)


@given(
    acts=ACTS,
    conditional=st.booleans(),
    tags=st.booleans(),
    write=st.sampled_from(["bundle", "single", "auto"]),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_fails_on_the_way_the_ehr_ends_with_one_resource_as_it_stands(
    sqlite: Engine, acts: list[Act], conditional: bool, tags: bool, write: Any
) -> None:
    server = FakeServer(conditional=conditional, tags=tags)
    post = fresh(sqlite, server)
    with writing(sqlite) as connection:
        sources.change(connection, "clinic", SourceSettings(fhir_base_url=BASE, write=write))
    last = perform(post, server, acts, uuid4())
    check(server, last)
    with reading(sqlite) as connection:
        line = outbox_control.line(connection, last.id)
    assert line is not None
    assert not line.pending
    recorded = [each["meta"]["tag"][0]["code"] for each in server.all("Provenance")]
    assert len(recorded) == len(set(recorded))
    before = server.writes
    post.replay()
    post.courier().deliver_once()
    assert server.writes == before


def fresh(engine: Engine, server: FakeServer) -> Post:
    """The same database again, with nothing in its outbox, before a new server."""
    with writing(engine) as connection:
        connection.execute(outbox.delete())
    return Post(engine, over(server.transport))
