"""What this process has learnt of each server that it writes to: how, and what stands for us there."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from service.fhir.capabilities import Capabilities
from service.fhir.client import FhirClient
from service.fhir.manner import Manner, manner_of
from service.fhir.remote import RemoteRefused, RemoteUnavailable
from service.store.source_settings import SourceSettings
from service.store.sources import Source

KNOWN_FOR: Final = timedelta(days=1)
"""How long what a server says of itself is believed before it is asked again."""
UNSAID_FOR: Final = timedelta(minutes=10)
"""The same where it could not say it."""


@dataclass(slots=True)
class Server:
    """One server, as one source's settings have it."""

    settings: SourceSettings
    manner: Manner
    until: datetime
    """When it is asked again what it can do."""
    author: str | None = None
    """Reference to our Device there."""


class Servers:
    """By source. Any number of threads may share it, each source being one thread's."""

    def __init__(self) -> None:
        self._known: dict[int, Server] = {}

    def of(self, source: Source, client: FhirClient, now: datetime) -> Server:
        """The server of a source, asked what it can do where that is not known and matters.

        Raises:
            RemoteUnavailable: it is down.
            ConfigurationError: it does not know us.
        """
        known = self._known.get(source.id)
        if known is None or known.settings != source.settings or now >= known.until:
            settings = source.settings
            offered, lasting = Capabilities(None), KNOWN_FOR
            if settings.write == "auto" or settings.fhir_version is None:
                offered, lasting = _offered(client)
            manner = manner_of(settings.write, settings.fhir_version, offered)
            author = known.author if known is not None and known.settings == settings else None
            known = self._known[source.id] = Server(settings, manner, now + lasting, author)
        return known


def _offered(client: FhirClient) -> tuple[Capabilities, timedelta]:
    """What a server says it can do, and for how long that is believed; nothing where it does not say."""
    try:
        return client.capabilities(), KNOWN_FOR
    except RemoteRefused:
        return Capabilities(None), KNOWN_FOR
    except RemoteUnavailable as error:
        if error.affects_server:
            raise
        return Capabilities(None), UNSAID_FOR
