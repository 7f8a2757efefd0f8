"""Whatever a payload or an EHR says: nothing outside the base URL of the settings is ever connected to."""

import itertools
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from service.app import create_app, rules_of
from service.catchup import Asker, ask, ask_since, connect, disconnect, look_after
from service.deliver import Courier, Terms
from service.ehr import Connections
from service.errors import LiverwatchError
from service.fhir.subscriptions import Hook
from service.settings import Settings
from service.store import outbox_control, sources
from service.store.schema import outbox, pending_fetch
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from service.store.sources import Source
from tests.feed.sending import BEARER, FEED, SECRET, bundle, observation
from tests.leading_astray import Answer, Behaviour, Elsewhere, ehr_that, elsewhere

SETTINGS = Settings.model_validate({"settle_seconds": 0, "sweep_seconds": 3600})
_STATUSES = itertools.cycle((301, 302, 303, 307, 308, 300))
_REFUSALS = itertools.cycle((401, 403, 404, 409, 412, 422, 429, 500, 503))
WRITTEN = ("DetectedIssue", "ServiceRequest", "CommunicationRequest", "Provenance", "Device", "Subscription")


# ---------------------------------------------------------------------------------------- how EHRs mislead


def redirecting(away: Elsewhere, _method: str, _path: str) -> Answer:
    """Everything has moved elsewhere."""
    return next(_STATUSES), away.headers(), away.outcome()


def refusing(away: Elsewhere, _method: str, _path: str) -> Answer:
    """Everything is refused, with advice to look elsewhere."""
    return next(_REFUSALS), {**away.headers(), "Retry-After": "0"}, away.outcome()


def leading_on(away: Elsewhere, method: str, path: str) -> Answer:
    """A server that works, and whose every answer names other places."""
    kind, _, id_ = path.partition("/")
    if path == "metadata":
        return 200, away.headers(), statement(away)
    if path.startswith(".well-known"):
        return 200, away.headers(), smart(away)
    if method == "GET" and id_:
        return 200, away.headers(), {**away.resource(kind, id_), "status": "error", "criteria": away.url()}
    if method == "GET":
        matches = [{"fullUrl": away.url(f"/fhir/{kind}/f1"), "resource": away.resource(kind, "f1")}]
        links = [
            {"relation": each, "url": away.url(f"/fhir/{kind}?page=2")} for each in ("next", "self", "last")
        ]
        return 200, away.headers(), {**bundle("searchset"), "link": links, "entry": matches}
    if method == "POST" and not path.strip("/"):
        done = {"status": "201 Created", "location": away.url("/fhir/DetectedIssue/d1/_history/1")}
        return 200, away.headers(), {**bundle("transaction-response"), "entry": [{"response": done}] * 8}
    made = {**away.headers(), "Location": away.url(f"/fhir/{kind}/n1/_history/1")}
    return 201, made, {**away.resource(kind, id_ or "n1"), "status": "requested"}


def redirecting_writes(away: Elsewhere, method: str, path: str) -> Answer:
    """It can be searched and take our Device, but all other writing has moved elsewhere."""
    moved = leading_on if path == "Device" else redirecting
    return _empty(away, method, path) or moved(away, method, path)


def leading_writes_on(away: Elsewhere, method: str, path: str) -> Answer:
    """It can be searched and written to; what it wrote, it says, is elsewhere."""
    return _empty(away, method, path) or leading_on(away, method, path)


def _empty(away: Elsewhere, method: str, path: str) -> Answer | None:
    if method != "GET":
        return None
    special = path == "metadata" or "/" in path
    return leading_on(away, method, path) if special else (200, away.headers(), bundle("searchset"))


def statement(away: Elsewhere) -> Any:
    """Offers everything, and everything elsewhere."""
    offered = [{"code": code} for code in ("read", "search-type", "create", "update")]
    services = {"url": "token", "valueUri": away.url("/token")}
    return {
        "resourceType": "CapabilityStatement",
        "url": away.url(),
        "fhirVersion": "4.0.1",
        "implementation": {"url": away.url(), "description": "moved"},
        "instantiates": [away.url()],
        "rest": [
            {
                "mode": "server",
                "security": {"extension": [{"url": "oauth-uris", "extension": [services]}]},
                "resource": [{"type": each, "interaction": offered} for each in (*WRITTEN, "Observation")],
                "interaction": [{"code": "transaction"}],
                "compartment": [away.url()],
            }
        ],
    }


