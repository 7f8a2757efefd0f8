"""What Prometheus is told."""

from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update
from starlette.testclient import TestClient

from service.store import catch_up, freshness, outbox, quarantine, sources
from service.store.catch_up import Turn
from service.store.quarantine import Held
from service.store.schema import alert as alert_table
from service.store.schema import outbox as outbox_table
from service.store.schema import patient
from service.store.session import writing
from service.store.source_settings import SourceSettings
from tests.api.reading_room import ReadingRoom, number
from tests.fhir.alert_examples import urgent

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(client: TestClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"liverwatch_{name}", frozenset(labels.items())]


def test_what_stands_in_the_database_is_told(room: ReadingRoom, client: TestClient) -> None:
    now = datetime.now(UTC)
    for n in (1, 2):
        room.put(n, urgent() if n == 1 else None)
    source = room.sources["clinic"]
    held = [
        Held(0, source, f"Observation/{n}", None, "unknown-unit", None, "no", None, now, "feed")
        for n in (1, 2)
    ]
    with writing(room.engine) as connection:
        quarantine.hold(connection, held)
        for n in (1, 2):
            outbox.want(connection, [outbox.Want(number(n), source, 1, now - timedelta(minutes=5))])
        connection.execute(update(outbox_table).where(outbox_table.c.alert_id == number(2)).values(dead=True))
    told = scrape(client)
    assert value(told, "quarantine", reason="unknown-unit") == 2
    assert value(told, "alerts", state="open", tier="urgent") == 1
    assert value(told, "outbox_pending") == 1
    assert value(told, "outbox_dead") == 1
    assert 299 < value(told, "outbox_oldest_seconds") < 400
    assert value(told, "unjudged_records") == 0
    assert value(told, "rejudging") == 0
    assert value(told, "writer_alive") == 1


def test_what_no_sweep_has_looked_at_is_told_as_unjudged(room: ReadingRoom, client: TestClient) -> None:
    known = room.patient("p1")
    with writing(room.engine) as connection:
        due = update(patient).where(patient.c.id == known).values(review_on=datetime.now(UTC).date())
        connection.execute(due)
    assert value(scrape(client), "unjudged_records") == 1


def test_how_fresh_each_source_is_is_told_by_its_name(room: ReadingRoom, client: TestClient) -> None:
    now = datetime.now(UTC)
    with writing(room.engine) as connection:
        clinic = sources.change(connection, "clinic", SourceSettings(stale_after_seconds=60))
        freshness.message_came(connection, [clinic.id], now - timedelta(seconds=90))
        catch_up.begin(connection, clinic.id, ["Observation", "Patient", "Condition", "Subscription"], now)
        for type_, seconds in (("Observation", 500), ("Patient", 20), ("Subscription", 9000)):
            turn = Turn(clinic.id, type_, None, None, None, now)
            read = now - timedelta(seconds=seconds)
            catch_up.finish(connection, turn, read=read, next_at=now, compared=None)
    told = scrape(client)
    assert 90 <= value(told, "feed_silent_seconds", source="clinic") < 150
    assert 500 <= value(told, "catch_up_age_seconds", source="clinic") < 560
    assert value(told, "feed_stale", source="clinic") == 1
    assert value(told, "feed_stale", source="annex") == 0
    assert value(told, "feed_lost_last_day", source="clinic") == 0
    text = client.get("/metrics").text
    assert 'liverwatch_feed_silent_seconds{source="annex"}' not in text
    assert 'liverwatch_feed_lost_last_day{source="annex"}' not in text


def test_urgent_alerts_that_nobody_takes_in_time_are_told_while_they_wait(
    room: ReadingRoom, client: TestClient
) -> None:
    for n in (1, 2):
        room.put(n, urgent())
    assert value(scrape(client), "urgent_overdue") == 0
    with writing(room.engine) as connection:
        connection.execute(update(alert_table).where(alert_table.c.id == number(1)).values(overdue=True))
    assert value(scrape(client), "urgent_overdue") == 1


def test_requests_are_counted_by_template_and_never_by_path(room: ReadingRoom, client: TestClient) -> None:
    room.put(1)
    labels = {"method": "GET", "route": "/fhir/DetectedIssue/{id}", "status": "200"}
    client.get(f"/fhir/DetectedIssue/{number(1)}")
    before = value(scrape(client), "http_requests_total", **labels)
    client.get(f"/fhir/DetectedIssue/{number(1)}")
    client.get("/somewhere/Patient/MRN-4711")
    client.request("MRN4711", "/fhir/metadata")
    answer = client.get("/metrics")
    assert value(scrape(client), "http_requests_total", **labels) == before + 1
    assert "MRN" not in answer.text
    assert str(number(1)) not in answer.text
