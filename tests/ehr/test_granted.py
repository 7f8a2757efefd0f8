"""Tokens are fetched as SMART Backend Services ask, kept while they last, and nothing secret is ever told."""

import json
import logging
from pathlib import Path

import httpx2
import pytest

from service.ehr.granted import ClientSecret, Granted, Proof, SignedAssertion
from service.ehr.keys import ALGORITHMS, Algorithm, new_key, public_set, retire
from service.errors import ConfigurationError, LiverwatchError
from service.fhir.client import FhirClient
from service.fhir.remote import RemoteUnavailable
from tests.ehr.authorization_server import BASE, TOKEN_ENDPOINT, AuthorizationServer
from tests.ehr.conftest import Clock

SCOPES = "system/Observation.rs system/DetectedIssue.crus"
CLIENT = "liverwatch-at-ehr"


@pytest.fixture
def server(directory: Path, clock: Clock) -> AuthorizationServer:
    return AuthorizationServer(lambda: public_set(directory), clock)


def credential(
    server: AuthorizationServer, clock: Clock, proof: Proof, *, endpoint: str | None = TOKEN_ENDPOINT
) -> Granted:
    return Granted(BASE, proof, SCOPES, clock, endpoint, transport=server.transport)


def signed(server: AuthorizationServer, clock: Clock, directory: Path, **more: str | None) -> Granted:
    return credential(server, clock, SignedAssertion(CLIENT, directory, None), **more)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signed_assertion_is_exchanged_for_a_token(
    server: AuthorizationServer, directory: Path, clock: Clock, algorithm: Algorithm
) -> None:
    new_key(directory, algorithm, clock.now)
    granted = signed(server, clock, directory)
    with FhirClient(BASE, granted, transport=server.transport) as client:
        assert client.read("Device", "d1")
        assert client.read("Device", "d1")
    assert server.granted == ["granted.0"]
    assert server.scopes == [SCOPES]


def test_each_assertion_is_new_and_each_token_is_kept_until_shortly_before_its_end(
    server: AuthorizationServer, directory: Path, clock: Clock
) -> None:
    new_key(directory, "ES384", clock.now)
    granted = signed(server, clock, directory)
    assert granted.header() == "Bearer granted.0"
    clock.later(seconds=269)
    assert granted.header() == "Bearer granted.0"
    clock.later(seconds=1)
    assert granted.header() == "Bearer granted.1"
    assert len(set(server.assertions)) == 2


@pytest.mark.parametrize(
    ("life", "seconds"), [(20, 10), ("120", 90), (None, 30), (True, 30), (-3, 30), (3600.5, 30)]
)
def test_the_life_of_a_token_is_believed_where_it_is_told(
    server: AuthorizationServer, directory: Path, clock: Clock, life: object, seconds: int
) -> None:
    new_key(directory, "ES384", clock.now)
    server.life = life
    granted = signed(server, clock, directory)
    granted.header()
    clock.later(seconds=seconds - 0.1)
    assert granted.header() == "Bearer granted.0"
    clock.later(seconds=0.1)
    assert granted.header() == "Bearer granted.1"


def test_a_token_that_the_ehr_takes_no_more_is_renewed_once(
    server: AuthorizationServer, directory: Path, clock: Clock
) -> None:
    new_key(directory, "ES384", clock.now)
    granted = signed(server, clock, directory)
    with FhirClient(BASE, granted, transport=server.transport) as client:
        client.read("Device", "d1")
        server.valid.clear()
        assert client.read("Device", "d1")
        assert server.granted == ["granted.0", "granted.1"]
        server.valid = {"another's"}
        server.granted.append("none")
        server.next_answers = [
            httpx2.Response(200, json={"access_token": "useless", "token_type": "Bearer"}),
        ]
        with pytest.raises(RemoteUnavailable, match="401"):
            client.read("Device", "d1")
    assert sum(each.startswith("POST") for each in server.asked) == 3


def test_a_new_key_signs_once_the_old_one_is_retired(
    server: AuthorizationServer, directory: Path, clock: Clock
) -> None:
    old = new_key(directory, "ES384", clock.now)
    granted = signed(server, clock, directory)
    granted.header()
    clock.later(hours=1)
    new_key(directory, "RS384", clock.now)
    granted.header()
    clock.later(hours=1)
    retire(directory, old.id)
    assert granted.header() == "Bearer granted.2"


def test_the_token_endpoint_is_found_where_the_ehr_names_its_own(
    server: AuthorizationServer, directory: Path, clock: Clock
) -> None:
    new_key(directory, "ES384", clock.now)
    assert signed(server, clock, directory, endpoint=None).header() == "Bearer granted.0"
    assert server.asked[0] == f"GET {BASE}/.well-known/smart-configuration"


