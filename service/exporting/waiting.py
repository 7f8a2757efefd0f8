"""Patience with a server: until an export is ready, and where it does not answer for a while."""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from service.exporting.exporter import Exporter
from service.fhir.bulk_export import Preparing
from service.fhir.bulk_manifest import Manifest
from service.fhir.remote import RemoteUnavailable
from service.store import exports
from service.store.exports import Export
from service.store.session import writing

FIRST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 60.0
SHORTEST_SECONDS: Final = 0.5
"""Between two questions, whatever the server wants."""
TRIES: Final = 5
"""How often a server that does not answer is asked in a row, before a person has to."""

T = TypeVar("T")


class AskedToStop(Exception):
    """It is to end; what has been done by then is kept."""


def wait_for(exporter: Exporter, export: Export) -> Manifest:
    """Ask until the export is ready, as often as the server wants to be asked.

    Raises:
        AskedToStop: it is to end.
        RemoteRefused: the server has the export no more, or has given it up.
        RemoteError: it did not answer, several times in a row.
    """
    pause = FIRST_SECONDS
    while True:
        found = patiently(exporter, partial(exporter.client.bulk.look, export.status_url))
        with writing(exporter.engine) as connection:
            exports.seen(connection, export.source_id, exporter.clock())
        if not isinstance(found, Preparing):
            return found
        exporter.tell(
            f"the server prepares it: {found.progress}" if found.progress else "the server prepares it"
        )
        _rest(exporter, found.seconds if found.seconds is not None else pause)
        pause = min(pause * 2, LONGEST_SECONDS)


def patiently(exporter: Exporter, work: Callable[[], T]) -> T:
    """Do it; again where the server does not answer for a while.

    Raises:
        AskedToStop: it is to end.
        RemoteError: it refused, or did not answer several times in a row.
    """
    pause = FIRST_SECONDS
    for left in reversed(range(TRIES)):
        try:
            return work()
        except RemoteUnavailable as error:
            if not left:
                raise
            exporter.tell(f"{error.message}; it is tried again")
            _rest(exporter, max(error.retry_after or 0, pause))
            pause = min(pause * 2, LONGEST_SECONDS)
    raise AssertionError("the last try returns or raises")


def _rest(exporter: Exporter, seconds: float) -> None:
    if exporter.wait(max(seconds, SHORTEST_SECONDS)):
        raise AskedToStop