def smart(away: Elsewhere) -> Any:
    """A SMART configuration that sends credentials elsewhere."""
    names = ("token_endpoint", "issuer", "jwks_uri", "authorization_endpoint", "introspection_endpoint")
    return {name: away.url(f"/{name}") for name in names}


def granting_by_redirect(away: Elsewhere, method: str, path: str) -> Answer:
    """Its own token endpoint sends on whoever asks."""
    if path.startswith(".well-known"):
        return 200, away.headers(), {**smart(away), "token_endpoint": f"http://{away.ehr}/fhir/token"}
    if path == "token":
        return next(_STATUSES), away.headers(), {"error_uri": away.url()}
    return leading_on(away, method, path)


# ------------------------------------------------------------------------------------------- what is fed


def payloads(away: Elsewhere) -> Iterator[Any]:
    """What a feed may bring, with addresses elsewhere wherever one may stand."""
    far = {
        "subject": {"reference": away.url("/fhir/Patient/p1")},
        "contained": [away.resource("Patient", "in")],
    }
    just_now = datetime.now(UTC).isoformat(timespec="seconds")
    yield observation("o1", value=1284, effectiveDateTime=just_now)
    yield {**observation("o2"), **far}
    yield away.resource("Observation", "o3")
    yield from (away.resource(kind, "x1") for kind in ("Patient", "Condition", "DiagnosticReport"))
    yield {**away.resource("Subscription", "s1"), "channel": {"endpoint": away.url()}}
    yield away.outcome()
    batch = bundle("batch", observation("o4"))
    batch["link"] = [{"relation": "next", "url": away.url()}]
    batch["entry"][0] |= {"fullUrl": away.url("/fhir/Observation/o4")}
    batch["entry"][0]["request"]["url"] = away.url("/fhir/Observation/o4")
    yield batch
    yield {**bundle("searchset", observation("o5")), "link": [{"relation": "next", "url": away.url()}]}
    focus = {"reference": away.url("/fhir/Observation/pointed")}
    event = {
        "eventNumber": "1",
        "focus": focus,
        "additionalContext": [{"reference": away.url("/fhir/Patient/p9")}],
    }
    status = {
        "resourceType": "SubscriptionStatus",
        "type": "event-notification",
        "status": "error",
        "subscription": {"reference": away.url("/fhir/Subscription/s1")},
        "topic": away.url("/topic"),
        "notificationEvent": [event],
    }
    yield bundle("subscription-notification", status)
    parts = [{"name": "focus", "valueReference": {"reference": away.url("/fhir/Observation/told")}}]
    parameters = [
        {"name": "subscription", "valueReference": {"reference": away.url("/fhir/Subscription/s1")}},
        {"name": "topic", "valueCanonical": away.url("/topic")},
        {"name": "type", "valueCode": "event-notification"},
        {"name": "notification-event", "part": parts},
    ]
    yield bundle("history", {"resourceType": "Parameters", "parameter": parameters})


def feed(engine: Engine, away: Elsewhere, asked: list[str]) -> None:
    """Send all of it to the running service."""
    leading = {**BEARER, **{name: value for name, value in away.headers().items() if name != "Refresh"}}
    leading |= {"Origin": away.url(), "Referer": away.url(), "X-Forwarded-Host": f"127.0.0.1:{away.port}"}
    with TestClient(create_app(SETTINGS, engine)) as service:
        for each in payloads(away):
            assert service.post(FEED, json=each, headers=leading).status_code in (200, 400)
        for deleted in (away.url("/fhir/Observation/o2"), "Observation/o2"):
            told = {**leading, "X-Medplum-Deleted-Resource": deleted}
            assert service.post(FEED, content=b"{}", headers=told).status_code in (200, 400)
        service.post(FEED, content=b"", headers=leading)
    assert asked == [], "at ingest nothing is asked"


# -------------------------------------------------------------------------------------- what then is done


