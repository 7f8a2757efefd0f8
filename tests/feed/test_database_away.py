"""With the database away the feed says so at once, loses nothing, and goes on by itself when it is back."""

import threading
import time
from collections.abc import Iterator

import httpx2
import pytest

from service.api.health import REMEMBERED_SECONDS
from service.store.session import open_engine
from tests.feed.sending import FEED, kept, observation, unjudged
from tests.feed.serving import PATIENCE_SECONDS, Served, post, serving
from tests.postgres import OwnPostgres

pytestmark = pytest.mark.slow


@pytest.fixture
def served(stoppable_postgres: OwnPostgres) -> Iterator[Served]:
    with serving(stoppable_postgres.url.render_as_string(hide_password=False)) as served:
        yield served


class Stream(threading.Thread):
    """Posts one Observation after another until told to stop."""

    def __init__(self, served: Served) -> None:
        super().__init__()
        self._served = served
        self.over = threading.Event()
        self.answers: dict[str, int] = {}

    def run(self) -> None:
        with self._served.client() as client:
            while not self.over.is_set():
                id_ = f"s{len(self.answers)}"
                self.answers[id_] = post(client, observation(id_, patient=f"p{len(self.answers) % 5}"))
                time.sleep(0.02)


def until(client: httpx2.Client, status: int) -> httpx2.Response:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = client.post(FEED, json=observation("probe"))
        if answer.status_code == status:
            return answer
        assert answer.status_code in (200, 503)
        time.sleep(0.1)
    raise AssertionError(f"{status} was never answered")


def test_the_feed_answers_503_while_the_database_is_away_and_recovers_by_itself(
    stoppable_postgres: OwnPostgres, served: Served
) -> None:
    stream = Stream(served)
    with served.client() as client:
        assert client.post(FEED, json=observation("before")).status_code == 200
        stream.start()
        try:
            stoppable_postgres.stop()
            refused = until(client, 503)
            assert int(refused.headers["Retry-After"]) > 0
            assert refused.json()["issue"][0]["code"] == "transient"
            begun = time.monotonic()
            assert client.delete(f"{FEED}/Observation/before").status_code == 503
            assert time.monotonic() - begun < 5
            assert client.get("/health/live").status_code == 200
            assert client.get("/health/ready").status_code == 503
            stoppable_postgres.start()
            until(client, 200)
            time.sleep(REMEMBERED_SECONDS + 0.1)
        finally:
            stream.over.set()
            stream.join()
        assert client.get("/health/ready").status_code == 200
    assert set(stream.answers.values()) == {200, 503}
    engine = open_engine(stoppable_postgres.url.render_as_string(hide_password=False))
    acknowledged = {f"Observation/{id_}" for id_, status in stream.answers.items() if status == 200}
    assert acknowledged | {"Observation/before", "Observation/probe"} <= set(kept(engine))
    assert unjudged(engine) == 0
    engine.dispose()
