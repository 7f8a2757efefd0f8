"""Clients for the servers of sources, each with the credential its settings ask for.

One for a process: tokens and what was seen of a server's health are shared by all that talk to it.
"""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from service.ehr.granted import ClientSecret, Granted, Proof, SignedAssertion
from service.ehr.patience import Patience
from service.errors import ConfigurationError
from service.fhir.client import FhirClient
from service.fhir.exchange import Credential, Token
from service.store.source_settings import SourceSettings
from service.store.sources import Source


class Connections:
    """Any number of threads may share it; a client that it opens is one thread's."""

    def __init__(
        self,
        keys: Path | None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """With the directory of keys (None: there are none), a clock, and numbers from 0 to below 1."""
        self._keys = keys
        self._clock = clock
        self._granted: dict[int, tuple[SourceSettings, Granted]] = {}
        self._lock = threading.Lock()
        self.patience = Patience(chance)
        """Which servers are left alone for now."""

    def open(self, source: Source, timeout_seconds: float) -> FhirClient:
        """A client for the server of a source. Nothing is asked of it yet.

        Raises:
            ConfigurationError: it has none, or a setting of its credential is missing.
        """
        base_url = source.settings.fhir_base_url
        if base_url is None:
            raise ConfigurationError(f"source {source.name}: no fhir_base_url")
        return FhirClient(base_url, self._credential(source, base_url), timeout_seconds=timeout_seconds)

    def _credential(self, source: Source, base_url: str) -> Credential:
        settings = source.settings
        if settings.authentication == "none":
            return Token(None)
        if settings.authentication == "token":
            return Token(settings.write_token())
        with self._lock:
            known = self._granted.get(source.id)
            if known is None or known[0] != settings:
                granted = Granted(
                    base_url, self._proof(settings), settings.scopes, self._clock, settings.token_endpoint
                )
                known = self._granted[source.id] = (settings, granted)
            return known[1]

    def _proof(self, settings: SourceSettings) -> Proof:
        if settings.client_id is None:
            raise ConfigurationError("client_id: the EHR's name for this service is needed")
        if settings.authentication == "client-secret":
            if settings.client_secret_file is None:
                raise ConfigurationError("client_secret_file: the file of the secret is needed")
            return ClientSecret(settings.client_id, settings.client_secret_file)
        return SignedAssertion(settings.client_id, self._keys, settings.key_id)