@pytest.mark.parametrize(
    "told",
    [
        "https://evil.test/token",
        "https://ehr.test:8443/oauth2/token",
        "http://ehr.test/oauth2/token",
        "//evil.test/token",
        "https://ehr.test:port/",
        None,
        17,
    ],
)
def test_an_endpoint_elsewhere_is_not_asked_merely_because_a_server_names_it(
    server: AuthorizationServer, directory: Path, clock: Clock, told: object
) -> None:
    new_key(directory, "ES384", clock.now)
    server.told_endpoint = told
    with pytest.raises(ConfigurationError, match="set token_endpoint"):
        signed(server, clock, directory, endpoint=None).header()
    assert server.asked == [f"GET {BASE}/.well-known/smart-configuration"]


def test_an_endpoint_elsewhere_is_asked_where_the_settings_name_it(directory: Path, clock: Clock) -> None:
    new_key(directory, "ES384", clock.now)
    elsewhere = "https://login.test/token/"
    server = AuthorizationServer(lambda: public_set(directory), clock, endpoint=elsewhere)
    assert signed(server, clock, directory, endpoint=elsewhere).header()
    assert server.asked == [f"POST {elsewhere}"]


def test_a_client_secret_is_sent_as_basic(clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("a:secret/with%signs\n")
    server = AuthorizationServer(dict, clock, secret="a:secret/with%signs")
    proof = ClientSecret(CLIENT, str(file))
    assert credential(server, clock, proof).header() == "Bearer granted.0"
    file.unlink()
    clock.later(hours=1)
    with pytest.raises(ConfigurationError, match="client_secret_file"):
        credential(server, clock, proof).header()


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (httpx2.Response(400, json={"error": "invalid_scope"}), ConfigurationError, r"400 \(invalid_scope\)"),
        (httpx2.Response(401, json={"error": "Jane Smith"}), ConfigurationError, "HTTP 401$"),
        (httpx2.Response(403, text="<html>"), ConfigurationError, "HTTP 403$"),
        (httpx2.Response(500), RemoteUnavailable, "HTTP 500$"),
        (httpx2.Response(307, headers={"Location": "https://evil.test"}), RemoteUnavailable, "HTTP 307$"),
        (httpx2.Response(200, text="<html>"), RemoteUnavailable, "no JSON object"),
        (httpx2.Response(200, json={"access_token": "a\nb"}), RemoteUnavailable, "no bearer token"),
        (
            httpx2.Response(200, json={"access_token": "a", "token_type": "mac"}),
            RemoteUnavailable,
            "no bearer",
        ),
        (httpx2.Response(200, content=b" " * 70_000), RemoteUnavailable, "longer than"),
    ],
)
def test_a_refusal_says_whether_a_person_must_mend_it(
    server: AuthorizationServer,
    directory: Path,
    clock: Clock,
    answer: httpx2.Response,
    kind: type[LiverwatchError],
    said: str,
) -> None:
    new_key(directory, "ES384", clock.now)
    server.next_answers = [answer]
    with pytest.raises(kind, match=said) as refused:
        signed(server, clock, directory).header()
    assert "Smith" not in refused.value.message


def test_the_authorization_server_says_how_long_to_wait(
    server: AuthorizationServer, directory: Path, clock: Clock
) -> None:
    new_key(directory, "ES384", clock.now)
    server.next_answers = [httpx2.Response(429, headers={"Retry-After": "90"})]
    with pytest.raises(RemoteUnavailable) as refused:
        signed(server, clock, directory).header()
    assert (refused.value.retry_after, refused.value.affects_server) == (90, True)


def test_no_secret_is_told_by_a_log_an_error_or_a_repr(
    server: AuthorizationServer,
    directory: Path,
    clock: Clock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    new_key(directory, "ES384", clock.now)
    (path,) = directory.iterdir()
    file = tmp_path / "secret"
    file.write_text("hush-hush")
    granted = signed(server, clock, directory)
    other = AuthorizationServer(dict, clock, secret="another")
    by_secret = credential(other, clock, ClientSecret(CLIENT, str(file)))
    granted.header()
    client = FhirClient(BASE, granted, transport=server.transport)
    client.read("Device", "d1")
    told = [repr(granted), repr(by_secret), repr(client), str(granted.proof)]
    server.next_answers = [httpx2.Response(400, json={"error": "invalid_client"})]
    granted.renew()
    for each in (granted, by_secret):
        with pytest.raises(ConfigurationError) as refused:
            each.header()
        told += [str(refused.value), repr(refused.value)]
    told += [record.getMessage() for record in caplog.records]
    secrets = ["hush-hush", "granted.0", json.loads(path.read_text())["jwk"]["d"], "eyJ"]
    assert [secret for secret in secrets for text in told if secret in text] == []
