"""Resources as they were received: verbatim bytes, the current version of each, and the older ones."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import zstandard
from sqlalchemy import Connection, bindparam, select, update

from service.store.rows import among, insert_rows
from service.store.schema import raw_message, resource, superseded

_VERSION = ("patient_id", "version_id", "last_updated", "received", "digest", "state", "since_revision")

# A dictionary of what FHIR resources have in common makes a body several times smaller, and is faster than
# none. Every frame names the dictionary it was written with, so one that was ever released stays for ever.
_DICTIONARY = zstandard.ZstdCompressionDict(
    (Path(__file__).parent / "dictionaries" / "fhir-1.zdict").read_bytes(),
    dict_type=zstandard.DICT_TYPE_FULLDICT,
)
_compressor = zstandard.ZstdCompressor(level=3, dict_data=_DICTIONARY)
_decompressor = zstandard.ZstdDecompressor(dict_data=_DICTIONARY)


class Version(NamedTuple):
    """One version of one resource of one source."""

    key: str
    """`Type/id`."""
    patient_id: int | None
    version_id: str | None
    last_updated: datetime | None
    received: datetime
    digest: bytes | None
    """SHA-256 of its bytes; None for a deletion, which has none."""
    state: str
    """`live` or `deleted`."""
    since_revision: int
    """The revision of its patient's record that brought it."""


def digest_of(body: bytes) -> bytes:
    """What raw bytes are filed under."""
    return hashlib.sha256(body).digest()


def keep_raw(connection: Connection, bodies: Mapping[bytes, bytes]) -> None:
    """Keep verbatim bytes under their digests; those already there stay as they are."""
    query = select(raw_message.c.digest).where(among(connection, raw_message.c.digest, bodies))
    kept = set(connection.execute(query).scalars())
    rows = [(digest, _compressor.compress(body)) for digest, body in bodies.items() if digest not in kept]
    insert_rows(connection, raw_message, ("digest", "body"), rows)


def raw(connection: Connection, digest: bytes) -> bytes:
    """The bytes filed under a digest."""
    body = connection.execute(select(raw_message.c.body).where(raw_message.c.digest == digest)).scalar_one()
    return _decompressor.decompress(body)


def current(connection: Connection, source_id: int, keys: Collection[str]) -> dict[str, Version]:
    """The current version of each of `keys` that is known."""
    columns = [resource.c.key, *(resource.c[name] for name in _VERSION)]
    query = select(*columns).where(resource.c.source_id == source_id, among(connection, resource.c.key, keys))
    return {row.key: Version(*row) for row in connection.execute(query)}


def older(connection: Connection, source_id: int, keys: Collection[str]) -> dict[str, list[Version]]:
    """The versions of each of `keys` that are not current, in order of receipt."""
    columns = [superseded.c.key, *(superseded.c[name] for name in _VERSION)]
    query = select(*columns).where(
        superseded.c.source_id == source_id, among(connection, superseded.c.key, keys)
    )
    found: dict[str, list[Version]] = {}
    for row in connection.execute(query.order_by(superseded.c.id)):
        found.setdefault(row.key, []).append(Version(*row))
    return found


def add_current(connection: Connection, source_id: int, versions: Sequence[Version]) -> None:
    """Store versions of resources that have none yet.

    Raises:
        AlreadyThere: another transaction was first with one of them.
    """
    rows = [(source_id, *version) for version in sorted(versions, key=lambda each: each.key)]
    insert_rows(connection, resource, ("source_id", "key", *_VERSION), rows)


def replace_current(connection: Connection, source_id: int, versions: Sequence[Version]) -> None:
    """Put newer versions in place of the current ones."""
    if not versions:
        return
    statement = (
        update(resource)
        .where(resource.c.source_id == source_id, resource.c.key == bindparam("of_key"))
        .values({name: bindparam(name) for name in _VERSION})
    )
    rows: list[dict[str, Any]] = [
        {"of_key": v.key, **{name: getattr(v, name) for name in _VERSION}} for v in versions
    ]
    connection.execute(statement, rows)


def add_older(connection: Connection, source_id: int, versions: Sequence[tuple[Version, int]]) -> None:
    """Store versions that are not, or no longer, current, with the revision that ended each."""
    rows = [(source_id, *version, until) for version, until in versions]
    insert_rows(connection, superseded, ("source_id", "key", *_VERSION, "until_revision"), rows)
