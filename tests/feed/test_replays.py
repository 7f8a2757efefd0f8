"""A signed message that comes again is not a second message; what an honest sender repeats is not lost."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from starlette.testclient import TestClient

from service.errors import Overloaded
from service.feed import batcher, signatures
from service.ingest import Delivery, Rules, take
from service.store import messages, sources
from service.store.messages import Message
from service.store.schema import signed_message
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.feed.conftest import Start
from tests.feed.sending import BEARER, FEED, held, kept, observation, values
from tests.feed.signing import SIGNING, Headers, standard_webhooks, timestamped


@pytest.fixture
def feed(start: Start, hospital: Engine, tmp_path: Path) -> TestClient:
    """The service with a source that signs the time with the body."""
    (tmp_path / "secret").write_text(SIGNING)
    chosen = SourceSettings(signed="timestamp", signing_secret_file=str(tmp_path / "secret"))
    with writing(hospital) as connection:
        sources.change(connection, "hospital", chosen)
    return start()


def unversioned(value: int) -> bytes:
    """A result whose versions nothing orders but their arrival."""
    result = observation(value=value)
    del result["meta"]
    return json.dumps(result).encode()


def send(feed: TestClient, body: bytes, headers: Headers, path: str = FEED, method: str = "POST") -> int:
    return feed.request(method, path, content=body, headers=headers).status_code


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(signed_message)).scalar_one()


def test_a_repeated_message_is_answered_and_changes_nothing(feed: TestClient, hospital: Engine) -> None:
    first, second = unversioned(50), unversioned(60)
    headers = timestamped(first)
    assert send(feed, first, headers) == 200
    assert send(feed, second, timestamped(second)) == 200
    for _ in range(3):
        assert send(feed, first, headers) == 200
    assert values(hospital) == {"o1": "60"}
    assert count(hospital) == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", FEED),
        ("POST", f"{FEED}/Observation/o1"),
        ("PUT", f"{FEED}/Observation/o1"),
        ("POST", f"{FEED}?x=1"),
    ],
)
def test_nor_does_it_under_another_address(
    feed: TestClient, hospital: Engine, method: str, path: str
) -> None:
    first, second = unversioned(50), unversioned(60)
    headers = timestamped(first)
    send(feed, first, headers)
    send(feed, second, timestamped(second))
    assert send(feed, first, {**headers, "X-Anything": "new"}, path, method) == 200
    assert values(hospital) == {"o1": "60"}


def test_nor_does_it_at_another_process(feed: TestClient, hospital: Engine, start: Start) -> None:
    other = start()
    first, second = unversioned(50), unversioned(60)
    headers = timestamped(first)
    send(feed, first, headers)
    send(other, second, timestamped(second))
    assert send(other, first, headers) == 200
    assert values(hospital) == {"o1": "60"}


def test_nor_does_it_by_the_signature_of_the_secret_not_used_before(
    feed: TestClient, hospital: Engine, tmp_path: Path
) -> None:
    following = "the-signing-secret-that-comes-next"
    first, second = unversioned(50), unversioned(60)
    both = timestamped(first, SIGNING, following)["X-Signature"]
    sent, old, new = both.split(",")
    assert send(feed, first, {"X-Signature": f"{sent},{old}"}) == 200
    send(feed, second, timestamped(second))
    (tmp_path / "secret").write_text(f"{SIGNING}\n{following}")
    assert send(feed, first, {"X-Signature": f"{sent},{new}"}) == 200
    assert values(hospital) == {"o1": "60"}


def test_once_its_time_is_over_it_is_refused(
    feed: TestClient, hospital: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = unversioned(50)
    headers = timestamped(body)
    send(feed, body, headers)
    later = time.time() + signatures.WINDOW_SECONDS + 2
    monkeypatch.setattr(signatures, "time", SimpleNamespace(time=lambda: later))
    assert send(feed, body, headers) == 401
    with writing(hospital) as connection:
        messages.forget(connection, datetime.fromtimestamp(later, UTC))
    assert send(feed, body, headers) == 401
    assert count(hospital) == 1


def test_a_message_that_could_not_be_taken_is_taken_when_it_comes_again(
    feed: TestClient, hospital: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = unversioned(50)
    headers = timestamped(body)
    with monkeypatch.context() as busy:

        def refuse(*_: Any, **__: Any) -> None:
            raise Overloaded("too busy", retry_after=1)

        busy.setattr(batcher, "take", refuse)
        assert send(feed, body, headers) == 503
    assert (kept(hospital), count(hospital)) == ({}, 0)
    assert send(feed, body, headers) == 200
    assert values(hospital) == {"o1": "50"}


def test_a_message_that_cannot_be_stored_is_set_aside_once(
    feed: TestClient, hospital: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(batcher, "take", fail)
    body = unversioned(50)
    headers = timestamped(body)
    assert [send(feed, body, headers) for _ in range(3)] == [200, 200, 200]
    assert held(hospital) == ["storing-failed"]


def test_what_is_sent_again_with_a_new_time_is_an_ordinary_repetition(
    feed: TestClient, hospital: Engine
) -> None:
    body = json.dumps(observation()).encode()
    assert send(feed, body, timestamped(body, at=-2)) == 200
    assert send(feed, body, timestamped(body)) == 200
    assert kept(hospital) == {"Observation/o1": ("1", "live")}


def test_a_sender_that_uses_an_id_twice_loses_nothing(
    feed: TestClient, hospital: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.feed.authenticity.REFRESH_SECONDS", 0.0)
    (tmp_path / "secret").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    chosen = SourceSettings(signed="standard-webhooks", signing_secret_file=str(tmp_path / "secret"))
    with writing(hospital) as connection:
        sources.change(connection, "hospital", chosen)
    for value in (50, 60):
        body = unversioned(value)
        assert send(feed, body, standard_webhooks(body, id_="msg_1")) == 200
    assert values(hospital) == {"o1": "60"}


def test_two_deletions_within_one_second_are_two_messages(feed: TestClient, hospital: Engine) -> None:
    for id_ in ("o1", "o2"):
        body = json.dumps(observation(id_)).encode()
        send(feed, body, timestamped(body))
    headers = {**timestamped(b"{}"), **BEARER}
    for id_ in ("o1", "o2"):
        told = {**headers, "X-Medplum-Deleted-Resource": f"Observation/{id_}"}
        assert send(feed, b"{}", told) == 200
    assert {state for _, state in kept(hospital).values()} == {"deleted"}


def test_a_repeated_deletion_takes_nothing_away_again(feed: TestClient, hospital: Engine) -> None:
    told = {**timestamped(b""), **BEARER}
    assert send(feed, b"", told, f"{FEED}/Observation/o1", "DELETE") == 200
    body = unversioned(50)
    send(feed, body, timestamped(body))
    before = kept(hospital)
    assert send(feed, b"", told, f"{FEED}/Observation/o1", "DELETE") == 200
    assert kept(hospital) == before


def test_a_message_that_comes_twice_in_one_transaction_counts_once(hospital: Engine) -> None:
    from service.clinical.rulebook import load_rulebook
    from service.fhir.decode import decode_resource
    from service.settings import Settings

    rulebook = load_rulebook(None)
    now = datetime.now(UTC)
    with reading(hospital) as connection:
        source = sources.by_name(connection, "hospital")
    incoming = [
        decode_resource(unversioned(value), source="hospital", zone=None, rulebook=rulebook)
        for value in (50, 60)
    ]
    once = Message("0" * 64, now + timedelta(minutes=10))
    sent = [Delivery(source, [each], now, "feed", message=once) for each in incoming]
    receipt = take(hospital, sent, Rules.of(Settings(), rulebook), now)
    assert dict(receipt.counts) == {"stored": 1, "duplicate": 1}
    assert values(hospital) == {"o1": "50"}


def test_only_messages_that_have_expired_are_forgotten(hospital: Engine) -> None:
    now = datetime.now(UTC)
    past, coming = (Message(digit * 64, now + timedelta(seconds=by)) for digit, by in (("a", -1), ("b", 1)))
    with writing(hospital) as connection:
        assert messages.note(connection, [past, coming]) == frozenset()
        messages.forget(connection, now)
        assert messages.note(connection, [past, coming]) == {coming.digest}
