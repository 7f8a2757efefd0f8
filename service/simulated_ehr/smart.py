"""SMART Backend Services: a token endpoint as strict as the specification lets it be.

A client proves itself with a signed JWT (SMART App Launch 2.2, section 5). Scopes are granted as
asked for where they are `system/` scopes; what a token may do is not limited by them.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.simulated_ehr.exchange import form_of
from service.simulated_ehr.records import Refusal

ALGORITHMS: Final = ("ES384", "RS384")
LONGEST_ASSERTION_SECONDS: Final = 300
TOKEN_SECONDS: Final = 300
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Rejected(Exception):
    """A token request that is refused: `error` and `error_description` of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


class TokenEndpoint:
    """Gives out access tokens for signed assertions.

    Args:
        url: its own address, which must be the `aud` to the letter.
        jwks: URL or file with the public keys of the client; read anew for each request.
        clock: seconds since 1970.
    """

    def __init__(self, url: str, jwks: str, clock: Callable[[], float] = time.time) -> None:
        self.url, self._jwks, self._clock = url, jwks, clock
        self._used: dict[tuple[str, str], float] = {}
        self._tokens: dict[str, float] = {}

    def is_valid(self, token: str) -> bool:
        """Whether it was given out here and has not run out."""
        return self._tokens.get(token, 0.0) > self._clock()

    async def configuration(self, _request: Request) -> Response:
        """`.well-known/smart-configuration`."""
        return JSONResponse(
            {
                "token_endpoint": self.url,
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
                "scopes_supported": ["system/*.rs", "system/*.cruds"],
                "capabilities": ["client-confidential-asymmetric", "permission-v2"],
            }
        )

    async def answer(self, request: Request) -> Response:
        """The answer to a token request."""
        try:
            asked = dict(await form_of(request))
            granted = self.grant(asked, await self._keys())
        except Refusal as refusal:
            return JSONResponse({"error": "invalid_request", "error_description": refusal.message}, 400)
        except Rejected as rejected:
            content = {"error": rejected.error, "error_description": rejected.description}
            return JSONResponse(content, 400)
        return JSONResponse(granted, headers={"Cache-Control": "no-store"})

    def grant(self, asked: Mapping[str, str], keys: KeySet) -> dict[str, Any]:
        """A token for a request.

        Raises:
            Rejected: with what is wrong with it.
        """
        if asked.get("grant_type") != "client_credentials":
            raise Rejected("unsupported_grant_type", "client_credentials is expected")
        if asked.get("client_assertion_type") != ASSERTION_TYPE:
            raise Rejected("invalid_request", f"client_assertion_type: {ASSERTION_TYPE} is expected")
        scopes = asked.get("scope", "").split()
        if not scopes or not all(each.startswith("system/") for each in scopes):
            raise Rejected("invalid_scope", "system/ scopes are expected")
        self._check(asked.get("client_assertion", ""), keys)
        token = secrets.token_urlsafe(32)
        self._tokens[token] = self._clock() + TOKEN_SECONDS
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": " ".join(scopes),
        }

    def _check(self, assertion: str, keys: KeySet) -> None:
        try:
            decoded = jwt.decode(assertion, keys, algorithms=[*ALGORITHMS])
        except (JoseError, ValueError) as error:
            raise Rejected(
                "invalid_client", f"the assertion is not signed as agreed: {type(error).__name__}"
            ) from None
        claims, now = decoded.claims, self._clock()
        if "kid" not in decoded.header:
            raise Rejected("invalid_client", "kid is missing")
        if not claims.get("iss") or claims.get("iss") != claims.get("sub"):
            raise Rejected("invalid_client", "iss and sub must both be the client id")
        if claims.get("aud") != self.url:
            raise Rejected("invalid_client", f"aud must be {self.url} to the letter")
        expires = claims.get("exp")
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            raise Rejected("invalid_client", "exp is missing")
        if not now < expires <= now + LONGEST_ASSERTION_SECONDS:
            raise Rejected("invalid_client", "exp must lie within the next five minutes")
        self._use(str(claims["iss"]), claims.get("jti"), expires)

    def _use(self, client: str, id_: Any, expires: float) -> None:
        if not id_ or not isinstance(id_, str):
            raise Rejected("invalid_client", "jti is missing")
        if (client, id_) in self._used:
            raise Rejected("invalid_client", "jti was used before")
        self._used = {each: until for each, until in self._used.items() if until > self._clock()}
        self._used[client, id_] = expires

    async def _keys(self) -> KeySet:
        try:
            if self._jwks.startswith(("http://", "https://")):
                async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
                    content = (await client.get(self._jwks)).raise_for_status().json()
            else:
                content = json.loads(Path(self._jwks).read_bytes())  # noqa: ASYNC240 - a small local file
            return KeySet.import_key_set(content)
        except (httpx2.HTTPError, OSError, ValueError, KeyError, TypeError, JoseError):
            raise Rejected("invalid_client", "the client's JWKS cannot be read") from None
