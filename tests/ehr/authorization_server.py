"""An authorization server in memory that takes nothing on trust, and a FHIR server that takes its tokens."""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import httpx2
from joserfc import jws, jwt
from joserfc.jwk import KeySet

BASE = "https://ehr.test/fhir"
TOKEN_ENDPOINT = "https://ehr.test/oauth2/token"


class AuthorizationServer:
    """Grants a token to who proves to be `client_id`, by SMART Backend Services or by a secret."""

    def __init__(
        self,
        keys: Callable[[], dict[str, Any]],
        clock: Callable[[], datetime],
        *,
        client_id: str = "liverwatch-at-ehr",
        secret: str | None = None,
        endpoint: str = TOKEN_ENDPOINT,
    ) -> None:
        self.keys = keys
        """The JWK Set that it fetches from us."""
        self.clock = clock
        self.client_id = client_id
        self.secret = secret
        self.endpoint = endpoint
        self.told_endpoint: object = endpoint
        """What its SMART configuration says."""
        self.assertions: list[str] = []
        self.scopes: list[str] = []
        self.granted: list[str] = []
        self.valid: set[str] = set()
        """Tokens that the FHIR server takes."""
        self.life: object = 300
        self.asked: list[str] = []
        self.next_answers: list[httpx2.Response] = []

    @property
    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self._answer)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        url = str(request.url)
        self.asked.append(f"{request.method} {url}")
        if url == f"{BASE}/.well-known/smart-configuration":
            return httpx2.Response(200, json={"token_endpoint": self.told_endpoint})
        if url == self.endpoint:
            if self.next_answers:
                return self.next_answers.pop(0)
            return self._grant(request)
        if url.startswith(f"{BASE}/"):
            kind, _space, token = request.headers.get("Authorization", "").partition(" ")
            if kind != "Bearer" or token not in self.valid:
                return httpx2.Response(401)
            return httpx2.Response(200, json={"resourceType": "Device", "id": "d1"})
        raise AssertionError(f"nothing may ask {url}")

    def _grant(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "POST"
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        assert form.pop("grant_type") == "client_credentials"
        self.scopes.append(form.pop("scope"))
        known = self._by_secret(request) if self.secret else self._by_assertion(form)
        if not known:
            return httpx2.Response(401, json={"error": "invalid_client", "error_description": "Jane Smith"})
        token = f"granted.{len(self.granted)}"
        self.granted.append(token)
        self.valid.add(token)
        return httpx2.Response(
            200, json={"access_token": token, "token_type": "bearer", "expires_in": self.life}
        )

    def _by_secret(self, request: httpx2.Request) -> bool:
        kind, _space, coded = request.headers["Authorization"].partition(" ")
        user, _colon, password = base64.b64decode(coded).decode().partition(":")
        return (kind, unquote_plus(user), unquote_plus(password)) == ("Basic", self.client_id, self.secret)

    def _by_assertion(self, form: dict[str, str]) -> bool:
        kind = form.pop("client_assertion_type")
        assertion = form.pop("client_assertion")
        assert kind == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        assert not form, "nothing else is sent"
        header = jws.extract_compact(assertion.encode()).headers()
        assert header["typ"] == "JWT"
        assert header["alg"] in ("ES384", "RS384")
        shown = {"keys": [key for key in self.keys()["keys"] if key["kid"] == header["kid"]]}
        if not shown["keys"]:
            return False
        claims = jwt.decode(assertion, KeySet.import_key_set(json.loads(json.dumps(shown))), [header["alg"]])
        said = claims.claims
        now = self.clock().timestamp()
        assert set(said) == {"iss", "sub", "aud", "exp", "jti"}
        assert said["aud"] == self.endpoint, "to the letter"
        assert now < said["exp"] <= now + 300
        assert said["jti"] not in self.assertions, "never used twice"
        self.assertions.append(said["jti"])
        return bool(said["iss"] == said["sub"] == self.client_id)
