"""Whose calls are answered: those with a signed token of a known EHR, made out to this service, used once."""

import json
import logging
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import func, select
from starlette.testclient import TestClient

from service.api.cds_keys import AGAIN_SECONDS, FRESH_SECONDS, LARGEST, KeyRing
from service.errors import ConfigurationError, Overloaded
from service.store import sources
from service.store.schema import cds_token
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from service.store.tokens import spend
from tests.api.cds_room import (
    EC,
    FEEDBACK,
    ISSUER,
    NOW,
    P256,
    PUBLIC_URL,
    RSA,
    SERVICE,
    CdsRoom,
    call,
    key_set,
    post,
    token,
)

STRANGER = ECKey.generate_key("P-384", {"kid": "ec"})
URL = "https://ehr.clinic.test/keys"


def seconds_from_now(seconds: float) -> int:
    return int(datetime.now(UTC).timestamp() + seconds)


@pytest.mark.parametrize(
    ("key", "algorithm"), [(EC, "ES384"), (RSA, "RS384"), (RSA, "RS256"), (P256, "ES256")]
)
def test_a_token_signed_by_a_known_key_is_taken(ehr: TestClient, key: Any, algorithm: str) -> None:
    assert post(ehr, SERVICE, call(), token(key, algorithm)).status_code == 200


def test_the_address_may_stand_among_others_and_clocks_may_differ_a_little(ehr: TestClient) -> None:
    several = token(aud=["https://other.test", f"{PUBLIC_URL}{SERVICE}"])
    assert post(ehr, SERVICE, call(), several).status_code == 200
    ahead = token(iat=seconds_from_now(40), exp=seconds_from_now(100))
    assert post(ehr, SERVICE, call(), ahead).status_code == 200
    late = token(iat=seconds_from_now(-300), exp=seconds_from_now(-30))
    assert post(ehr, SERVICE, call(), late).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"key": STRANGER}, "signature"),
        ({"iss": "https://stranger.test"}, "iss"),
        ({"aud": f"{PUBLIC_URL}{SERVICE}/"}, "aud"),
        ({"aud": f"{PUBLIC_URL}/cds-services"}, "aud"),
        ({"aud": f"{PUBLIC_URL}{FEEDBACK}"}, "aud"),
        ({"aud": []}, "aud"),
        ({"exp": seconds_from_now(-3600), "iat": seconds_from_now(-3700)}, "exp"),
        ({"iat": seconds_from_now(3600), "exp": seconds_from_now(3700)}, "iat"),
        ({"nbf": seconds_from_now(3600)}, "nbf"),
        ({"exp": seconds_from_now(100_000)}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"exp": float("nan")}, "token"),
        ({"iat": 10**400}, "iat"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": "x" * 257}, "jti"),
        ({"sub": "x" * 129}, "sub"),
        ({"sub": "Dr\nBo"}, "sub"),
        ({"without": "iss"}, "issuer"),
        ({"without": "aud"}, "aud"),
        ({"without": "exp"}, "exp"),
        ({"without": "iat"}, "iat"),
        ({"without": "jti"}, "jti"),
        ({"without": "kid"}, "kid"),
        ({"header": {"typ": "at+jwt"}}, "typ"),
        ({"header": {"kid": "unknown"}}, "kid"),
        ({"header": {"kid": "rsa"}}, "kid"),
        ({"header": {"jku": "https://stranger.test/keys"}}, "jku"),
        ({"key": RSA, "algorithm": "PS384"}, "alg"),
    ],
)
def test_a_token_that_is_wrong_in_anything_is_refused_and_the_place_named(
    ehr: TestClient, wrong: dict[str, Any], named: str
) -> None:
    for path, body in ((SERVICE, call()), (FEEDBACK, {"feedback": []})):
        said = {"aud": f"{PUBLIC_URL}{path}", **wrong}
        if path == FEEDBACK and wrong.get("aud") == said["aud"] == f"{PUBLIC_URL}{FEEDBACK}":
            continue
        answer = post(ehr, path, body, token(**said))
        assert answer.status_code == 401, answer.text
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert named in answer.json()["issue"][0]["diagnostics"]


