"""An organisation's identity provider (OpenID Connect): where it is, and what it says of somebody."""

import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from service.dashboard.elsewhere import SECONDS, Client
from service.ehr.authorization_server import asked
from service.errors import ConfigurationError
from service.settings import Settings
from service.store.users import Role
from service.urls import is_guarded

WELL_KNOWN: Final = "/.well-known/openid-configuration"
FRESH_SECONDS: Final = 300.0
"""How long what a provider says of itself counts."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    secret_in_form: bool


_known: dict[str, tuple[float, Provider]] = {}
_turn = threading.Lock()


def provider(http: httpx2.Client, issuer: str) -> Provider:
    """What the provider that the settings name says of itself.

    Raises:
        RemoteError: it cannot be asked.
        ConfigurationError: it is somebody else, or names no addresses that can be used.
    """
    with _turn:
        at, known = _known.get(issuer, (0.0, None))
        if known is not None and time.monotonic() - at < FRESH_SECONDS:
            return known
    said = asked(http, "GET", issuer.rstrip("/") + WELL_KNOWN, "the identity provider", SECONDS)
    if said.get("issuer") != issuer:
        raise ConfigurationError("LIVERWATCH_OIDC_ISSUER: the provider there calls itself something else")
    authorization, token, keys = (
        _guarded(said, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    )
    ways = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    in_form = "client_secret_basic" not in ways and "client_secret_post" in ways
    found = Provider(issuer, authorization, token, keys, in_form)
    with _turn:
        _known[issuer] = (time.monotonic(), found)
    return found


def _guarded(said: dict[str, Any], name: str) -> str:
    place = said.get(name)
    if not isinstance(place, str) or not is_guarded(place):
        raise ConfigurationError(f"LIVERWATCH_OIDC_ISSUER: the provider names no {name} over https")
    return place


def client_of(settings: Settings, found: Provider) -> Client:
    """What this service is to the provider.

    Raises:
        ConfigurationError: the settings do not say.
    """
    if settings.oidc_client_id is None:
        raise ConfigurationError("LIVERWATCH_OIDC_CLIENT_ID: is needed with LIVERWATCH_OIDC_ISSUER")
    return Client(settings.oidc_client_id, settings.oidc_client_secret, found.secret_in_form)


def roles_in(claims: dict[str, Any], settings: Settings) -> frozenset[Role]:
    """The roles that the claims give; names of others are for other services."""
    known = {str(each): each for each in Role}
    return frozenset(known[each] for each in _listed(claims, settings.oidc_roles_claim) if each in known)


def sources_in(claims: dict[str, Any], settings: Settings) -> frozenset[str]:
    """The names of sources that the claims give."""
    return frozenset(_listed(claims, settings.oidc_sources_claim))


def shown_in(claims: dict[str, Any]) -> str:
    """The name that others see."""
    for claim in ("name", "preferred_username", "fhirUser", "sub"):
        said = "".join(each for each in str(claims.get(claim) or "") if each.isprintable()).strip()
        if said:
            return said
    return "somebody"


def _listed(claims: dict[str, Any], path: str) -> list[str]:
    """The texts of a claim; `realm_access.roles` is one within another, where no claim has that very name."""
    found: Any = claims
    for name in [path] if path in claims else path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, str):
        return found.split()
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
