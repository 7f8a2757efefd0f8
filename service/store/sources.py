"""The EHRs that feed this service."""

import hashlib
import hmac
import secrets as random_secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, bindparam, select

from service.errors import ConfigurationError, Conflict, NotFound
from service.store.query import Query
from service.store.schema import source
from service.store.source_settings import SourceSettings, check


@dataclass(frozen=True, slots=True)
class Source:
    """One EHR."""

    id: int
    name: str
    settings: SourceSettings
    secret_digests: tuple[str, ...] = field(repr=False)
    """SHA-256 of each feed secret accepted now; two at once while a secret is rotated."""
    active: bool

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone assumed for times without one."""
        return ZoneInfo(self.settings.zone) if self.settings.zone else None

    def accepts(self, secret: str) -> bool:
        """Whether `secret` is one of its feed secrets (compared in constant time)."""
        digest = secret_digest(secret)
        return any(hmac.compare_digest(digest, known) for known in self.secret_digests)


def secret_digest(secret: str) -> str:
    """SHA-256 of a feed secret or token, which is all that is kept of one."""
    # Feed secrets and tokens are random and long, so a plain hash is enough: there is nothing to guess.
    return hashlib.sha256(secret.encode()).hexdigest()


_SOURCE = (source.c.id, source.c.name, source.c.settings, source.c.secrets, source.c.active)


def _source(row: Sequence[Any]) -> Source:
    id_, name, settings, secrets, active = row
    return Source(
        id_,
        name,
        msgspec.json.decode(settings, type=SourceSettings),
        tuple(msgspec.json.decode(secrets, type=list[str])),
        active,
    )


def _check_issuer(connection: Connection, name: str, settings: SourceSettings) -> None:
    """An issuer says which source it calls for: no two may share one."""
    for other in every(connection):
        if settings.cds_issuer and other.name != name and other.settings.cds_issuer == settings.cds_issuer:
            raise ConfigurationError(f"cds_issuer: source {other.name!r} has the same")


def add(connection: Connection, name: str, settings: SourceSettings, secret: str, now: datetime) -> Source:
    """Create a source, or take up again one that was removed.

    Raises:
        Conflict: there is one of that name.
        ConfigurationError: the name or settings cannot be used.
    """
    check(settings)
    _check_issuer(connection, name, settings)
    if (
        not name
        or len(name) > 63
        or not all(c.isascii() and (c.islower() or c.isdigit() or c == "-") for c in name)
    ):
        raise ConfigurationError("source name: use 1 to 63 of a-z, 0-9 and -")
    known = find(connection, name)
    if known is not None and not known.active:
        revived = {
            "settings": msgspec.json.encode(settings).decode(),
            "secrets": msgspec.json.encode([secret_digest(secret)]).decode(),
            "active": True,
        }
        connection.execute(source.update().where(source.c.id == known.id).values(revived))
        return by_name(connection, name)
    if known is not None:
        raise Conflict(f"there is already a source {name!r}; change it with `liverwatch source set`")
    connection.execute(
        source.insert().values(
            name=name,
            settings=msgspec.json.encode(settings).decode(),
            secrets=msgspec.json.encode([secret_digest(secret)]).decode(),
            active=True,
            created=now,
        )
    )
    return by_name(connection, name)


def change(connection: Connection, name: str, settings: SourceSettings) -> Source:
    """Replace a source's settings.

    Raises:
        NotFound: no such source.
        ConfigurationError: the settings cannot be used.
    """
    check(settings)
    _check_issuer(connection, name, settings)
    found = by_name(connection, name)
    encoded = msgspec.json.encode(settings).decode()
    connection.execute(source.update().where(source.c.id == found.id).values(settings=encoded))
    return by_name(connection, name)


def rotate_secret(connection: Connection, name: str, secret: str) -> None:
    """Accept `secret` from now on beside the newest one so far; older ones stop working."""
    found = by_name(connection, name)
    kept = [secret_digest(secret), *found.secret_digests[:1]]
    connection.execute(
        source.update().where(source.c.id == found.id).values(secrets=msgspec.json.encode(kept).decode())
    )


def remove(connection: Connection, name: str) -> None:
    """Stop taking anything from a source. What it sent stays: decisions must remain explainable."""
    found = by_name(connection, name)
    connection.execute(source.update().where(source.c.id == found.id).values(active=False, secrets="[]"))


def find(connection: Connection, name: str) -> Source | None:
    """The source of that name, or None."""
    row = connection.execute(select(*_SOURCE).where(source.c.name == name)).one_or_none()
    return None if row is None else _source(row)


def by_name(connection: Connection, name: str) -> Source:
    """The source of that name.

    Raises:
        NotFound: no such source.
    """
    found = find(connection, name)
    if found is None:
        raise NotFound(f"there is no source {name!r}; see `liverwatch source list`")
    return found


_by_id = Query(select(*_SOURCE).where(source.c.id == bindparam("of_id")))


def by_id(connection: Connection, source_id: int) -> Source:
    """The source of that number."""
    (row,) = _by_id.rows(connection, of_id=source_id)
    return _source(row)


def every(connection: Connection) -> list[Source]:
    """All sources, by name."""
    return [_source(row) for row in connection.execute(select(*_SOURCE).order_by(source.c.name))]


def created(connection: Connection) -> dict[int, datetime]:
    """When each source was added, by its number."""
    return {row.id: row.created for row in connection.execute(select(source.c.id, source.c.created))}


def of_issuer(connection: Connection, issuer: str) -> Source | None:
    """The active source whose EHR calls the CDS service as that issuer; None for an unknown one."""
    return next(
        (each for each in every(connection) if each.active and each.settings.cds_issuer == issuer), None
    )


def new_secret() -> str:
    """A fresh feed secret or token (256 random bits)."""
    return random_secrets.token_urlsafe(32)
