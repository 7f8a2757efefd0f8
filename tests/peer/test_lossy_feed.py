"""Real results over a feed that loses, repeats and disorders them: one poll mends it."""

import gzip
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from service.alerts.alert import State
from service.alerts.states import OVER
from service.assessments import assessments
from service.catchup import Asker, ask
from service.clinical.rulebook import load_rulebook
from service.deliver import Courier, Terms
from service.ehr import Connections
from service.ingest import Rules
from service.loading.files import find_files
from service.loading.load import Loader
from service.store import alerts as alert_store
from service.store import freshness, outbox_control, sources
from service.store.migrate import migrate
from service.store.session import open_engine, reading, writing
from service.store.source_settings import SourceSettings
from tests.feed.sending import BEARER
from tests.feed.serving import serving
from tests.peer.lossy_feed import LossyFeed
from tests.peer.strict_server import TOKEN, Peer, strict_server

pytestmark = [pytest.mark.peer, pytest.mark.slow]

DATA = Path(__file__).parents[3] / "shared" / "data"
RESULTS = 2000
ILL = 300
TYPES = ("Patient", "Observation")
RULES = Rules(load_rulebook(), clock="data", settle=timedelta(0), backfill_writes="all")


def read(of: str, name: str) -> list[Any]:
    path = DATA / f"{of}.{name}.ndjson.gz"
    if not path.exists():
        pytest.skip(f"no laboratory histories at {DATA}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module", params=["hapi", "medplum", "backport", "backport-id-only"])
