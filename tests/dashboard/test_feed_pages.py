"""How feeds stand, in the browser: on a page of their own, and where it matters to nurses."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, update

from service.dashboard.access import Role, User
from service.store import catch_up, sources
from service.store.schema import last_message, outbox, patient, resource
from service.store.session import writing
from service.store.source_settings import SourceSettings
from tests.dashboard.reading_pages import Page
from tests.dashboard.ward import STRANGER, Ward
from tests.liver_files import persistent, person, result

ENGINEER = User("u-engineer", "Engineer", frozenset({Role.ENGINEER}), frozenset({"clinic"}))


@pytest.fixture
def running(ward: Ward) -> Ward:
    """Two hospitals: one with an alert, something in quarantine and something passed over."""
    other = result("x", "p1", "2024-09-01")
    other["code"] = {"coding": [{"system": "http://loinc.org", "code": "0000-0"}]}
    odd = result("odd", "p1", "2024-09-05", valueQuantity={"value": 8, "unit": "squeaks"})
    ward.feed([person("p1"), *persistent("p1"), odd, other])
    ward.feed([person("p3")], "annex")
    return ward


def text_of(ward: Ward, user: User, address: str) -> str:
    with ward.client(user) as client:
        answer = client.get(address)
    assert answer.status_code == 200
    (main,) = Page(answer.text).texts("main")
    return main


def silent(ward: Ward, name: str = "clinic") -> None:
    """Its feed brought something an hour ago, and is stale after ten minutes."""
    with writing(ward.engine) as connection:
        source = sources.change(connection, name, SourceSettings(stale_after_seconds=600))
        at = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(insert(last_message).values(source_id=source.id, at=at, first=at))


def failing(ward: Ward) -> None:
    """Its server could not be asked for what changed."""
    now = datetime.now(UTC)
    with writing(ward.engine) as connection:
        source = sources.by_name(connection, "clinic")
        catch_up.begin(connection, source.id, ["Observation"], now - timedelta(seconds=1))
        turn = catch_up.take_turn(connection, source.id, now, timedelta(minutes=1))
        assert turn is not None
        catch_up.fail(connection, turn, "the server answered 503", now)


def test_each_source_says_what_is_held_and_what_was_passed_over_by_reason(running: Ward) -> None:
    text = text_of(running, ENGINEER, "/feeds")
    assert "unknown unit1" in text
    assert "other code1" in text
    assert "annex" not in text


def test_it_says_how_long_a_feed_is_silent_why_catching_up_fails_and_what_was_refused(running: Ward) -> None:
    silent(running)
    failing(running)
    alert = running.alert()
    with writing(running.engine) as connection:
        source = sources.by_name(connection, "clinic")
        connection.execute(
            insert(outbox).values(
                alert_id=alert.id,
                source_id=source.id,
                wanted_revision=1,
                dead=True,
                not_before=datetime.now(UTC),
            )
        )
    text = text_of(running, ENGINEER, "/feeds")
    assert "silent for longer than its setting allows" in text
    assert "Observation could not be read, 1 time in a row the server answered 503" in text
    assert "1 refused for good" in text


def test_it_says_how_many_results_a_feed_lost_lately(running: Ward) -> None:
    assert "Lost in the last dayit has brought nothing yet" in text_of(running, ENGINEER, "/feeds")
    silent(running)
    assert "Lost in the last daynothing that asking found" in text_of(running, ENGINEER, "/feeds")
    stored = datetime.now(UTC) - timedelta(minutes=30)
    with writing(running.engine) as connection:
        found = update(resource).where(resource.c.key == "Observation/odd")
        connection.execute(found.values(way="catch-up", last_updated=stored, received=stored))
    assert "Lost in the last day1 result that asking found and it never brought" in text_of(
        running, ENGINEER, "/feeds"
    )


def test_nothing_of_a_patient_stands_there(running: Ward) -> None:
    with running.client(ENGINEER) as client:
        text = client.get("/feeds").text
    assert "p1" not in text
    assert str(running.public_id("p1")) not in text


def test_the_worklist_warns_where_a_feed_is_silent_or_catching_up_fails(running: Ward) -> None:
    with running.client() as client:
        assert "What is shown may be behind" not in client.get("/").text
        silent(running)
        failing(running)
        text = client.get("/").text
    assert "The feed of clinic has been silent for too long, since" in text
    assert "Catching up with clinic fails: Observation." in text


def test_it_warns_nobody_of_a_source_that_they_do_not_see(running: Ward) -> None:
    silent(running)
    with running.client(STRANGER) as client:
        assert "silent" not in client.get("/").text


def test_it_warns_while_records_wait_to_be_judged(running: Ward) -> None:
    with writing(running.engine) as connection:
        source = sources.by_name(connection, "clinic")
        connection.execute(
            insert(patient).values(
                source_id=source.id,
                fhir_id="behind",
                public_id=uuid4(),
                revision=0,
                judged_revision=1,
                read_digest="",
            )
        )
    with running.client() as client:
        assert "1 record waits to be judged." in client.get("/").text
    with running.client(STRANGER) as client:
        assert "to be judged" not in client.get("/").text
