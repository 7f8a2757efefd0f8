"""What a Bulk Data export has produced: its manifest (HL7 Bulk Data Access 2.0), and where its files may be.

A manifest may name files anywhere. Those at the server's own origin are fetched; those elsewhere only where a
person has named that origin, never with the credential, and never over plain HTTP.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

import msgspec

from service.errors import ConfigurationError
from service.fhir.remote import RemoteUnavailable
from service.urls import is_guarded, origin_of

_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}")
_TYPE: Final = re.compile(r"[A-Za-z]{1,64}")


class _Item(msgspec.Struct):
    url: str
    type: str = ""
    count: int | None = None


class _Manifest(msgspec.Struct, rename="camel"):
    transaction_time: str
    requires_access_token: bool = True
    output: list[_Item] = []
    deleted: list[_Item] = []
    error: list[_Item] = []


_manifest = msgspec.json.Decoder(_Manifest, strict=False)


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of NDJSON."""

    type: str
    """Of the resources in it."""
    url: str = field(repr=False)
    """May be signed, and then is a secret as long as it is good: it is never told or stored."""
    name: str
    """What it is called in messages: `Observation, file 2 of 5`."""
    digest: str
    """By which it is known again after a break: of the address without what may be a signature."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export has produced."""

    transaction_time: datetime
    """What was changed after it is not in the files."""
    output: tuple[ExportedFile, ...]
    deleted: tuple[ExportedFile, ...] = ()
    """Bundles that say what was deleted since the time that was asked from."""
    error: tuple[ExportedFile, ...] = ()
    """OperationOutcomes: what went wrong meanwhile."""
    needs_token: bool = True

    def every(self) -> Iterator[ExportedFile]:
        """All its files."""
        yield from (*self.output, *self.deleted, *self.error)


def read_manifest(body: bytes) -> Manifest:
    """What a manifest says.

    Raises:
        RemoteUnavailable: it is none.
    """
    try:
        said = _manifest.decode(body)
        at = datetime.fromisoformat(said.transaction_time)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        raise RemoteUnavailable("export: the answer is no manifest of Bulk Data") from None
    return Manifest(
        at,
        _files(said.output, ""),
        _files(said.deleted, "deletions: "),
        _files(said.error, "errors: "),
        said.requires_access_token,
    )


def _files(items: list[_Item], what: str) -> tuple[ExportedFile, ...]:
    found = []
    times: dict[str, int] = {}
    for number, each in enumerate(items, 1):
        kind = each.type if _TYPE.fullmatch(each.type) else "unknown"
        plain = f"{what}{kind} {urlsplit(each.url)._replace(query='', fragment='').geturl()}"
        times[plain] = times.get(plain, 0) + 1
        digest = sha256(f"{plain} {times[plain]}".encode(errors="replace")).hexdigest()
        found.append(ExportedFile(kind, each.url, f"{what}{kind}, file {number} of {len(items)}", digest))
    return tuple(found)


def check_places(manifest: Manifest, base: str, others: Collection[str]) -> None:
    """Refuse a manifest that names files where they are not fetched from.

    Args:
        manifest: of the export.
        base: base URL of its server.
        others: addresses whose origins a person allows beside the server's own.

    Raises:
        ConfigurationError: it does; says where, and what can be done about it.
    """
    home = origin_of(base)
    allowed = {origin_of(each) for each in others}
    for url in (each.url for each in manifest.every()):
        there = origin_of(url)
        if there == home and urlsplit(url).username is None:
            continue
        place = _told(url)
        if not is_guarded(url) or place is None or "@" in urlsplit(url).netloc:
            raise ConfigurationError("the export names a file that is not at an address over https")
        if manifest.needs_token:
            raise ConfigurationError(
                f"the export wants the token to be sent to {place}: only the server of the source gets it"
            )
        if there not in allowed:
            raise ConfigurationError(
                f"the export names files at {place}, which is not the server of the source: "
                f"if they are to be fetched from there, add --files-from {place}"
            )


def is_at(url: str, base: str) -> bool:
    """Whether a file is at the server's own origin: the credential goes there alone."""
    return origin_of(url) == origin_of(base)


def _told(url: str) -> str | None:
    """An origin in words; None where it is not plainly one."""
    scheme, host, port = origin_of(url)
    return f"{scheme}://{host}:{port}" if host and port and _HOST.fullmatch(host) else None