def test_neither_an_unsigned_token_nor_one_signed_with_the_public_key_is_taken(
    cds: CdsRoom, ehr: TestClient
) -> None:
    claims = {"iss": ISSUER, "aud": f"{PUBLIC_URL}{SERVICE}", "jti": "1", "iat": 1, "exp": 2}
    parts = ({"alg": "none", "typ": "JWT", "kid": "ec"}, claims)
    unsigned = ".".join(urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts)
    unsigned += "."
    shared = OctKey.import_key((cds.folder / "keys.json").read_bytes().hex())
    confused = jwt.encode({"alg": "HS256", "typ": "JWT", "kid": "ec"}, claims, shared)
    for bad in (unsigned, confused, "", "a.b.c", "é.b.c", "x" * 9000, "..", unsigned + "."):
        answer = ehr.post(
            SERVICE, json=call(), headers={b"Authorization": b"Bearer " + bad.encode("latin-1")}
        )
        assert answer.status_code == 401
    assert ehr.post(SERVICE, json=call()).status_code == 401
    assert ehr.post(SERVICE, json=call(), headers={"Authorization": f"Basic {token()}"}).status_code == 401


def test_a_shared_secret_in_a_key_set_is_no_key(cds: CdsRoom, ehr: TestClient) -> None:
    secret = OctKey.generate_key(256, {"kid": "oct"})
    (cds.folder / "keys.json").write_text(json.dumps({"keys": [secret.as_dict(private=True)]}))
    claims = {"iss": ISSUER, "aud": f"{PUBLIC_URL}{SERVICE}", "jti": "1"}
    signed = jwt.encode({"alg": "HS256", "typ": "JWT", "kid": "oct"}, claims, secret)
    assert post(ehr, SERVICE, call(), signed).status_code == 401
    assert post(ehr, SERVICE, call(), token(header={"kid": "oct"})).status_code == 401


def test_a_token_is_good_for_one_call_whatever_became_of_that(cds: CdsRoom, ehr: TestClient) -> None:
    once = token()
    assert post(ehr, SERVICE, {"hook": "nonsense"}, once).status_code == 400
    answer = post(ehr, SERVICE, call(), once)
    assert answer.status_code == 401
    assert "jti" in answer.text
    with cds.client() as another_process:
        assert post(another_process, SERVICE, call(), once).status_code == 401


def test_the_same_token_id_of_two_issuers_is_two_tokens(ehr: TestClient) -> None:
    assert post(ehr, SERVICE, call(), token(jti="1")).status_code == 200
    assert post(ehr, SERVICE, call(), token(jti="1", iss="https://ehr.annex.test/")).status_code == 200


def test_used_tokens_are_forgotten_once_they_have_expired(cds: CdsRoom) -> None:
    for second in range(3):
        moment = datetime.fromtimestamp(second * 100, UTC)
        assert spend(cds.engine, ISSUER, f"{second}", datetime.fromtimestamp(second * 100 + 1, UTC), moment)
    with reading(cds.engine) as connection:
        assert connection.execute(select(func.count()).select_from(cds_token)).scalar_one() == 1


def test_a_source_that_was_removed_or_has_no_issuer_any_more_is_not_answered(
    cds: CdsRoom, ehr: TestClient
) -> None:
    with writing(cds.engine) as connection:
        sources.change(connection, "annex", SourceSettings())
        sources.remove(connection, "clinic")
    assert post(ehr, SERVICE, call(), token()).status_code == 401
    assert post(ehr, SERVICE, call(), token(iss="https://ehr.annex.test/")).status_code == 401


def test_keys_that_cannot_be_had_are_no_reason_to_refuse_the_token(cds: CdsRoom, ehr: TestClient) -> None:
    file = cds.folder / "keys.json"
    for broken in (b"", b"{}", b'{"keys": 1}', b'{"keys": [1]}', b"[" * 60_000, b"x" * (LARGEST + 1)):
        file.write_bytes(broken)
        answer = post(ehr, SERVICE, call(), token())
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
    file.unlink()
    assert post(ehr, SERVICE, call(), token()).status_code == 503