def style(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def peer(peer_directory: Path, style: str) -> Iterator[Peer]:
    with strict_server(peer_directory, PEER_HOOKS="1", PEER_HOOK_STYLE=style.partition("-")[0]) as peer:
        yield peer


def subscribe(peer: Peer, style: str, endpoint: str) -> None:
    content = "id-only" if style.endswith("id-only") else "full-resource"
    extension = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content"
    for kind in TYPES:
        channel: dict[str, Any] = {
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": "application/fhir+json",
            "header": [f"{name}: {value}" for name, value in BEARER.items()],
        }
        if style.startswith("backport"):
            channel["_payload"] = {"extension": [{"url": extension, "valueCode": content}]}
        subscription = {"resourceType": "Subscription", "status": "active", "reason": "liver tests"}
        peer.request("POST", "Subscription", {**subscription, "criteria": f"{kind}?", "channel": channel})


def push(peer: Peer) -> int:
    """Results as they come, with corrections and deletions among them; how many writes that was."""
    chance = random.Random(4)
    # A trial of the mostly well, and some of the ill: every alert takes the server seconds to be written.
    ill = read("pbcseq", "Observation")[:ILL]
    observations = [*read("cdiscpilot", "Observation")[: RESULTS - ILL], *ill]
    chance.shuffle(observations)
    named = {each["subject"]["reference"] for each in observations}
    people = [
        each
        for each in (*read("cdiscpilot", "Patient"), *read("pbcseq", "Patient"))
        if f"Patient/{each['id']}" in named
    ]
    for each in people:
        peer.request("PUT", f"Patient/{each['id']}", each)
    writes = len(people)
    for at, each in enumerate(observations):
        peer.request("PUT", f"Observation/{each['id']}", each)
        earlier = observations[chance.randrange(at + 1)]
        if chance.random() < 0.05 and "valueQuantity" in earlier:
            value = {**earlier["valueQuantity"], "value": earlier["valueQuantity"]["value"] * 2}
            corrected = {**earlier, "status": "corrected", "valueQuantity": value}
            peer.request("PUT", f"Observation/{earlier['id']}", corrected)
            writes += 1
        writes += 1
    for gone in chance.sample(observations, 60):
        peer.request("DELETE", f"Observation/{gone['id']}")
        writes += 1
    return writes


def clean_load(peer: Peer, engine: Engine, directory: Path) -> None:
    """Load what the server holds in the end."""
    with writing(engine) as connection:
        source = sources.add(connection, "hospital", SourceSettings(), "made-up-secret", datetime.now(UTC))
    with (directory / "held.ndjson").open("w", encoding="utf-8") as out:
        for kind in TYPES:
            for start in range(0, RESULTS, 1000):
                for each in peer.all(kind, f"&_offset={start}&_sort=_id"):
                    out.write(json.dumps(each) + "\n")
    Loader(engine, source, RULES).load(find_files([directory / "held.ndjson"]))


def said(engine: Engine) -> dict[str, Any]:
    """What is known of everybody, and what it says."""
    return {
        each.rows[0].fhir_id: (set(each.record.results), each.assessment.episodes)
        for each in assessments(engine, RULES, datetime.now(UTC))
        if each.record.results
    }


@pytest.mark.timeout(900)
def test_after_one_poll_all_is_as_after_a_clean_load_and_the_server_holds_each_alert_once(
    peer: Peer, style: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEER_WRITE_TOKEN", TOKEN)
    monkeypatch.setenv("LIVERWATCH_CLOCK", RULES.clock)
    monkeypatch.setenv("LIVERWATCH_BACKFILL_WRITES", RULES.backfill_writes)
    with (
        serving(sqlite_url) as served,
        LossyFeed(f"{served.url}/feeds/hospital", lose=0.05, duplicate=0.05).running() as lossy,
    ):
        subscribe(peer, style, lossy.url)
        writes = push(peer)
        deadline = time.monotonic() + 60
        while lossy.seen < writes and time.monotonic() < deadline:
            time.sleep(0.2)
        lossy.let_go()
    assert lossy.seen == writes
    assert lossy.lost > RESULTS * 0.03
    assert lossy.refused == []

    engine = open_engine(sqlite_url, durable=False)
    base = f"http://127.0.0.1:{peer.port}/fhir/R4"
    with writing(engine) as connection:
        settings = SourceSettings(fhir_base_url=base, write_token_env="PEER_WRITE_TOKEN")
        source = sources.change(connection, "hospital", settings)
        outbox_control.want_standing(connection, source.id, datetime.now(UTC))  # as `source set` does
    later = datetime.now(UTC) + timedelta(minutes=5)
    with Connections(None).open(source, 30.0) as client:
        asker = Asker(engine, source, RULES, client, lambda: later)
        asked = ask(asker)
    assert asked.problems == {}
    assert asker.gone > 0 or style != "hapi"
    with reading(engine) as connection:
        lost = freshness.lost_lately(connection, later, timedelta(0))["hospital"]
    # Of what the feed lost, some was of a Patient, a deletion, or a version that another has followed.
    assert lossy.lost * 0.7 < lost <= lossy.lost

    clean = open_engine(f"sqlite:///{tmp_path / 'clean.db'}", durable=False)
    migrate(clean)
    clean_load(peer, clean, tmp_path)
    assert said(engine) == said(clean)

    terms = Terms("https://watch.clinic.test", "1", RULES.rulebook.digest, RULES.rulebook.version)
    courier = Courier(engine, lambda: terms, client_for=Connections(None).open, clock=lambda: later)
    while courier.deliver_once().claimed:
        pass
    with reading(engine) as connection:
        standing = [
            alert_store.decode(str(text))
            for text in connection.execute(alert_store.select_content()).scalars()
        ]
    issues = peer.all("DetectedIssue")
    held = [each["identifier"][0]["value"] for each in issues]
    assert len(held) == len(set(held))
    # Of those that are over, the server holds what it was told of while they were open, and no other.
    open_now = {str(each.id) for each in standing if each.state not in OVER}
    resolved = {str(each.id) for each in standing if each.state is State.RESOLVED}
    living = {each["identifier"][0]["value"] for each in issues if each["status"] != "entered-in-error"}
    assert len(open_now) > 10
    assert open_now <= living <= open_now | resolved
