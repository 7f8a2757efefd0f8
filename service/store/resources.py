"""Resources as they were received: verbatim bytes, the current version of each, and the older ones."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import zstandard
from sqlalchemy import ColumnElement, Connection, and_, bindparam, null, select

from service.store.filed import Filing
from service.store.query import Query, among
from service.store.rows import AlreadyThere, insert_rows, update_rows
from service.store.schema import raw_message, resource, superseded
from service.store.ways import Way

_VERSION = (
    *("patient_id", "version_id", "last_updated", "received", "digest", "state", "since_revision"),
    *("way", "named_by", "read_as"),
)

# A dictionary of what FHIR resources have in common makes a body several times smaller, and is faster than
# none. Every frame names the dictionary it was written with, so one that was ever released stays for ever.
_DICTIONARY = zstandard.ZstdCompressionDict(
    (Path(__file__).parent / "dictionaries" / "fhir-1.zdict").read_bytes(),
    dict_type=zstandard.DICT_TYPE_FULLDICT,
)
_filing = Filing("raw_message", level=3, dictionary=_DICTIONARY)


ReadAs = Literal["future", "unordered"]
"""`future`: it was to wait for its time. `unordered`: the order of receipt alone made it the latest."""


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
    way: Way
    named_by: str | None = None
    """The identifier (`system|value`) that names its patient, where no reference does."""
    read_as: ReadAs | None = None
    """What was made of it that neither its bytes nor the rules alone can tell, for whoever reads it again."""


def digest_of(body: bytes) -> bytes:
    """What raw bytes are filed under."""
    return hashlib.sha256(body).digest()


def keep_raw(connection: Connection, bodies: Mapping[bytes, bytes]) -> None:
    """Keep verbatim bytes under their digests; those already there stay as they are."""
    rows = [(digest, _filing.packed(body)) for digest, body in sorted(bodies.items())]
    insert_rows(connection, raw_message, ("digest", "body"), rows, keep=True)


_raw = Query(select(raw_message.c.body).where(raw_message.c.digest == bindparam("digest")))


def raw(connection: Connection, digest: bytes) -> bytes:
    """The bytes filed under a digest.

    Raises:
        Damaged: there are none, or they are not those that were filed.
    """
    return _filing.unpacked(digest, _raw.rows(connection, digest=digest))


def raws(connection: Connection, digests: Collection[bytes]) -> dict[bytes, bytes]:
    """The bytes filed under each of these digests.

    Raises:
        Damaged: of one of them there are none, or they are not those that were filed.
    """
    query = select(raw_message.c.digest, raw_message.c.body).where(among(raw_message.c.digest, digests))
    found = {digest: [(body,)] for digest, body in connection.execute(query)}
    return {digest: _filing.unpacked(digest, found.get(digest, ())) for digest in digests}


_versioned = [resource.c.key, *(resource.c[name] for name in _VERSION)]
_of_source = select(*_versioned).where(resource.c.source_id == bindparam("source_id"))
_current = Query(_of_source, each=resource.c.key)
_current_locked = Query(_of_source.with_for_update(), each=resource.c.key)
_older = Query(
    select(superseded.c.key, *(superseded.c[name] for name in _VERSION))
    .where(superseded.c.source_id == bindparam("source_id"))
    .order_by(superseded.c.id),
    each=superseded.c.key,
)


def current(connection: Connection, source_id: int, keys: Collection[str]) -> dict[str, Version]:
    """The current version of each of `keys` that is known."""
    return {row[0]: Version(*row) for row in _current.rows(connection, source_id=source_id, each=keys)}


def lock_current(connection: Connection, source_id: int, keys: Collection[str]) -> dict[str, Version]:
    """As `current`, and nobody else changes what is known of them until the transaction ends."""
    rows = _current_locked.rows(connection, source_id=source_id, each=keys)
    return {row[0]: Version(*row) for row in rows}


def older(connection: Connection, source_id: int, keys: Collection[str]) -> dict[str, list[Version]]:
    """The versions of each of `keys` that are not current, in order of receipt."""
    found: dict[str, list[Version]] = {}
    for row in _older.rows(connection, source_id=source_id, each=keys):
        found.setdefault(row[0], []).append(Version(*row))
    return found


def add_current(connection: Connection, source_id: int, versions: Sequence[Version]) -> None:
    """Store versions of resources that have none yet.

    Raises:
        AlreadyThere: another transaction was first with one of them.
    """
    rows = [(source_id, *version) for version in sorted(versions, key=lambda each: each.key)]
    insert_rows(connection, resource, ("source_id", "key", *_VERSION), rows)


def replace_current(
    connection: Connection, source_id: int, versions: Sequence[tuple[Version, Version]]
) -> None:
    """Put newer versions in place of the current ones: (current until now, new) pairs.

    Raises:
        AlreadyThere: what is there is not, in everything, what was current until now.
    """
    rows = [(*new[1:], source_id, *old) for old, new in sorted(versions, key=lambda pair: pair[0].key)]
    keys = ("source_id", "key", *_VERSION)
    if update_rows(connection, resource, keys, _VERSION, rows) != len(rows):
        raise AlreadyThere(resource.name)


def of_patients(connection: Connection, patient_ids: Collection[int]) -> list[Version]:
    """The current versions of everything known about patients."""
    return _versions(connection, among(resource.c.patient_id, patient_ids))


def older_of_patients(connection: Connection, patient_ids: Collection[int]) -> list[tuple[int, Version]]:
    """The versions of what is known about patients that are not current, with their source, as received."""
    columns = [superseded.c.source_id, superseded.c.key, *(superseded.c[name] for name in _VERSION)]
    query = select(*columns).where(among(superseded.c.patient_id, patient_ids)).order_by(superseded.c.id)
    return [(row[0], Version(*row[1:])) for row in connection.execute(query)]


class Span(NamedTuple):
    """A version, and for which revisions of its patient's record it was the current one."""

    source_id: int
    version: Version
    until_revision: int | None
    """The revision that ended it; None while it is current."""

    def covers(self, revision: int) -> bool:
        """Whether it was current at that revision of its patient's record."""
        return self.version.since_revision <= revision and (
            self.until_revision is None or revision < self.until_revision
        )


