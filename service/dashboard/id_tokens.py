"""ID tokens of OpenID Connect: a signed statement of who somebody is, checked claim by claim."""

from datetime import datetime
from typing import Any, Final

import httpx2
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.requests import Request

from service.dashboard.elsewhere import SECONDS, Client, NotVouchedFor, redeemed
from service.ehr.authorization_server import asked
from service.store.elsewhere import Sent

_KEY_TYPES: Final = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
}
"""Signature algorithms that are accepted, with the type of their keys: no `none`, no shared secrets."""
_SKEW_SECONDS: Final = 60
_LONGEST: Final = 16 * 1024
_registry = jws.JWSRegistry(algorithms=list(_KEY_TYPES), strict_check_header=False)


def vouched(
    request: Request, http: httpx2.Client, sent: Sent, client: Client, code: str, now: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a code is worth: the token answer, and the claims of the ID token in it.

    Raises:
        NotVouchedFor: there is no ID token in it that can be believed.
        RemoteError: whoever was asked does not answer.
        ConfigurationError: it refuses the code, or this service.
    """
    assert sent.jwks_uri is not None
    answer = redeemed(request, http, sent, client, code)
    claims = checked(
        http,
        answer.get("id_token"),
        jwks_uri=sent.jwks_uri,
        issuer=sent.issuer,
        client_id=client.id,
        nonce=sent.nonce,
        now=now,
    )
    return answer, claims


def checked(
    http: httpx2.Client,
    token: object,
    *,
    jwks_uri: str,
    issuer: str,
    client_id: str,
    nonce: str,
    now: datetime,
) -> dict[str, Any]:
    """The claims of an ID token that is genuine, for us, and of this very sign-in.

    Args:
        http: what fetches the keys.
        token: as the token answer has it.
        jwks_uri: where the issuer's public keys are.
        issuer: who must have made it.
        client_id: for whom.
        nonce: what it was asked for with.
        now: the moment, aware; clocks may differ by a minute.

    Raises:
        NotVouchedFor: it is none, or not all of that.
        RemoteError: the keys cannot be had.
        ConfigurationError: the issuer does not give them.
    """
    if not isinstance(token, str) or not 0 < len(token) <= _LONGEST:
        raise NotVouchedFor("the answer says not who you are")
    keys = asked(http, "GET", jwks_uri, "the keys of the identity provider", SECONDS)
    try:
        header = jws.extract_compact(token.encode("ascii"), registry=_registry).headers()
        algorithm, key = _chosen(header, keys)
        claims = jwt.decode(token, key, algorithms=[algorithm], registry=_registry).claims
        _validate(claims, issuer, client_id, nonce, now)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise NotVouchedFor("the answer cannot be believed") from None
    return claims


def _chosen(header: dict[str, Any], keys: dict[str, Any]) -> tuple[str, ECKey | RSAKey]:
    """The algorithm and the key that the header names, or the only one of its kind there is."""
    algorithm = header["alg"]
    kind = _KEY_TYPES[algorithm]
    usable = [
        each
        for each in KeySet.import_key_set({"keys": keys["keys"]})
        if isinstance(each, ECKey | RSAKey) and each.key_type == kind
    ]
    if "kid" in header:
        usable = [each for each in usable if each.kid == header["kid"]]
    (key,) = usable
    return algorithm, key


def _validate(claims: dict[str, Any], issuer: str, client_id: str, nonce: str, now: datetime) -> None:
    jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=_SKEW_SECONDS,
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    ).validate(claims)
    audiences = [claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"]
    if claims.get("azp", client_id) != client_id or (len(audiences) > 1 and "azp" not in claims):
        raise ValueError("azp")
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise ValueError("sub")
