"""Tokens that an authorization server grants: OAuth 2 client credentials, by a secret or a signed assertion.

The assertion is that of SMART Backend Services (SMART App Launch 2.2): signed by a key of ours, for one token
endpoint, for minutes, and never used twice.
"""

import re
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote_plus
from uuid import uuid4

import httpx2

from service.ehr.authorization_server import asked, discovered
from service.ehr.keys import key_named
from service.errors import ConfigurationError
from service.fhir.exchange import open_http
from service.fhir.remote import RemoteUnavailable

ASSERTION_LIFE: Final = timedelta(minutes=4)
"""Five minutes is the longest allowed; the rest is for clocks that differ."""
UNTOLD_LIFE: Final = timedelta(minutes=1)
"""Of a token whose life the server does not tell."""
_EARLY: Final = timedelta(seconds=30)
"""How long before its end a token is no longer used: longer than a request takes to arrive."""

_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Proof(Protocol):
    """How this service shows an authorization server who it is."""

    def form(self, endpoint: str, now: datetime) -> dict[str, str]:
        """What it adds to the form that is posted."""

    def headers(self) -> dict[str, str]:
        """What it adds to the headers."""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A secret that both know, from a file read anew each time."""

    client_id: str
    file: str

    def form(self, endpoint: str, now: datetime) -> dict[str, str]:
        """Nothing: it goes in a header."""
        return {}

    def headers(self) -> dict[str, str]:
        """HTTP Basic, as RFC 6749, section 2.3.1 spells it."""
        try:
            secret = Path(self.file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigurationError("client_secret_file cannot be read") from None
        pair = f"{quote_plus(self.client_id)}:{quote_plus(secret)}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


@dataclass(frozen=True, slots=True)
class SignedAssertion:
    """`private_key_jwt`: the key is read anew each time, so that it can be changed in place."""

    client_id: str
    keys: Path | None
    key_id: str | None

    def form(self, endpoint: str, now: datetime) -> dict[str, str]:
        """A fresh assertion for that endpoint, to the letter."""
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": endpoint,
            "exp": int((now + ASSERTION_LIFE).timestamp()),
            "jti": str(uuid4()),
        }
        signed = key_named(self.keys, self.key_id).sign(claims)
        return {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": signed}

    def headers(self) -> dict[str, str]:
        """None."""
        return {}


@dataclass(slots=True)
class Granted:
    """A credential that fetches its token when it needs one, and keeps it until shortly before its end.

    Any number of threads may share it.
    """

    base_url: str
    """Where the EHR says which token endpoint it has, if none is given."""
    proof: Proof
    scopes: str
    clock: Callable[[], datetime]
    endpoint: str | None = None
    timeout_seconds: float = 30.0
    transport: httpx2.BaseTransport | None = field(default=None, repr=False)
    _token: str | None = field(default=None, repr=False)
    _until: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def header(self) -> str:
        """With a token that is good for a while.

        Raises:
            RemoteError: the authorization server did not answer.
            ConfigurationError: it does not know us, or a setting is missing.
        """
        with self._lock:
            now = self.clock()
            if self._token is None or self._until is None or now >= self._until:
                self._fetch(now)
            return f"Bearer {self._token}"

    def renew(self) -> bool:
        """Forget the token: the next one may be accepted."""
        with self._lock:
            self._token = None
        return True

    def _fetch(self, now: datetime) -> None:
        self._token = None
        with open_http(self.timeout_seconds, self.transport) as http:
            endpoint = self.endpoint or discovered(http, self.base_url, self.timeout_seconds)
            form = {
                "grant_type": "client_credentials",
                "scope": self.scopes,
                **self.proof.form(endpoint, now),
            }
            headers = self.proof.headers()
            what = "the token endpoint"
            granted = asked(http, "POST", endpoint, what, self.timeout_seconds, form=form, headers=headers)
        self._token = _bearer(granted)
        life = _life(granted)
        self._until = now + max(life - _EARLY, life / 2)


def _bearer(granted: Mapping[str, Any]) -> str:
    token, kind = granted.get("access_token"), granted.get("token_type", "Bearer")
    good = isinstance(token, str) and _TOKEN.fullmatch(token) and str(kind).lower() == "bearer"
    if not good:
        raise RemoteUnavailable("the token endpoint: the answer holds no bearer token", affects_server=True)
    return str(token)


def _life(granted: Mapping[str, Any]) -> timedelta:
    seconds = granted.get("expires_in")
    told = str(seconds) if isinstance(seconds, int | float | str) else ""
    return timedelta(seconds=int(told[:9])) if told.isascii() and told.isdigit() else UNTOLD_LIFE
