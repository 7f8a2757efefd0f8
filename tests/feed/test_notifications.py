"""Requests that point at what changed, or say that something did: kept before they are answered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from service.feed.hearing import Hearing
from service.ingest import Delivery
from service.store import freshness, gaps, sources, subscriptions
from service.store.schema import heard, pending_fetch, resource
from service.store.session import reading, writing
from service.store.subscriptions import Kept
from tests.feed.sending import FEED, kept, observation, values
from tests.feed.test_hooks import check_taken
from tests.fhir.test_notifications import history, r4
from tests.simulated_ehr.serving_here import until


def pointed(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(select(pending_fetch.c.key)).scalars())


def test_an_empty_body_says_that_something_changed(feed: TestClient, hospital: Engine) -> None:
    check_taken(feed.post(FEED))
    check_taken(feed.post(FEED, content=b" \n"))
    assert pointed(hospital) == {""}


def test_an_empty_body_at_the_address_of_a_resource_points_at_it(feed: TestClient, hospital: Engine) -> None:
    check_taken(feed.put(f"{FEED}/Observation/o1"))
    check_taken(feed.post(f"{FEED}/Encounter/e1"))
    assert pointed(hospital) == {"Observation/o1"}
    assert feed.put(f"{FEED}/observation/o1").status_code == 400


@pytest.mark.parametrize("body", [b"{}", b""])
def test_medplum_tells_of_a_deletion_in_a_header(feed: TestClient, hospital: Engine, body: bytes) -> None:
    check_taken(feed.post(FEED, json=observation()))
    headers = {"X-Medplum-Deleted-Resource": "Observation/o1"}
    check_taken(feed.post(FEED, content=body, headers=headers))
    assert kept(hospital)["Observation/o1"][1] == "deleted"
    assert values(hospital) == {}
    assert feed.post(FEED, content=b"{}", headers={"X-Medplum-Deleted-Resource": "all"}).status_code == 400


def test_a_notification_stores_what_it_carries_and_keeps_what_it_points_at(
    feed: TestClient, hospital: Engine
) -> None:
    event = r4("event-notification", {"focus": "Observation/o1"}, {"focus": "Observation/o2"})
    check_taken(feed.post(FEED, json=history(event, {"resource": observation("o1")})))
    assert values(hospital) == {"o1": "50"}
    assert pointed(hospital) == {"Observation/o2"}


def test_what_it_carries_and_what_it_points_at_both_come_by_the_feed(
    feed: TestClient, hospital: Engine
) -> None:
    event = r4("event-notification", {"focus": "Observation/o1"}, {"focus": "Observation/o2"})
    check_taken(feed.post(FEED, json=history(event, {"resource": observation("o1")})))
    with reading(hospital) as connection:
        assert connection.execute(select(resource.c.way)).scalars().all() == ["feed"]
        assert connection.execute(select(pending_fetch.c.way)).scalars().all() == ["feed"]


def test_numbers_that_a_notification_passes_over_are_noticed(feed: TestClient, hospital: Engine) -> None:
    with writing(hospital) as connection:
        source = sources.by_name(connection, "hospital").id
        made = Kept(source, "s1", "topic", "active", datetime(2026, 1, 15, tzinfo=UTC), events=0)
        subscriptions.add(connection, made)
    event = r4("event-notification", {"focus": "Observation/o1"})
    reference = {"reference": "https://ehr.clinic.test/fhir/Subscription/s1"}
    stated = event["resource"]["parameter"]
    stated[-1]["part"].append({"name": "event-number", "valueString": "3"})
    stated.append({"name": "subscription", "valueReference": reference})
    check_taken(feed.post(FEED, json=history(event)))
    with reading(hospital) as connection:
        assert [(each.first, each.last) for each in gaps.of_source(connection, source)] == [(1, 2)]


def test_when_a_source_was_last_heard_of_is_noted_at_once_and_then_seldom(hospital: Engine) -> None:
    with reading(hospital) as connection:
        source = sources.by_name(connection, "hospital")
    hearing, began = Hearing(hospital), datetime(2026, 1, 15, tzinfo=UTC)

    def noted_after(seconds: float) -> float:
        hearing.note([Delivery(source, (), began + timedelta(seconds=seconds), "feed")])
        with reading(hospital) as connection:
            last = freshness.of_every_source(connection, began)["hospital"].last_message
        assert last is not None
        return (last - began).total_seconds()

    assert [noted_after(each) for each in (0, 1, 9.9, 10, 15, 30, 25)] == [0, 0, 0, 10, 10, 30, 30]
    with reading(hospital) as connection:
        assert freshness.fed_since(connection) == {source.id: began}


def test_whatever_the_feed_takes_counts_as_a_message(feed: TestClient, hospital: Engine) -> None:
    began = datetime.now(UTC)
    check_taken(feed.post(FEED))

    def last() -> datetime | None:
        with reading(hospital) as connection:
            return freshness.of_every_source(connection, began)["hospital"].last_message

    until(lambda: last() is not None)
    at = last()
    assert at is not None
    assert began <= at <= datetime.now(UTC)


@pytest.mark.parametrize("kind", ["handshake", "heartbeat", "query-status"])
def test_what_only_speaks_of_the_subscription_is_noted(feed: TestClient, hospital: Engine, kind: str) -> None:
    check_taken(feed.post(FEED, json=history(r4(kind, events_since_subscription_start="7"))))
    with reading(hospital) as connection:
        (row,) = connection.execute(select(heard)).all()
    assert (row.kind, row.status, row.events) == (kind, "active", 7)
    assert pointed(hospital) == set()


def test_a_status_of_any_length_is_taken(feed: TestClient, hospital: Engine) -> None:
    status = {"resourceType": "SubscriptionStatus", "type": "heartbeat", "status": "x" * 1000}
    check_taken(feed.post(FEED, json=history({"resource": status})))
    with reading(hospital) as connection:
        assert connection.execute(select(heard.c.status)).scalar_one() == ""


def test_a_pointer_needs_the_secret_too(feed: TestClient, hospital: Engine) -> None:
    for request in (
        {"content": b""},
        {"content": b"{}", "headers": {"X-Medplum-Deleted-Resource": "Observation/o1"}},
    ):
        sent: dict[str, Any] = {"headers": {}, **request}
        sent["headers"] = {**sent["headers"], "Authorization": "Bearer wrong"}
        assert feed.post(FEED, **sent).status_code == 401
    assert pointed(hospital) == set()
