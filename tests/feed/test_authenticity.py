"""Who may feed: a bearer token or a secret header, two valid at once, none of another source."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine
from starlette.testclient import TestClient

from service.feed import authenticity
from service.feed.authenticity import Directory
from service.store import sources
from service.store.session import writing
from service.store.source_settings import SourceSettings
from tests.feed.conftest import Start
from tests.feed.sending import BEARER, FEED, SECRET, check_refused, kept, observation


@pytest.fixture
def feed(start: Start) -> TestClient:
    """The service; what is sent carries no secret by itself."""
    return start()


@pytest.fixture
def _seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the sources is seen by the next request, not seconds later."""
    monkeypatch.setattr(authenticity, "REFRESH_SECONDS", 0.0)


@pytest.fixture
def _seldom_refreshed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is not known causes a look."""
    monkeypatch.setattr(authenticity, "REFRESH_SECONDS", 3600.0)


def status(feed: TestClient, secret: str) -> int:
    return feed.post(FEED, json=observation(), headers={"Authorization": f"Bearer {secret}"}).status_code


@pytest.mark.parametrize(
    "headers",
    [
        BEARER,
        {"Authorization": f"bearer   {SECRET}"},
        {"X-Liverwatch-Secret": SECRET},
        {"X-Liverwatch-Secret": SECRET, "Authorization": "Basic YTpi"},
    ],
)
def test_the_secret_is_taken_as_bearer_token_or_in_its_header(
    feed: TestClient, headers: dict[str, str]
) -> None:
    assert feed.post(FEED, json=observation(), headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": SECRET},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {SECRET}x"},
        {"Authorization": "Bearer wrong", "X-Liverwatch-Secret": SECRET},
        {"X-Liverwatch-Secret": "wrong"},
        {"X-Liverwatch-Secret": "wr\xf6ng"},
        {"Cookie": f"secret={SECRET}"},
    ],
)
def test_without_the_secret_nothing_is_taken(
    feed: TestClient, hospital: Engine, headers: dict[str, str]
) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    for method, path in (
        ("POST", FEED),
        ("PUT", f"{FEED}/Observation/o1"),
        ("DELETE", f"{FEED}/Observation/o1"),
    ):
        body = b"" if method == "DELETE" else b'{"this is": not even read'
        answer = feed.request(method, path, content=body, headers=encoded)
        said = check_refused(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "wr" not in said
        assert SECRET not in said
    assert kept(hospital) == {}


def test_the_secret_does_not_count_in_the_query(feed: TestClient) -> None:
    check_refused(feed.post(f"{FEED}?access_token={SECRET}", json=observation()), 401)


@pytest.mark.usefixtures("_seen_at_once")
def test_while_a_secret_is_rotated_two_are_valid(feed: TestClient, hospital: Engine) -> None:
    def rotate(secret: str) -> None:
        with writing(hospital) as connection:
            sources.rotate_secret(connection, "hospital", secret)

    assert status(feed, "second") == 401
    rotate("second")
    assert (status(feed, SECRET), status(feed, "second")) == (200, 200)
    rotate("third")
    assert (status(feed, SECRET), status(feed, "second"), status(feed, "third")) == (401, 200, 200)


@pytest.mark.usefixtures("_seen_at_once")
def test_a_secret_opens_no_other_source(feed: TestClient, hospital: Engine) -> None:
    with writing(hospital) as connection:
        sources.add(connection, "clinic", SourceSettings(), "clinics-own", datetime.now(UTC))
    assert feed.post("/feeds/clinic", json=observation(), headers=BEARER).status_code == 401
    assert status(feed, "clinics-own") == 401


@pytest.mark.usefixtures("_seen_at_once")
def test_a_source_that_was_removed_takes_nothing_more(feed: TestClient, hospital: Engine) -> None:
    assert status(feed, SECRET) == 200
    with writing(hospital) as connection:
        sources.remove(connection, "hospital")
    assert status(feed, SECRET) == 404


@pytest.mark.usefixtures("_seldom_refreshed")
def test_a_source_just_added_is_taken_at_once(feed: TestClient, hospital: Engine) -> None:
    for name in ("clinic", "ward", "practice"):  # each a moment after the look that found the one before
        assert feed.post(f"/feeds/{name}", json=observation(), headers=BEARER).status_code == 404
        with writing(hospital) as connection:
            sources.add(connection, name, SourceSettings(), SECRET, datetime.now(UTC))
        assert feed.post(f"/feeds/{name}", json=observation(), headers=BEARER).status_code == 200


@pytest.mark.usefixtures("_seldom_refreshed")
def test_a_secret_just_made_is_taken_at_once(feed: TestClient, hospital: Engine) -> None:
    for secret in ("second", "third", "fourth"):
        assert status(feed, secret) == 401
        with writing(hospital) as connection:
            sources.rotate_secret(connection, "hospital", secret)
        assert status(feed, secret) == 200


@pytest.mark.usefixtures("_seldom_refreshed")
def test_many_wrong_secrets_at_once_cause_few_looks(
    hospital: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    every = sources.every

    def counting(connection: Connection) -> list[sources.Source]:
        looks.append(1)
        return every(connection)

    monkeypatch.setattr(sources, "every", counting)
    monkeypatch.setattr(authenticity, "LOOK_AGAIN_SECONDS", 0.0)
    directory = Directory(hospital)

    async def ask() -> None:
        await asyncio.gather(*(directory.look_again() for _ in range(200)))

    asyncio.run(ask())
    assert len(looks) == 1


def test_a_change_of_the_sources_is_seen_within_seconds(
    feed: TestClient, hospital: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status(feed, SECRET) == 200
    with writing(hospital) as connection:
        sources.rotate_secret(connection, "hospital", "second")
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + authenticity.REFRESH_SECONDS + 0.1)
    assert status(feed, "second") == 200
