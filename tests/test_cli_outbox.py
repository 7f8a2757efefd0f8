"""What a person sees of what waits to be written to the EHR, and what they may do about it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import Engine, select

from service.alerts.alert import Alert
from service.cli.opening import actor
from service.clinical.rulebook import load_rulebook
from service.deliver import Terms
from service.settings import Settings
from service.store.schema import audit
from service.store.session import reading
from tests.commands import Run, audited
from tests.deliver.posting import Post, over
from tests.fhir.alert_examples import ALERT_ID, NOW, OTHER_ID, alert, urgent, went_on
from tests.fhir.fake_server import FakeServer, Handler, status

TERMS = Terms.of(Settings(), load_rulebook())


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def post(engine: Engine, server: FakeServer) -> Post:
    return Post(engine, over(server.transport), patient="patient-4711")


@pytest.fixture
def sent(server: FakeServer) -> list[Any]:
    """Every transaction that is sent from now on, as the server gets it."""
    bundles: list[Any] = []

    def keep(handle: Handler, request: httpx2.Request) -> httpx2.Response:
        bundles.append(json.loads(request.content))
        return handle(request)

    server.next_answers["POST /"] = [keep] * 10
    return bundles


def refuse(post: Post, server: FakeServer, *alerts: Alert) -> None:
    """Let the server refuse these for good."""
    for each in alerts:
        server.next_answers["POST /"] = [status(422)]
        assert post.deliver(each).buried == 1
        post.later(seconds=1)


def numbered(number: int) -> Alert:
    return replace(alert(), id=UUID(int=number << 96))


def test_an_empty_outbox_lists_nothing(run: Run) -> None:
    assert run("outbox", "list", "--json").json == []
    assert run("outbox", "list").err == "in all: none\n"


def test_what_waits_and_what_was_refused_is_listed_with_nothing_of_the_patient(
    run: Run, post: Post, server: FakeServer
) -> None:
    refuse(post, server, alert())
    post.want(replace(alert(), id=OTHER_ID), settle=timedelta(minutes=15))
    listed = run("outbox", "list", "--json")
    assert listed.json == [
        {
            "alert": str(ALERT_ID),
            "source": "clinic",
            "standing": "dead",
            "wanted": 1,
            "sent": 0,
            "attempts": 1,
            "next_try": None,
            "cancelled_by": None,
            "last_error": "POST transaction: HTTP 422",
        },
        {
            "alert": str(OTHER_ID),
            "source": "clinic",
            "standing": "waiting",
            "wanted": 1,
            "sent": 0,
            "attempts": 0,
            "next_try": (NOW + timedelta(seconds=1, minutes=15)).isoformat(),
            "cancelled_by": None,
            "last_error": None,
        },
    ]
    assert listed.err == "in all: 1 waiting, 1 dead\n"
    assert [each["alert"] for each in run("outbox", "list", "--dead", "--json").json] == [str(ALERT_ID)]
    assert len(run("outbox", "list", "--limit", 1, "--json").json) == 1
    assert "HTTP 422" in run("outbox", "list").out
    assert "4711" not in listed.out + run("outbox", "list").out
    assert run("outbox", "list", "--source", "nowhere").code == 1


def test_what_would_be_sent_is_shown_without_the_patient_and_on_request_with(
    run: Run, post: Post, engine: Engine
) -> None:
    post.want(alert())
    shown = run("outbox", "show", str(ALERT_ID)[:6])
    assert shown.code == 0
    assert "DetectedIssue" in shown.out
    assert "4711" not in shown.out
    assert "4711" in run("outbox", "show", ALERT_ID, "--bundle").out
    assert audited(engine) == ["read-outbox", "read-outbox"]
    assert run("outbox", "show", OTHER_ID).code == 1


def test_what_an_ehr_does_not_take_is_said_and_not_shown_as_to_be_sent(
    run: Run, post: Post, server: FakeServer
) -> None:
    server.offers("DetectedIssue", "Device")
    run("source", "set", "clinic", "--write", "auto")
    post.want(alert())
    post.courier(TERMS).deliver_once()
    assert server.one("DetectedIssue")
    shown = run("outbox", "show", ALERT_ID)
    assert "left out     ServiceRequest: the server does not offer" in shown.out
    assert "would send   nothing" in shown.out
    missing = run("outbox", "show", ALERT_ID, "--json").json["left_out"]
    assert missing.keys() == {"ServiceRequest", "CommunicationRequest", "Task", "Provenance"}


def test_the_bundle_shown_is_the_one_that_is_sent_then(
    run: Run, post: Post, server: FakeServer, sent: list[Any]
) -> None:
    def shown() -> Any:
        return run("outbox", "show", ALERT_ID, "--bundle", "--json").json["bundle"]

    def courier_writes() -> Any:
        post.courier(TERMS).deliver_once()
        return sent.pop()

    post.want(urgent())
    first, written = shown(), courier_writes()
    device = server.one("Device")
    name = f"Device?identifier={device['identifier'][0]['system']}|liverwatch"
    assert first == json.loads(json.dumps(written).replace(f"Device/{device['id']}", name))
    assert shown()["entry"] == []
    post.want(went_on(urgent(), alert()))
    then, written = shown(), courier_writes()
    for entry in written["entry"]:
        assert entry["request"].pop("ifMatch")
    assert then == written
    assert [each["resource"]["status"] for each in then["entry"]].count("revoked") == 1
    assert shown()["entry"] == []


def test_one_that_was_refused_is_tried_again_when_asked(
    run: Run, post: Post, server: FakeServer, engine: Engine, clock_of: Callable[[], None]
) -> None:
    refuse(post, server, alert())
    assert run("outbox", "retry", ALERT_ID, "--json").json == {"retried": [str(ALERT_ID)], "remaining": 0}
    clock_of()
    assert post.deliver().written == 1
    assert "outbox-retry" in audited(engine)
    again = run("outbox", "retry", ALERT_ID)
    assert (again.code, again.err) == (1, "liverwatch: nothing of that alert waits to be written\n")


def test_retrying_everything_says_first_what_it_would_do_and_has_a_cap(
    run: Run, post: Post, server: FakeServer
) -> None:
    refuse(post, server, *(numbered(n) for n in (1, 2, 3)))
    ids = [str(numbered(n).id) for n in (1, 2, 3)]
    would = run("outbox", "retry", "--all", "--limit", 2)
    assert would.code == 0
    assert "2 would be tried again, 1 more remain" in would.out
    assert "--yes" in would.err
    assert len(run("outbox", "list", "--dead", "--json").json) == 3
    done = run("outbox", "retry", "--all", "--limit", 2, "--yes", "--json").json
    assert done == {"retried": ids[:2], "would_retry": [], "remaining": 1}
    assert [each["alert"] for each in run("outbox", "list", "--dead", "--json").json] == ids[2:]
    assert run("outbox", "retry", "--all", "--source", "nowhere").code == 1
    assert run("outbox", "retry", "--all", "--source", "clinic", "--json").json["would_retry"] == ids[2:]


@pytest.mark.parametrize("arguments", [[], [ALERT_ID, "--all"], [ALERT_ID, "--source", "clinic"]])
def test_what_is_to_be_retried_must_be_said_in_one_way(run: Run, arguments: list[object]) -> None:
    assert run("outbox", "retry", *arguments).code == 2


def test_one_that_is_cancelled_is_not_sent_until_its_alert_changes(
    run: Run, post: Post, engine: Engine
) -> None:
    post.want(alert())
    done = run("outbox", "cancel", ALERT_ID, "--by", "Dr Ada", "--reason", "the unit has closed")
    assert (done.code, done.out) == (0, f"{ALERT_ID} is cancelled\n")
    (row,) = run("outbox", "list", "--json").json
    assert (row["standing"], row["cancelled_by"], row["last_error"]) == (
        "cancelled",
        "Dr Ada",
        "the unit has closed",
    )
    with reading(engine) as connection:
        noted = connection.execute(select(audit)).one()
    assert (noted.actor, noted.action, noted.patient_id) == ("Dr Ada", "outbox-cancel", 1)
    assert json.loads(noted.detail) == {
        "alert": str(ALERT_ID),
        "reason": "the unit has closed",
        "revision": 1,
        "keyed_by": actor(),
    }
    assert post.deliver().claimed == 0
    assert run("outbox", "retry", "--all", "--yes", "--json").json["retried"] == []
    assert post.deliver(went_on(alert(), urgent())).written == 1
    assert run("outbox", "list", "--json").json == []


def test_one_that_is_cancelled_by_mistake_is_sent_after_all_when_it_is_named(
    run: Run, post: Post, clock_of: Callable[[], None]
) -> None:
    post.want(alert())
    run("outbox", "cancel", ALERT_ID, "--by", "Ada", "--reason", "by mistake")
    assert run("outbox", "retry", ALERT_ID).code == 0
    clock_of()
    assert post.deliver().written == 1


def test_cancelling_what_is_being_sent_says_that_it_may_have_arrived(run: Run, post: Post) -> None:
    from datetime import UTC, datetime

    post.now = datetime.now(UTC)
    post.want(alert())
    post.claim()
    assert "may have got it" in run("outbox", "cancel", ALERT_ID, "--by", "Ada", "--reason", "stop").err


@pytest.mark.parametrize(("by", "reason"), [(" ", "why"), ("Ada", " "), ("A" * 129, "why")])
def test_cancelling_needs_a_name_and_a_reason(run: Run, post: Post, by: str, reason: str) -> None:
    post.want(alert())
    assert run("outbox", "cancel", ALERT_ID, "--by", by, "--reason", reason).code == 2
    assert post.line().pending
    assert not post.line().dead


def test_what_was_sent_cannot_be_cancelled(run: Run, post: Post) -> None:
    post.deliver(alert())
    assert run("outbox", "cancel", ALERT_ID, "--by", "Ada", "--reason", "late").code == 1


@pytest.fixture
def clock_of(post: Post) -> Callable[[], None]:
    """Set the courier's clock to that of the commands."""
    from datetime import UTC, datetime

    def set_it() -> None:
        post.now = datetime.now(UTC) + timedelta(seconds=1)

    return set_it