def work(engine: Engine, source: Source) -> list[str]:
    """Fetch, catch up, look after Subscriptions, write back: all that is done with a server; what failed."""
    rules = rules_of(SETTINGS)
    connections = Connections(None)
    failed: list[str] = []
    hook = Hook("https://liverwatch.test/feeds/hospital", "Authorization: Bearer x")
    with connections.open(source, 5.0) as client:
        asker = Asker(engine, source, rules, client, lambda: datetime.now(UTC))
        for step in (
            lambda: ask(asker),
            lambda: ask_since(asker, datetime(2024, 1, 1, tzinfo=UTC)),
            client.capabilities,
            lambda: client.search("DetectedIssue", {"_count": "1"}),
            lambda: client.search("Observation", {"_count": "1"}),  # however soon the others gave up
            lambda: client.read("Observation", "pointed"),
            lambda: connect(engine, source, client, hook, datetime.now(UTC)),
            lambda: look_after(engine, source, client, datetime.now(UTC)),
            lambda: disconnect(engine, source, client),
        ):
            try:
                step()
            except LiverwatchError as error:
                failed.append(error.message)
    terms = Terms.of(SETTINGS, rules.rulebook)
    for manner in ("bundle", "single", "auto"):
        with writing(engine) as connection:
            told = sources.change(connection, source.name, _with(source.settings, write=manner))
            outbox_control.want_standing(connection, told.id, datetime.now(UTC))
            connection.execute(outbox.update().values(not_before=datetime.now(UTC), dead=False))
        with suppress(LiverwatchError):
            Courier(engine, lambda: terms, client_for=Connections(None).open).deliver_once()
    return failed


def _with(settings: SourceSettings, **changed: Any) -> SourceSettings:
    import msgspec

    return msgspec.structs.replace(settings, **changed)


@pytest.fixture
def away() -> Iterator[Elsewhere]:
    with elsewhere() as away:
        yield away
        assert away.visits == 0, "somebody was led elsewhere"
        with socket.create_connection(("127.0.0.1", away.port)) as visit:
            visit.recv(1)  # it has been seen, once this ends
        assert away.visits == 1, "nobody would have been noticed"


@pytest.mark.parametrize(
    "behaves", [redirecting, refusing, leading_on, redirecting_writes, leading_writes_on]
)
def test_a_payload_and_an_ehr_that_name_other_places_lead_nobody_there(
    engine: Engine, away: Elsewhere, behaves: Behaviour
) -> None:
    with ehr_that(behaves, away) as (base, asked):
        with writing(engine) as connection:
            source = sources.add(connection, "hospital", SourceSettings(), SECRET, datetime.now(UTC))
        feed(engine, away, asked)
        with reading(engine) as connection:
            pointed = set(connection.execute(select(pending_fetch.c.key)).scalars())
        assert {"Observation/pointed", "Observation/told", "Patient/p9"} <= pointed
        with writing(engine) as connection:
            source = sources.change(connection, "hospital", SourceSettings(fhir_base_url=base))
        failed = work(engine, source)
    assert {"GET metadata", "GET Observation", "GET Observation/pointed"} <= set(asked)
    assert "GET Device" in asked, "nothing was to be written"
    if behaves in (redirecting_writes, leading_writes_on):
        assert {"POST Subscription", "POST Device", "POST "} <= set(asked)
    assert failed, "an EHR that misleads is not believed"
    assert str(away.port) not in " ".join(failed)


@pytest.mark.parametrize("behaves", [redirecting, refusing, leading_on, granting_by_redirect])
@pytest.mark.parametrize("auth", ["client-secret", "smart-backend"])
def test_no_credential_is_sent_elsewhere(
    away: Elsewhere, tmp_path: Path, behaves: Behaviour, auth: Any
) -> None:
    from service.ehr.keys import new_key

    (tmp_path / "secret").write_text("made-up-client-secret")
    new_key(tmp_path / "keys", "ES384", datetime.now(UTC))
    with ehr_that(behaves, away) as (base, asked):
        for _ in range(12):  # each time the address is spelt in another way
            settings = SourceSettings(
                fhir_base_url=base,
                auth=auth,
                client_id="liverwatch",
                client_secret_file=str(tmp_path / "secret"),
            )
            source = Source(1, "hospital", settings, (), active=True)
            client = Connections(tmp_path / "keys").open(source, 5.0)
            with client, pytest.raises(LiverwatchError):
                client.read("Patient", "p1")
    assert "GET .well-known/smart-configuration" in asked
    assert ("POST token" in asked) == (behaves is granting_by_redirect)
