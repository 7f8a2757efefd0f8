"""Against a strict FHIR server: every write is accepted, once, and replaying changes nothing."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import Engine

from service.alerts.alert import Action, State
from service.api.definitions import DEFINED
from service.clinical.recommendations import Audience, orderables
from service.clinical.rulebook import load_rulebook
from service.deliver import DeliveryReport
from service.ehr import Connections
from service.fhir.definitions import Publication
from service.fhir.outgoing import validate_outgoing
from service.store import sources
from service.store.session import open_engine, writing
from service.store.source_settings import SourceSettings
from tests.deliver.posting import Post
from tests.fhir.alert_examples import (
    OTHER_ID,
    advising,
    alert,
    disposition,
    episode,
    revised,
    urgent,
    went_on,
)
from tests.peer.strict_server import KINDS, TOKEN, Peer, Proxy, strict_server

pytestmark = pytest.mark.peer

GOLDENS = sorted((Path(__file__).parent.parent.parent / "fhir_samples").glob("*/expected/*.json"))
ADVICE = [name for name, order in orderables().items() if order.audience is not Audience.CLINICIAN]


@pytest.fixture(scope="module")
def running_peer(peer_directory: Path) -> Iterator[Peer]:
    with strict_server(peer_directory) as peer:
        yield peer


@pytest.fixture
def peer(running_peer: Peer) -> Peer:
    running_peer.clear()
    return running_peer


@pytest.fixture
def proxy(peer: Peer) -> Iterator[Proxy]:
    with Proxy(peer).running() as proxy:
        yield proxy


def post_through(proxy: Proxy, peer: Peer, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setenv("PEER_WRITE_TOKEN", TOKEN)
    patient = peer.request("POST", "Patient", {"resourceType": "Patient"})
    post = Post(engine, Connections(None).open, base_url=proxy.url, patient=patient["id"])
    with writing(engine) as connection:
        settings = SourceSettings(fhir_base_url=proxy.url, write_token_env="PEER_WRITE_TOKEN")
        sources.change(connection, "clinic", settings)
    return post


@pytest.fixture
def post(proxy: Proxy, peer: Peer, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Post:
    return post_through(proxy, peer, engine, monkeypatch)


@pytest.fixture
def sqlite_post(proxy: Proxy, peer: Peer, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    engine = open_engine(sqlite_url, durable=False)
    yield post_through(proxy, peer, engine, monkeypatch)
    engine.dispose()


@pytest.mark.parametrize("write", ["auto", "single"])
def test_a_whole_life_is_accepted_and_replaying_it_changes_nothing(
    post: Post, peer: Peer, proxy: Proxy, write: Literal["auto", "single"]
) -> None:
    with writing(post.engine) as connection:
        settings = SourceSettings(fhir_base_url=proxy.url, write_token_env="PEER_WRITE_TOKEN", write=write)
        sources.change(connection, "clinic", settings)
    assert post.deliver(urgent()).written == 1
    made = disposition(Action.ESCALATE, note="Called <b>Dr</b> On-Call")
    post.decide(made)
    taken = revised(urgent(), seen=True, state=State.ESCALATED, dispositions=(made.id,))
    assert post.deliver(taken).written == 1
    resolved = replace(episode(resolved=alert().episode.last_result))
    over = went_on(taken, replace(taken, state=State.RESOLVED, episode=resolved))
    assert over.no_longer_advised == {"same-day-assessment"}
    assert post.deliver(over).written == 1

    [issue] = peer.all("DetectedIssue")
    assert issue["status"] == "final"
    assert issue["identifiedPeriod"]["end"] == "2024-08-20"
    assert issue["mitigation"][0]["author"]["display"] == "N. Nurse"
    assert {r["status"] for r in peer.all("ServiceRequest")} == {"revoked"}
    assert len(peer.all("Provenance")) == 3
    assert len(peer.all("Device")) == 1
    for kind in KINDS:
        for resource in peer.all(kind):
            peer.validate(resource)
            validate_outgoing(resource)

    before = peer.state()
    post.replay()
    assert post.deliver() == DeliveryReport(claimed=1, unchanged=1)
    assert peer.state() == before


def test_advice_and_tasks_are_accepted_and_replaying_them_changes_nothing(post: Post, peer: Peer) -> None:
    with writing(post.engine) as connection:
        before = sources.by_name(connection, "clinic").settings
        wanted = msgspec.structs.replace(before, tasks=True, language="zh-CN")
        sources.change(connection, "clinic", wanted)
    begun = advising(urgent(), *ADVICE)
    assert post.deliver(begun).written == 1
    requests = {kind: peer.all(kind) for kind in ("ServiceRequest", "CommunicationRequest", "Task")}
    assert [len(found) for found in requests.values()] == [3, len(ADVICE), 3 + len(ADVICE)]
    assert {task["focus"]["reference"] for task in requests["Task"]} == {
        f"{kind}/{each['id']}" for kind, found in requests.items() if kind != "Task" for each in found
    }
    assert post.deliver(went_on(begun, alert())).written == 1
    statuses = {kind: {each["status"] for each in peer.all(kind)} for kind in requests}
    assert statuses == {
        "ServiceRequest": {"active", "revoked"},
        "CommunicationRequest": {"revoked"},
        "Task": {"requested", "cancelled"},
    }
    for kind in KINDS:
        for resource in peer.all(kind):
            peer.validate(resource)
    state = peer.state()
    post.replay()
    assert post.deliver() == DeliveryReport(claimed=1, unchanged=1)
    assert peer.state() == state


def test_the_goldens_of_the_samples_are_valid_there(peer: Peer) -> None:
    assert GOLDENS
    for golden in GOLDENS:
        peer.validate(json.loads(golden.read_text(encoding="utf-8")))


@pytest.mark.parametrize("kind", DEFINED)
def test_every_definition_is_valid_there(peer: Peer, kind: str) -> None:
    publication = Publication(load_rulebook(), "A hospital", "https://watch.clinic.test")
    for definition in publication.all_of(kind):
        peer.validate(definition)


@pytest.mark.parametrize("end", ["entered-in-error", "merged"])
def test_an_alert_that_ends_in_error_is_marked_and_replaying_it_changes_nothing(
    sqlite_post: Post, peer: Peer, end: str
) -> None:
    sqlite_post.deliver(alert())
    if end == "merged":
        sqlite_post.deliver(revised(alert(), state=State.MERGED, merged_into=OTHER_ID))
    else:
        sqlite_post.deliver(revised(alert(), state=State.ENTERED_IN_ERROR, withdrawn="corrected"))
    [issue] = peer.all("DetectedIssue")
    assert issue["status"] == "entered-in-error"
    before = peer.state()
    sqlite_post.replay()
    sqlite_post.deliver()
    assert peer.state() == before


@pytest.mark.parametrize("path", ["/", "/Provenance", "/Device"])
def test_an_answer_lost_after_the_commit_makes_no_second_resource(
    sqlite_post: Post, peer: Peer, proxy: Proxy, path: str
) -> None:
    proxy.lose_answer_to("POST", path.rstrip("/"))
    assert sqlite_post.deliver(alert()).postponed == 1
    sqlite_post.later(hours=1)
    assert sqlite_post.deliver().claimed == 1
    counts = {
        kind: len(peer.all(kind)) for kind in ("Device", "DetectedIssue", "ServiceRequest", "Provenance")
    }
    assert counts == {"Device": 1, "DetectedIssue": 1, "ServiceRequest": 2, "Provenance": 1}
    assert not sqlite_post.line().pending


def test_an_answer_to_an_update_lost_after_the_commit_makes_no_second_version(
    sqlite_post: Post, peer: Peer, proxy: Proxy
) -> None:
    sqlite_post.deliver(alert())
    proxy.lose_answer_to("POST", "")
    assert sqlite_post.deliver(revised(alert(), seen=True)).postponed == 1
    [issue] = peer.all("DetectedIssue")
    sqlite_post.later(hours=1)
    sqlite_post.deliver()
    assert [each["meta"] for each in peer.all("DetectedIssue")] == [issue["meta"]]
    assert len(peer.all("Provenance")) == 2


def test_two_couriers_share_the_work_and_double_nothing(post: Post, peer: Peer) -> None:
    ids = [UUID(int=number) for number in range(1, 9)]
    for each in ids:
        post.want(replace(alert(), id=each))
    reports: list[DeliveryReport] = []

    def deliver() -> None:
        courier = post.courier()
        while (report := courier.deliver_once()).claimed:
            reports.append(report)

    threads = [threading.Thread(target=deliver) for _courier in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(report.written for report in reports) == len(ids)
    values = sorted(issue["identifier"][0]["value"] for issue in peer.all("DetectedIssue"))
    assert values == sorted(str(each) for each in ids)
    assert len(peer.all("ServiceRequest")) == 2 * len(ids)


def test_a_sender_that_was_overtaken_doubles_nothing(sqlite_post: Post, peer: Peer, proxy: Proxy) -> None:
    arrived, overtaken = threading.Event(), threading.Event()

    def hold_the_first(method: str, path: str) -> None:
        if (method, path) == ("POST", "/fhir/R4"):
            proxy.before = lambda _method, _path: None
            arrived.set()
            assert overtaken.wait(30)

    proxy.before = hold_the_first
    sqlite_post.want(alert())
    reports: list[DeliveryReport] = []
    slow = threading.Thread(target=lambda: reports.append(sqlite_post.courier().deliver_once()))
    slow.start()
    assert arrived.wait(30)
    sqlite_post.replay()  # takes the lease away, as its end would
    assert sqlite_post.deliver().written == 1
    before = peer.state()
    overtaken.set()
    slow.join(60)
    assert reports == [DeliveryReport(claimed=1, lost=1)]
    assert peer.state() == before


def test_a_wrong_token_is_tried_again_when_it_is_right(
    sqlite_post: Post, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEER_WRITE_TOKEN", "old")
    assert sqlite_post.deliver(alert()).postponed == 1
    assert sqlite_post.line().last_error == "GET metadata: HTTP 401 (login)"
    monkeypatch.setenv("PEER_WRITE_TOKEN", TOKEN)
    sqlite_post.later(hours=1)
    assert sqlite_post.deliver().written == 1
    assert len(peer.all("DetectedIssue")) == 1
