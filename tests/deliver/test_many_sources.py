"""Each EHR gets what is for it, whatever another one does."""

import threading
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import Engine

from service.fhir.client import FhirClient
from service.store import patients, sources
from service.store.session import writing
from service.store.source_settings import SourceSettings
from service.store.sources import Source
from tests.deliver.posting import TERMS, Post
from tests.fhir.alert_examples import OTHER_ID, alert
from tests.fhir.fake_server import BASE, FakeServer, Resource, status

SOON = 20
"""Seconds that a test waits for what another thread does, at most."""


class Town:
    """Two sources, each with an alert to be written and a server of its own."""

    def __init__(self, engine: Engine, clinic: httpx2.BaseTransport, annex: httpx2.BaseTransport) -> None:
        self.transports = {"clinic": clinic, "annex": annex}
        self.post = Post(engine, self._client)
        with writing(engine) as connection:
            other = sources.add(
                connection, "annex", SourceSettings(fhir_base_url=BASE), "secret", self.post.now
            )
            patient = patients.named(connection, other.id, ["p2"])["p2"].id
        self.post.want(alert())
        clinic_id, self.post.source_id = self.post.source_id, other.id
        self.post.want(replace(alert(), id=OTHER_ID, subject=patient), settle=timedelta(seconds=1))
        self.post.source_id = clinic_id
        self.post.later(seconds=1)  # the clinic's has waited longer

    def _client(self, source: Source, timeout: float) -> FhirClient:
        return FhirClient(BASE, timeout_seconds=timeout, transport=self.transports[source.name])


class Hanging(httpx2.BaseTransport):
    """A server that takes a request and says nothing."""

    def __init__(self) -> None:
        self.asked, self.released = threading.Event(), threading.Event()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.set()
        assert self.released.wait(SOON)
        raise httpx2.ReadTimeout("no answer", request=request)


class Told(FakeServer):
    """A server that tells when it has got a Provenance: an alert is written whole by then."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = threading.Event()

    def _store(self, kind: str, resource_id: str | None, resource: Resource) -> Resource:
        stored = super()._store(kind, resource_id, resource)
        if kind == "Provenance":
            self.whole.set()
        return stored


def test_a_server_that_hangs_does_not_delay_what_is_for_another(engine: Engine) -> None:
    hanging, annex = Hanging(), Told()
    town = Town(engine, hanging, annex.transport)
    stop = threading.Event()
    running = threading.Thread(target=town.post.courier().run, args=(stop,))
    running.start()
    try:
        assert hanging.asked.wait(SOON)
        assert annex.whole.wait(SOON)
        assert not hanging.released.is_set()
        assert annex.one("DetectedIssue")
        assert town.post.line().pending
    finally:
        stop.set()
        hanging.released.set()
        running.join(SOON)
    assert not running.is_alive()
    assert [each for each in threading.enumerate() if each.name.startswith("deliver-")] == []


def test_a_server_that_is_down_is_left_alone_and_the_other_is_not(engine: Engine) -> None:
    clinic, annex = FakeServer(), FakeServer()
    clinic.next_answers["GET /Device"] = [status(503, Retry_After="120")]
    town = Town(engine, clinic.transport, annex.transport)
    courier = town.post.courier()
    report = courier.deliver_once()
    assert (report.written, report.postponed) == (1, 1)
    assert annex.one("DetectedIssue")
    town.post.later(seconds=119)
    assert courier.deliver_once().claimed == 0
    town.post.later(seconds=1)
    assert courier.deliver_once().written == 1
    assert clinic.one("DetectedIssue")


def test_no_more_sources_are_written_to_at_once_than_the_terms_allow(sqlite: Engine) -> None:
    hanging, other = Hanging(), Hanging()
    town = Town(sqlite, hanging, other)
    stop = threading.Event()
    courier = town.post.courier(replace(TERMS, senders=1))
    running = threading.Thread(target=courier.run, args=(stop,))
    running.start()
    try:
        assert hanging.asked.wait(SOON)
        assert not other.asked.wait(1)
    finally:
        stop.set()
        hanging.released.set()
        other.released.set()
        running.join(SOON)


@pytest.mark.parametrize("wait", ["Tue, 20 Aug 2030 12:00:00 GMT", "86400"])
def test_a_server_is_never_left_alone_for_longer_than_a_day(sqlite: Engine, wait: str) -> None:
    clinic, annex = FakeServer(), FakeServer()
    clinic.next_answers["GET /Device"] = [status(503, Retry_After=wait)]
    town = Town(sqlite, clinic.transport, annex.transport)
    town.post.deliver()
    assert town.post.line().not_before - town.post.now == timedelta(days=1)
