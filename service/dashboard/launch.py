"""SMART App Launch: an EHR opens a patient's page for the person who works in it.

The EHR calls itself by the FHIR base URL of one of our sources, tells where to sign in, and says with the
token whose record is open. Only that host is asked, whatever its configuration names, unless the settings
say more.
"""

import secrets
from pathlib import Path
from typing import Any, Final

import httpx2
from sqlalchemy import Connection

from service.dashboard.elsewhere import SECONDS, Client, NotVouchedFor
from service.ehr.authorization_server import configuration, token_endpoint_in
from service.errors import ConfigurationError
from service.store import sources
from service.store.elsewhere import Sent
from service.store.sources import Source
from service.urls import is_guarded, origin_of

SCOPES: Final = "launch openid fhirUser"
_LONGEST_LAUNCH: Final = 4096


def launching_source(connection: Connection, issuer: str) -> Source:
    """The source whose EHR calls itself so, and may open our pages.

    Raises:
        NotVouchedFor: there is none.
    """
    for each in sources.every(connection):
        base = each.settings.fhir_base_url
        known = each.active and base is not None and each.settings.launch_client_id is not None
        if known and base is not None and base.rstrip("/") == issuer.rstrip("/"):
            return each
    raise NotVouchedFor("Liverwatch does not know this EHR: see `liverwatch source set --launch-client-id`")


def client_of(source: Source) -> Client:
    """What this service is to the source's EHR.

    Raises:
        ConfigurationError: its secret cannot be read.
    """
    settings = source.settings
    assert settings.launch_client_id is not None
    if settings.launch_client_secret_file is None:
        return Client(settings.launch_client_id, None)
    try:
        secret = Path(settings.launch_client_secret_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("launch_client_secret_file: cannot be read") from error
    return Client(settings.launch_client_id, secret)


def question(http: httpx2.Client, source: Source, launch: str) -> tuple[str, Sent, dict[str, str]]:
    """Where a browser is sent to, what has to be remembered, and what is asked.

    Args:
        http: what asks the EHR for its configuration.
        source: whose EHR it is.
        launch: what the EHR opened our page with; it says which of its windows that was.

    Raises:
        NotVouchedFor: it is none.
        RemoteError: the EHR does not tell where to sign in.
        ConfigurationError: it tells nothing that may be used.
    """
    if not 0 < len(launch) <= _LONGEST_LAUNCH:
        raise NotVouchedFor("the EHR did not say which of its windows opened this page")
    base = source.settings.fhir_base_url
    assert base is not None
    said = configuration(http, base, SECONDS)
    token_endpoint = source.settings.token_endpoint or token_endpoint_in(said, base)
    authorization = said.get("authorization_endpoint")
    if not isinstance(authorization, str) or not is_guarded(authorization):
        raise ConfigurationError("the EHR's SMART configuration names no authorization_endpoint over https")
    issuer = said.get("issuer")
    if not isinstance(issuer, str) or not issuer:
        raise ConfigurationError("the EHR's SMART configuration names no issuer: it signs nobody in")
    sent = Sent(
        issuer=issuer,
        token_endpoint=token_endpoint,
        jwks_uri=_keys(said, base, token_endpoint),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        address="/",
        source=source.name,
    )
    return authorization, sent, {"scope": SCOPES, "launch": launch, "aud": base}


def _keys(said: dict[str, Any], base: str, token_endpoint: str) -> str:
    """Where the EHR's public keys are: on a host that the settings name."""
    place = said.get("jwks_uri")
    if not isinstance(place, str) or not is_guarded(place):
        raise ConfigurationError("the EHR's SMART configuration names no jwks_uri over https")
    if origin_of(place) not in (origin_of(base), origin_of(token_endpoint)):
        raise ConfigurationError("the EHR's SMART configuration names a jwks_uri on another host")
    return place
