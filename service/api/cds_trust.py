"""Who calls the CDS service: the EHR whose signed token (JWT) the call carries, good for that call alone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends
from joserfc import jws, jwt
from joserfc.errors import JoseError
from starlette.requests import Request

from service.errors import Unauthenticated
from service.store.session import reading
from service.store.source_settings import LONGEST_CONTACT
from service.store.sources import Source, of_issuer
from service.store.tokens import spend

SERVICE: Final = "liverwatch-patient-view"
"""Id of the one service there is."""
PATH: Final = f"/cds-services/{SERVICE}"

KEY_TYPES: Final = {"ES384": "EC", "RS384": "RSA", "ES256": "EC", "RS256": "RSA"}
"""Signature algorithms that are accepted, with the type of their keys. CDS Hooks 2.0 recommends the first
two, rules out `none` and shared secrets, and leaves the rest to the service."""
SKEW_SECONDS: Final = 60
"""How far the clocks of client and service may differ."""
LONGEST_LIFE_SECONDS: Final = 3600
"""Between `iat` and `exp`: for so long each token is remembered, to be refused when it comes again."""
_LONGEST_TOKEN = 8192
_LONGEST_TOKEN_ID = 256
_LONGEST_HEADER = 2048


class _Registry(jws.JWSRegistry):
    max_header_length = _LONGEST_HEADER  # a `jku` may be long


_registry = _Registry(algorithms=list(KEY_TYPES), strict_check_header=False)


class _Stated(msgspec.Struct, frozen=True):
    """What a token says before anything about it is known to be true: used to choose the key."""

    iss: str


@dataclass(frozen=True, slots=True)
class Client:
    """An EHR that has proved who it is."""

    source: Source
    user: str
    """Whom the call is made for: the token's `sub`, or its issuer where it names nobody."""


def authenticate(request: Request) -> Client:
    """Whose token the call carries; it is used up by this.

    Raises:
        Unauthenticated: there is none, or it is not valid for this call, or was used before.
        Overloaded: the keys of its issuer cannot be had just now.
    """
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    token = credential.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
        raise Unauthenticated("this needs a signed token (JWT): send Authorization: Bearer")
    state = request.app.state
    stated, header = _read(token)
    with reading(state.engine) as connection:
        source = of_issuer(connection, stated.iss)
    if source is None or source.settings.cds_jwks is None:
        raise Unauthenticated("iss: no source has this issuer; see `liverwatch source set --cds-issuer`")
    algorithm, key_id = _checked_header(header, source.settings.cds_jwks)
    key = state.cds_keys.find(source.settings.cds_jwks, key_id)
    if key is None or key.key_type != KEY_TYPES[algorithm]:
        raise Unauthenticated("kid: the client's key set has no such key for this algorithm")
    try:
        claims = jwt.decode(token, key, algorithms=[algorithm], registry=_registry).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Unauthenticated("the token's signature does not hold") from None
    now = datetime.now(UTC)
    expires = _check_claims(claims, stated.iss, _audiences(request), now)
    if not spend(state.engine, stated.iss, claims["jti"], expires, now):
        raise Unauthenticated("jti: this token has been used before; each call needs its own")
    return Client(source, claims.get("sub") or stated.iss)


Trusted = Annotated[Client, Depends(authenticate)]
"""An endpoint that takes one of these needs a client's token; asked for first, it is checked first."""


def _read(token: str) -> tuple[_Stated, dict[str, Any]]:
    try:
        parts = jws.extract_compact(token.encode("ascii"), registry=_registry)
        return msgspec.json.decode(parts.payload or b"", type=_Stated), dict(parts.headers())
    except (JoseError, msgspec.DecodeError, ValueError, TypeError, AttributeError, RecursionError):
        raise Unauthenticated("this is no signed token (JWT) with an issuer") from None


def _checked_header(header: dict[str, Any], keys_at: str) -> tuple[str, str]:
    """Algorithm and key id."""
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in KEY_TYPES:
        raise Unauthenticated(f"alg: accepted are {', '.join(KEY_TYPES)}")
    if not isinstance(key_id, str):
        raise Unauthenticated("kid: the token does not say which key it is signed with")
    if kind != "JWT":
        raise Unauthenticated("typ: JWT is expected")
    # Whoever could choose where the keys come from could sign for everybody.
    if header.get("jku", keys_at) != keys_at:
        raise Unauthenticated("jku: this is not where the keys of this client are; see --cds-jwks")
    return algorithm, key_id


def _audiences(request: Request) -> frozenset[str]:
    """The addresses that a token for this call may be made out to: the service's, or its feedback's own."""
    service = f"{request.app.state.settings.public_url.rstrip('/')}{PATH}"
    feedback = f"{service}/feedback"
    return frozenset({service, feedback} if request.url.path.endswith("/feedback") else {service})


def _check_claims(claims: dict[str, Any], issuer: str, audiences: frozenset[str], now: datetime) -> datetime:
    """When the token can be forgotten.

    Raises:
        Unauthenticated: a claim is missing or wrong.
    """
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=SKEW_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        jti={"essential": True},
    )
    try:
        registry.validate(claims)
    except (JoseError, ValueError, TypeError, OverflowError) as error:
        claim = getattr(error, "claim", None)
        raise Unauthenticated(f"{claim or 'the token'}: missing, wrong, or out of date") from None
    named = claims["aud"]
    if not audiences & set([named] if isinstance(named, str) else named):
        raise Unauthenticated("aud: the token is not made out to the address of this service")
    if not 0 < claims["exp"] - claims["iat"] <= LONGEST_LIFE_SECONDS:
        raise Unauthenticated(f"exp: a token may be valid for {LONGEST_LIFE_SECONDS} seconds at most")
    if not 0 < len(claims["jti"]) <= _LONGEST_TOKEN_ID:
        raise Unauthenticated(f"jti: 1 to {_LONGEST_TOKEN_ID} characters are expected")
    subject = claims.get("sub", "")
    if len(subject) > LONGEST_CONTACT or not subject.isprintable():
        raise Unauthenticated(f"sub: at most {LONGEST_CONTACT} printable characters are expected")
    return datetime.fromtimestamp(claims["exp"] + 2 * SKEW_SECONDS, UTC)
