"""The public keys of CDS clients: from a file, read anew each time, or from a URL, remembered for a while."""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from service.errors import ConfigurationError, LiverwatchError, Overloaded, RemoteError
from service.fhir.exchange import open_http, read_body

log = logging.getLogger(__name__)

LARGEST: Final = 64 * 1024
"""Bytes of a key set."""
SECONDS: Final = 5.0
"""In which a key set must have arrived whole."""
FRESH_SECONDS: Final = 300.0
"""How long fetched keys count: a key that its owner withdraws stops working after that."""
AGAIN_SECONDS: Final = 15.0
"""How soon at the earliest the same URL is asked again, also where it failed or a key is not in it: a caller
that invents key ids does not make this service a flood."""

Key = ECKey | RSAKey


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: KeySet | None
    """None where it failed."""
    at: float


class KeyRing:
    """The key sets of every client, for one process."""

    def __init__(self, transport: httpx2.BaseTransport | None = None) -> None:
        self._transport = transport
        self._fetched: dict[str, _Fetched] = {}
        self._turn = threading.Lock()

    def find(self, place: str, key_id: str) -> Key | None:
        """The key of that id in the set at that place; None where there is none.

        Args:
            place: what the source's settings name: a URL or a file.
            key_id: the `kid`.

        Raises:
            Overloaded: the set cannot be had just now.
        """
        if "://" not in place:
            return _named(_from_file(Path(place)), key_id)
        with self._turn:  # who comes while it is being fetched waits for it instead of fetching it too
            known = self._fetched.get(place)
            age = float("inf") if known is None else time.monotonic() - known.at
            found = known and age < FRESH_SECONDS and known.keys and _named(known.keys, key_id)
            if found or (known is not None and age < AGAIN_SECONDS):
                fetched = known
            else:
                fetched = self._fetched[place] = _Fetched(self._fetch(place), time.monotonic())
        if fetched is None or fetched.keys is None:
            raise _unavailable()
        return _named(fetched.keys, key_id)

    def _fetch(self, url: str) -> KeySet | None:
        try:
            return _parsed(self._get(url))
        except (httpx2.HTTPError, httpx2.InvalidURL, LiverwatchError, OSError) as error:
            log.warning("the keys of a CDS client cannot be fetched", extra={"error": type(error).__name__})
            return None

    def _get(self, url: str) -> bytes:
        deadline = time.monotonic() + SECONDS
        with (
            open_http(SECONDS, self._transport) as http,
            http.stream("GET", url, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != 200:
                raise RemoteError("the answer is no success")
            return read_body(answer, LARGEST, deadline)


def _from_file(path: Path) -> KeySet:
    try:
        with path.open("rb") as file:
            return _parsed(file.read(LARGEST + 1))
    except (OSError, LiverwatchError) as error:
        log.warning("the keys of a CDS client cannot be read", extra={"error": type(error).__name__})
        raise _unavailable() from None


def _parsed(raw: bytes) -> KeySet:
    """A JWK Set.

    Raises:
        ConfigurationError: it is none, or holds no key that is understood.
    """
    if len(raw) > LARGEST:
        raise ConfigurationError("this is too large for a JWK Set")
    try:
        return KeySet.import_key_set(msgspec.json.decode(raw))
    except (JoseError, msgspec.DecodeError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ConfigurationError("this is no JWK Set") from None


def _named(keys: KeySet, key_id: str) -> Key | None:
    """Only what can check a signature and not make one that we would take: a shared secret is no key."""
    usable = (each for each in keys if isinstance(each, ECKey | RSAKey))
    return next((each for each in usable if each.kid == key_id), None)


def _unavailable() -> Overloaded:
    return Overloaded("the keys of this client cannot be had just now", retry_after=int(AGAIN_SECONDS))
