"""Promise 5 in numbers: a thousand answers lost, an EHR away for an hour; nothing lost, nothing doubled."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import Engine

from service.alerts.alert import Alert
from service.store import outbox_control, sources
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.deliver.posting import TERMS, Post, over
from tests.fhir.alert_examples import alert
from tests.fhir.fake_server import BASE, FakeServer, dropped, unreachable


def numbered(number: int) -> Alert:
    return replace(alert(), id=UUID(int=number + 1))


def waiting(post: Post) -> int:
    with reading(post.engine) as connection:
        return outbox_control.counts(connection).pending


def check_each_once(server: FakeServer, count: int) -> None:
    issues = [each["identifier"][0]["value"] for each in server.all("DetectedIssue")]
    assert sorted(issues) == sorted(str(numbered(number).id) for number in range(count))
    requests = [each["identifier"][0]["value"] for each in server.all("ServiceRequest")]
    assert len(requests) == len(set(requests)) == 2 * count
    revisions = [each["meta"]["tag"][0]["code"] for each in server.all("Provenance")]
    assert len(revisions) == len(set(revisions)) == count
    server.one("Device")


class Forgetful(FakeServer):
    """Carries out every write, and loses the answer to the first of each kind about each alert."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = 0
        self._seen: set[tuple[str, bytes]] = set()

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        what = (str(request.url), request.content.partition(b'"recorded"')[0])
        if request.method != "GET" and what not in self._seen:
            self._seen.add(what)
            self.lost += 1
            return dropped(super()._answer, request)
        return super()._answer(request)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("write", "count"), [("bundle", 500), ("single", 250)])
def test_a_thousand_answers_lost_after_the_write_make_no_second_resource(
    sqlite: Engine, write: str, count: int
) -> None:
    server = Forgetful()
    post = Post(sqlite, over(server.transport))
    with writing(sqlite) as connection:
        sources.change(connection, "clinic", SourceSettings(fhir_base_url=BASE, write=write))  # type: ignore[arg-type]
    for number in range(count):
        post.want(numbered(number))
    courier = post.courier(replace(TERMS, batch=1))
    while waiting(post):
        courier.deliver_once()
        post.later(minutes=2)  # longer than a server is left alone
    assert server.lost >= 1000
    check_each_once(server, count)
    assert all(len(history) == 1 for history in server.versions.values())


def test_an_ehr_that_is_away_for_an_hour_gets_each_alert_once_afterwards(
    engine: Engine,
) -> None:
    server = FakeServer()
    post = Post(engine, over(server.transport))
    away_from, away_until, tried = post.now + timedelta(minutes=1), post.now + timedelta(minutes=61), []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if away_from <= post.now < away_until:
            tried.append(post.now)
            # The first one is carried out: it went away between doing and saying so.
            return (dropped if len(tried) == 1 else unreachable)(server._answer, request)
        return server._answer(request)

    post.client_for = over(httpx2.MockTransport(answer))
    courier = post.courier(replace(TERMS, batch=2))
    for number in range(8):
        post.want(numbered(number))
    while post.now < away_until:
        courier.deliver_once()
        post.later(seconds=30)
        if post.now == away_until - timedelta(minutes=30):
            post.want(numbered(8))
    assert waiting(post)
    assert len(tried) <= 60 + 5, "it is left alone for most of a minute each time"
    for _round in range(100):
        courier.deliver_once()
        post.later(minutes=1)
    assert not waiting(post)
    check_each_once(server, 9)
