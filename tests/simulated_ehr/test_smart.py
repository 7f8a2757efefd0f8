"""The token endpoint takes exactly what SMART Backend Services asks a client to send."""

import json
import secrets
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from service.simulated_ehr.server import Options
from service.simulated_ehr.smart import ASSERTION_TYPE, Rejected, TokenEndpoint
from service.simulated_ehr.styles import STYLES
from tests.simulated_ehr.serving_here import hospital

URL = "http://ehr.example/auth/token"
NOW = 1_800_000_000.0
KEY = ECKey.generate_key("P-384", {"kid": "k1"})


def asked(url: str = URL, now: float = NOW, header: Any = None, **claims: Any) -> dict[str, str]:
    said = {"iss": "client", "sub": "client", "aud": url, "exp": int(now) + 200, "jti": secrets.token_hex(8)}
    signed = jwt.encode(
        header or {"alg": "ES384", "kid": "k1"}, {**said, **claims}, KEY, algorithms=["ES384"]
    )
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed,
        "scope": "system/Observation.rs",
    }


@pytest.fixture
def keys() -> Any:
    from joserfc.jwk import KeySet

    return KeySet([KEY])


def test_a_token_is_good_until_it_runs_out(keys: Any) -> None:
    clock = [NOW]
    endpoint = TokenEndpoint(URL, "unused", lambda: clock[0])
    token = endpoint.grant(asked(), keys)["access_token"]
    assert endpoint.is_valid(token)
    clock[0] += 301
    assert not endpoint.is_valid(token)


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": URL + "/"},
        {"exp": int(NOW) + 301},
        {"exp": int(NOW)},
        {"sub": "somebody else"},
        {"jti": ""},
        {"header": {"alg": "ES384", "kid": "another"}},
    ],
)
def test_an_assertion_that_is_not_as_agreed_is_refused(keys: Any, wrong: dict[str, Any]) -> None:
    endpoint = TokenEndpoint(URL, "unused", lambda: NOW)
    with pytest.raises(Rejected) as rejected:
        endpoint.grant(asked(**wrong), keys)
    assert rejected.value.error == "invalid_client"


def test_an_assertion_is_good_once(keys: Any) -> None:
    endpoint = TokenEndpoint(URL, "unused", lambda: NOW)
    once = asked()
    endpoint.grant(once, keys)
    with pytest.raises(Rejected, match="jti was used before"):
        endpoint.grant(once, keys)


def test_records_open_with_a_token_fetched_as_the_server_says(tmp_path: Path) -> None:
    import time

    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    with hospital(Options(STYLES["hapi"], jwks=str(jwks))) as (ehr, _):
        assert ehr.get("Observation").status_code == 401
        url = ehr.get(".well-known/smart-configuration").json()["token_endpoint"]
        answer = httpx2.post(url, data=asked(url, time.time()), trust_env=False)
        assert answer.status_code == 200
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert ehr.get("Observation", headers=bearer).status_code == 200
        assert httpx2.post(url, data={"grant_type": "x"}, trust_env=False).status_code == 400
