"""A Bulk Data export at a server (HL7 Bulk Data Access 2.0): asked for, looked at, its files, its end."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode, urljoin

import httpx2

from service.errors import ConfigurationError, RemoteError
from service.fhir.bulk_manifest import ExportedFile, Manifest, is_at, read_manifest
from service.fhir.exchange import Exchange
from service.fhir.queries import codes_asked_for, instant
from service.fhir.remote import RemoteRefused, retry_seconds

NDJSON: Final = "application/fhir+ndjson"
LONGEST_PROGRESS: Final = 100
"""Characters of X-Progress (as the specification has it)."""

_NONE_THERE: Final = frozenset({404, 405})
_NOT_UNDERSTOOD: Final = frozenset({400, 414, 422, 431})
"""A filter that the server does not know, or an address too long for it."""
_GROUP: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_UNPRINTABLE: Final = re.compile(r"[^ -~]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be exported."""

    types: tuple[str, ...]
    since: datetime | None = None
    """What was changed since then; None: everything."""
    group: str | None = None
    """Of the members of that Group; None: of everybody."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An export that the server has taken on."""

    status_url: str
    filtered: bool
    """Whether it was asked for our codes alone; else of everything, and what is nothing to us is left out."""


@dataclass(frozen=True, slots=True)
class Preparing:
    """It is not ready yet."""

    progress: str
    """How far it is, in the server's words; empty where it says nothing."""
    seconds: int | None
    """When it wants to be asked again; None: it does not say."""


class BulkExport:
    """Exports at the server of one client; one thread at a time."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def base(self) -> str:
        """Base URL of the server."""
        return self._exchange.base

    def begin(self, wanted: Wanted) -> Begun:
        """Ask for an export: of our codes alone, or, of a server that does not take that, without.

        Raises:
            ConfigurationError: that is no id of a Group.
            RemoteRefused: the server does not export, or not this; or does not say where.
            RemoteError: it did not answer, or is busy with others.
        """
        try:
            return self._begin(wanted, filtered="Observation" in wanted.types)
        except RemoteRefused as refused:
            if refused.code in _NONE_THERE:
                place = "of that Group" if wanted.group else "of everybody (of a Group, perhaps: --group ID)"
                raise RemoteRefused(f"{refused.message}: the server offers no $export {place}") from None
            if refused.code not in _NOT_UNDERSTOOD or "Observation" not in wanted.types:
                raise
        return self._begin(wanted, filtered=False)

    def _begin(self, wanted: Wanted, *, filtered: bool) -> Begun:
        if wanted.group is not None and not _GROUP.fullmatch(wanted.group):
            raise ConfigurationError("--group: that is no id of a Group")
        asked = {"_outputFormat": NDJSON, "_type": ",".join(wanted.types)}
        if wanted.since is not None:
            asked["_since"] = instant(wanted.since)
        if filtered:
            # Commas between the codes are escaped once more: a bare one would part two filters.
            asked["_typeFilter"] = f"Observation?code={codes_asked_for().replace(',', '%2C')}"
        path = f"Group/{wanted.group}/$export" if wanted.group else "$export"
        url = f"{urljoin(self.base, path)}?{urlencode(asked, quote_via=quote)}"
        answer = self._exchange.send_beside("GET", url, {"Prefer": "respond-async"}, "export")
        where = answer.headers.get("Content-Location")
        if answer.status != 202 or not where:
            raise RemoteRefused("export: the server did not say where it is to be looked for")
        return Begun(urljoin(self.base, where), filtered)

    def look(self, status_url: str) -> Preparing | Manifest:
        """How far an export is.

        Raises:
            RemoteRefused: the server has it no more, or has given it up.
            RemoteError: it did not answer, or wants to be asked later.
        """
        answer = self._exchange.send_beside(
            "GET", status_url, {"Accept": "application/json"}, "state of the export"
        )
        if answer.status != 202:
            return read_manifest(answer.body)
        told = _UNPRINTABLE.sub(" ", answer.headers.get("X-Progress", ""))[:LONGEST_PROGRESS].strip()
        return Preparing(told, retry_seconds(answer.headers.get("Retry-After"), datetime.now(UTC)))

    @contextmanager
    def opened(self, file: ExportedFile, manifest: Manifest) -> Iterator[httpx2.Response]:
        """The response that brings a file; `check_places` has passed its manifest.

        The credential goes to the server's own origin alone, and only where the manifest asks for it.

        Raises:
            RemoteError: the server did not answer, refused, or broke off.
        """
        known = manifest.needs_token and is_at(file.url, self.base)
        with self._exchange.stream(file.url, NDJSON, file.name, known=known) as response:
            yield response

    def end(self, status_url: str) -> str | None:
        """Tell the server that its files are not needed any more; why that failed, where it did."""
        try:
            self._exchange.send_beside("DELETE", status_url, {}, "end of the export")
        except RemoteError as error:
            gone = isinstance(error, RemoteRefused) and error.code in _NONE_THERE
            return None if gone else error.message
        return None