def spans_of_patients(connection: Connection, patient_ids: Collection[int]) -> list[Span]:
    """Every version that is, or ever was, current in the records of patients, in order of key."""
    now = select(resource.c.source_id, *_versioned, null()).where(among(resource.c.patient_id, patient_ids))
    columns = (superseded.c.key, *(superseded.c[name] for name in _VERSION))
    before = select(superseded.c.source_id, *columns, superseded.c.until_revision).where(
        among(superseded.c.patient_id, patient_ids), superseded.c.since_revision < superseded.c.until_revision
    )
    found = [
        Span(row[0], Version(*row[1:-1]), row[-1])
        for query in (now, before)
        for row in connection.execute(query)
    ]
    return sorted(found, key=lambda span: span.version.key)


def named_by(connection: Connection, source_id: int, identifiers: Collection[str]) -> list[Version]:
    """The current versions of what names its patient by one of these identifiers."""
    of_source = resource.c.source_id == source_id
    return _versions(connection, and_(of_source, among(resource.c.named_by, identifiers)))


def _versions(connection: Connection, condition: ColumnElement[bool]) -> list[Version]:
    query = select(*_versioned).where(condition).order_by(resource.c.key)
    return [Version(*row) for row in connection.execute(query)]


def add_older(connection: Connection, source_id: int, versions: Sequence[tuple[Version, int]]) -> None:
    """Store versions that are not, or no longer, current, with the revision that ended each."""
    rows = [(source_id, *version, until) for version, until in versions]
    insert_rows(connection, superseded, ("source_id", "key", *_VERSION, "until_revision"), rows)


def note_ways(connection: Connection, source_id: int, came: Mapping[Version, Way]) -> None:
    """These versions, as they are stored and locked, came by these ways too, and are noted under them."""
    rows = [(way, source_id, version.key, version.digest, version.way) for version, way in came.items()]
    for table in (resource, superseded):
        update_rows(connection, table, ("source_id", "key", "digest", "way"), ("way",), rows)
