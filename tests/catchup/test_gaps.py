"""Events that no notification brought are asked for by number, where the server keeps them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import Engine

from service.catchup import Asker, ask, connect
from service.catchup.fetching import fetch
from service.catchup.gaps import fill_gaps
from service.fhir.client import FhirClient
from service.fhir.subscriptions import Content, Hook
from service.simulated_ehr.server import Hospital, Options
from service.simulated_ehr.styles import STYLES, TOPIC
from service.store import gaps, subscriptions
from service.store.heard import Heard
from service.store.schema import subscription
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.catchup.ehr import Clinic
from tests.catchup.test_catching_up import live
from tests.catchup.test_subscribing import HOOK, statement
from tests.ingest.feeding import Feed, observation, patient
from tests.simulated_ehr.serving_here import Listener, hospital, listening, until

TOPICAL = ["backport-r4", "backport-r4b", "r5"]


class Connected:
    """A source connected to a simulated EHR whose notifications reach nobody who understands them."""

    def __init__(self, feed: Feed, simulated: Hospital, listener: Listener, client: FhirClient) -> None:
        self.feed, self.simulated, self.listener, self.client = feed, simulated, listener, client
        with reading(feed.engine) as connection:
            (self.kept,) = subscriptions.of_source(connection, feed.source.id)

    def arrive(self, *numbers: int) -> None:
        """Results come in at the EHR, which tells the listener of each."""
        for number in numbers:
            self.simulated.records.put(observation(f"o{number}"))
        told = len(self.listener.told) + len(numbers)
        answer = self.control("/control/arrive", patient(f"p{numbers[0]}"))
        assert answer == 200
        until(lambda: len(self.listener.told) >= told)

    def control(self, path: str, body: object) -> int:
        root = self.client._exchange.base.removesuffix("/fhir/")
        return httpx2.post(f"{root}{path}", json=body, trust_env=False).status_code

    def asker(self) -> Asker:
        feed = self.feed
        return Asker(feed.engine, feed.source, feed.rules, self.client, lambda: feed.now)

    def missing(self) -> list[tuple[int, int]]:
        with reading(self.feed.engine) as connection:
            return [(each.first, each.last) for each in gaps.of_source(connection, self.feed.source.id)]

    def stored(self) -> set[str]:
        return {one.key.observation_id for each in self.feed.histories().values() for one in each}


@contextmanager
def connected(engine: Engine, style: str, content: Content) -> Iterator[Connected]:
    with listening() as listener, hospital(Options(style=STYLES[style])) as (ehr, simulated):
        base = str(ehr.base_url).rstrip("/")
        feed = Feed(engine, SourceSettings(fhir_base_url=base), settle=timedelta(0))
        with FhirClient(base) as client:
            hook = Hook(listener.url, "Authorization: Bearer made-up", content)
            connect(engine, feed.source, client, hook, feed.now, topics=(TOPIC,))
            until(lambda: simulated.records.every("Subscription")[0]["status"] == "active")
            yield Connected(feed, simulated, listener, client)


@pytest.mark.parametrize("style", TOPICAL)
@pytest.mark.parametrize("content", ["full-resource", "id-only"])
def test_what_every_notification_lost_is_counted_and_had_by_number(
    engine: Engine, style: str, content: Content
) -> None:
    with connected(engine, style, content) as here:
        assert here.kept.operations == ("status", "events")
        here.arrive(1, 2, 3)
        assert here.stored() == set()
        fill_gaps(here.asker())
        assert here.missing() == []
        if content == "id-only":
            fetch(here.asker())
        assert here.stored() == {"o1", "o2", "o3"}
        with reading(engine) as connection:
            assert gaps.count(connection, here.feed.source.id) == {here.kept.fhir_id: 1}
        fill_gaps(here.asker())
        with reading(engine) as connection:
            assert gaps.count(connection, here.feed.source.id) == {here.kept.fhir_id: 1}


def test_of_a_jump_in_the_numbers_only_what_was_passed_over_is_asked_for(engine: Engine) -> None:
    with connected(engine, "backport-r4b", "full-resource") as here:
        here.arrive(1, 2, 3)
        said = Heard("event-notification", "active", 4, (1, 3), here.kept.fhir_id)
        with writing(engine) as connection:
            connection.execute(subscription.update().values(operations="events"))
            gaps.note(connection, here.feed.source.id, said, here.feed.now)
        assert here.missing() == [(2, 2)]
        fill_gaps(here.asker())
        assert here.missing() == []
        assert here.stored() == {"o2"}


def test_where_no_events_are_kept_everything_that_changed_is_asked_for_at_once(clinic: Clinic) -> None:
    clinic.ehr.statement = statement("4.0.1", TOPIC)
    asker = clinic.asker()
    connect(asker.engine, asker.source, asker.client, HOOK, asker.clock())
    ask(clinic.asker())
    clinic.ehr.put(observation("o1"))
    with writing(clinic.feed.engine) as connection:
        (kept,) = subscriptions.of_source(connection, clinic.feed.source.id)
        assert kept.operations == ()
        said = Heard("event-notification", "active", 2, (2,), kept.fhir_id)
        gaps.note(connection, clinic.feed.source.id, said, clinic.feed.now)
    clinic.feed.now += timedelta(seconds=11)
    ask(clinic.asker())
    assert live(clinic) == {"o1"}


def test_of_numbers_that_mean_something_else_no_events_are_asked_for(engine: Engine) -> None:
    with connected(engine, "backport-r4b", "full-resource") as here:
        said = Heard("event-notification", "active", None, (10**15,), here.kept.fhir_id)
        with writing(engine) as connection:
            connection.execute(subscription.update().values(operations="events"))
            gaps.note(connection, here.feed.source.id, said, here.feed.now)
        fill_gaps(here.asker())
        assert here.missing() == []


def test_a_server_that_offers_events_and_refuses_them_is_asked_for_what_changed(clinic: Clinic) -> None:
    whole = statement("4.0.1", TOPIC)
    whole["rest"][0]["resource"][-1]["operation"] = [{"name": "events"}, {"name": "$status"}]
    clinic.ehr.statement = whole
    asker = clinic.asker()
    connect(asker.engine, asker.source, asker.client, HOOK, asker.clock())
    ask(clinic.asker())
    clinic.ehr.put(observation("o1"))
    with writing(clinic.feed.engine) as connection:
        (kept,) = subscriptions.of_source(connection, clinic.feed.source.id)
        assert kept.operations == ("status", "events")
        said = Heard("event-notification", "active", 2, (2,), kept.fhir_id)
        gaps.note(connection, clinic.feed.source.id, said, clinic.feed.now)
    clinic.feed.now += timedelta(seconds=11)
    assert ask(clinic.asker()).problems == {}
    assert live(clinic) == {"o1"}