def test_neither_tokens_nor_patients_come_into_the_log(
    ehr: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bad, good = token(jti="canary-jti", sub="canary-sub", key=STRANGER), token(jti="canary-jti")
    canary = call("canary-patient")
    post(ehr, SERVICE, canary, bad)
    post(ehr, SERVICE, canary, good)
    post(ehr, SERVICE, {**canary, "hookInstance": "canary"}, token())
    said = "\n".join(
        f"{record.getMessage()} {record.__dict__}"
        for record in caplog.records
        if record.name.startswith("service")
    )
    assert said
    assert "canary" not in said
    assert bad not in said
    assert good not in said


class Server:
    """Serves a key set; counts how often it is asked."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.body, self.status, self.asked = body, status, 0

    def ring(self) -> KeyRing:
        return KeyRing(httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        assert str(request.url) == URL
        self.asked += 1
        return httpx2.Response(self.status, content=self.body, headers={"Location": "https://other.test"})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock of the key ring: its only entry."""
    at = [1000.0]
    monkeypatch.setattr("service.api.cds_keys.time.monotonic", lambda: at[0])
    return at


def test_keys_from_a_url_are_fetched_once_and_again_when_they_are_old(clock: list[float]) -> None:
    server = Server(key_set(EC, RSA))
    ring = server.ring()
    for key_id in ("ec", "rsa", "ec"):
        found = ring.find(URL, key_id)
        assert found is not None
        assert found.kid == key_id
    assert server.asked == 1
    clock[0] += FRESH_SECONDS
    server.body = key_set(RSA)
    assert ring.find(URL, "ec") is None
    assert server.asked == 2


def test_a_key_that_was_added_is_found_but_invented_ones_make_no_flood(clock: list[float]) -> None:
    server = Server(key_set(RSA))
    ring = server.ring()
    assert [ring.find(URL, f"invented-{n}") for n in range(50)] == [None] * 50
    assert server.asked == 1
    server.body = key_set(RSA, EC)
    clock[0] += AGAIN_SECONDS
    assert ring.find(URL, "ec") is not None
    assert server.asked == 2


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 200), (b"x" * (LARGEST + 1), 200), (key_set(EC), 302), (key_set(EC), 500)]
)
def test_a_key_set_that_is_no_plain_success_is_not_believed(
    clock: list[float], body: bytes, status: int
) -> None:
    server = Server(body, status)
    ring = server.ring()
    for _ in range(5):
        with pytest.raises(Overloaded):
            ring.find(URL, "ec")
    assert server.asked == 1
    server.body, server.status = key_set(EC), 200
    clock[0] += AGAIN_SECONDS
    assert ring.find(URL, "ec") is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"cds_issuer": "https://a.test"},
        {"cds_jwks": "/keys.json"},
        {"cds_issuer": "https://a.test", "cds_jwks": "http://a.test/keys"},
        {"cds_issuer": "https://a.test", "cds_jwks": "ftp://a.test/keys"},
        {"cds_issuer": "https://a.test", "cds_jwks": "https://user:pw@a.test/keys"},
        {"cds_issuer": "https://a.test", "cds_jwks": "https://["},
        {"cds_issuer": "x" * 129, "cds_jwks": "/keys.json"},
        {"cds_issuer": ISSUER, "cds_jwks": "/keys.json"},
    ],
)
def test_settings_that_could_not_be_trusted_are_refused(cds: CdsRoom, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="cds_"), writing(cds.engine) as connection:
        sources.add(connection, "third", SourceSettings(**wrong), "secret", NOW)


@pytest.mark.parametrize("place", ["/keys.json", "https://a.test/keys?x=1", "http://127.0.0.1:1/keys"])
def test_keys_may_be_in_a_file_at_an_https_address_or_on_this_machine(cds: CdsRoom, place: str) -> None:
    with writing(cds.engine) as connection:
        added = sources.add(
            connection, "third", SourceSettings(cds_issuer="https://a.test", cds_jwks=place), "secret", NOW
        )
    assert added.settings.cds_jwks == place


def test_a_token_may_tell_the_address_of_its_keys_that_the_source_is_set_to(cds: CdsRoom) -> None:
    with writing(cds.engine) as connection:
        chosen = SourceSettings(fhir_base_url=None, cds_issuer=ISSUER, cds_jwks=URL)
        sources.change(connection, "clinic", chosen)
    server = Server(key_set(EC))
    cds.keys = server.ring()
    with cds.client() as ehr:
        assert post(ehr, SERVICE, call(), token(header={"jku": URL})).status_code == 200
        assert post(ehr, SERVICE, call(), token(header={"jku": f"{URL}/"})).status_code == 401
    assert server.asked == 1
