"""Where tokens are asked for: named in the settings, or told by the EHR itself, on its own host alone.

No address is ever asked merely because a payload names it: one that the EHR tells counts only where it is on
the host that the settings name anyway.
"""

import time
from typing import Any, Final

import httpx2
import msgspec

from service.errors import ConfigurationError, LiverwatchError
from service.fhir.exchange import checked_base, read_body
from service.fhir.remote import RemoteUnavailable, failure
from service.urls import is_guarded, origin_of

WELL_KNOWN: Final = ".well-known/smart-configuration"
MAX_BYTES: Final = 64 * 1024

_ERRORS: Final = frozenset(
    (
        *("invalid_request", "invalid_client", "invalid_grant", "invalid_scope"),
        *("unauthorized_client", "unsupported_grant_type"),
    )
)
"""Of RFC 6749, section 5.2; what else a server says is not repeated."""


def discovered(http: httpx2.Client, base_url: str, seconds: float) -> str:
    """The token endpoint that the EHR names for itself.

    Args:
        http: what asks.
        base_url: FHIR base URL of the settings.
        seconds: how long the whole answer may take.

    Raises:
        RemoteError: the EHR did not tell.
        ConfigurationError: it names none that may be used unless it stands in the settings.
    """
    return token_endpoint_in(configuration(http, base_url, seconds), base_url)


def configuration(http: httpx2.Client, base_url: str, seconds: float) -> dict[str, Any]:
    """What the EHR says of how it is signed in to (SMART App Launch).

    Args:
        http: what asks.
        base_url: FHIR base URL of the settings.
        seconds: how long the whole answer may take.

    Raises:
        RemoteError: the EHR did not tell.
        ConfigurationError: it does not know us.
    """
    return asked(http, "GET", checked_base(base_url) + WELL_KNOWN, "the SMART configuration", seconds)


def token_endpoint_in(said: dict[str, Any], base_url: str) -> str:
    """The token endpoint that the EHR's configuration names.

    Raises:
        ConfigurationError: it names none that may be used unless it stands in the settings.
    """
    base = checked_base(base_url)
    named = said.get("token_endpoint")
    if not isinstance(named, str) or not is_guarded(named):
        raise ConfigurationError(f"{base}{WELL_KNOWN} names no token endpoint over https: set token_endpoint")
    if origin_of(named) != origin_of(base):
        raise ConfigurationError(
            f"{base}{WELL_KNOWN} names a token endpoint on another host: if it is right, set token_endpoint"
        )
    return named


def asked(
    http: httpx2.Client,
    method: str,
    url: str,
    what: str,
    seconds: float,
    *,
    form: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The JSON object that an address answers with; one that is no success keeps its status.

    Raises:
        RemoteError: it did not answer, or with something else.
        ConfigurationError: it does not know us, or not for this.
    """
    sent = {"Accept": "application/json", **(headers or {})}
    try:
        with http.stream(method, url, data=form, headers=sent) as response:
            body = read_body(response, MAX_BYTES, time.monotonic() + 2 * seconds)
    except httpx2.HTTPError as error:
        raise RemoteUnavailable(f"{what}: {type(error).__name__}", affects_server=True) from None
    try:
        decoded = msgspec.json.decode(body) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decoded = None
    if not response.is_success:
        raise _refusal(response.status_code, what, decoded, response.headers.get("Retry-After"))
    if not isinstance(decoded, dict):
        raise RemoteUnavailable(f"{what}: the answer is no JSON object", affects_server=True)
    return decoded


def _refusal(status: int, what: str, body: Any, retry_after: str | None) -> LiverwatchError:
    """What a status means: where a person must mend it, all of the source's work waits, none is lost."""
    if not 400 <= status < 500 or status in (408, 425, 429):
        error = failure(status, what, None, retry_after)
        return RemoteUnavailable(error.message, retry_after=error.retry_after, affects_server=True)
    code = body.get("error") if isinstance(body, dict) else None
    said = f" ({code})" if isinstance(code, str) and code in _ERRORS else ""
    return ConfigurationError(f"{what}: HTTP {status}{said}")
